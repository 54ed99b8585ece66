//! SDK-HMAC-SHA256, the signature of Huawei Cloud's API gateway. Pure: the date is an argument.
//!
//! ```text
//! CanonicalRequest = METHOD \n URI \n Query \n Headers \n SignedHeaders \n hex(sha256(body))
//! StringToSign     = "SDK-HMAC-SHA256" \n X-Sdk-Date \n hex(sha256(CanonicalRequest))
//! Signature        = hex(hmac-sha256(secret key, StringToSign))
//! ```

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use ring::{digest, hmac};

const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// The signed parts of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signable<'a> {
    pub(crate) method: &'a str,
    /// The path as it is sent.
    pub(crate) path: &'a str,
    /// The query as it is sent.
    pub(crate) query: &'a str,
    /// The headers, with names in any case and order, including `X-Sdk-Date`.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// Returns the value of the header `Authorization`.
pub(crate) fn authorization(request: Signable<'_>, access_key: &str, secret_key: &str) -> String {
    let headers = canonical_headers(request.headers);
    let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let date = headers.iter().find(|(name, _)| name == "x-sdk-date").map_or("", |(_, value)| value.as_str());
    let to_sign = format!("{ALGORITHM}\n{date}\n{}", sha256(canonical(request, &headers, &names).as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret_key.as_bytes());
    let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
    format!("{ALGORITHM} Access={access_key}, SignedHeaders={names}, Signature={signature}")
}

fn canonical(request: Signable<'_>, headers: &[(String, String)], names: &str) -> String {
    let mut text =
        format!("{}\n{}\n{}\n", request.method, canonical_path(request.path), canonical_query(request.query));
    for (name, value) in headers {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{name}:{value}");
    }
    let _ = write!(text, "\n{names}\n{}", sha256(request.body));
    text
}

fn canonical_headers(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    headers.sort();
    headers
}

/// Decodes and re-encodes a path, and adds a `/` at the end. Only the canonical form has it, not the request.
fn canonical_path(path: &str) -> String {
    let path = decoded(path, Plus::IsPlus);
    let mut path = path.split(|&byte| byte == b'/').map(encoded).collect::<Vec<_>>().join("/");
    if !path.ends_with('/') {
        path.push('/');
    }
    path
}

/// Sorts a query by name, then by value.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name, Plus::IsSpace), decoded(value, Plus::IsSpace)))
        .collect();
    pairs.sort();
    pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// The meaning of `+`. In a query it is a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    IsPlus,
    IsSpace,
}

/// Decodes percent-encoded text. A `%` without two hexadecimal digits stands for itself.
pub(crate) fn decoded(text: &str, plus: Plus) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(nibble(*high) << 4 | nibble(*low));
                rest = after;
            }
            (b'+', _) if plus == Plus::IsSpace => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    bytes
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.to_ascii_lowercase() - b'a' + 10,
    }
}

/// Percent-encodes all bytes except those that RFC 3986 calls unreserved.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// Returns a digest in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
