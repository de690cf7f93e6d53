//! Whose certificates are believed: those that the system believes, and the operator's own.

use std::io;
use std::sync::Arc;

use thiserror::Error;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::{ClientConfig, Error as TlsError, RootCertStore};

/// Why nobody can be trusted.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The operator's file cannot be read.
    #[error("outbound.ca_file: {0}")]
    File(#[source] pem::Error),
    /// There is nothing in it that could be believed.
    #[error("outbound.ca_file holds no certificate that can be used")]
    Nothing,
    /// TLS does not know itself.
    #[error("tls: {0}")]
    Tls(#[from] TlsError),
}

/// Makes connections with hosts that prove who they are, by `ca_file`, if there is one, and the system's certificates.
pub(super) fn connector(ca_file: &str) -> Result<TlsConnector, TrustError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let (known, _unusable) = roots.add_parsable_certificates(system.certs);
    if !ca_file.is_empty() {
        let own = CertificateDer::pem_file_iter(ca_file).map_err(TrustError::File)?;
        let own: Vec<_> = own.collect::<Result<_, _>>().map_err(TrustError::File)?;
        let (added, _unusable) = roots.add_parsable_certificates(own);
        if added == 0 {
            return Err(TrustError::Nothing);
        }
    } else if known == 0 {
        tracing::warn!("the system trusts no certificates: requests to https addresses will fail");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What went wrong in a handshake, if it is about trust.
pub(super) fn is_about_trust(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<TlsError>())
}
