//! Asking clients for a certificate, and whose is taken.
//!
//! ```text
//!   no certificate, required        certificate_required
//!   not from a trusted authority    unknown_ca
//!   not meant for clients           unsupported_certificate
//!   carries none of the names       access_denied
//! ```
//!
//! A TLS 1.3 client has finished its side before it is judged, so it meets the alert when it first reads.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, UnixTime},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use serde::{Deserialize, Serialize};

use super::{PeerCertificate, TlsError, trusted};

/// Which clients a server takes, as plain values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAuth {
    /// Authorities whose client certificates are taken, DER.
    pub roots: Vec<Vec<u8>>,
    /// Is a client without a certificate refused? One that presents a bad certificate always is.
    pub required: bool,
    /// DNS names of which the certificate must carry one; `None` takes any the authorities issued.
    pub allow: Option<Vec<String>>,
}

pub(super) fn verifier(
    auth: &ClientAuth,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut builder = WebPkiClientVerifier::builder_with_provider(trusted(&auth.roots)?, provider);
    if !auth.required {
        builder = builder.allow_unauthenticated();
    }
    let chain = builder.build().map_err(|error| TlsError::Settings(format!("client trust: {error}")))?;
    Ok(match &auth.allow {
        None => chain,
        Some(names) => Arc::new(Named { chain, names: names.clone() }),
    })
}

/// Tells servers apart by the callers they take.
pub(super) fn digest(auth: Option<&ClientAuth>) -> [u8; SHA256_OUTPUT_LEN] {
    let mut digest = Context::new(&SHA256);
    let mut part = |bytes: &[u8]| {
        digest.update(&bytes.len().to_be_bytes());
        digest.update(bytes);
    };
    if let Some(ClientAuth { roots, required, allow }) = auth {
        part(&[u8::from(*required), u8::from(allow.is_some())]);
        // How many roots: where they end and names begin.
        part(&roots.len().to_be_bytes());
        for root in roots {
            part(root);
        }
        for name in allow.iter().flatten() {
            part(name.as_bytes());
        }
    }
    let mut told = [0; SHA256_OUTPUT_LEN];
    told.copy_from_slice(digest.finish().as_ref());
    told
}

/// The chain first, then the names: a name says nothing until somebody trusted vouched for it.
#[derive(Debug)]
struct Named {
    chain: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl ClientCertVerifier for Named {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        if PeerCertificate::new(end_entity.to_vec()).carries_one_of(&self.names) {
            return Ok(verified);
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.chain.client_auth_mandatory()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
