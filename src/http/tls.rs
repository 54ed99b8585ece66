//! The TLS configuration: trust roots, and the errors of certificates.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, Error, OtherError, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::error::ConfigError;

/// The largest file of trust roots that is read. Those of all public CAs together take a
/// quarter of a megabyte.
const LARGEST_BUNDLE: u64 = 8 << 20;

/// The trust roots of a client.
#[derive(Debug, Clone)]
pub(crate) enum Trust {
    /// No roots, for plain `http`. Nothing is read.
    Nobody,
    /// The roots of the system, or the bundled ones on a system without any; and additional ones.
    System {
        /// The additional roots.
        extra: Vec<CertificateDer<'static>>,
    },
}

impl Trust {
    pub(super) fn config(&self) -> Result<ClientConfig, ConfigError> {
        let no_trust = |error: Error| {
            let origin = configured_roots().map(|(name, path)| format!(" from {name} ({})", path.display()));
            ConfigError::setup(
                format!("TLS with the trust roots{}", origin.unwrap_or_default()),
                plain(&error),
            )
        };
        // The platform's reader would read a device without an end.
        if let (Self::System { .. }, Some((name, path))) = (self, configured_roots())
            && path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
            && has_no_end(&path)
        {
            return Err(ConfigError::file(&path, "a device without an end").at(name));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(no_trust)?;
        let Self::System { extra } = self else {
            return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
        };
        let extra = extra.iter().cloned();
        if let Some(mut roots) = bundle().or_else(|| bundled_roots(&provider)) {
            roots.add_parsable_certificates(extra);
            return Ok(builder.with_root_certificates(roots).with_no_client_auth());
        }
        let platform = Verifier::new_with_extra_roots(extra, provider).map_err(no_trust)?;
        Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(platform)).with_no_client_auth())
    }
}

/// Returns the text of an error without the names of the types that wrap it.
pub(super) fn plain(error: &Error) -> String {
    match error {
        Error::General(text) => text.clone(),
        Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => inner.to_string(),
        Error::InvalidCertificate(why) => why.to_string(),
        other => other.to_string(),
    }
}

/// Parses the certificates in a PEM text.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let invalid = |reason: String| ConfigError::invalid_secret("CA file", reason);
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| invalid(format!("not PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(invalid("no certificate in it (expected PEM with 'BEGIN CERTIFICATE')".into()));
    }
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots
            .add(certificate.clone())
            .map_err(|error| invalid(format!("a certificate in it cannot be a trust root: {error}")))?;
    }
    Ok(certificates)
}

/// Reads a file of trust roots, up to a limit: `/dev/zero` has no end.
pub(crate) fn read_bundle(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST_BUNDLE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns whether a file is longer than any with trust roots.
fn has_no_end(path: &Path) -> bool {
    let read = File::open(path).and_then(|file| io::copy(&mut file.take(LARGEST_BUNDLE), &mut io::sink()));
    read.is_ok_and(|read| read == LARGEST_BUNDLE)
}

/// The variable that configures the roots of the system, and its value.
fn configured_roots() -> Option<(&'static str, PathBuf)> {
    let set = |name: &'static str| Some((name, std::env::var_os(name)?.into()));
    set("SSL_CERT_FILE").or_else(|| set("SSL_CERT_DIR"))
}

/// Reads the file with all roots of the system, if there is one. Systems with OpenSSL also have a folder with
/// one file for each root, usually of the same ones; reading that takes six times as long. An unreadable file
/// counts as none, and the platform verifier then looks further.
#[cfg(all(unix, not(target_os = "android"), not(target_vendor = "apple")))]
fn bundle() -> Option<RootCertStore> {
    // The platform verifier reads a configured folder, and a file beside it.
    if std::env::var_os("SSL_CERT_DIR").is_some() {
        return None;
    }
    let file = match configured_roots() {
        Some((_, file)) => file,
        None => openssl_probe::probe().cert_file?,
    };
    let pem = read_bundle(&file).ok()?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
    (!roots.is_empty()).then_some(roots)
}

/// Other platforms verify certificates themselves.
#[cfg(not(all(unix, not(target_os = "android"), not(target_vendor = "apple"))))]
fn bundle() -> Option<RootCertStore> {
    None
}

/// The roots that come with the program, for a system without any. If a variable configures roots, no others
/// are trusted, even if these cannot be read.
#[cfg(feature = "bundled-roots")]
fn bundled_roots(provider: &Arc<CryptoProvider>) -> Option<RootCertStore> {
    let has_none = configured_roots().is_none() && Verifier::new(Arc::clone(provider)).is_err();
    has_none.then(|| RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
}

#[cfg(not(feature = "bundled-roots"))]
fn bundled_roots(_: &Arc<CryptoProvider>) -> Option<RootCertStore> {
    None
}
