//! What the catalog publishes to clients: the public interface of each service.

use proxies::registry::EntryId;

use super::plans::Drawing;

/// A service as clients of its public interface reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// `identity`, `compute`.
    pub service_type: String,
    /// `localhost:PORT` in a launch for outside clients, else a name of the run.
    pub authority: String,
    /// The path of its API's version, where it answers everyone: `/v3`.
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
        let architecture = drawing.architecture;
        let services = architecture.catalog.iter();
        services
            .filter_map(|service| {
                let listener = &architecture[service.public];
                let ca = architecture.met(service.public).map(|identity| architecture[identity].authority);
                Some(Self {
                    service_type: service.service_type.clone(),
                    authority: drawing.authority(service.public),
                    version: version(&service.service_type),
                    entry: drawing.addresses.entry(service.public)?,
                    ca: ca.map(|id| drawing.pki.authority(id).pem().to_owned()),
                    outside: drawing.outside && drawing.is_public(listener.place),
                })
            })
            .collect()
    }
}

/// The path under which a service type's API lives.
pub fn version(service_type: &str) -> &'static str {
    if service_type == "identity" { "/v3" } else { "/v2.1" }
}
