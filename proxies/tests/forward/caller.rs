//! What the service is told about its caller's certificate.

use base64::{Engine, engine::general_purpose::STANDARD};
use proxies::{
    codec::{BackCodec, FrontCodec},
    tls::{ClientSettings, Identity},
};

use crate::{
    harness::{GET, OK, SOON, clear, head, hear, reply, say, street},
    support::{Authority, client},
};

/// A request with every spelling of the lie.
const LIES: &str = "GET /v3 HTTP/1.1\r\nHost: a.invalid\r\nClient-Cert: :AAAA:\r\nclient-cert: :BBBB:\r\n\
                    CLIENT-CERT: :CCCC:\r\nclient_cert: :DDDD:\r\nClient-Cert-Chain: :EEEE:\r\n\r\n";

/// One request over TLS as `identity`; what the service heard.
async fn told(
    authority: &Authority,
    believed: &[&str],
    identity: Option<Identity>,
    request: &str,
) -> Vec<String> {
    let front = FrontCodec::terminate(authority.server_asking("a.invalid", false, None));
    let mut street = street(front, BackCodec::clear(), believed);
    let settings = ClientSettings { identity, ..authority.settings("a.invalid") };
    let codec = BackCodec::originate(client(&settings));
    let mut caller = codec.connect(street.call().await, SOON).await.unwrap();
    say(&mut caller, request).await;
    let mut service = street.answer().await;
    let heard = head(&mut service).await;
    say(&mut service, OK).await;
    let (status, _) = reply(&mut caller).await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    heard
}

fn field(identity: &Identity) -> String {
    format!("client-cert: :{}:", STANDARD.encode(&identity.chain[0]))
}

#[tokio::test(start_paused = true)]
async fn on_a_clear_link_nobody_has_a_certificate_whatever_he_says() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, [LIES, LIES].concat()).await;
    let mut service = street.answer().await;
    for _ in 0..2 {
        assert_eq!(head(&mut service).await, ["GET /v3 HTTP/1.1", "host: a.invalid"]);
        say(&mut service, OK).await;
        assert_eq!(reply(&mut caller).await.1, "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_told_by_the_certificate_it_presented_and_by_nothing_else() {
    let authority = Authority::new();
    let user = authority.identity("user.invalid");
    let host = "host: a.invalid".to_owned();
    let line = "GET /v3 HTTP/1.1".to_owned();
    let heard = told(&authority, &["edge.invalid"], Some(user.clone()), LIES).await;
    assert_eq!(heard, [line.clone(), field(&user), host.clone()]);
    let heard = told(&authority, &["edge.invalid"], None, LIES).await;
    assert_eq!(heard, [line, host]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_cannot_have_the_header_taken_away_as_a_matter_of_its_connection() {
    let authority = Authority::new();
    let user = authority.identity("user.invalid");
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Client-Cert, host, close\r\n\r\n";
    let heard = told(&authority, &[], Some(user.clone()), request).await;
    assert_eq!(heard, ["GET / HTTP/1.1", field(&user).as_str(), "host: a"]);
}

#[tokio::test(start_paused = true)]
async fn a_believed_caller_speaks_for_others_and_never_for_itself() {
    let authority = Authority::new();
    let edge = authority.identity("edge.invalid");
    let request = "GET / HTTP/1.1\r\nHost: a\r\nCLIENT-cert: :AAAA:\r\nClient_Cert: :BBBB:\r\nClient-Cert-Chain: :CC:\r\n\r\n";
    let heard = told(&authority, &["edge.invalid"], Some(edge.clone()), request).await;
    assert_eq!(heard, ["GET / HTTP/1.1", "client-cert-chain: :CC:", "client-cert: :AAAA:", "host: a"]);
    let heard = told(&authority, &["edge.invalid"], Some(edge), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(heard, ["GET / HTTP/1.1", "host: a"]);
}

#[tokio::test(start_paused = true)]
async fn two_certificates_from_a_believed_caller_are_none() {
    let authority = Authority::new();
    let front = FrontCodec::terminate(authority.server_asking("a.invalid", true, None));
    let mut street = street(front, BackCodec::clear(), &["edge.invalid"]);
    let settings = authority.settings("a.invalid").presenting(authority.identity("edge.invalid"));
    let wire = street.call().await;
    let mut edge = BackCodec::originate(client(&settings)).connect(wire, SOON).await.unwrap();
    say(&mut edge, "GET / HTTP/1.1\r\nHost: a\r\nClient-Cert: :AAAA:\r\nclient-cert: :BBBB:\r\n\r\n").await;
    assert_eq!(head(&mut edge).await[0], "HTTP/1.1 400 Bad Request");
    // Nobody dialled the service: the one connection it gets is for the next request.
    say(&mut edge, GET).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
}
