//! Whose certificates are believed.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use crate::ConfigError;

/// The roots of trust.
#[derive(Debug, Clone)]
pub(super) enum Trust {
    /// For plain `http`: nobody, which costs nothing.
    Nobody,
    /// The system's roots, which take milliseconds to read, and these.
    SystemAnd(Vec<CertificateDer<'static>>),
}

impl Trust {
    pub(super) fn config(&self) -> Result<ClientConfig, ConfigError> {
        let no_trust = |error: rustls::Error| ConfigError::new(format!("no trust roots for https: {error}"));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(no_trust)?;
        Ok(match self {
            Self::Nobody => {
                builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
            }
            Self::SystemAnd(extra) => {
                let verifier =
                    Verifier::new_with_extra_roots(extra.iter().cloned(), provider).map_err(no_trust)?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
            }
        })
    }
}

/// The certificates in a PEM text.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| ConfigError::new(format!("it is no PEM text: {error}")))?;
    if certificates.is_empty() {
        return Err(ConfigError::new(
            "there is no certificate in it: it has to be PEM, with 'BEGIN CERTIFICATE'",
        ));
    }
    let mut roots = rustls::RootCertStore::empty();
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|error| {
            ConfigError::new(format!("a certificate in it cannot be a trust root: {error}"))
        })?;
    }
    Ok(certificates)
}
