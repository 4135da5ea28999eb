//! Shared access signatures: the token, what it says about itself, and what is wrong with it.
//!
//! A SAS token is a query string: readable facts (dates, permissions, what it is for) and `sig`, which is the
//! secret. The facts tell most failures before the first request, and explain a 403 after it.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind};

mod check;
mod facts;
mod sign;

pub(crate) use check::skew;
pub use check::{Action, Finding, Need};
pub use facts::{SasFacts, SasMoment};
pub use sign::AccountKey;
pub(crate) use sign::Signed;

/// A SAS token. `Debug` shows its facts and never `sig`.
#[derive(Clone)]
pub struct Sas(Arc<Token>);

struct Token {
    text: SecretString,
    facts: SasFacts,
}

impl Sas {
    /// Reads a token as people paste it: with or without a leading `?`, with white space or quotes around it.
    /// Its encoding is kept, because `sig` is only good as it was written.
    ///
    /// # Errors
    /// `SasMalformed`, never with the text in it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = strip(text);
        if let Some(reason) = malformed(text) {
            return Err(Error::new(ErrorKind::SasMalformed, "SAS token", reason)
                .with_hint("paste the token alone, as it was made: 'sv=…&se=…&sp=…&sig=…'"));
        }
        Ok(Self(Arc::new(Token { text: SecretString::from(text.to_owned()), facts: SasFacts::read(text) })))
    }

    /// What the token says about itself.
    pub fn facts(&self) -> &SasFacts {
        &self.0.facts
    }

    /// What is wrong with the token for this need, by the clock `now`; the surest first. Nothing found does not mean
    /// that the store accepts it: the signature, a stored access policy and the container are known only there.
    pub fn check(&self, need: &Need<'_>, now: time::OffsetDateTime) -> Vec<Finding> {
        check::check(&self.0.facts, need, now)
    }

    /// The token as a query string without `?`: a secret.
    pub(crate) fn expose(&self) -> &str {
        self.0.text.expose_secret()
    }
}

impl fmt::Debug for Sas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sas").field("facts", &self.0.facts).finish_non_exhaustive()
    }
}

fn strip(text: &str) -> &str {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let text = ['"', '\'']
        .into_iter()
        .find_map(|q| text.strip_prefix(q).and_then(|t| t.strip_suffix(q)))
        .unwrap_or(text);
    text.trim_start_matches('?')
}

fn malformed(text: &str) -> Option<&'static str> {
    let pair = |key: &str| {
        text.split('&').find_map(|p| p.split_once('=').filter(|(k, _)| k.eq_ignore_ascii_case(key)))
    };
    if text.is_empty() {
        Some("the text is empty")
    } else if text.contains("://") && text.contains('?') {
        Some("this is a whole URL, and only what stands behind its '?' is the token")
    } else if text.contains("AccountKey=") || text.contains("SharedAccessSignature=") {
        Some("this is a connection string, not a SAS token")
    } else if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Some("there is white space within the text")
    } else if !text.is_ascii() {
        Some("the text has characters that no token has")
    } else if pair("sig").is_none_or(|(_, v)| v.is_empty()) {
        Some("the text has no 'sig' (an account key is not a SAS token)")
    } else if pair("sv").is_none() {
        Some("the text has no 'sv' (the version that every token carries): a part is missing")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "se=2027-01-01&sp=rawl&spr=https&sv=2026-04-06&sr=c&sig=aB%2Bc%3D";

    #[test]
    fn a_token_is_taken_however_it_was_pasted_and_kept_as_it_was_encoded() {
        for text in [
            TOKEN.to_owned(),
            format!("?{TOKEN}"),
            format!("  ?{TOKEN}\r\n"),
            format!("\"{TOKEN}\"\n"),
            format!("'?{TOKEN}'"),
        ] {
            assert_eq!(Sas::parse(&text).unwrap().expose(), TOKEN);
        }
    }

    #[test]
    fn what_is_no_token_is_named_and_never_shown() {
        let whole = format!("https://a.blob.example/c?{TOKEN}");
        for (text, word) in [
            ("", "empty"),
            (whole.as_str(), "whole URL"),
            ("AccountName=a;AccountKey=SECRETSECRET==", "connection string"),
            ("SECRETSECRET==", "no 'sig'"),
            ("sv=1&sig=", "no 'sig'"),
            ("sp=r&sig=SECRETSECRET", "no 'sv'"),
            ("sv=1&sig=SECRET SECRET", "white space"),
        ] {
            let error = Sas::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SasMalformed);
            assert!(error.to_string().contains(word), "{error}");
            assert!(!format!("{error}{error:?}").contains("SECRET"), "{error:?}");
        }
    }

    #[test]
    fn debug_has_the_facts_and_no_signature() {
        let shown = format!("{:?}", Sas::parse(TOKEN).unwrap());
        assert!(shown.contains("rawl"), "{shown}");
        assert!(!shown.contains("aB"), "{shown}");
    }
}
