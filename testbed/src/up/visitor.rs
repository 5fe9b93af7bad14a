//! The first client from outside: asks every published service, verified by the certificate others will get,
//! then logs in and lists servers. It dials as everyone in the run does, by registry entry.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Request, Response, header::CONTENT_TYPE};
use proxies::{
    limits::Limits,
    rustls::pki_types::{CertificateDer, pem::PemObject},
    tls::{ClientSettings, Verification},
};
use serde_json::{Value, json};

use super::UpError;
use crate::{
    fabric::parties::Kind,
    launch::published::Published,
    ledger::Ledger,
    node::{plan::DialPlan, wiring::NodeConnect},
    services::client::Client,
};

/// Who visits.
pub(super) struct Visitor<'a> {
    pub(super) user: &'a str,
    pub(super) password: &'a str,
    pub(super) project: &'a str,
}

impl Visitor<'_> {
    /// Resolves once everything published has served this user.
    pub(super) async fn visit(&self, ledger: &Ledger) -> Result<(), UpError> {
        let is_identity = |published: &&Published| published.service_type == "identity";
        let mut token = None;
        for published in ledger.published.iter().filter(is_identity) {
            let door = Door::to(published, ledger)?;
            door.expect(200, Request::get(published.version).body(Bytes::new())).await?;
            token = Some(self.log_in(&door).await?);
        }
        for published in ledger.published.iter().filter(|published| !is_identity(published)) {
            let door = Door::to(published, ledger)?;
            door.expect(200, Request::get(published.version).body(Bytes::new())).await?;
            let list = Request::get(format!("{}/servers/detail", published.version));
            let list = list.header("X-Auth-Token", token.as_deref().unwrap_or_default());
            door.expect(200, list.body(Bytes::new())).await?;
        }
        if let Some(page) = &ledger.login_page {
            let door = Door::to(page, ledger)?;
            door.expect(200, Request::get(page.version).body(Bytes::new())).await?;
        }
        Ok(())
    }

    async fn log_in(&self, door: &Door<'_>) -> Result<String, UpError> {
        let domain = json!({"name": "Default"});
        let body: Value = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user":
                {"name": self.user, "domain": domain, "password": self.password}}},
            "scope": {"project": {"name": self.project, "domain": domain}},
        }});
        let login = Request::post("/v3/auth/tokens").header(CONTENT_TYPE, "application/json");
        let response = door.expect(201, login.body(Bytes::from(body.to_string()))).await?;
        let token = response.headers().get("X-Subject-Token").and_then(|token| token.to_str().ok());
        token.map(str::to_owned).ok_or_else(|| door.silent(&"a login without a token"))
    }
}

/// A published service, as it is dialled.
struct Door<'a> {
    published: &'a Published,
    client: Client,
}

impl<'a> Door<'a> {
    fn to(published: &'a Published, ledger: &Ledger) -> Result<Self, UpError> {
        let fabric = &ledger.fabric;
        let registry = fabric.registry();
        let plan = DialPlan {
            entry: published.entry,
            source: registry.source(registry.draw_ip()),
            party: fabric.parties().add("outside/visitor", Kind::Honest),
            segment: None,
            tls: published
                .ca
                .as_deref()
                .map(|pem| trusting(published, pem))
                .transpose()
                .map_err(|why| silent(published, &why))?,
            authority: published.authority.clone(),
            header: None,
        };
        let connect = NodeConnect::new(&ledger.world(), &plan, Limits::default())
            .map_err(|error| silent(published, &error))?;
        Ok(Self { published, client: Client::new(connect, 0) })
    }

    async fn expect(
        &self,
        status: u16,
        request: Result<Request<Bytes>, hyper::http::Error>,
    ) -> Result<Response<Bytes>, UpError> {
        let request = request.map_err(|error| self.silent(&error))?;
        let path = request.uri().path().to_owned();
        let response = self.client.exchange(request, Arc::new(|| {})).await;
        let response = response.map_err(|error| self.silent(&error))?;
        if response.status() != status {
            return Err(self.silent(&format!("{} to {path}", response.status())));
        }
        Ok(response)
    }

    fn silent(&self, why: &impl ToString) -> UpError {
        silent(self.published, why)
    }
}

fn silent(published: &Published, why: &impl ToString) -> UpError {
    UpError::Silent { what: format!("{} {}", published.service_type, published.url()), why: why.to_string() }
}

/// Exactly the trust an outside client gets from `ca.pem`, for the name it uses.
fn trusting(published: &Published, pem: &str) -> Result<ClientSettings, String> {
    let root = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| error.to_string())?;
    Ok(ClientSettings::new(vec![root.to_vec()], Verification::Name, published.name.clone()))
}
