//! One of the two registries, and what it answers in words that can be compared.

use serde_json::Value;
use transload_testkit::peers::{Answer, Endpoint};

use crate::contents::Contents;
use crate::script::Step;

/// Headers that clients go by.
const HEADERS: [&str; 11] = [
    "content-type",
    "content-length",
    "content-range",
    "docker-content-digest",
    "docker-distribution-api-version",
    "link",
    "location",
    "oci-filters-applied",
    "oci-subject",
    "oci-tag",
    "range",
];

pub(crate) struct Side<'a> {
    endpoint: &'a Endpoint,
    /// Path of the upload session that was spoken of last.
    session: String,
}

impl<'a> Side<'a> {
    pub(crate) fn new(endpoint: &'a Endpoint) -> Self {
        Self { endpoint, session: "/no-session".to_owned() }
    }

    /// Does the step; gives status, code, headers and body, each under its name.
    pub(crate) fn run(&mut self, step: &Step, contents: &Contents) -> Vec<(&'static str, String)> {
        let mut path = contents.fill(step.path);
        if let Some(query) = path.strip_prefix("{session}") {
            // a session's path may have a query of its own
            let query =
                if self.session.contains('?') { query.replacen('?', "&", 1) } else { query.to_owned() };
            path = format!("{}{query}", self.session);
        }
        let body = if step.body.is_empty() { b"".as_slice() } else { contents.bytes(step.body) };
        let media_type = contents_type(step, contents);
        let mut headers: Vec<(&str, &str)> = step.headers.to_vec();
        headers.extend(media_type.as_deref().map(|media_type| ("Content-Type", media_type)));
        let ask = || self.endpoint.request(step.method, &path, &headers, body);
        // the twin may close a connection on a body that it does not want, and its answer is lost; then it has done nothing
        let answer = (0..5).fold(ask(), |answer, _| if answer.is_err() { ask() } else { answer });
        let answer = answer
            .unwrap_or_else(|error| panic!("{} {path} at {}: {error}", step.method, self.endpoint.url()));
        if let Some(location) = answer.header("location")
            && location.contains("/blobs/uploads/")
        {
            self.session = location.trim_start_matches(&self.endpoint.url()).to_owned();
        }
        self.fields(&answer, contents)
    }

    fn fields(&self, answer: &Answer, contents: &Contents) -> Vec<(&'static str, String)> {
        let refused = answer.status >= 400;
        let mut fields = vec![("status", answer.status.to_string())];
        if refused {
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            fields.push(("code", body["errors"][0]["code"].as_str().unwrap_or("none").to_owned()));
        } else {
            fields.push(("body", contents.name(&in_order(answer.text().trim()))));
        }
        // of a refusal only the headers that help to go on
        let telling = ["content-range", "location", "range"];
        let wanted = |name: &&str| match *name {
            // the body is compared itself
            "content-length" => !refused && answer.body.is_empty(),
            name => !refused || telling.contains(&name),
        };
        for name in HEADERS.into_iter().filter(wanted) {
            let value = answer.header(name).unwrap_or("none").trim_start_matches(&self.endpoint.url());
            fields.push((name, contents.name(&without_session(value))));
        }
        fields
    }
}

fn contents_type(step: &Step, contents: &Contents) -> Option<String> {
    let said = step.headers.iter().any(|(name, _)| *name == "Content-Type");
    let wanted = step.method == "PUT" && step.path.contains("/manifests/") && !said;
    wanted.then(|| contents.media_type(step.body)).flatten()
}

/// A list of tags in lexical order: the twin gives them in its file system's.
fn in_order(body: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    let Some(tags) = value.get_mut("tags").and_then(Value::as_array_mut) else { return body.to_owned() };
    tags.sort_by_key(Value::to_string);
    value.to_string()
}

/// Without the id and the state of an upload session.
fn without_session(location: &str) -> String {
    match location.split_once("/blobs/uploads/") {
        Some((before, _)) => format!("{before}/blobs/uploads/<id>"),
        None => location.to_owned(),
    }
}
