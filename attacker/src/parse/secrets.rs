//! What a message is worth to someone who should not have heard it.
//!
//! A request or a response goes in, findings come out. Whether a finding is real is not asked: an attacker
//! takes what looks right.

use bytes::Bytes;
use serde_json::Value;

use super::{
    conversation::Heard,
    http::{Message, RequestHead, ResponseHead},
    login::{self, Login},
    queue::Packet,
    sightings,
};
use crate::loot::SecretKind;

/// One thing found in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it looks like.
    pub kind: SecretKind,
    /// Its value, byte for byte.
    pub value: Bytes,
    /// Whose, where that was written beside it.
    pub user: Option<String>,
    /// Where in the message, for people.
    pub place: String,
}

impl Finding {
    fn new(kind: SecretKind, value: &str, place: &str) -> Self {
        let value = Bytes::copy_from_slice(value.as_bytes());
        Self { kind, value, user: None, place: place.to_owned() }
    }

    fn of(mut self, user: Option<String>) -> Self {
        self.user = user;
        self
    }
}

/// Request header lines that carry a token.
const TOKEN_LINES: &[&str] = &["X-Auth-Token", "X-Subject-Token", "X-Service-Token"];

/// Everything worth having in what was heard.
pub fn findings(heard: &Heard) -> Vec<Finding> {
    match heard {
        Heard::Request(request) => of_request(request),
        Heard::Response(response, request) => of_response(response, request.as_deref()),
        Heard::Packet(packet) => of_packet(packet).into_iter().collect(),
    }
}

/// What a packet to or from a message queue gives away.
pub fn of_packet(packet: &Packet) -> Option<Finding> {
    match packet {
        Packet::Login { name, password: Some(password) } => Some(Finding {
            kind: SecretKind::Password,
            value: password.clone(),
            user: name.clone(),
            place: "queue login".to_owned(),
        }),
        Packet::Message { topic, body, .. } => {
            whole(SecretKind::InternalMessage, body, &format!("message on {topic}"))
        }
        _ => None,
    }
}

/// Everything worth having in a request.
pub fn of_request(request: &Message<RequestHead>) -> Vec<Finding> {
    let headers = &request.head.headers;
    let mut found = Vec::new();
    for line in TOKEN_LINES {
        let place = format!("request head {line}");
        found.extend(headers.all(line).map(|token| Finding::new(SecretKind::Token, token, &place)));
    }
    let authorization = headers.get("authorization").unwrap_or_default();
    let bearer = login::bearer(authorization);
    found.extend(bearer.map(|token| Finding::new(SecretKind::Token, token, "request head Authorization")));
    let traded = login::keystone_token(&request.body);
    found.extend(
        traded.map(|token| Finding::new(SecretKind::Token, &token, "request body auth.identity.token")),
    );
    let login = login(request);
    let login = login.or_else(|| login::basic(authorization));
    found.extend(login.map(|it| Finding::new(SecretKind::Password, &it.secret, it.place).of(it.user)));
    found.extend(cookies(headers.all("cookie")).map(|value| cookie(value, "request head Cookie")));
    let server = sightings::server_in_path(&request.head.path);
    found.extend(server.map(|(_, id)| Finding::new(SecretKind::ServerId, id, "request path")));
    found.extend(whole(SecretKind::RequestBody, &request.body, "request body"));
    found
}

/// Everything worth having in a response, beside the request it answers where that was heard.
pub fn of_response(response: &Message<ResponseHead>, request: Option<&Message<RequestHead>>) -> Vec<Finding> {
    let json: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let text = |path: &str| json.pointer(path).and_then(Value::as_str);
    let headers = &response.head.headers;
    let mut found = Vec::new();
    let user = text("/token/user/name").map(str::to_owned);
    let user = user.or_else(|| request.and_then(login).and_then(|login| login.user));
    let subject = headers.get("x-subject-token");
    found.extend(subject.map(|token| {
        Finding::new(SecretKind::Token, token, "response head X-Subject-Token").of(user.clone())
    }));
    let new = headers.all("set-cookie").filter_map(|line| line.split(';').next());
    found.extend(cookies(new).map(|value| cookie(value, "response head Set-Cookie")));
    let admin_pass = text("/server/adminPass");
    found.extend(
        admin_pass.map(|pass| Finding::new(SecretKind::AdminPass, pass, "response body server.adminPass")),
    );
    let one = text("/server/id");
    found.extend(one.map(|id| Finding::new(SecretKind::ServerId, id, "response body server.id")));
    for server in sightings::listed_servers(&json) {
        found.push(Finding::new(SecretKind::ServerId, server.id, "response body servers[].id"));
    }
    found.extend(whole(SecretKind::ResponseBody, &response.body, "response body"));
    found
}

fn login(request: &Message<RequestHead>) -> Option<Login> {
    let kind = request.head.headers.get("content-type").unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        return login::form(&request.body);
    }
    login::keystone(&request.body)
}

/// The values of `name=value; name=value`.
fn cookies<'a>(lines: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .map(|(_, value)| value.trim())
}

fn cookie(value: &str, place: &str) -> Finding {
    Finding::new(SecretKind::Cookie, value, place)
}

fn whole(kind: SecretKind, body: &[u8], place: &str) -> Option<Finding> {
    let value = Bytes::copy_from_slice(body);
    (!body.is_empty()).then(|| Finding { kind, value, user: None, place: place.to_owned() })
}

