//! Tests with the vectors of the official SDK's signer, with properties of the canonical form, and against
//! the SDK itself.

use std::process::Command;

use proptest::prelude::*;

use super::*;

const AK: &str = "AKEXAMPLE0000000001";
const SK: &str = "sKeXaMpLe00000000000000000000000000000001";
const HOST: (&str, &str) = ("Host", "gaussdb.cn-north-4.myhuaweicloud.com");
const DATE: (&str, &str) = ("X-Sdk-Date", "20260102T030405Z");
const PROJECT: (&str, &str) = ("X-Project-Id", "054e292c9880d4992f02c0196d3ea468");
const TYPE: (&str, &str) = ("Content-Type", "application/json");
const TOKEN: (&str, &str) = ("X-Security-Token", "gQpjbi1ub3J0aC00EXAMPLETOKEN==");
const ID: &str = "id=a9767ede-fe0f-4888-9003-e843a4c90514";

fn signed(query: &str, headers: &[(&str, &str)]) -> String {
    let path = "/v3/054e292c9880d4992f02c0196d3ea468/jobs";
    authorization(Signable { method: "GET", path, query, headers, body: b"" }, AK, SK)
}

#[test]
fn signatures_match_the_vectors_of_the_official_signer() {
    for (query, headers, names, signature) in [
        (
            ID,
            &[HOST, DATE][..],
            "host;x-sdk-date",
            "9ea34a2a069f22fe5bab419537f25a92c0aa511f5ac4ace115bb54f36d186c28",
        ),
        (
            ID,
            &[DATE, PROJECT, HOST, TYPE],
            "content-type;host;x-project-id;x-sdk-date",
            "ddb454f426b69c9709249ab19893d4416948ebbfc61bd83628cb7cfe1d73b4b1",
        ),
        (
            ID,
            &[TOKEN, DATE, PROJECT, HOST, TYPE],
            "content-type;host;x-project-id;x-sdk-date;x-security-token",
            "5a742ef1ec8c76d0b113121acc9c9ad5de7bc2006cba5fe3363c881afe2a922f",
        ),
        (
            "X-a=1&id=a%20b%2F%C3%BC~%2A",
            &[HOST, DATE],
            "host;x-sdk-date",
            "ca12455615040aa9e32967f6708baf596593d69ea9e0a49dc24c1bc42e78e272",
        ),
    ] {
        let expected = format!("SDK-HMAC-SHA256 Access={AK}, SignedHeaders={names}, Signature={signature}");
        assert_eq!(signed(query, headers), expected);
    }
}

#[test]
fn the_canonical_query_is_sorted_and_encoded() {
    for (query, canonical) in [
        ("", ""),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1&A=3", "A=3&a=1&a=2"),
        ("a", "a="),
        ("a=b=c&&", "a=b%3Dc"),
        ("a=x+y%2B", "a=x%20y%2B"),
        ("a=%zz%2", "a=%25zz%252"),
        ("a=%c3%bc~*", "a=%C3%BC~%2A"),
    ] {
        assert_eq!(canonical_query(query), canonical, "{query}");
    }
}

#[test]
fn the_canonical_path_ends_with_a_slash() {
    for (path, canonical) in
        [("", "/"), ("/", "/"), ("/a", "/a/"), ("/a/", "/a/"), ("/a b/%c3%bc+", "/a%20b/%C3%BC%2B/")]
    {
        assert_eq!(canonical_path(path), canonical, "{path}");
    }
}

proptest! {
    #[test]
    fn the_order_of_query_and_headers_does_not_change_the_signature(
        pairs in proptest::collection::vec(("[a-c]{1,2}", "[ -~]{0,5}"), 1..6),
    ) {
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value.as_bytes()))).collect();
        let mut reversed = pairs.clone();
        reversed.reverse();
        let (forward, backward) = (pairs.join("&"), reversed.join("&"));
        prop_assert_eq!(signed(&forward, &[HOST, DATE]), signed(&backward, &[DATE, HOST]));
    }

    #[test]
    fn encoded_bytes_decode_to_themselves(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let text = encoded(&bytes);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
        prop_assert_eq!(decoded(&text, Plus::IsSpace), bytes.clone());
        prop_assert_eq!(decoded(&text, Plus::IsPlus), bytes);
    }

    #[test]
    fn a_canonical_path_or_query_is_its_own_canonical_form(
        path in "(/[ -~]{0,8}){0,3}",
        query in "[ -~]{0,20}",
    ) {
        prop_assert_eq!(canonical_path(&canonical_path(&path)), canonical_path(&path));
        prop_assert_eq!(canonical_query(&canonical_query(&query)), canonical_query(&query));
    }

    #[test]
    fn a_changed_query_or_header_changes_the_signature(other in "[a-z0-9]{1,12}") {
        prop_assume!(other != "1");
        let plain = signed("a=1", &[HOST, DATE]);
        prop_assert_ne!(&plain, &signed(&format!("a={other}"), &[HOST, DATE]));
        prop_assert_ne!(&plain, &signed("a=1", &[("host", other.as_str()), DATE]));
    }
}

/// Compares a thousand random requests with the public Python SDK. Skipped, with a message, if the SDK is not
/// installed.
#[test]
fn the_public_sdk_computes_the_same_signatures() {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/sdk_signer.py");
    let Ok(run) = Command::new(python).arg(script).output() else {
        return skipped("there is no Python");
    };
    if run.status.code() == Some(77) {
        return skipped("huaweicloudsdkcore is not installed");
    }
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let lines = String::from_utf8(run.stdout).unwrap();
    let mut compared = 0;
    for line in lines.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| case[name].as_str().unwrap().to_owned();
        let headers: Vec<(String, String)> = serde_json::from_value(case["headers"].clone()).unwrap();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (method, path, query, body) = (text("method"), text("path"), text("query"), text("body"));
        let request = Signable {
            method: &method,
            path: &path,
            query: &query,
            headers: &headers,
            body: body.as_bytes(),
        };
        assert_eq!(authorization(request, &text("ak"), &text("sk")), text("authorization"), "{line}");
        compared += 1;
    }
    assert_eq!(compared, 1000);
}

#[expect(clippy::print_stderr, reason = "a skipped test should be visible")]
fn skipped(reason: &str) {
    eprintln!("skipped: the comparison with the public SDK's signer: {reason}");
}
