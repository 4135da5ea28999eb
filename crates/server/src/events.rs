//! Events of stores: that a blob was written. They only make a worker look at once; what it imports it finds by itself.

use std::collections::HashSet;

use http::header::HeaderName;
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use transload_api::event::{
    BLOB_CREATED, BlobData, CloudEvent, EventsTaken, GridEvent, SUBSCRIPTION_VALIDATION, ValidationAnswer,
};
use transload_control::resource::{Body, TriggerStatus, kind};
use transload_control::storage::{self, AccountUri};
use transload_control::{ResourceId, Role};

use crate::answer::Answer;
use crate::auth::bearer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::query::Query;

const ORIGIN: &str = "webhook-request-origin";
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");
/// How many pipelines are read at a time.
const PAGE: usize = 500;

/// A container that bundles are looked for in.
struct Watched {
    pipeline: ResourceId,
    /// Its URI in lower case with a slash at the end.
    prefix: String,
}

impl Face {
    /// Whether a request has the key of events, compared in a time that says nothing of it.
    pub(crate) fn has_event_key(&self, headers: &HeaderMap, query: &Query) -> bool {
        let Some(key) = &self.options.event_key else { return false };
        let named = headers.get("aeg-sas-key").and_then(|value| value.to_str().ok());
        let given = query.said("key").or(named).or_else(|| bearer(headers));
        let same = |given: &str| {
            aws_lc_rs::constant_time::verify_slices_are_equal(
                given.as_bytes(),
                key.expose_secret().as_bytes(),
            )
        };
        given.is_some_and(|given| same(given).is_ok())
    }

