//! What is told of a request after it ended.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, Method, Uri, header};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use url::form_urlencoded;

/// Keys of a query that can be shown. Others may hold a secret: `state` and tokens do.
const SHOWN_KEYS: [&str; 8] = ["digest", "mount", "from", "n", "last", "artifactType", "scope", "service"];
/// Longest path, query or name of a program that is told of whole.
const TEXT_CHARS: usize = 1024;
/// RFC 3339, in UTC.
const TIME: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Gets to know of each request after it ended.
pub trait AccessLog: fmt::Debug + Send + Sync {
    /// Takes a record. It is called where requests are served, so it must not wait: a log that cannot keep up drops
    /// records and counts them.
    fn record(&self, record: Record);
}

/// One request, ended. `Display` is a line of text, `Serialize` an object; neither has a secret in it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Record {
    /// When its head had come.
    pub at: SystemTime,
    /// Who connected.
    pub peer: SocketAddr,
    /// Who that was, if it was asked and shown.
    pub user: Option<String>,
    /// What was asked for.
    pub asked: Asked,
    /// HTTP status of the answer; `None` when the client went away before there was one.
    pub status: Option<u16>,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// Bytes of the request's body that were read.
    pub bytes_in: u64,
    /// From the head to the last byte of the answer.
    pub took: Duration,
    /// The request's id.
    pub id: Arc<str>,
    /// Whether the answer was given whole.
    pub is_complete: bool,
}

/// What was asked for, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asked {
    /// HTTP method.
    pub method: Method,
    /// Path, and of the query what is known to be safe.
    pub target: String,
    /// The client's program, as it calls itself.
    pub user_agent: Option<String>,
}

impl Asked {
    pub(super) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let agent = headers.get(header::USER_AGENT);
        Self {
            method: method.clone(),
            target: target(uri),
            user_agent: agent.map(|agent| shortened(&String::from_utf8_lossy(agent.as_bytes()))),
        }
    }
}

/// `TIME PEER USER "METHOD TARGET" STATUS in=BYTES out=BYTES ms=MILLISECONDS id=ID "USER AGENT"`, and ` cut` where the
/// answer was not given whole. What is not known is `-`.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_deref().map_or_else(|| "-".to_owned(), word);
        let status = self.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        let agent = self.asked.user_agent.as_deref().unwrap_or("-");
        write!(
            f,
            "{} {} {user} \"{} {}\" {status} in={} out={} ms={:.1} id={} {agent:?}",
            time_text(self.at),
            self.peer,
            self.asked.method,
            self.asked.target,
            self.bytes_in,
            self.bytes_out,
            self.took.as_secs_f64() * 1e3,
            self.id,
        )?;
        if self.is_complete { Ok(()) } else { f.write_str(" cut") }
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Record", 12)?;
        object.serialize_field("time", &time_text(self.at))?;
        object.serialize_field("peer", &self.peer)?;
        object.serialize_field("user", &self.user)?;
        object.serialize_field("method", self.asked.method.as_str())?;
        object.serialize_field("target", &self.asked.target)?;
        object.serialize_field("status", &self.status)?;
        object.serialize_field("bytes_in", &self.bytes_in)?;
        object.serialize_field("bytes_out", &self.bytes_out)?;
        object.serialize_field("duration_seconds", &self.took.as_secs_f64())?;
        object.serialize_field("user_agent", &self.asked.user_agent)?;
        object.serialize_field("request_id", &*self.id)?;
        object.serialize_field("complete", &self.is_complete)?;
        object.end()
    }
}

fn target(uri: &Uri) -> String {
    let mut target = uri.path().to_owned();
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let shown: Vec<_> = pairs.filter(|(key, _)| SHOWN_KEYS.contains(&key.as_ref())).collect();
    if !shown.is_empty() {
        target.push('?');
        target.push_str(&form_urlencoded::Serializer::new(String::new()).extend_pairs(shown).finish());
    }
    shortened(&target)
}

/// One word of text: nobody's name may make a line of the log mean something else.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.@:/+".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("{text:?}") }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn time_text(at: SystemTime) -> String {
    // a clock outside of the years 0 to 9999
    OffsetDateTime::from(at).format(TIME).unwrap_or_else(|_| "-".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(uri: &str, agent: &str) -> Record {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, agent.parse().unwrap());
        Record {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            peer: ([127, 0, 0, 1], 50_000).into(),
            user: None,
            asked: Asked::of(&Method::GET, &uri.parse().unwrap(), &headers),
            status: Some(200),
            bytes_out: 525,
            bytes_in: 0,
            took: Duration::from_micros(1250),
            id: "7f".into(),
            is_complete: true,
        }
    }

    #[test]
    fn a_record_is_a_line() {
        assert_eq!(
            record("/v2/a/manifests/v1", "skopeo/1.9.3").to_string(),
            "2023-11-14T22:13:20.123Z 127.0.0.1:50000 - \"GET /v2/a/manifests/v1\" 200 in=0 out=525 ms=1.2 id=7f \
             \"skopeo/1.9.3\""
        );
        let broken = Record {
            user: Some("a \"b\"".into()),
            status: None,
            is_complete: false,
            ..record("/v2/", "x\" 200 \"")
        };
        assert_eq!(
            broken.to_string(),
            "2023-11-14T22:13:20.123Z 127.0.0.1:50000 \"a \\\"b\\\"\" \"GET /v2/\" - in=0 out=525 ms=1.2 id=7f \
             \"x\\\" 200 \\\"\" cut"
        );
    }

    #[test]
    fn a_record_is_an_object() {
        let value = serde_json::to_value(record("/v2/_catalog?n=5", "curl")).unwrap();
        let expected = serde_json::json!({
            "time": "2023-11-14T22:13:20.123Z", "peer": "127.0.0.1:50000", "user": null, "method": "GET",
            "target": "/v2/_catalog?n=5", "status": 200, "bytes_in": 0, "bytes_out": 525,
            "duration_seconds": 0.00125, "user_agent": "curl", "request_id": "7f", "complete": true,
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn of_a_query_only_what_is_known_is_shown() {
        let shown = |uri: &str| target(&uri.parse().unwrap());
        assert_eq!(
            shown(
                "/token?scope=repository:a:pull&refresh_token=s3cret&service=x&_state=s3cret&access%5Ftoken=s3cret"
            ),
            "/token?scope=repository%3Aa%3Apull&service=x"
        );
        assert_eq!(shown("/v2/a/blobs/uploads/7?state=s3cret"), "/v2/a/blobs/uploads/7");
        assert!(shown(&format!("/v2/{}", "a".repeat(5000))).len() < 1100);
    }
}
