//! The built binary as a child process, and a server that misbehaves to order.

pub mod child;
pub mod schema;
pub mod server;
#[cfg(unix)]
pub mod terminal;
pub mod tls;

/// A secret as the user info of a URL holds it.
pub fn in_a_url(secret: &str) -> String {
    secret.replace('/', "%2F").replace('=', "%3D")
}

/// The ID and the answers of the documented example.
pub const ID: &str = "31b8ae23-c687-4d80-b7b4-42a66c9bb886";
pub const PROJECT: &str = "054e292c9880d4992f02c0196d3ea468";

/// A secret that must turn up nowhere, nor any beginning of it. Every run of the child looks for it. As long as a text
/// that is cut, and with what JSON escapes.
pub const CANARY: &str = "MIIEcanary/TokenThatMustNeverBeSeenAnywhere==0123456789/\
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\
    cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

/// The documented success example, byte for byte.
pub const SUCCESS: &str = include_str!("../../src/cloud/response/success.json");

/// The documented not-found answer.
pub const NOT_FOUND: &str = r#"{"error_code":"DBS.200543","error_msg":"The job does not exist."}"#;

/// The example as it was while it ran.
pub fn running(process: &str) -> String {
    SUCCESS
        .replace(r#""Completed""#, r#""Running""#)
        .replace(r#""process": """#, &format!(r#""process": "{process}""#))
        .replace(r#""2018-08-06T16:41:14+0000""#, r#""""#)
}

pub fn failed(reason: &str) -> String {
    SUCCESS
        .replace(r#""Completed""#, r#""Failed""#)
        .replace(r#""process": """#, &format!(r#""process": "", "fail_reason": "{reason}""#))
}

/// A job object with these fields, whatever they are.
pub fn job(fields: &str) -> String {
    format!(r#"{{"job": {{"id": "{ID}", {fields}}}}}"#)
}
