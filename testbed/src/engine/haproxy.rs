//! A sheet as `HAProxy` (2.6 and later) reads it. Pure.
//!
//! One frontend for each listener, one backend for each place or group of equal places. It copies bytes (`mode tcp`),
//! as our proxies do there, and reads requests only where the service is told who called. No session is resumed
//! towards a server, and none is tried twice, as with our own dialers. What it has no deadline for is the handshake
//! alone: the idle deadline of a caller stands for it.

use std::fmt::Write as _;

use proxies::{
    balance::Policy,
    tls::{TlsVersion, Verification},
};

use super::{
    Unable,
    sheet::{Back, Door, Front, Sheet, Spot, Way, Ways},
};

/// Removes the field however a caller may have written it: many services cannot tell `_` from `-`.
const CLEANING: &str = "http-request del-header ^client[-_]cert([-_]chain)?$ -m reg";

/// Whose request it is, said by nobody else.
const TOLD: [&str; 5] = [
    "http-request del-header ^(x[-_])?forwarded([-_](for|proto|host|port|by|server))?$ -m reg",
    "http-request set-header Forwarded for=%[src];by=%[dst]",
    "http-request set-header X-Forwarded-For %[src]",
    "http-request set-header X-Forwarded-Proto http",
    "http-request set-header X-Forwarded-Host %[req.hdr(host)]",
];

/// The configuration.
pub fn configuration(sheet: &Sheet) -> Result<String, Unable> {
    let Sheet { label, threads, limits, doors } = sheet;
    let mut text = format!("# {label}, written from the architecture file.\n");
    let mut line = |indent: &str, words: String| {
        let _ = writeln!(text, "{indent}{words}");
    };
    line("", "global".to_owned());
    for words in [
        format!("nbthread {threads}"),
        format!("maxconn {}", limits.connections * threads),
        "no strict-limits".to_owned(),
        format!("tune.http.maxhdr {}", limits.http.fields),
    ] {
        line("    ", words);
    }
    line("", "\ndefaults".to_owned());
    for (deadline, length) in [
        ("connect", limits.connect),
        ("client", limits.idle),
        ("server", limits.idle),
        ("tunnel", limits.idle),
        ("http-request", limits.http.head),
        ("http-keep-alive", limits.http.keep_alive),
    ] {
        line("    ", format!("timeout {deadline} {}ms", length.as_millis()));
    }
    line("    ", "retries 0".to_owned());
    let mut backends = Vec::new();
    for (number, door) in doors.iter().enumerate() {
        line("", format!("\nfrontend door-{number}"));
        for words in frontend(sheet, number, door, &mut backends)? {
            line("    ", words);
        }
    }
    for (name, mode, ways, policy) in &backends {
        line("", format!("\nbackend {name}"));
        for words in backend(mode, ways, *policy)? {
            line("    ", words);
        }
    }
    Ok(text)
}

type Backend<'a> = (String, &'static str, &'a [Way], Policy);

fn frontend<'a>(
    sheet: &Sheet,
    number: usize,
    door: &'a Door,
    backends: &mut Vec<Backend<'a>>,
) -> Result<Vec<String>, Unable> {
    let mode = if door.requests { "http" } else { "tcp" };
    let tls = door.tls.as_ref().map(bind).transpose()?.unwrap_or_default();
    let mut lines = vec![format!("mode {mode}"), format!("bind {}{tls}", door.at)];
    if door.requests {
        lines.extend(TOLD.map(str::to_owned));
        if door.tls.is_some() {
            lines.push("http-request set-header X-Forwarded-Proto https".to_owned());
        }
    }
    if door.client_cert {
        lines.push(CLEANING.to_owned());
        lines.push("http-request set-header Client-Cert :%[ssl_c_der,base64]: if { ssl_c_used }".to_owned());
    }
    match &door.ways {
        Ways::To(way) => {
            let name = format!("to-{number}");
            lines.push(format!("default_backend {name}"));
            backends.push((name, mode, std::slice::from_ref(way), Policy::default()));
        }
        Ways::ByName { named, policy } => {
            let peek = sheet.limits.peek.as_millis();
            lines.push(format!("tcp-request inspect-delay {peek}ms"));
            lines.push("tcp-request content accept if { req.ssl_hello_type 1 }".to_owned());
            lines.push("tcp-request content reject".to_owned());
            for (place, (name, ways)) in named.iter().enumerate() {
                let to = format!("to-{number}-{place}");
                lines.push(format!("use_backend {to} if {{ req.ssl_sni -i {name} }}"));
                backends.push((to, mode, ways.as_slice(), *policy));
            }
        }
    }
    Ok(lines)
}

