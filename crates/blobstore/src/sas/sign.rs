//! SAS tokens of our own: made with an account's key, for one request each.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::utf8_percent_encode;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::Action;
use crate::error::{Error, ErrorKind};
use crate::names::KEPT_IN_QUERY;

/// Version of the service whose string-to-sign is followed:
/// <https://learn.microsoft.com/rest/api/storageservices/create-service-sas#version-2020-12-06-and-later>.
const VERSION: &str = "2022-11-02";
/// How long a token is good for. A request is judged when it begins; its retries have tokens of their own.
const LIFETIME: Duration = Duration::minutes(15);
/// Length of an account's key in bytes.
const KEY_BYTES: usize = 64;

/// The key of a storage account: it may do everything, and is never sent nor shown.
#[derive(Clone)]
pub struct AccountKey(Arc<hmac::Key>);

impl AccountKey {
    /// Reads a key as the portal shows it, in base64, or out of a connection string.
    ///
    /// # Errors
    /// `Unauthenticated`, never with the text in it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
        let parts = text.split(';').find_map(|part| part.trim().strip_prefix("AccountKey="));
        let key = STANDARD.decode(parts.unwrap_or(text)).ok().filter(|key| key.len() == KEY_BYTES);
        let key = key.ok_or_else(|| {
            Error::new(ErrorKind::Unauthenticated, "account key", "the text is no storage account's key")
                .with_hint("copy the key again, whole: 88 characters that end with '=='")
        })?;
        Ok(Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &key))))
    }

    /// A token for one action on one blob, or on the container for a list, as a query string: a secret.
    pub(crate) fn token(&self, what: &Signed<'_>, now: OffsetDateTime) -> String {
        let expires =
            (now + LIFETIME).replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default();
        let letter = what.action.letter();
        let (resource, path) = match what.action {
            Action::List => ("c", format!("/blob/{}/{}", what.account, what.container)),
            _ => ("b", format!("/blob/{}/{}/{}", what.account, what.container, what.blob)),
        };
        let protocol = if what.https { "https" } else { "https,http" };
        // start, stored policy and address are empty, and so are snapshot, encryption scope and the five headers
        let to_sign =
            format!("{letter}\n\n{expires}\n{path}\n\n\n{protocol}\n{VERSION}\n{resource}\n\n\n\n\n\n\n");
        let signature = STANDARD.encode(hmac::sign(&self.0, to_sign.as_bytes()));
        let encoded = |text: &str| utf8_percent_encode(text, KEPT_IN_QUERY).to_string();
        format!(
            "sv={VERSION}&se={}&sr={resource}&sp={letter}&spr={}&sig={}",
            encoded(&expires),
            encoded(protocol),
            encoded(&signature)
        )
    }
}

/// What a token is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) account: &'a str,
    pub(crate) container: &'a str,
    /// Not escaped.
    pub(crate) blob: &'a str,
    pub(crate) action: Action,
    pub(crate) https: bool,
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_alone_or_out_of_a_connection_string_and_never_shown() {
        let key = STANDARD.encode([7; 64]);
        let connection =
            format!("DefaultEndpointsProtocol=https;AccountName=a;AccountKey={key};EndpointSuffix=x");
        for text in [key.clone(), format!(" {key}\n"), format!("\"{key}\""), connection] {
            assert_eq!(format!("{:?}", AccountKey::parse(&text).unwrap()), "AccountKey(…)");
        }
        for text in ["", "SECRET", "U0VDUkVU", "sv=2024-11-04&sig=SECRET", &key[..80]] {
            let error = AccountKey::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated);
            assert!(
                !format!("{error:?}").contains("SECRET") && !error.to_string().contains("BwcH"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_token_allows_one_thing_for_a_quarter_of_an_hour() {
        let key = AccountKey::parse(&STANDARD.encode([7; 64])).unwrap();
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let what = Signed { account: "a", container: "c", blob: "b ä", action: Action::Write, https: true };
        let token = key.token(&what, now);
        let facts = "sv=2022-11-02&se=2027-01-15T08%3A15%3A00Z&sr=b&sp=w&spr=https&sig=";
        assert!(token.starts_with(facts), "{token}");
        let list = key.token(&Signed { action: Action::List, https: false, ..what }, now);
        assert!(list.contains("&sr=c&sp=l&spr=https%2Chttp&"), "{list}");
        assert_ne!(key.token(&Signed { blob: "other", ..what }, now), token);
    }
}
