//! A sheet as nginx (1.22 and later) reads it. Pure.
//!
//! Bytes and names are its stream module's work, requests its HTTP module's. No session is resumed towards a server,
//! as with our own dialers. It says nothing unless it cannot go on: what it counts is nobody's business here.

use std::{fmt::Write as _, path::PathBuf};

use proxies::{
    balance::Policy,
    tls::{TlsVersion, Verification},
};

use super::{
    Unable,
    sheet::{Back, Door, Front, Sheet, Spot, Way, Ways},
};

/// Connections the kernel may queue, as for our own listeners.
const BACKLOG: u32 = 4096;

/// Where its stream module is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Compiled in.
    Within,
    /// A file of its own.
    Module(PathBuf),
    /// Nowhere.
    Missing,
}

/// The configuration.
pub fn configuration(sheet: &Sheet, stream: &Stream) -> Result<String, Unable> {
    let Sheet { label, threads, limits, doors } = sheet;
    if doors.iter().any(|door| door.client_cert) {
        return Err(unable("cannot write a caller's certificate as `Client-Cert` (RFC 9440) wants it"));
    }
    if doors.iter().any(|door| door.requests) {
        return Err(unable("is set up to copy bytes here, and reads no requests"));
    }
    let mut text = format!("# {label}, written from the architecture file.\n");
    let mut line = |indent: usize, words: &str| {
        let _ = writeln!(text, "{:1$}{words}", "", 4 * indent);
    };
    match stream {
        Stream::Within => {}
        Stream::Module(path) => {
            let path = path
                .to_str()
                .filter(|path| plain(path))
                .ok_or_else(|| unable("has its modules at an odd place"))?;
            line(0, &format!("load_module {path};"));
        }
        Stream::Missing => return Err(unable("has no stream module here, and copies bytes with no other")),
    }
    for words in
        ["daemon off;", &format!("worker_processes {threads};"), "pid nginx.pid;", "error_log stderr emerg;"]
    {
        line(0, words);
    }
    // Both sides of each connection count.
    line(0, &format!("events {{ worker_connections {}; }}", 2 * limits.connections + 64));
    line(0, "stream {");
    // A server name may take 253 bytes.
    line(1, "map_hash_bucket_size 512;");
    for (directive, length) in [
        ("proxy_connect_timeout", limits.connect),
        ("proxy_timeout", limits.idle),
        ("ssl_handshake_timeout", limits.handshake),
        ("preread_timeout", limits.peek),
    ] {
        line(1, &format!("{directive} {}ms;", length.as_millis()));
    }
    for (number, door) in doors.iter().enumerate() {
        for (indent, words) in block(number, door)? {
            line(1 + indent, &words);
        }
    }
    line(0, "}");
    Ok(text)
}

fn unable(what: &str) -> Unable {
    Unable(format!("nginx {what}"))
}

/// No character means anything to its reader.
fn plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-:".contains(&byte))
}

/// One listener, with the indent of each line.
fn block(number: usize, door: &Door) -> Result<Vec<(usize, String)>, Unable> {
    let (mut before, mut within) = (Vec::new(), Vec::new());
    let ssl = if door.tls.is_some() { " ssl" } else { "" };
    within.push(format!("listen {}{ssl} backlog={BACKLOG};", door.at));
    if let Some(front) = &door.tls {
        within.extend(ending(front)?);
    }
    match &door.ways {
        Ways::To(way) => {
            within.push(format!("proxy_pass {};", spot(&way.to)?));
            within.extend(from(Some(way)));
            within.extend(way.tls.as_ref().map(opening).transpose()?.unwrap_or_default());
        }
        Ways::ByName { named, policy } => {
            let method = match policy {
                Policy::RoundRobin => "",
                Policy::LeastConnections => "least_conn; ",
                Policy::SourceHash => "hash $remote_addr consistent; ",
                Policy::SessionId => return Err(unable("has no session-ID affinity")),
            };
            let mut map = Vec::new();
            for (place, (name, ways)) in named.iter().enumerate() {
                let to = format!("to-{number}-{place}");
                let servers = ways.iter().map(|way| Ok(format!("server {} max_fails=0;", spot(&way.to)?)));
                let servers = servers.collect::<Result<Vec<_>, Unable>>()?.join(" ");
                before.push((0, format!("upstream {to} {{ {method}{servers} }}")));
                map.push((1, format!("{name} {to};")));
            }
            // A name nobody has leads nowhere: the connection is closed.
            before.push((0, format!("map $ssl_preread_server_name $to_{number} {{")));
            before.extend(map);
            before.push((0, "}".to_owned()));
            let ways = || named.iter().flat_map(|(_, ways)| ways);
            if ways().any(|way| way.tls.is_some()) {
                return Err(unable("opens no TLS towards where it routes by name"));
            }
            if ways().any(|way| Some(way.from) != ways().next().map(|first| first.from)) {
                return Err(unable("dials all names of a listener from one address"));
            }
            within.push("ssl_preread on;".to_owned());
            within.push(format!("proxy_pass $to_{number};"));
            within.extend(from(ways().next()));
        }
    }
    let open = [(0, "server {".to_owned())];
    let inside = within.into_iter().map(|words| (1, words));
    Ok(before.into_iter().chain(open).chain(inside).chain([(0, "}".to_owned())]).collect())
}

