//! The TLS side of listeners: versions, client certificates, and what is said about callers behind it.

use proxies::tls::Group;
use toml::Spanned;

use super::{
    super::{
        ClientAuth, ClientCert, IdentityId, Program, Resumption, TlsVersion,
        diagnose::Finding,
        literal::{ListenerLiteral, Words},
        suggest::help_for,
    },
    listeners::Resolver,
    names::Names,
    trust,
};

/// What a listener that speaks TLS speaks where the file says nothing.
const VERSIONS: [TlsVersion; 2] = [TlsVersion::Tls12, TlsVersion::Tls13];

pub(super) fn versions(body: &ListenerLiteral, findings: &mut Vec<Finding>) -> Vec<TlsVersion> {
    let Some(list) = &body.versions else { return VERSIONS.to_vec() };
    needs_identity(body, list.span(), "versions", findings);
    if list.get_ref().is_empty() {
        findings.push(Finding::new(list.span(), "no version is left").help("use \"1.2\", \"1.3\" or both"));
    }
    let mut versions: Vec<TlsVersion> =
        list.get_ref().iter().filter_map(|word| version(word, findings)).collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}

fn version(word: &Spanned<String>, findings: &mut Vec<Finding>) -> Option<TlsVersion> {
    match word.get_ref().as_str() {
        "1.2" => Some(TlsVersion::Tls12),
        "1.3" => Some(TlsVersion::Tls13),
        other => {
            findings.push(
                Finding::new(word.span(), format!("TLS `{other}` is not spoken here"))
                    .help("use \"1.2\", \"1.3\" or both"),
            );
            None
        }
    }
}

/// Groups of the key exchange, by the names people know them by.
const GROUPS: [(&str, Group); 4] = [
    ("X25519MLKEM768", Group::X25519MlKem768),
    ("X25519", Group::X25519),
    ("secp256r1", Group::Secp256r1),
    ("secp384r1", Group::Secp384r1),
];

/// Words for sessions that are resumed.
const SESSIONS: [(&str, Resumption); 2] = [
    ("session-ids", Resumption { session_ids: true, tickets: false }),
    ("tickets", Resumption { session_ids: false, tickets: true }),
];

pub(super) fn groups(body: &ListenerLiteral, findings: &mut Vec<Finding>) -> Vec<Group> {
    let Some(list) = &body.groups else { return Group::all() };
    needs_identity(body, list.span(), "groups", findings);
    if list.get_ref().is_empty() {
        findings.push(Finding::new(list.span(), "no group is left").help("leave `groups` out to take all"));
    }
    words(list, "group", &GROUPS, findings)
}

pub(super) fn resumption(body: &ListenerLiteral, findings: &mut Vec<Finding>) -> Resumption {
    let Some(list) = &body.resumption else { return Resumption::default() };
    needs_identity(body, list.span(), "resumption", findings);
    let named = words(list, "way of resuming", &SESSIONS, findings);
    Resumption {
        session_ids: named.iter().any(|resumption| resumption.session_ids),
        tickets: named.iter().any(|resumption| resumption.tickets),
    }
}

/// What the words of a list mean.
fn words<T: Copy>(list: &Words, what: &str, known: &[(&str, T)], findings: &mut Vec<Finding>) -> Vec<T> {
    list.get_ref().iter().filter_map(|word| meaning(word, what, known, findings)).collect()
}

/// What a word means.
pub(super) fn meaning<T: Copy>(
    word: &Spanned<String>,
    what: &str,
    known: &[(&str, T)],
    findings: &mut Vec<Finding>,
) -> Option<T> {
    let found = known.iter().find(|(name, _)| name == word.get_ref());
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let finding = Finding::new(word.span(), format!("there is no {what} `{}`", word.get_ref()));
        findings.push(finding.maybe_help(help_for(word.get_ref(), &names)));
    }
    Some(found?.1)
}

pub(super) fn client_auth(
    body: &ListenerLiteral,
    names: &Names,
    findings: &mut Vec<Finding>,
) -> Option<ClientAuth> {
    let literal = body.client_auth.as_ref()?;
    needs_identity(body, literal.span(), "client_auth", findings);
    let literal = literal.get_ref();
    let trust = trust::trust(&literal.trust, names, findings);
    let allow = literal.allow.as_ref().map(|list| {
        if list.get_ref().is_empty() {
            findings.push(
                Finding::new(list.span(), "an empty list allows nobody")
                    .help("leave `allow` out to accept every certificate of the trusted authorities"),
            );
        }
        identities(list, names, findings)
    });
    // A name is worth what the least of the authorities that may issue it is worth.
    if let (Some(list), true) = (&literal.allow, literal.trust.get_ref().len() > 1) {
        findings.push(
            Finding::new(
                list.span(),
                "callers are allowed by name, and more than one authority is trusted for it",
            )
            .help("trust exactly one authority in `trust`"),
        );
    }
    let required = literal.required.as_ref().is_none_or(|required| *required.get_ref());
    Some(ClientAuth { trust: trust?, required, allow })
}

pub(super) fn client_cert(resolver: &Resolver<'_>, findings: &mut Vec<Finding>) -> Option<ClientCert> {
    let body = resolver.body;
    let literal = body.client_cert.as_ref()?;
    if resolver.program().is_some_and(|program| program != Program::Proxy) || body.routes.is_some() {
        findings.push(
            Finding::new(literal.span(), "only a proxy that ends TLS can say who called")
                .help("services read `Client-Cert` by themselves where `bind_tokens` is set"),
        );
    } else if body.client_auth.is_none() {
        findings.push(
            Finding::new(literal.span(), "a listener that asks for no certificate cannot pass one on")
                .help("add `client_auth = { trust = […] }`"),
        );
    }
    let several = body.client_auth.as_ref().is_some_and(|auth| auth.get_ref().trust.get_ref().len() > 1);
    let accept_from = &literal.get_ref().accept_from;
    if several && !accept_from.get_ref().is_empty() {
        findings.push(
            Finding::new(
                accept_from.span(),
                "callers are believed by name, and more than one authority is trusted",
            )
            .help("trust exactly one authority in `client_auth`"),
        );
    }
    Some(ClientCert { accept_from: identities(&literal.get_ref().accept_from, resolver.names, findings) })
}

fn identities(list: &Words, names: &Names, findings: &mut Vec<Finding>) -> Vec<IdentityId> {
    let found = list.get_ref().iter().filter_map(|name| names.identities.find(name, findings));
    found.map(IdentityId).collect()
}

fn needs_identity(
    body: &ListenerLiteral,
    span: std::ops::Range<usize>,
    key: &str,
    findings: &mut Vec<Finding>,
) {
    if body.identity.is_none() {
        findings.push(
            Finding::new(span, format!("`{key}` belongs to a listener that speaks TLS"))
                .help("add `identity = \"…\"`"),
        );
    }
}
