//! What clients of the public interfaces are told: what the catalog publishes, and the login page beside it.

use std::collections::BTreeSet;

use proxies::registry::EntryId;

use super::{Outside, plans::Drawing};
use crate::architecture::{ListenerId, Program};

/// The login page, as people are told where it is: no type of any catalog.
pub const LOGIN_PAGE: &str = "login-page";

/// A service as clients of its public interface reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// `identity`, `compute`, `login-page`.
    pub service_type: String,
    /// The name in its authority: `localhost` or a public name in a launch for outside clients.
    pub name: String,
    /// `name:PORT`.
    pub authority: String,
    /// The path where it answers everyone: `/v3`, its API's version.
    pub version: &'static str,
    /// Where it listens.
    pub entry: EntryId,
    /// The certificate of the authority behind its own, PEM; `None` = clear.
    pub ca: Option<String>,
    /// Does it take clients from outside the run?
    pub outside: bool,
}

impl Published {
    /// `scheme://authority`.
    pub fn url(&self) -> String {
        let scheme = if self.ca.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// Every service of the catalog, in file order.
    pub fn of(drawing: &Drawing<'_>) -> Vec<Self> {
        let services = drawing.architecture.catalog.iter();
        services.filter_map(|service| Self::at(drawing, service.public, &service.service_type)).collect()
    }

    /// The first public listener behind which people find a login page.
    pub fn login_page(drawing: &Drawing<'_>) -> Option<Self> {
        let architecture = drawing.architecture;
        let leads_there = |listener: &ListenerId| {
            let end = architecture[architecture.end_of(*listener)].process;
            architecture[end].program == Program::LoginPage
        };
        let page = public(drawing).find(leads_there)?;
        Self::at(drawing, page, LOGIN_PAGE)
    }

    fn at(drawing: &Drawing<'_>, listener: ListenerId, service_type: &str) -> Option<Self> {
        let architecture = drawing.architecture;
        let ca = architecture.met(listener).map(|identity| architecture[identity].authority);
        Some(Self {
            service_type: service_type.to_owned(),
            name: drawing.called(listener),
            authority: drawing.authority(listener),
            version: version(service_type),
            entry: drawing.addresses.entry(listener)?,
            ca: ca.map(|id| drawing.pki.authority(id).pem().to_owned()),
            outside: drawing.outside.is_some() && drawing.is_public(architecture[listener].place),
        })
    }
}

impl Drawing<'_> {
    /// The name in the URL of a listener: one its callers can resolve, where they come from outside.
    pub(super) fn called(&self, listener: ListenerId) -> String {
        match self.outside.filter(|_| self.is_public(self.architecture[listener].place)) {
            Some(Outside::Names) => self.asked_for(listener),
            Some(Outside::Localhost) => "localhost".to_owned(),
            None => self.server_name(listener),
        }
    }

    /// The name the cloud's own users ask for there: one certificate may serve several listeners.
    fn asked_for(&self, listener: ListenerId) -> String {
        let mut asked = self.architecture.dials.iter().filter(|dial| dial.to == listener);
        let asked = asked.find_map(|dial| dial.tls.as_ref().map(|tls| tls.server_name.clone()));
        asked.unwrap_or_else(|| self.server_name(listener))
    }
}

/// Every name under which a public listener may be called: published, routed or certified.
pub fn public_names(drawing: &Drawing<'_>) -> Vec<String> {
    let architecture = drawing.architecture;
    let mut names = BTreeSet::new();
    for listener in public(drawing) {
        names.insert(drawing.asked_for(listener));
        names.extend(architecture[listener].routes.iter().map(|route| route.name.clone()));
        names.extend(architecture.met(listener).into_iter().flat_map(|id| architecture[id].names.clone()));
    }
    names.into_iter().collect()
}

/// The path under which a service answers everyone.
pub fn version(service_type: &str) -> &'static str {
    match service_type {
        "identity" => "/v3",
        LOGIN_PAGE => "/auth/login/",
        _ => "/v2.1",
    }
}

fn public<'a>(drawing: &'a Drawing<'_>) -> impl Iterator<Item = ListenerId> + 'a {
    let architecture = drawing.architecture;
    architecture.listener_ids().filter(|id| drawing.is_public(architecture[*id].place))
}
