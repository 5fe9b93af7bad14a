//! Named weaknesses: the only place where verification may be switched off.

use super::{
    super::{
        DialId, Verify, Weakness,
        diagnose::Finding,
        literal::{ChangeLiteral, Literal},
    },
    Draft, at, each,
    names::Names,
    trust,
};

pub(super) fn weaknesses(
    literal: &Literal,
    names: &Names,
    draft: &Draft,
    findings: &mut Vec<Finding>,
) -> Vec<Option<Weakness>> {
    each(&literal.weaknesses, |_, item, body| {
        let mut changes: Vec<(DialId, Verify)> = Vec::new();
        for literal in &body.set {
            let Some((dial, verify)) = change(literal, names, draft, findings) else { continue };
            if changes.iter().any(|(earlier, _)| *earlier == dial) {
                let message = format!("dial `{}` is changed twice", literal.dial.get_ref());
                findings.push(Finding::new(literal.dial.span(), message));
            }
            changes.push((dial, verify));
        }
        let (name, description) = (item.name.get_ref().clone(), body.description.get_ref().clone());
        Some(Weakness { name, description, changes })
    })
}

fn change(
    literal: &ChangeLiteral,
    names: &Names,
    draft: &Draft,
    findings: &mut Vec<Finding>,
) -> Option<(DialId, Verify)> {
    let verify = trust::verify(&literal.verify, findings);
    let dial = DialId(names.dials.find(&literal.dial, findings)?);
    let Some(tls) = &at(&draft.dials, dial.0)?.tls else {
        let message = format!("dial `{}` is clear: there is nothing to verify", literal.dial.get_ref());
        findings.push(
            Finding::new(literal.dial.span(), message)
                .help("leave it out; a weakness that changes nothing has `set = []`"),
        );
        return None;
    };
    let verify = verify?;
    if strength(verify) >= strength(tls.verify) {
        let message = format!("this does not weaken dial `{}`", literal.dial.get_ref());
        findings.push(Finding::new(literal.verify.span(), message));
        return None;
    }
    Some((dial, verify))
}

fn strength(verify: Verify) -> u8 {
    match verify {
        Verify::Off => 0,
        Verify::Chain => 1,
        Verify::Name => 2,
    }
}
