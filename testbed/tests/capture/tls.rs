//! A real TLS 1.3 session, captured: closed without secrets, open with them.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use rustls::{
    ClientConfig, ClientConnection, Connection, KeyLog, RootCertStore, ServerConfig, ServerConnection,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, ServerName},
    version::TLS13,
};
use testbed::{
    capture::{Ending, FlowRecord},
    vocabulary::Direction,
};

use crate::{
    flows::{FlowBuilder, write},
    tshark::{ANY_MARK, Tshark},
};

const REQUEST: &[u8] =
    b"GET /v2.1/servers HTTP/1.1\r\nHost: compute.cloud.invalid\r\nX-Auth-Token: canary-77\r\n\r\n";
const READ: &[&str] = &["-d", "tcp.port==8774,tls", "-d", "tls.port==8774,http"];

/// Collects `SSLKEYLOGFILE` lines.
#[derive(Debug, Default)]
struct Secrets(Mutex<String>);

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").unwrap();
                text
            })
        };
        writeln!(self.0.lock().unwrap(), "{label} {} {}", hex(client_random), hex(secret)).unwrap();
    }
}

/// A request and a 20 kB answer over TLS 1.3, and the secrets of the session.
fn session() -> (FlowRecord, String) {
    let secrets = Arc::new(Secrets::default());
    let (mut client, mut server) = endpoints(&secrets);
    let mut flow = FlowBuilder::new(1, (40_001, 8774), 5);
    flow = converse(flow, &mut client, &mut server);
    client.writer().write_all(REQUEST).unwrap();
    flow = converse(flow, &mut client, &mut server);
    server.writer().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n").unwrap();
    server.writer().write_all(&vec![b'x'; 20_000]).unwrap();
    client.send_close_notify();
    flow = converse(flow, &mut client, &mut server);
    let log = secrets.0.lock().unwrap().clone();
    (flow.end(Ending::Fin), log)
}

fn endpoints(secrets: &Arc<Secrets>) -> (Connection, Connection) {
    let name = "compute.cloud.invalid";
    let certified = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let certificate = certified.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let provider = Arc::new(aws_lc_rs::default_provider());

    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let mut client = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.key_log = secrets.clone();
    let server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let client = ClientConnection::new(Arc::new(client), ServerName::try_from(name).unwrap()).unwrap();
    (client.into(), ServerConnection::new(Arc::new(server)).unwrap().into())
}

/// Carries records both ways until neither side has any, noting each chunk as it crosses.
fn converse(mut flow: FlowBuilder, client: &mut Connection, server: &mut Connection) -> FlowBuilder {
    while client.wants_write() || server.wants_write() {
        flow = carry(flow, client, server, Direction::ToAcceptor);
        flow = carry(flow, server, client, Direction::ToDialer);
    }
    flow
}

fn carry(flow: FlowBuilder, from: &mut Connection, to: &mut Connection, direction: Direction) -> FlowBuilder {
    let mut bytes = vec![];
    while from.wants_write() {
        from.write_tls(&mut bytes).unwrap();
    }
    if bytes.is_empty() {
        return flow;
    }
    let mut unread = &bytes[..];
    while !unread.is_empty() {
        to.read_tls(&mut unread).unwrap();
        let waiting = to.process_new_packets().unwrap().plaintext_bytes_to_read();
        to.reader().read_exact(&mut vec![0; waiting]).unwrap();
    }
    flow.chunk(direction, Bytes::from(bytes))
}

fn requests(tshark: &Tshark, file: &std::path::Path, options: &[&str]) -> String {
    let question = ["-Y", "http.request", "-T", "fields", "-e", "http.request.uri"];
    tshark.read(file, &[options, READ, &question].concat())
}

fn answers(tshark: &Tshark, file: &std::path::Path, options: &[&str]) -> String {
    let question = ["-Y", "http.response", "-T", "fields", "-e", "http.content_length"];
    tshark.read(file, &[options, READ, &question].concat())
}

#[test]
fn a_captured_session_is_closed_without_its_key_log_and_open_with_it() {
    let (flow, log) = session();
    let written = write(&[flow], &[], None);
    let Some(tshark) = Tshark::find(written.directory()) else { return };
    assert_eq!(requests(&tshark, &written.path(), &[]), "");
    let key_log = written.directory().join("keys.log");
    std::fs::write(&key_log, log).unwrap();
    let option = format!("tls.keylog_file:{}", key_log.display());
    assert_eq!(requests(&tshark, &written.path(), &["-o", &option]), "/v2.1/servers\n");
    assert_eq!(answers(&tshark, &written.path(), &["-o", &option]), "20000\n");
    assert_eq!(tshark.read(&written.path(), &[&["-o", &option, "-Y", ANY_MARK][..], READ].concat()), "");
}

#[test]
fn secrets_in_the_file_open_the_session_without_any_option() {
    let (flow, log) = session();
    let written = write(&[flow], &[], Some(&log));
    let Some(tshark) = Tshark::find(written.directory()) else { return };
    assert_eq!(requests(&tshark, &written.path(), &[]), "/v2.1/servers\n");
    assert_eq!(answers(&tshark, &written.path(), &[]), "20000\n");
}
