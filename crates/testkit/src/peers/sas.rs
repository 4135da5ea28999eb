//! Shared access signatures of every shape, signed with the emulator's well-known key.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::azurite::{ACCOUNT, ACCOUNT_KEY};

/// Storage service version whose string-to-sign is followed here.
const VERSION: &str = "2022-11-02";
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A SAS in the making. Unless said otherwise it allows reading, is for HTTP and HTTPS, and is valid for a day.
#[derive(Debug, Clone)]
pub struct Sas {
    scope: Scope,
    permissions: String,
    start: Option<String>,
    expiry: String,
    protocol: Option<String>,
    ip: Option<String>,
    key: Option<Vec<u8>>,
}

#[derive(Debug, Clone)]
enum Scope {
    Container(String),
    Blob(String),
    Account { resource_types: String },
}

impl Sas {
    /// A service SAS on a container (`sr=c`).
    pub fn container(name: &str) -> Self {
        Self::new(Scope::Container(name.to_owned()))
    }

    /// A service SAS on one blob (`sr=b`).
    pub fn blob(container: &str, name: &str) -> Self {
        Self::new(Scope::Blob(format!("{container}/{name}")))
    }

    /// An account SAS for the blob service and all three resource types.
    pub fn account() -> Self {
        Self::new(Scope::Account { resource_types: "sco".to_owned() })
    }

    fn new(scope: Scope) -> Self {
        let expiry = OffsetDateTime::now_utc() + Duration::days(1);
        let (permissions, key) = ("r".to_owned(), None);
        Self { scope, permissions, start: None, expiry: stamp(expiry), protocol: None, ip: None, key }
    }

    /// `sp`, in the order Azure wants it (`racwdl`).
    #[must_use]
    pub fn permissions(mut self, letters: &str) -> Self {
        letters.clone_into(&mut self.permissions);
        self
    }

    /// `srt` of an account SAS: letters of `sco`.
    #[must_use]
    pub fn resource_types(mut self, letters: &str) -> Self {
        if let Scope::Account { resource_types } = &mut self.scope {
            letters.clone_into(resource_types);
        }
        self
    }

    /// `st` this far from now (negative: in the past).
    #[must_use]
    pub fn starts_in(mut self, from_now: Duration) -> Self {
        self.start = Some(stamp(OffsetDateTime::now_utc() + from_now));
        self
    }

    /// `se` this far from now (negative: expired).
    #[must_use]
    pub fn expires_in(mut self, from_now: Duration) -> Self {
        self.expiry = stamp(OffsetDateTime::now_utc() + from_now);
        self
    }

    /// `st` as text.
    #[must_use]
    pub fn start(mut self, text: &str) -> Self {
        self.start = Some(text.to_owned());
        self
    }

    /// `se` as text, for other precisions than seconds.
    #[must_use]
    pub fn expiry(mut self, text: &str) -> Self {
        text.clone_into(&mut self.expiry);
        self
    }

    /// `spr=https`.
    #[must_use]
    pub fn https_only(mut self) -> Self {
        self.protocol = Some("https".to_owned());
        self
    }

    /// `sip`: an address, or a range `a-b`.
    #[must_use]
    pub fn ip(mut self, range: &str) -> Self {
        self.ip = Some(range.to_owned());
        self
    }

    /// Signed with another key than the account's.
    #[must_use]
    pub fn wrong_key(mut self) -> Self {
        self.key = Some(b"some other key".to_vec());
        self
    }

    /// The query, without a leading `?`.
    pub fn token(&self) -> String {
        let mut pairs = vec![("sv", VERSION.to_owned())];
        match &self.scope {
            Scope::Container(_) => pairs.push(("sr", "c".to_owned())),
            Scope::Blob(_) => pairs.push(("sr", "b".to_owned())),
            Scope::Account { resource_types } => {
                pairs.extend([("ss", "b".to_owned()), ("srt", resource_types.clone())]);
            }
        }
        pairs.extend(self.start.clone().map(|start| ("st", start)));
        pairs.push(("se", self.expiry.clone()));
        pairs.push(("sp", self.permissions.clone()));
        pairs.extend(self.protocol.clone().map(|protocol| ("spr", protocol)));
        pairs.extend(self.ip.clone().map(|ip| ("sip", ip)));
        pairs.push(("sig", self.signature()));
        let pair =
            |(name, value): (&str, String)| format!("{name}={}", utf8_percent_encode(&value, &UNRESERVED));
        pairs.into_iter().map(pair).collect::<Vec<_>>().join("&")
    }

    /// The signature alone, as it must not be seen anywhere (not percent-encoded).
    pub fn signature(&self) -> String {
        let account_key = || STANDARD.decode(ACCOUNT_KEY).expect("the well-known key is base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.key.clone().unwrap_or_else(account_key));
        STANDARD.encode(hmac::sign(&key, self.string_to_sign().as_bytes()).as_ref())
    }

    /// The documents "Create a service SAS" and "Create an account SAS" of the storage service's REST reference,
    /// in the form that holds from version 2020-12-06 on.
    fn string_to_sign(&self) -> String {
        let start = self.start.as_deref().unwrap_or_default();
        let ip = self.ip.as_deref().unwrap_or_default();
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let (permissions, expiry) = (self.permissions.as_str(), self.expiry.as_str());
        let (resource, path) = match &self.scope {
            Scope::Account { resource_types } => {
                return format!(
                    "{ACCOUNT}\n{permissions}\nb\n{resource_types}\n{start}\n{expiry}\n{ip}\n{protocol}\n{VERSION}\n\n"
                );
            }
            Scope::Container(path) => ("c", path),
            Scope::Blob(path) => ("b", path),
        };
        // empty: stored policy, snapshot time, encryption scope and the five response headers
        format!(
            "{permissions}\n{start}\n{expiry}\n/blob/{ACCOUNT}/{path}\n\n{ip}\n{protocol}\n{VERSION}\n{resource}\n\n\n\n\n\n\n"
        )
    }
}

/// Seconds precision, as Azure's own tools write it.
fn stamp(time: OffsetDateTime) -> String {
    let time = time.replace_nanosecond(0).expect("zero is a nanosecond");
    time.format(&Rfc3339).expect("a time of our century can be written")
}
