//! What the service, or whatever stands before it, says went wrong.

use serde_json::Value;

/// An error answer's own words, in any of the forms that this family of services uses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
}

impl Complaint {
    pub(super) fn read(body: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        match serde_json::from_slice(body) {
            Ok(Value::Object(said)) => {
                // IAM nests it: {"error": {"code", "message", "title"}}.
                let said = said.get("error").and_then(Value::as_object).unwrap_or(&said);
                let first = |names: &[&str]| names.iter().find_map(|name| said.get(*name).and_then(text));
                Self {
                    code: first(&["error_code", "errorCode", "errCode", "code"]),
                    message: first(&[
                        "error_msg",
                        "errorMsg",
                        "errorMessage",
                        "externalMessage",
                        "message",
                        "title",
                    ]),
                    request_id: first(&["request_id", "requestId"]),
                }
            }
            Ok(_) => Self::default(),
            Err(_) => Self { message: first_words(body), ..Self::default() },
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Of plain text the first line, of a page its title.
fn first_words(body: &[u8]) -> Option<String> {
    if body.trim_ascii_start().starts_with(b"<") {
        return title(body);
    }
    let text = std::str::from_utf8(body).ok()?;
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

/// The title of an HTML page.
pub(super) fn title(body: &[u8]) -> Option<String> {
    let page = String::from_utf8_lossy(body);
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(page[start..end].trim()).filter(|title| !title.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> (Option<String>, Option<String>) {
        let complaint = Complaint::read(body.as_bytes());
        (complaint.code, complaint.message)
    }

    #[test]
    fn every_form_of_the_family_is_read() {
        for body in [
            r#"{"error_code": "X.1", "error_msg": "no"}"#,
            r#"{"errorCode": "X.1", "errorMsg": "no"}"#,
            r#"{"errorCode": "X.1", "errorMessage": "no"}"#,
            r#"{"code": "X.1", "message": "no"}"#,
            r#"{"error": {"code": "X.1", "message": "no", "title": "t"}}"#,
            r#"{"errCode": "X.1", "externalMessage": "no"}"#,
            "\u{feff}{\"error_code\": \"X.1\", \"error_msg\": \" no \"}",
        ] {
            assert_eq!(said(body), (Some("X.1".into()), Some("no".into())), "{body}");
        }
        assert_eq!(said(r#"{"error": {"code": 401}}"#), (Some("401".into()), None));
    }

    #[test]
    fn the_gateways_request_id_is_read() {
        let complaint = Complaint::read(br#"{"error_code": "APIGW.0301", "request_id": "r-1"}"#);
        assert_eq!(complaint.request_id.as_deref(), Some("r-1"));
    }

    #[test]
    fn plain_text_and_pages_are_quoted_in_brief() {
        assert_eq!(said("\n upstream timed out \nmore"), (None, Some("upstream timed out".into())));
        assert_eq!(
            said("<html><head><TITLE lang=en>502 Bad\nGateway</TITLE></head>…"),
            (None, Some("502 Bad\nGateway".into()))
        );
        for empty in ["", "[]", "null", "<html>", "<title>", r#"{"error_msg": "  "}"#] {
            assert_eq!(said(empty), (None, None), "{empty}");
        }
        assert_eq!(Complaint::read(b"\xff\xfe"), Complaint::default());
    }
}
