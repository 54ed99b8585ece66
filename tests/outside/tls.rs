//! Cases T5 to T7: certificates.

use std::fs;

use super::support::SUCCESS;
use super::support::child::at;
use super::support::messages::RETRY;
use super::support::server::{Server, answer, raw};
use super::support::tls::{Wrong, serve};

/// Covers T5.
#[test]
fn a_certificate_of_an_unknown_ca_is_rejected_at_once() {
    let server = serve(Wrong::Nothing, raw(200, "", SUCCESS.as_bytes()));
    let ended = at(&server.url).run().expect(125, "the certificate of localhost");
    assert!(ended.stderr.contains("--ca-cert") && !ended.stderr.contains(RETRY), "{ended:?}");
}

/// Covers T5.
#[test]
fn a_certificate_for_another_host_or_time_is_rejected_at_once() {
    for (wrong, said) in
        [(Wrong::Name, "not valid for"), (Wrong::Expired, "expired"), (Wrong::NotYetValid, "not valid yet")]
    {
        let server = serve(wrong, raw(200, "", SUCCESS.as_bytes()));
        let ended = at(&server.url).args(["--ca-cert", server.ca.to_str().unwrap()]).run().expect(125, said);
        assert!(ended.stderr.contains("clock") && !ended.stderr.contains(RETRY), "{ended:?}");
    }
}

/// Covers T5.
#[test]
fn a_ca_certificate_as_a_server_certificate_is_reported_as_such() {
    let server = serve(Wrong::Ca, raw(200, "", SUCCESS.as_bytes()));
    let ended = at(&server.url).args(["--ca-cert", server.ca.to_str().unwrap()]).run();
    ended.expect(
        125,
        "is not trusted: it belongs to a CA itself (the server needs one that is issued by that CA)",
    );
}

#[test]
fn a_ca_is_trusted_by_option_and_by_variable() {
    let server = serve(Wrong::Nothing, raw(200, "", SUCCESS.as_bytes()));
    let ca = server.ca.to_str().unwrap();
    at(&server.url).args(["--ca-cert", ca]).run().expect(0, "completed");
    at(&server.url).env("OS_CACERT", ca).run().expect(0, "completed");
    at(&server.url).env("JOBWAIT_CA_CERT", ca).run().expect(0, "completed");
    at(&server.url).env("SSL_CERT_FILE", ca).run().expect(0, "completed");
}

#[test]
fn a_ca_in_the_systems_folder_is_trusted() {
    let server = serve(Wrong::Nothing, raw(200, "", SUCCESS.as_bytes()));
    let other = serve(Wrong::Nothing, Vec::new());
    let folder = server.ca.with_extension("folder");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(&server.ca, folder.join("ca.pem")).unwrap();
    let folder = folder.to_str().unwrap();
    let system = |file: &str| at(&server.url).env("SSL_CERT_FILE", file).env("SSL_CERT_DIR", folder);
    let other = other.ca.to_str().unwrap();
    system(other).run().expect(0, "completed");
    system("/dev/null").run().expect(0, "completed");
    system(other).args(["--ca-cert", other]).run().expect(0, "completed");
    at(&server.url).env("SSL_CERT_DIR", folder).run().expect(0, "completed");
    at(&server.url).env("SSL_CERT_FILE", other).run().expect(125, "the certificate of localhost");
    fs::remove_dir_all(folder).unwrap();
}

/// Covers T6.
#[test]
fn without_a_system_trust_store_only_https_needs_ca_cert() {
    let server = serve(Wrong::Nothing, raw(200, "", SUCCESS.as_bytes()));
    let without = |url: &str| at(url).env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", "/nowhere");
    // With roots of its own choice a process trusts no others, not even the bundled ones.
    without(&server.url)
        .run()
        .expect(2, "cannot set up TLS with the trust roots from SSL_CERT_FILE (/dev/null): ");
    without(&server.url).args(["--ca-cert", server.ca.to_str().unwrap()]).run().expect(0, "completed");
    let plain = Server::acts([answer(200, SUCCESS)]);
    without(&plain.url()).run().expect(0, "completed");
}

/// Covers T7.
#[test]
fn a_ca_file_without_a_certificate_is_rejected_by_name() {
    let server = serve(Wrong::Nothing, Vec::new());
    let der = server.ca_pem.replace("-----", "");
    let garbled = server.ca_pem.replacen('M', "*", 1);
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("jobwait-bad-ca-{}", std::process::id()));
    let shown = path.to_str().unwrap().to_owned();
    for bad in ["", "hello", &server.ca_key_pem, &der, &garbled, "\u{0}\u{1}0\u{82}"] {
        fs::write(&path, bad).unwrap();
        let ended =
            at(&server.url).args(["--ca-cert", &shown]).run().expect(2, &format!("--ca-cert: {shown}: "));
        assert!(ended.stdout.is_empty() && !ended.stderr.contains("PRIVATE KEY-----\n"), "{ended:?}");
    }
    fs::remove_file(&path).unwrap();
    at(&server.url).args(["--ca-cert", &shown]).run().expect(2, "No such file");
    at(&server.url)
        .env("OS_CACERT", &shown)
        .run()
        .expect(2, &format!("OS_CACERT: cannot read {shown}: No such file"));
}