#[cfg(test)]
mod tests {
    use testbed::vocabulary::Direction::{ToAcceptor, ToDialer};

    use super::*;
    use crate::parse::conversation::Conversation;

    /// What one exchange gives away: `kind value user`, sorted, whole bodies left out.
    fn overhear(request: &str, response: &str) -> Vec<String> {
        let mut flow = Conversation::default();
        let mut heard = flow.hear(ToAcceptor, request.as_bytes());
        heard.extend(flow.hear(ToDialer, response.as_bytes()));
        heard.extend(flow.finish());
        let mut lines: Vec<String> = heard
            .iter()
            .flat_map(findings)
            .filter(|it| !matches!(it.kind, SecretKind::RequestBody | SecretKind::ResponseBody))
            .map(|it| {
                let value = String::from_utf8_lossy(&it.value).into_owned();
                format!("{} {value} {}", it.kind, it.user.as_deref().unwrap_or("-"))
            })
            .collect();
        lines.sort();
        lines
    }

    fn message(head: &str, body: &str) -> String {
        format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn a_login_gives_password_and_token_with_their_user() {
        let body = r#"{"auth":{"identity":{"password":{"user":{"name":"alice","password":"pw"}}}}}"#;
        let answer = message("HTTP/1.1 201 Created\r\nX-Subject-Token: tok", r#"{"token":{}}"#);
        let told = overhear(&message("POST /v3/auth/tokens HTTP/1.1", body), &answer);
        assert_eq!(told, ["password pw alice", "token tok alice"]);
    }

    #[test]
    fn a_validation_gives_both_tokens_and_whose_the_subject_is() {
        let request = "GET /v3/auth/tokens HTTP/1.1\r\nX-Auth-Token: svc\r\nX-Subject-Token: tok\r\n\r\n";
        let answer =
            message("HTTP/1.1 200 OK\r\nX-Subject-Token: tok", r#"{"token":{"user":{"name":"bob"}}}"#);
        assert_eq!(overhear(request, &answer), ["token svc -", "token tok -", "token tok bob"]);
    }

    #[test]
    fn compute_gives_ids_and_the_administrators_password() {
        let created = r#"{"server":{"id":"s-1","adminPass":"root"}}"#;
        let told = overhear(
            "POST /v2.1/servers HTTP/1.1\r\nX-Auth-Token: t\r\n\r\n",
            &message("HTTP/1.1 202 Accepted", created),
        );
        assert_eq!(told, ["admin-pass root -", "server-id s-1 -", "token t -"]);
        let listed = message("HTTP/1.1 200 OK", r#"{"servers":[{"id":"s-1"},{"id":"s-2"}]}"#);
        let told = overhear("GET /v2.1/servers/detail?deleted=False HTTP/1.1\r\n\r\n", &listed);
        assert_eq!(told, ["server-id s-1 -", "server-id s-2 -"]);
        let told = overhear("DELETE /v2.1/servers/s-9 HTTP/1.1\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(told, ["server-id s-9 -"]);
    }

    #[test]
    fn a_queue_gives_logins_and_whole_messages() {
        let login = Packet::Login { name: Some("nova".into()), password: Some("pw".into()) };
        let message = Packet::Message { topic: "compute.c1".into(), body: "{}".into(), id: None };
        let found: Vec<Finding> =
            [login, message, Packet::Ping].map(Heard::Packet).iter().flat_map(findings).collect();
        let told: Vec<_> =
            found.iter().map(|it| (it.kind, &it.value[..], it.user.as_deref(), it.place.as_str())).collect();
        assert_eq!(
            told,
            [
                (SecretKind::Password, &b"pw"[..], Some("nova"), "queue login"),
                (SecretKind::InternalMessage, b"{}", None, "message on compute.c1"),
            ]
        );
    }

    #[test]
    fn a_login_page_gives_password_and_session() {
        let head = "POST /auth/login/ HTTP/1.1\r\nCookie: csrftoken=c1; lang=en\r\nContent-Type: application/x-www-form-urlencoded; charset=UTF-8";
        let answer = "HTTP/1.1 302 Found\r\nSet-Cookie: sessionid=s3; HttpOnly; Path=/\r\n\
                      Set-Cookie: csrftoken=c2; Path=/\r\nContent-Length: 0\r\n\r\n";
        let form = "csrfmiddlewaretoken=c1&username=carol&password=p%40w";
        let told = overhear(&message(head, form), answer);
        assert_eq!(told, ["cookie c1 -", "cookie c2 -", "cookie en -", "cookie s3 -", "password p@w carol"]);
    }

    #[test]
    fn bodies_come_home_whole_and_an_exchange_without_secrets_gives_none() {
        let request = message("PUT /x HTTP/1.1", "\u{1}raw");
        let mut flow = Conversation::default();
        let found: Vec<Finding> =
            flow.hear(ToAcceptor, request.as_bytes()).iter().flat_map(findings).collect();
        assert_eq!(found.len(), 1);
        assert!(found.iter().all(|it| it.kind == SecretKind::RequestBody && it.value == "\u{1}raw"));
        let told = overhear("GET /v3 HTTP/1.1\r\n\r\n", &message("HTTP/1.1 200 OK", r#"{"version":{}}"#));
        assert_eq!(told, Vec::<String>::new());
    }
}
