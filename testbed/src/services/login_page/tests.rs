//! The page as browsers and worse see it, with a real identity behind it, over memory.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Request, Response, StatusCode, header};
use jiff::SignedDuration;

use super::{LoginPage, LoginPageConfig};
use crate::{
    connect::Connect,
    services::{
        client::Client,
        form::{self, MAX_FIELDS},
        testing::{Refused, Stand, Wire, ask, with_token},
    },
    vocabulary::Asset,
};

const CSRF: &str = "00000000000000000000000000000000";

/// A page in front of the identity of a stand.
fn page(stand: &Stand, identity: Arc<dyn Connect>, secure: bool) -> Arc<Wire> {
    let config = LoginPageConfig { identity, secure, plant: stand.registry.clone() };
    Wire::to(LoginPage::new(config), "horizon.invalid")
}

async fn browse(page: &Arc<Wire>, request: Request<Bytes>) -> Response<String> {
    let response = Client::new(page.clone(), 0).exchange(request, Arc::new(|| ())).await.unwrap();
    response.map(|body| String::from_utf8(body.to_vec()).unwrap())
}

fn get(path: &str, cookies: &str) -> Request<Bytes> {
    Request::get(path).header(header::COOKIE, cookies).body(Bytes::new()).unwrap()
}

fn post(path: &str, cookies: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let request = Request::post(path).header(header::COOKIE, cookies);
    request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.into()).unwrap()
}

/// A login as our own form sends it.
fn login(user: &str, password: &str) -> Request<Bytes> {
    let fields = [("csrfmiddlewaretoken", CSRF), ("username", user), ("password", password)];
    post("/auth/login/", &format!("csrftoken={CSRF}"), form::encode(&fields))
}

