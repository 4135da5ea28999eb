//! Asking a site, as its administrator.

use serde_json::Value;

use super::{DOMAIN, Site};
use crate::peers::Answer;

/// The version of the API that is asked for where a test has no other in mind.
const API_VERSION: &str = "2019-12-01-preview";

impl Site {
    /// A token of the administrator's, asked for once.
    pub fn token(&self) -> String {
        self.token_for(&self.url())
    }

    /// The same for secrets.
    fn secrets_token(&self) -> String {
        self.token_for(&format!("https://vault.{DOMAIN}:{}", self.port))
    }

    fn token_for(&self, audience: &str) -> String {
        let mut kept = self.tokens.lock();
        let admin = self.admin();
        kept.entry(audience.to_owned())
            .or_insert_with(|| self.sign_in(&admin.client_id, &admin.secret, audience))
            .clone()
    }

    /// A token of some principal for this audience; panics when there is none.
    pub fn sign_in(&self, client_id: &str, secret: &str, audience: &str) -> String {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
            encode(client_id),
            encode(secret),
            encode(&format!("{audience}/.default"))
        );
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let path = format!("/{}/oauth2/v2.0/token", self.admin().tenant);
        let answer = self.endpoint().request("POST", &path, &headers, form.as_bytes()).expect("it answers");
        assert_eq!(answer.status, 200, "signing in: {}", answer.text());
        let body: Value = serde_json::from_slice(&answer.body).expect("a token's answer is JSON");
        body["access_token"].as_str().expect("there is a token in it").to_owned()
    }

    /// Asks as the administrator. A path without an api-version gets one.
    ///
    /// # Errors
    /// What the connection brings: the server may be dead.
    pub fn try_ask(&self, method: &str, path: &str, body: &Value) -> std::io::Result<Answer> {
        // what opens resources opens no secrets, and the other way round
        let token = if path.starts_with("/vaults/") { self.secrets_token() } else { self.token() };
        let bearer = format!("Bearer {token}");
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = if path.contains("api-version=") {
            path.to_owned()
        } else {
            format!("{path}{sign}api-version={API_VERSION}")
        };
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.endpoint().request(method, &path, &headers, &body)
    }

    /// The same, of a server that lives: status and body (`null` where there is none).
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.try_ask(method, path, body).expect("the control plane answers");
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    /// PUTs; panics unless that makes or changes it.
    pub fn put(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask("PUT", path, body);
        assert!(matches!(status, 200 | 201), "PUT {path}: {status} {answer}");
        answer
    }

    /// GETs; panics unless it is there.
    pub fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask("GET", path, &Value::Null);
        assert_eq!(status, 200, "GET {path}: {answer}");
        answer
    }

    /// Every item of a list, over all its pages.
    pub fn list(&self, path: &str) -> Vec<Value> {
        let mut page = self.get(path);
        let mut all = Vec::new();
        loop {
            all.extend(page["value"].as_array().cloned().unwrap_or_default());
            let Some(next) = page["nextLink"].as_str() else { return all };
            page = self.get(path_of(next));
        }
    }
}

/// Path and query of a URL.
fn path_of(url: &str) -> &str {
    let host = url.split_once("://").map_or(0, |(scheme, _)| scheme.len() + 3);
    url[host..].find('/').map_or("/", |slash| &url[host + slash..])
}
