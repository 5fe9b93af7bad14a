//! Unix sockets: mode, and which users' processes may connect.

use toml::Spanned;

use super::{
    super::{Place, SocketFile, diagnose::Finding, suggest::help_for},
    listeners::Resolver,
};

/// Where the file says nothing: the owner and its group.
const MODE: u32 = 0o660;

pub(super) fn socket(
    resolver: &Resolver<'_>,
    place: Option<Place>,
    findings: &mut Vec<Finding>,
) -> Option<SocketFile> {
    let body = resolver.body;
    if place != Some(Place::Unix) {
        let keys = [body.mode.as_ref().map(Spanned::span), body.peers.as_ref().map(Spanned::span)];
        if place.is_some() {
            for span in keys.into_iter().flatten() {
                findings.push(
                    Finding::new(span, "only Unix sockets have a mode and peers").help("use `on = \"unix\"`"),
                );
            }
        }
        return None;
    }
    for (span, what) in [
        (body.port.as_ref().map(Spanned::span), "port"),
        (body.identity.as_ref().map(Spanned::span), "identity"),
    ] {
        if let Some(span) = span {
            findings.push(Finding::new(span, format!("a Unix socket has no {what}")));
        }
    }
    let mode = body.mode.as_ref().map_or(Some(MODE), |mode| bits(mode, findings));
    let peers = peers(resolver, findings);
    Some(SocketFile { mode: mode?, peers })
}

fn bits(mode: &Spanned<String>, findings: &mut Vec<Finding>) -> Option<u32> {
    let text = mode.get_ref();
    let digits = (3..=4).contains(&text.len()) && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let bits = digits.then(|| u32::from_str_radix(text, 8).ok()).flatten().filter(|bits| *bits <= 0o777);
    if bits.is_none() {
        findings.push(
            Finding::new(mode.span(), format!("`{text}` is no mode"))
                .help("write permission bits in octal, for example \"0660\""),
        );
    }
    bits
}

/// Each is a user somebody on this host runs as.
fn peers(resolver: &Resolver<'_>, findings: &mut Vec<Finding>) -> Vec<String> {
    let Some(list) = &resolver.body.peers else {
        findings.push(
            Finding::new(resolver.body.on.span(), "a Unix socket says whose processes may connect")
                .help("add `peers = [\"…\"]` with users of this host"),
        );
        return Vec::new();
    };
    if list.get_ref().is_empty() {
        findings.push(
            Finding::new(list.span(), "an empty list lets nobody connect")
                .help("name at least one user of this host"),
        );
    }
    let here = resolver.literal.processes.iter().filter(|process| process.parent == resolver.host());
    let users: Vec<&str> =
        here.filter_map(|process| Some(process.body.as_ref()?.user.get_ref().as_str())).collect();
    for peer in list.get_ref().iter().filter(|peer| !users.contains(&peer.get_ref().as_str())) {
        let message = format!("no process of this host runs as `{}`", peer.get_ref());
        findings.push(Finding::new(peer.span(), message).maybe_help(help_for(peer.get_ref(), &users)));
    }
    list.get_ref().iter().map(|peer| peer.get_ref().clone()).collect()
}
