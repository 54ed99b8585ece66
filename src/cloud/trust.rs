//! Whose certificates are believed.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::Verifier;

use crate::ConfigError;

/// The roots of trust.
#[derive(Debug, Clone)]
pub(super) enum Trust {
    /// For plain `http`: nobody, which costs nothing.
    Nobody,
    /// The system's roots, or those that came with the program where it has none; and these.
    SystemAnd(Vec<CertificateDer<'static>>),
}

impl Trust {
    pub(super) fn config(&self) -> Result<ClientConfig, ConfigError> {
        let no_trust = |error: Error| {
            let from = named().map(|(name, path)| format!(" in {name}, {}", path.display()));
            let from = from.unwrap_or_default();
            ConfigError::new(format!("no trust roots for https{from}: {}", plain(&error)))
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(no_trust)?;
        Ok(match self {
            Self::Nobody => builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
            Self::SystemAnd(extra) => {
                let roots = Roots::new(bundle(), extra, provider).map_err(no_trust)?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(roots)).with_no_client_auth()
            }
        })
    }
}

/// The text of an error without the names of the types that wrap it.
pub(super) fn plain(error: &Error) -> String {
    match error {
        Error::General(text) => text.clone(),
        Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => inner.to_string(),
        Error::InvalidCertificate(why) => why.to_string(),
        other => other.to_string(),
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
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|error| {
            ConfigError::new(format!("a certificate in it cannot be a trust root: {error}"))
        })?;
    }
    Ok(certificates)
}

/// The file in which the system keeps all its roots, where it is one that does.
///
/// OpenSSL's systems also have a folder with a file a root, most often of the same ones. To read that takes six times as
/// long, so that it is left for whom the file does not know.
#[cfg(all(unix, not(target_os = "android"), not(target_vendor = "apple")))]
fn bundle() -> Option<PathBuf> {
    match named() {
        Some(("SSL_CERT_FILE", file)) => Some(file),
        Some(_) => None,
        None => openssl_probe::probe().cert_file,
    }
}

/// The variable that says where the system's roots are, and what it says.
fn named() -> Option<(&'static str, PathBuf)> {
    let set = |name: &'static str| Some((name, std::env::var_os(name)?.into()));
    set("SSL_CERT_FILE").or_else(|| set("SSL_CERT_DIR"))
}

/// The system itself is asked, which reads none.
#[cfg(not(all(unix, not(target_os = "android"), not(target_vendor = "apple"))))]
fn bundle() -> Option<PathBuf> {
    None
}

/// Believes who is known to the system's bundle of roots; and of others, who is known to anything else that the system
/// has.
#[derive(Debug)]
struct Roots {
    bundle: Option<Arc<WebPkiServerVerifier>>,
    all: OnceLock<Arc<dyn ServerCertVerifier>>,
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Roots {
    /// # Errors
    ///
    /// When there are none.
    fn new(
        bundle: Option<PathBuf>,
        extra: &[CertificateDer<'static>],
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        // One that cannot be read is none: what else there is may do.
        let bundle = bundle.and_then(|file| CertificateDer::pem_file_iter(file).ok());
        roots.add_parsable_certificates(bundle.into_iter().flatten().flatten());
        let bundle = if roots.is_empty() {
            None
        } else {
            roots.add_parsable_certificates(extra.iter().cloned());
            Some(verifier(roots, &provider)?)
        };
        let roots = Self { bundle, all: OnceLock::new(), extra: extra.to_vec(), provider };
        if roots.bundle.is_none() {
            roots.all()?;
        }
        Ok(roots)
    }

    /// All that the system has, read when it is first needed.
    fn all(&self) -> Result<&dyn ServerCertVerifier, Error> {
        if let Some(all) = self.all.get() {
            return Ok(&**all);
        }
        let extra = self.extra.iter().cloned();
        let all: Arc<dyn ServerCertVerifier> = if let Some(mut roots) = in_place_of_none(&self.provider) {
            roots.add_parsable_certificates(extra);
            verifier(roots, &self.provider)?
        } else {
            Arc::new(Verifier::new_with_extra_roots(extra, Arc::clone(&self.provider))?)
        };
        Ok(&**self.all.get_or_init(|| all))
    }
}

fn verifier(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(provider))
        .build()
        .map_err(|error| Error::Other(OtherError(Arc::new(error))))
}

/// The roots that come with the program, on a system that has none.
#[cfg(feature = "bundled-roots")]
fn in_place_of_none(provider: &Arc<CryptoProvider>) -> Option<RootCertStore> {
    // Whoever names roots trusts no others, also when these cannot be read.
    let has_none = named().is_none() && Verifier::new(Arc::clone(provider)).is_err();
    has_none.then(|| RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
}

#[cfg(not(feature = "bundled-roots"))]
fn in_place_of_none(_: &Arc<CryptoProvider>) -> Option<RootCertStore> {
    None
}

impl ServerCertVerifier for Roots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let by = |roots: &dyn ServerCertVerifier| {
            roots.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        // A CA can have been renewed under its name, so that not only an unknown one may be known elsewhere.
        match self.bundle.as_deref().map(|bundle| by(bundle)) {
            Some(Ok(verified)) => Ok(verified),
            Some(Err(_)) | None => by(self.all()?),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
