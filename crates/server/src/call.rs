//! A request that has been read, and what its answer is made with.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use transload_api::Listed;
use transload_control::{Caller, ResourceId};

use crate::dispatch::{Params, render};
use crate::fault::Fault;
use crate::links::Links;
use crate::member::member_at;
use crate::query::Query;
use crate::routes::Route;

/// Where a request came from. Whoever listens puts it into the request's extensions; it is what the audit log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// A request of a known caller to a known route.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) route: &'static Route,
    pub(crate) method: Method,
    pub(crate) params: Params,
    /// The path as it was sent.
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) links: Links,
    /// Of open routes nobody.
    pub(crate) caller: Caller,
    pub(crate) now: OffsetDateTime,
}

impl Call {
    /// The id of the resource that `{last}` is the name of, its words in their own case.
    pub(crate) fn id(&self, last: &str) -> Result<ResourceId, Fault> {
        let text = render(self.route.template, &self.params, Some(last));
        ResourceId::parse(&text)
            .map_err(|error| Fault::bad("InvalidResourceName", error.to_string()).about(last))
    }

    /// The resource group that the path names, else the subscription.
    pub(crate) fn scope(&self) -> Result<ResourceId, Fault> {
        self.id(if self.params.find("group").is_some() { "group" } else { "subscription" })
    }

    /// The body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        read_json(&self.body)
    }

    /// The body as JSON; nothing at all is the empty form.
    pub(crate) fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Fault> {
        if self.body.iter().all(u8::is_ascii_whitespace) { Ok(T::default()) } else { self.json() }
    }

    /// A page of a list, and where the next one is.
    pub(crate) fn page<T: Serialize>(&self, value: Vec<T>, next: Option<&str>) -> Listed<T> {
        let next_link =
            next.map(|cursor| self.links.to(&format!("{}?{}", self.path, self.query.with_cursor(cursor))));
        Listed { value, next_link }
    }
}

/// JSON out of a body. What was sent is not repeated: it may be a secret.
pub(crate) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| {
        let member = Some(&error).filter(|error| error.is_data());
        let member = member.and_then(|error| member_at(body, error.line(), error.column()));
        let why = why(&error);
        let said = match &member {
            Some(member) => format!("at '{member}' {why}"),
            None => format!("{why} (line {}, column {})", error.line(), error.column()),
        };
        let text = format!("The request content was invalid and could not be deserialized: {said}.");
        let fault = Fault::bad("InvalidRequestContent", text);
        match member {
            Some(member) => fault.about(member),
            None => fault,
        }
    })
}

/// What was expected, in the words of whoever writes JSON.
fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
    if error.is_eof() {
        return "the text ends too early".to_owned();
    }
    if !error.is_data() {
        return "this is no JSON".to_owned();
    }
    if let Some(name) = text.strip_prefix("missing field ") {
        return format!("{} is missing", name.replace('`', "'"));
    }
    let Some(at) = text.rfind(", expected ") else { return "a value stands that cannot be".to_owned() };
    let expected = match &text[at + ", expected ".len()..] {
        "a sequence" => "a list",
        "a map" => "an object",
        words if words.starts_with("struct ") => "an object",
        words if words.len() <= 5 && words.starts_with(['i', 'u']) => "a whole number",
        words => words,
    };
    format!("{expected} was expected")
}

/// The body, if it is not too long.
pub(crate) async fn read_body(body: axum::body::Body, most: usize) -> Result<Bytes, Fault> {
    match Limited::new(body, most).collect().await {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Fault::new(
            http::StatusCode::PAYLOAD_TOO_LARGE,
            "RequestContentTooLarge",
            format!("The request content exceeds the maximum of {most} bytes."),
        )),
        Err(_) => Err(Fault::bad("InvalidRequestContent", "The request content broke off.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_not_repeated() {
        for text in [
            r#"{"value": ["planted, expected nothing"]}"#,
            r#"{"tags": "planted, expected a"}"#,
            r#""planted""#,
            r#"{"planted"#,
            r#"{planted: 1}"#,
            r#"{"attributes": {"enabled": "planted"}}"#,
        ] {
            let fault = read_json::<transload_api::secret::SecretChange>(text.as_bytes()).unwrap_err();
            assert!(!fault.message.contains("planted"), "{}", fault.message);
            assert_eq!(fault.code, "InvalidRequestContent");
        }
    }

    #[test]
    fn it_is_said_what_was_expected_and_where() {
        let fault = read_json::<transload_api::Pipeline>(br#"{"properties": {"options": "x"}}"#).unwrap_err();
        assert!(
            fault.message.ends_with(": at 'properties.options' a list was expected."),
            "{}",
            fault.message
        );
        assert_eq!(fault.target.as_deref(), Some("properties.options"));
        let fault = read_json::<transload_api::Vault>(br#"{"tags": {"a": "1", "z": 9}}"#).unwrap_err();
        assert!(fault.message.ends_with(": at 'tags.z' a string was expected."), "{}", fault.message);
        let fault = read_json::<transload_api::Vault>(b"{\"properties\": [1]}").unwrap_err();
        assert!(fault.message.ends_with(": at 'properties' an object was expected."), "{}", fault.message);
        let fault = read_json::<transload_api::Vault>(b"{\n\"tags\": }").unwrap_err();
        assert!(fault.message.ends_with(": this is no JSON (line 2, column 9)."), "{}", fault.message);
    }
}
