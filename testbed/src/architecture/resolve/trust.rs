//! Authorities, identities and how dials verify: who vouches for whom, and who checks.

use toml::Spanned;

use super::{
    super::{
        Authority, AuthorityId, HostId, Identity, IdentityId, Verify,
        diagnose::Finding,
        literal::{IdentityLiteral, Item, Literal},
        suggest::did_you_mean,
    },
    Draft, at, each,
    names::{self, Names},
};

/// Every name in a certificate ends so: `.invalid` never resolves anywhere (RFC 2606).
const DOMAIN: &str = ".cloud.invalid";

/// Names in one certificate at most.
const MOST_NAMES: usize = 32;

pub(super) fn authorities(literal: &Literal) -> Vec<Option<Authority>> {
    each(&literal.authorities, |_, item, ()| Some(Authority { name: item.name.get_ref().clone() }))
}

pub(super) fn identities(
    literal: &Literal,
    names: &Names,
    findings: &mut Vec<Finding>,
) -> Vec<Option<Identity>> {
    each(&literal.identities, |_, item, body| identity(literal, names, (item, body), findings))
}

fn identity(
    literal: &Literal,
    names: &Names,
    (item, body): (&Item<IdentityLiteral>, &IdentityLiteral),
    findings: &mut Vec<Finding>,
) -> Option<Identity> {
    let before = findings.len();
    let authority = names.authorities.find(&body.authority, findings);
    let host = names.hosts.find(&body.host, findings);
    if let Some(host) = host {
        check_owner(literal, host, &body.owner, findings);
    }
    let count = body.names.get_ref().len();
    if count == 0 {
        let message = format!("identity `{}` has no name to be verified by", item.name.get_ref());
        findings.push(Finding::new(body.names.span(), message));
    } else if count > MOST_NAMES {
        let message = format!("{count} names in one certificate, at most {MOST_NAMES} are issued");
        findings.push(Finding::new(body.names.span(), message));
        return None;
    }
    for (index, name) in body.names.get_ref().iter().enumerate() {
        check_dns_name(name, findings);
        if body.names.get_ref().iter().take(index).any(|earlier| earlier == name) {
            findings.push(Finding::new(name.span(), format!("name `{}` is listed twice", name.get_ref())));
        }
    }
    let (authority, host) = (authority?, host?);
    (findings.len() == before).then(|| Identity {
        name: item.name.get_ref().clone(),
        authority: AuthorityId(authority),
        host: HostId(host),
        owner: body.owner.get_ref().clone(),
        names: body.names.get_ref().iter().map(|name| name.get_ref().clone()).collect(),
    })
}

/// The owner of a key file is a user of its host, or nobody could ever open it.
fn check_owner(literal: &Literal, host: usize, owner: &Spanned<String>, findings: &mut Vec<Finding>) {
    names::check(owner, findings);
    let here = || literal.processes.iter().filter(|process| process.parent == host);
    // A process with an error of its own may well run as this user.
    let anyone =
        here().any(|process| process.body.as_ref().is_none_or(|body| body.user.get_ref() == owner.get_ref()));
    if !anyone {
        let users = here().filter_map(|process| Some(process.body.as_ref()?.user.get_ref().as_str()));
        let host = &literal.hosts[host].name;
        let message = format!("no process on `{}` runs as `{}`", host.get_ref(), owner.get_ref());
        let near = did_you_mean(owner.get_ref(), users).map(|near| format!("did you mean `{near}`?"));
        findings.push(Finding::new(owner.span(), message).maybe_help(near));
    }
}

/// A certificate a process presents: its key lies on the process's host, and its user may read it.
pub(super) fn own_identity(
    name: &Spanned<String>,
    process: usize,
    (literal, names, draft): (&Literal, &Names, &Draft),
    findings: &mut Vec<Finding>,
) -> Option<IdentityId> {
    let id = IdentityId(names.identities.find(name, findings)?);
    let identity = at(&draft.identities, id.0)?;
    let here = HostId(literal.processes[process].parent);
    if identity.host != here {
        let (there, here) = (names.hosts.name(identity.host.0), names.hosts.name(here.0));
        let message = format!("the key of `{}` lies on `{there}`, not on `{here}`", identity.name);
        findings.push(Finding::new(name.span(), message));
    } else if let Some(process) = at(&draft.processes, process)
        && process.user != identity.owner
    {
        let (owner, user) = (&identity.owner, &process.user);
        let message = format!("the key of `{}` belongs to `{owner}`: `{user}` cannot read it", identity.name);
        findings.push(Finding::new(name.span(), message));
    }
    Some(id)
}

/// Labels of letters, digits and inner hyphens, below [`DOMAIN`].
pub(super) fn check_dns_name(name: &Spanned<String>, findings: &mut Vec<Finding>) {
    let text = name.get_ref();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !text.split('.').all(label) || text.len() > 253 {
        findings.push(Finding::new(name.span(), format!("`{text}` is no DNS name")));
    } else if !text.ends_with(DOMAIN) {
        findings.push(
            Finding::new(name.span(), format!("`{text}` does not end in `{DOMAIN}`"))
                .help("names in certificates are made up, so that none exists outside this machine"),
        );
    }
}

/// The authorities a dial accepts. One that did not issue the far side's certificate is legal.
pub(super) fn trust(
    list: &Spanned<Vec<Spanned<String>>>,
    names: &Names,
    findings: &mut Vec<Finding>,
) -> Option<Vec<AuthorityId>> {
    let before = findings.len();
    if list.get_ref().is_empty() {
        findings.push(
            Finding::new(list.span(), "an empty trust list accepts nobody")
                .help("name at least one of `[authorities]`"),
        );
    }
    let mut trusted = Vec::new();
    for name in list.get_ref() {
        let Some(authority) = names.authorities.find(name, findings).map(AuthorityId) else { continue };
        if trusted.contains(&authority) {
            findings
                .push(Finding::new(name.span(), format!("authority `{}` is listed twice", name.get_ref())));
        }
        trusted.push(authority);
    }
    (findings.len() == before).then_some(trusted)
}

/// `name`, `chain` or `off`, whoever may say it.
pub(super) fn verify(word: &Spanned<String>, findings: &mut Vec<Finding>) -> Option<Verify> {
    match word.get_ref().as_str() {
        "name" => Some(Verify::Name),
        "chain" => Some(Verify::Chain),
        "off" => Some(Verify::Off),
        other => {
            findings.push(
                Finding::new(word.span(), format!("`{other}` is no way to verify"))
                    .help("`name` checks chain and name, `chain` the chain only"),
            );
            None
        }
    }
}