    /// Containers of pipelines whose trigger is on.
    async fn watched(&self) -> Result<Vec<Watched>, Fault> {
        let mut watched = Vec::new();
        let mut after = None;
        loop {
            let ledger = self.control.ledger();
            let scope = self.control.subscription();
            let page = ledger.list(&scope, kind::IMPORT_PIPELINE, after.as_deref(), PAGE).await?;
            for stored in page.items {
                if let Body::Pipeline(pipeline) = &stored.body
                    && pipeline.trigger == Some(TriggerStatus::Enabled)
                {
                    // a registered account has two names, and its store knows one of them
                    let uri = &pipeline.container.uri;
                    let suffix = &self.control.options().storage_suffix;
                    let account = storage::account_of(ledger, uri, suffix).await.ok().flatten();
                    let reached = account.zip(AccountUri::parse(uri, suffix));
                    let reached =
                        reached.map(|((_, account), named)| format!("{}/{}", account.endpoint, named.path));
                    for uri in [Some(uri), reached.as_ref()].into_iter().flatten() {
                        let prefix = format!("{}/", uri.trim_end_matches('/').to_ascii_lowercase());
                        watched.push(Watched { pipeline: stored.id.clone(), prefix });
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(watched);
            }
        }
    }
}

/// The handshake of web hooks of CloudEvents: whoever has the key says yes.
pub(crate) async fn allowed(face: &Face, call: &Call) -> Result<Answer, Fault> {
    may(face, call).await?;
    let origin = call.headers.get(ORIGIN).and_then(|value| value.to_str().ok());
    let answer = Answer::empty(StatusCode::OK);
    Ok(match origin {
        Some(origin) => answer.header(ALLOWED_ORIGIN, origin).header(ALLOWED_RATE, "*"),
        None => answer,
    })
}

/// Whoever comes with a token and not with the key has to be one who may start runs.
async fn may(face: &Face, call: &Call) -> Result<(), Fault> {
    if face.has_event_key(&call.headers, &call.query) {
        return Ok(());
    }
    Ok(face.control.allow(&call.caller, &face.control.subscription(), Role::Operator, "events/write").await?)
}

/// Takes events: one or many, of either schema.
pub(crate) async fn take(face: &Face, call: &Call) -> Result<Answer, Fault> {
    may(face, call).await?;
    let events = match call.json::<Value>()? {
        Value::Array(events) => events,
        event @ Value::Object(_) => vec![event],
        _ => return Err(Fault::bad("InvalidRequestContent", "An event or a list of events is expected.")),
    };
    let most = face.options.limits.events_max;
    if events.len() > most {
        return Err(Fault::bad("TooManyEvents", format!("At most {most} events are taken at once.")));
    }
    let mut urls = Vec::new();
    let mut ignored = 0;
    for event in events {
        match read(event) {
            Read::Question(code) => return Ok(Answer::ok(&ValidationAnswer { validation_response: code })),
            Read::Written(url) => urls.push(url),
            Read::Other => ignored += 1,
        }
    }
    let mut answer = EventsTaken { taken: 0, ignored };
    if !urls.is_empty() {
        let (taken, unwatched) = poke(face, &urls).await?;
        answer.taken = taken;
        answer.ignored += unwatched;
    }
    Ok(Answer::ok(&answer))
}

/// What an event says.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    /// Event Grid asks whether we want its events.
    Question(String),
    /// A blob was written: its URL.
    Written(String),
    /// Anything else.
    Other,
}

fn read(event: Value) -> Read {
    let (kind, data) = if event.get("specversion").is_some() {
        match serde_json::from_value::<CloudEvent>(event) {
            Ok(event) => (event.kind, event.data),
            Err(_) => return Read::Other,
        }
    } else {
        match serde_json::from_value::<GridEvent>(event) {
            Ok(event) => (event.event_type, event.data),
            Err(_) => return Read::Other,
        }
    };
    if kind == SUBSCRIPTION_VALIDATION {
        return match data.get("validationCode").and_then(Value::as_str) {
            Some(code) => Read::Question(code.to_owned()),
            None => Read::Other,
        };
    }
    let url = serde_json::from_value::<BlobData>(data).map(|data| data.url).unwrap_or_default();
    if kind == BLOB_CREATED && !url.is_empty() { Read::Written(url) } else { Read::Other }
}

/// Tells whoever watches; how many URLs somebody watches, and how many nobody.
async fn poke(face: &Face, urls: &[String]) -> Result<(usize, usize), Fault> {
    let watched = face.watched().await?;
    let (mut taken, mut unwatched) = (0, 0);
    let mut told = HashSet::new();
    for url in urls {
        let found: Vec<(&Watched, String)> =
            watched.iter().filter_map(|one| Some((one, blob_name(url, &one.prefix)?))).collect();
        if found.is_empty() {
            unwatched += 1;
            continue;
        }
        taken += 1;
        for (one, name) in found {
            if told.insert((one.pipeline.clone(), name.clone())) {
                face.control.ledger().poke(&one.pipeline, &name).await?;
            }
        }
    }
    Ok((taken, unwatched))
}

/// The name of the blob beneath a container, if the URL is of one.
fn blob_name(url: &str, prefix: &str) -> Option<String> {
    let url = url.split(['?', '#']).next()?;
    let head = url.get(..prefix.len())?;
    if !head.eq_ignore_ascii_case(prefix) {
        return None;
    }
    let name = percent_decode_str(&url[prefix.len()..]).decode_utf8().ok()?.into_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_schemas_are_read() {
        let data = json!({"api": "PutBlockList", "url": "https://a.blob.test/c/b"});
        let grid = json!({"id": "1", "eventType": BLOB_CREATED, "subject": "s", "data": data});
        let cloud =
            json!({"specversion": "1.0", "id": "1", "type": BLOB_CREATED, "source": "s", "data": data});
        assert_eq!(read(grid), Read::Written("https://a.blob.test/c/b".into()));
        assert_eq!(read(cloud), Read::Written("https://a.blob.test/c/b".into()));
        let question = json!({"eventType": SUBSCRIPTION_VALIDATION, "data": {"validationCode": "512d38b6"}});
        assert_eq!(read(question), Read::Question("512d38b6".into()));
    }

    #[test]
    fn whatever_else_comes_is_ignored() {
        let odd = [
            json!(null),
            json!(1),
            json!({}),
            json!({"eventType": 5}),
            json!({"eventType": BLOB_CREATED}),
            json!({"eventType": BLOB_CREATED, "data": {"url": 7}}),
            json!({"specversion": "1.0", "type": "x"}),
            json!({"eventType": SUBSCRIPTION_VALIDATION, "data": "x"}),
        ];
        for event in odd {
            assert_eq!(read(event), Read::Other);
        }
    }

    #[test]
    fn a_blob_is_beneath_its_container_whatever_the_case_of_that() {
        let prefix = "https://acct.blob.test/transfer/";
        assert_eq!(
            blob_name("https://Acct.blob.test/Transfer/a/My%20Blob?x=1", prefix).as_deref(),
            Some("a/My Blob")
        );
        assert_eq!(blob_name("https://acct.blob.test/transferred/b", prefix), None);
        assert_eq!(blob_name("https://acct.blob.test/transfer/", prefix), None);
        assert_eq!(blob_name("é", prefix), None);
    }
}
