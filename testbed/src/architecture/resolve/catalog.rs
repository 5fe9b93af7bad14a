//! The service catalog: which listener the identity service publishes for which interface.
//!
//! An entry that leads to the wrong service is legal: a wrong catalog is a misconfiguration worth showing
//! (rows F5 and F6). An entry nobody could ever reach is not.

use toml::Spanned;

use super::{
    super::{CatalogService, ListenerId, Place, diagnose::Finding, literal::Literal, suggest::help_for},
    Draft, at, each,
    names::{self, Names},
};

const SERVICE_TYPES: [&str; 2] = ["identity", "compute"];

pub(super) fn catalog(
    literal: &Literal,
    names: &Names,
    draft: &Draft,
    findings: &mut Vec<Finding>,
) -> Vec<Option<CatalogService>> {
    each(&literal.catalog, |_, item, body| {
        let service_type = item.name.get_ref().clone();
        if !SERVICE_TYPES.contains(&service_type.as_str()) {
            findings.push(
                Finding::new(item.name.span(), format!("there is no service type `{service_type}`"))
                    .maybe_help(help_for(&service_type, &SERVICE_TYPES)),
            );
        }
        names::check(&body.name, findings);
        let [public, internal, admin] =
            [&body.public, &body.internal, &body.admin].map(|to| entry(to, names, draft, findings));
        let name = body.name.get_ref().clone();
        Some(CatalogService { service_type, name, public: public?, internal: internal?, admin: admin? })
    })
}

fn entry(
    to: &Spanned<String>,
    names: &Names,
    draft: &Draft,
    findings: &mut Vec<Finding>,
) -> Option<ListenerId> {
    let listener = names.listeners.find(to, findings)?;
    if at(&draft.listeners, listener)?.place == Place::Local {
        let message =
            format!("`{}` is on a local link: nobody who reads the catalog can dial it", to.get_ref());
        findings.push(Finding::new(to.span(), message));
        return None;
    }
    Some(ListenerId(listener))
}