fn bind(front: &Front) -> Result<String, Unable> {
    let mut words = format!(" ssl crt {}{}", front.certificate, versions(&front.versions)?);
    if let Some((authorities, required)) = &front.callers {
        let how = if *required { "required" } else { "optional" };
        let _ = write!(words, " ca-file {authorities} verify {how}");
    }
    Ok(words)
}

fn versions(spoken: &[TlsVersion]) -> Result<String, Unable> {
    let word = |version: &TlsVersion| match version {
        TlsVersion::Tls12 => "TLSv1.2",
        TlsVersion::Tls13 => "TLSv1.3",
    };
    let (Some(least), Some(most)) = (spoken.iter().min(), spoken.iter().max()) else {
        return Err(Unable("HAProxy speaks TLS in some version or not at all".to_owned()));
    };
    Ok(format!(" ssl-min-ver {} ssl-max-ver {}", word(least), word(most)))
}

fn backend(mode: &str, ways: &[Way], policy: Policy) -> Result<Vec<String>, Unable> {
    let mut lines = vec![format!("mode {mode}")];
    if ways.len() > 1 {
        // As ours: the next one where one does not answer.
        lines.extend([balance(policy), "retries 1", "option redispatch 1"].map(str::to_owned));
        if policy == Policy::SessionId {
            lines.extend(STICK.map(str::to_owned));
        }
    }
    for (number, way) in ways.iter().enumerate() {
        lines.push(server(number, way)?);
    }
    Ok(lines)
}

/// Ids of TLS sessions, learned from both hellos as its manual does it; as large and as lasting as our own table.
const STICK: [&str; 7] = [
    "stick-table type binary len 32 size 30k expire 30m",
    "tcp-request inspect-delay 3s",
    "tcp-request content accept if { req.ssl_hello_type 1 }",
    "tcp-response inspect-delay 3s",
    "tcp-response content accept if { res.ssl_hello_type 2 }",
    "stick on payload_lv(43,1) if { req.ssl_hello_type 1 }",
    "stick store-response payload_lv(43,1) if { res.ssl_hello_type 2 }",
];

fn balance(policy: Policy) -> &'static str {
    match policy {
        Policy::RoundRobin | Policy::SessionId => "balance roundrobin",
        Policy::LeastConnections => "balance leastconn",
        Policy::SourceHash => "balance source",
    }
}

fn server(number: usize, way: &Way) -> Result<String, Unable> {
    let mut words = match &way.to {
        Spot::Tcp(at) => format!("server s{number} {at}"),
        Spot::Unix(path) => {
            let plain =
                |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"'#$".contains(&byte));
            let path = path.to_str().filter(|path| plain(path));
            let path =
                path.ok_or_else(|| Unable("HAProxy cannot be told the path of this socket".to_owned()))?;
            format!("server s{number} unix@{path}")
        }
    };
    if let Some(from) = way.from {
        let _ = write!(words, " source {from}");
    }
    if let Some(Back { authorities, verification, name, certificate }) = &way.tls {
        let _ = match verification {
            Verification::Off => write!(words, " ssl verify none"),
            Verification::Name | Verification::Chain => {
                write!(words, " ssl verify required ca-file {authorities} verifyhost {name}")
            }
        };
        let _ = write!(words, " sni str({name}) no-ssl-reuse");
        words += &versions(&[TlsVersion::Tls12, TlsVersion::Tls13])?;
        if let Some(certificate) = certificate {
            let _ = write!(words, " crt {certificate}");
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::{super::sheet::testing::sheet, *};

    #[test]
    fn a_sheet_with_everything_it_can_do() {
        insta::assert_snapshot!(configuration(&sheet(true)).unwrap_or_else(|unable| unable.to_string()));
    }
}
