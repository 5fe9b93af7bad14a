//! The TLS side of plans: from names of authorities and identities to certificates, keys and trust.

use proxies::{
    caller::Application,
    forward::ClientCert,
    tls::{self, ClientSettings, ServerSettings, TicketKey, TicketKeys, Tickets, Verification},
};

use super::{LaunchError, plans::Drawing};
use crate::architecture::{
    AuthorityId, DialTls, IdentityId, Listener, Protocol, Resumption, TlsVersion, Verify,
};

impl Drawing<'_> {
    /// How a dial opens TLS.
    pub(super) fn client_settings(&self, tls: &DialTls) -> ClientSettings {
        let verification = match tls.verify {
            Verify::Name => Verification::Name,
            Verify::Chain => Verification::Chain,
            Verify::Off => Verification::Off,
        };
        let settings = ClientSettings::new(self.roots(&tls.trust), verification, tls.server_name.clone());
        match tls.identity {
            Some(identity) => settings.presenting(self.pki.identity(identity).clone()),
            None => settings,
        }
    }

    /// How a listener ends TLS; `None` = clear.
    pub(super) fn server_settings(&self, listener: &Listener) -> Result<Option<ServerSettings>, LaunchError> {
        let Some(identity) = listener.identity else { return Ok(None) };
        let mut settings = ServerSettings::new(self.pki.identity(identity).clone());
        settings.groups.clone_from(&listener.groups);
        settings.resumption = resumption(listener.resumption)?;
        settings.versions = listener.versions.iter().map(|version| tls_version(*version)).collect();
        settings.client_auth = listener.client_auth.as_ref().map(|auth| tls::ClientAuth {
            roots: self.roots(&auth.trust),
            required: auth.required,
            allow: auth.allow.as_ref().map(|allowed| self.names(allowed)),
        });
        if listener.protocol == Protocol::Http {
            settings.application = vec![Application::Http2, Application::Http1];
        }
        Ok(Some(settings))
    }

    /// Whether a proxy's listener tells the service who called.
    pub(super) fn client_cert(&self, listener: &Listener) -> Option<ClientCert> {
        let said = listener.client_cert.as_ref()?;
        Some(ClientCert { accept_from: self.names(&said.accept_from) })
    }

    fn roots(&self, trust: &[AuthorityId]) -> Vec<Vec<u8>> {
        trust.iter().map(|id| self.pki.authority(*id).der().to_vec()).collect()
    }

    /// Every name in some certificates.
    fn names(&self, identities: &[IdentityId]) -> Vec<String> {
        identities.iter().flat_map(|id| self.architecture[*id].names.clone()).collect()
    }
}

fn resumption(resumption: Resumption) -> Result<tls::Resumption, LaunchError> {
    let tickets = if resumption.tickets {
        Tickets::Sealed(TicketKeys::new(TicketKey::draw()?))
    } else {
        Tickets::default()
    };
    Ok(tls::Resumption { session_ids: resumption.session_ids, tickets })
}

fn tls_version(version: TlsVersion) -> tls::TlsVersion {
    match version {
        TlsVersion::Tls12 => tls::TlsVersion::Tls12,
        TlsVersion::Tls13 => tls::TlsVersion::Tls13,
    }
}