/// What a browser keeps of an answer: `name=value` of each cookie it sets.
fn kept(answer: &Response<String>) -> Vec<String> {
    let lines = answer.headers().get_all(header::SET_COOKIE).iter();
    lines.map(|line| line.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

fn location(answer: &Response<String>) -> (u16, &str) {
    let to = answer.headers().get(header::LOCATION).map_or("", |to| to.to_str().unwrap());
    (answer.status().as_u16(), to)
}

const TO_FORM: (u16, &str) = (302, "/auth/login/?next=/project/");

/// The session cookie of somebody who has just logged in.
async fn session(page: &Arc<Wire>) -> String {
    let answer = browse(page, login("alice", "alice-password")).await;
    assert_eq!(location(&answer), (302, "/project/"), "{}", answer.body());
    kept(&answer).into_iter().find(|cookie| cookie.starts_with("sessionid=")).unwrap()
}

#[tokio::test]
async fn a_browser_logs_in_looks_and_logs_out() {
    let stand = Stand::new().await;
    let page = page(&stand, stand.to_identity.clone(), false);
    let form = browse(&page, get("/auth/login/", "")).await;
    assert_eq!(form.status(), 200);
    let csrf = kept(&form)[0].strip_prefix("csrftoken=").unwrap().to_owned();
    assert!(form.body().contains(&format!("name=\"csrfmiddlewaretoken\" value=\"{csrf}\"")));

    let fields =
        [("csrfmiddlewaretoken", csrf.as_str()), ("username", "alice"), ("password", "alice-password")];
    let request = post("/auth/login/", &format!("csrftoken={csrf}"), form::encode(&fields));
    let welcome = browse(&page, request).await;
    assert_eq!(location(&welcome), (302, "/project/"));
    let cookies = kept(&welcome).join("; ");
    assert!(stand.registry.was_sent("alice-password"), "the page passed it on to identity");

    let overview = browse(&page, get("/project/", &cookies)).await;
    let canary = stand.registry.of(Asset::ResponseBody).pop().unwrap();
    for shown in ["<dd id=\"user\">alice</dd>", "<dd id=\"project\">demo</dd>", canary.as_str()] {
        assert!(overview.body().contains(shown), "no {shown} in {}", overview.body());
    }
    let expires = overview.body().split("id=\"expires\">").nth(1).unwrap().split('<').next().unwrap();
    assert!(expires.parse::<jiff::Timestamp>().unwrap() > jiff::Timestamp::now());
    assert!(stand.registry.was_sent(&canary));
    assert_eq!(overview.headers()[header::CACHE_CONTROL], "no-store");
    assert!(overview.headers().contains_key("x-openstack-request-id"));
    assert_eq!(location(&browse(&page, get("/auth/login/", &cookies)).await), (302, "/project/"));

    let csrf = cookies.split("csrftoken=").nth(1).unwrap();
    let goodbye = post("/auth/logout/", &cookies, form::encode(&[("csrfmiddlewaretoken", csrf)]));
    let goodbye = browse(&page, goodbye).await;
    assert_eq!((location(&goodbye), kept(&goodbye)), (TO_FORM, vec!["sessionid=".to_owned()]));
    assert_eq!(location(&browse(&page, get("/project/", &cookies)).await), TO_FORM);
}

#[tokio::test]
async fn the_browser_never_sees_the_token_and_each_view_has_a_canary_of_its_own() {
    let stand = Stand::new().await;
    let page = page(&stand, stand.to_identity.clone(), false);
    let session = session(&page).await;
    let token = stand.registry.adopted.lock().unwrap()[0].clone();
    for _ in 0..2 {
        let overview = browse(&page, get("/project/", &session)).await;
        assert!(!overview.body().contains(&token) && !session.contains(&token));
    }
    let canaries = stand.registry.of(Asset::ResponseBody);
    assert_eq!(canaries.len(), 2);
    assert!(canaries.iter().all(|canary| stand.registry.was_sent(canary)));
}

#[tokio::test]
async fn cookies_say_secure_exactly_where_users_come_over_tls() {
    let stand = Stand::new().await;
    for secure in [true, false] {
        let page = page(&stand, stand.to_identity.clone(), secure);
        let answers = [
            browse(&page, get("/auth/login/", "")).await,
            browse(&page, login("alice", "alice-password")).await,
        ];
        let lines: Vec<_> =
            answers.iter().flat_map(|answer| answer.headers().get_all(header::SET_COOKIE)).collect();
        assert_eq!(lines.len(), 3);
        for line in lines {
            let line = line.to_str().unwrap();
            assert_eq!(line.split("; ").any(|part| part == "Secure"), secure, "{line}");
            let hidden = line.starts_with("sessionid=");
            assert_eq!(line.split("; ").any(|part| part == "HttpOnly"), hidden, "{line}");
            assert!(line.contains("; Path=/; SameSite=Lax"), "{line}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_the_form_again_and_no_cookie() {
    let stand = Stand::new().await;
    let page = page(&stand, stand.to_identity.clone(), false);
    for (user, password, message) in [
        ("alice", "wrong", "Invalid credentials."),
        ("nobody", "alice-password", "Invalid credentials."),
        ("alice", "", "Both fields are required."),
        ("", "", "Both fields are required."),
    ] {
        let answer = browse(&page, login(user, password)).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.body().contains(message) && answer.body().contains(&format!("value=\"{user}\"")));
        assert!(!kept(&answer).iter().any(|cookie| cookie.starts_with("sessionid")), "{answer:?}");
    }
}

#[tokio::test]
async fn an_identity_that_is_away_is_said_to_be_away_and_nothing_else() {
    let stand = Stand::new().await;
    let page = page(&stand, Arc::new(Refused), false);
    let answer = browse(&page, login("alice", "alice-password")).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.body().contains("Unable to establish connection to keystone endpoint."));
    assert!(!answer.body().contains("nobody.invalid"), "why stays inside");
    assert!(!stand.registry.was_sent("alice-password"));
}

#[tokio::test]
async fn no_session_an_unknown_an_expired_and_a_revoked_one_lead_to_the_form() {
    let stand = Stand::new().await;
    let fresh = page(&stand, stand.to_identity.clone(), false);
    let unknown = format!("sessionid={CSRF}");
    for cookies in ["", "sessionid=", "sessionid=../../etc", unknown.as_str()] {
        assert_eq!(location(&browse(&fresh, get("/project/", cookies)).await), TO_FORM, "{cookies:?}");
    }
    let short = Stand::with_lifetime(SignedDuration::ZERO).await;
    let page_of_short = page(&short, short.to_identity.clone(), false);
    let expired = session(&page_of_short).await;
    assert_eq!(location(&browse(&page_of_short, get("/project/", &expired)).await), TO_FORM);

    let revoked = session(&fresh).await;
    assert_eq!(browse(&fresh, get("/project/", &revoked)).await.status(), 200);
    let token = stand.registry.adopted.lock().unwrap().last().unwrap().clone();
    let mut revoke = with_token("DELETE", "/v3/auth/tokens", &token);
    revoke.headers_mut().insert("x-subject-token", token.parse().unwrap());
    assert_eq!(ask(stand.to_identity.clone(), revoke).await.status, 204);
    assert_eq!(location(&browse(&fresh, get("/project/", &revoked)).await), TO_FORM);
    assert_eq!(location(&browse(&fresh, get("/", "")).await), (302, "/project/"));
}

#[tokio::test]
async fn a_form_of_another_site_counts_for_nothing() {
    let stand = Stand::new().await;
    let page = page(&stand, stand.to_identity.clone(), false);
    let session = session(&page).await;
    let credentials = [("username", "alice"), ("password", "alice-password")];
    let bare = form::encode(&credentials);
    let guessed = form::encode(&[credentials[0], credentials[1], ("csrfmiddlewaretoken", "guess")]);
    let empty = form::encode(&[("csrfmiddlewaretoken", ""), credentials[0], credentials[1]]);
    let cookie = format!("csrftoken={CSRF}");
    let logins = stand.registry.adopted.lock().unwrap().len();
    for (cookies, body) in
        [("", &bare), ("", &guessed), (cookie.as_str(), &bare), (&cookie, &guessed), ("csrftoken=", &empty)]
    {
        let answer = browse(&page, post("/auth/login/", cookies, body.clone())).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{cookies} {body}");
        assert!(answer.body().contains("CSRF verification failed"));
    }
    assert_eq!(stand.registry.adopted.lock().unwrap().len(), logins, "identity was not even asked");
    let logout = browse(&page, post("/auth/logout/", &session, "")).await;
    assert_eq!(logout.status(), StatusCode::FORBIDDEN);
    assert_eq!(browse(&page, get("/project/", &session)).await.status(), 200, "still logged in");
}

#[tokio::test]
async fn a_session_somebody_was_given_is_not_the_one_they_get() {
    let stand = Stand::new().await;
    let page = page(&stand, stand.to_identity.clone(), false);
    let given = session(&page).await;
    let mut request = login("alice", "alice-password");
    let cookies = format!("csrftoken={CSRF}; {given}").parse().unwrap();
    request.headers_mut().insert(header::COOKIE, cookies);
    let answer = browse(&page, request).await;
    assert!(kept(&answer).iter().all(|cookie| *cookie != given));
    assert_eq!(location(&browse(&page, get("/project/", &given)).await), TO_FORM, "and it is over");
}

#[tokio::test]
async fn hostile_forms_are_refused_or_taken_literally() {
    let stand = Stand::new().await;
    let page = page(&stand, stand.to_identity.clone(), false);
    let cookie = format!("csrftoken={CSRF}");
    let many = format!("{}csrfmiddlewaretoken={CSRF}", "a=1&".repeat(MAX_FIELDS));
    let huge = format!("csrfmiddlewaretoken={CSRF}&password={}", "x".repeat(super::MAX_FORM));
    for (body, status) in [
        (many.into_bytes(), 400),
        (huge.into_bytes(), 413),
        (vec![0xff; 4096], 403),
        (b"=&&&%%%=%zz&%".to_vec(), 403),
        (br#"{"username":"alice"}"#.to_vec(), 403),
    ] {
        assert_eq!(browse(&page, post("/auth/login/", &cookie, body)).await.status(), status);
    }
    let script = browse(&page, login("\"><script>alert(1)</script>", "wrong")).await;
    assert!(script.body().contains("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"), "{}", script.body());
    assert!(!script.body().contains("<script>"));
    let header = browse(&page, login("a\r\nSet-Cookie: sessionid=x", "wrong")).await;
    assert_eq!(header.headers().get_all(header::SET_COOKIE).iter().count(), 1);
    let repeated = browse(&page, get("/auth/login/", "csrftoken=\"><script>")).await;
    assert!(!repeated.body().contains("<script>") && kept(&repeated)[0].len() == "csrftoken=".len() + 32);
    let methods = browse(&page, get("/auth/logout/", &cookie)).await;
    assert_eq!(
        (methods.status().as_u16(), &methods.headers()[header::ALLOW]),
        (405, &"POST".parse().unwrap())
    );
    assert_eq!(browse(&page, get("/admin/", "")).await.status(), 404);
}