fn spot(to: &Spot) -> Result<String, Unable> {
    match to {
        Spot::Tcp(at) => Ok(at.to_string()),
        Spot::Unix(path) => {
            let path = path.to_str().filter(|path| plain(path));
            path.map(|path| format!("unix:{path}"))
                .ok_or_else(|| unable("cannot be told the path of this socket"))
        }
    }
}

fn from(way: Option<&Way>) -> Option<String> {
    way.and_then(|way| way.from).map(|from| format!("proxy_bind {from};"))
}

fn versions(directive: &str, spoken: &[TlsVersion]) -> Result<String, Unable> {
    let word = |version: &TlsVersion| match version {
        TlsVersion::Tls12 => "TLSv1.2",
        TlsVersion::Tls13 => "TLSv1.3",
    };
    if spoken.is_empty() {
        return Err(unable("speaks TLS in some version or not at all"));
    }
    Ok(format!("{directive} {};", spoken.iter().map(word).collect::<Vec<_>>().join(" ")))
}

fn ending(front: &Front) -> Result<Vec<String>, Unable> {
    let certificate = &front.certificate;
    let mut lines = vec![
        format!("ssl_certificate {certificate};"),
        format!("ssl_certificate_key {certificate};"),
        versions("ssl_protocols", &front.versions)?,
    ];
    if let Some((authorities, required)) = &front.callers {
        lines.push(format!("ssl_client_certificate {authorities};"));
        lines.push(format!("ssl_verify_client {};", if *required { "on" } else { "optional" }));
    }
    Ok(lines)
}

fn opening(back: &Back) -> Result<Vec<String>, Unable> {
    let Back { authorities, verification, name, certificate } = back;
    let mut lines = vec![
        "proxy_ssl on;".to_owned(),
        "proxy_ssl_server_name on;".to_owned(),
        format!("proxy_ssl_name {name};"),
        "proxy_ssl_session_reuse off;".to_owned(),
        versions("proxy_ssl_protocols", &[TlsVersion::Tls12, TlsVersion::Tls13])?,
    ];
    if *verification != Verification::Off {
        lines.push("proxy_ssl_verify on;".to_owned());
        lines.push(format!("proxy_ssl_trusted_certificate {authorities};"));
    }
    if let Some(certificate) = certificate {
        lines.push(format!("proxy_ssl_certificate {certificate};"));
        lines.push(format!("proxy_ssl_certificate_key {certificate};"));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::{super::sheet::testing::sheet, *};

    fn text(sheet: &Sheet, stream: &Stream) -> String {
        configuration(sheet, stream).unwrap_or_else(|unable| unable.to_string())
    }

    #[test]
    fn a_sheet_with_everything_it_can_do() {
        insta::assert_snapshot!(text(
            &sheet(false),
            &Stream::Module("/usr/lib/nginx/ngx_stream_module.so".into())
        ));
    }

    #[test]
    fn what_it_cannot_do_is_said_in_plain_words() {
        insta::assert_snapshot!(text(&sheet(true), &Stream::Within));
        insta::assert_snapshot!(text(&sheet(false), &Stream::Missing));
    }
}
