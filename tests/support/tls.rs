//! A TLS server with certificates of a CA of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The defect of the server's certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    Nothing,
    Name,
    Expired,
    NotYetValid,
    /// The certificate is a CA's.
    Ca,
    /// The certificate is right, and the server demands one of the client.
    DemandsCertificate,
    /// The server refuses the versions of TLS that the client offers.
    OldProtocol,
}

pub struct TlsServer {
    pub url: String,
    /// The CA's certificate, as PEM, in a file.
    pub ca: PathBuf,
    pub ca_pem: String,
    pub ca_key_pem: String,
}

/// Starts a server for `localhost` that answers every request with these bytes.
pub fn serve(wrong: Wrong, answer: Vec<u8>) -> TlsServer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "a CA of the tests");
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();

    let name = if wrong == Wrong::Name { "other.example" } else { "localhost" };
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let year = |year| rcgen::date_time_ymd(year, 1, 1);
    match wrong {
        Wrong::Expired => (params.not_before, params.not_after) = (year(2001), year(2002)),
        Wrong::NotYetValid => (params.not_before, params.not_after) = (year(2098), year(2099)),
        Wrong::Ca => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        Wrong::Nothing | Wrong::Name | Wrong::DemandsCertificate | Wrong::OldProtocol => {}
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &ca).unwrap();

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if wrong == Wrong::DemandsCertificate {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ca.der().clone()).unwrap();
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let config = builder
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let config = Arc::new(config);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (config, answer) = (Arc::clone(&config), answer.clone());
            thread::spawn(move || {
                if wrong == Wrong::OldProtocol {
                    // Such a server answers the first message with the alert protocol_version.
                    let mut stream = stream.unwrap();
                    let _ = stream.read(&mut [0; 1024]);
                    let _ = stream.write_all(&[21, 3, 1, 0, 2, 2, 70]);
                    return;
                }
                let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream.unwrap());
                let mut head = Vec::new();
                let mut byte = [0];
                while matches!(tls.read(&mut byte), Ok(1)) {
                    head.push(byte[0]);
                    if head.ends_with(b"\r\n\r\n") {
                        let _ = tls.write_all(&answer).and_then(|()| tls.flush());
                        head.clear();
                    }
                }
            });
        }
    });
    let ca_pem = ca.pem();
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("jobwait-ca-{}-{port}.pem", std::process::id()));
    std::fs::write(&path, &ca_pem).unwrap();
    TlsServer {
        url: format!("https://localhost:{port}"),
        ca: path,
        ca_pem,
        ca_key_pem: ca.key().serialize_pem(),
    }
}
