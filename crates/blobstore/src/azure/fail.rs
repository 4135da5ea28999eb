//! From what the SDK reports to what went wrong.

use std::error::Error as StdError;
use std::time::Duration;

use azure_core::error::ErrorKind as CoreKind;
use azure_core::http::RawResponse;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::time::parse_rfc7231;
use time::OffsetDateTime;

use super::codes::{Meaning, kind_of_status, may_recover, meaning_of};
use crate::error::{Error, ErrorKind};
use crate::open::Credential;
use crate::retry::Failure;
use crate::sas::{Action, Finding, Need, Sas, skew};
use crate::wire::WireError;

/// Most of a server's own words that an error repeats, in characters.
const MESSAGE_CHARS_MAX: usize = 300;

/// The request that failed, as far as its failure depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Where, without a secret.
    pub(super) subject: &'a str,
    pub(super) action: Action,
    pub(super) https: bool,
    pub(super) credential: &'a Credential,
}

/// What a server answered, as far as its refusal depends on it.
#[derive(Debug, Default)]
struct Answer {
    status: u16,
    code: String,
    message: String,
    at: Option<OffsetDateTime>,
    after: Option<Duration>,
    /// Whether it answered as the storage service does.
    known: bool,
}

/// Says what went wrong. Nothing of the URL's query gets into it.
pub(super) fn failure(asked: &Asked<'_>, error: &azure_core::Error) -> Failure {
    match error.kind() {
        CoreKind::HttpResponse { status, error_code, raw_response } => {
            let answer = Answer::read(u16::from(*status), error_code.as_deref(), raw_response.as_deref());
            refused(asked, &answer)
        }
        CoreKind::Credential => {
            Error::new(ErrorKind::Unauthenticated, asked.subject, format!("no Entra ID token: {error}"))
                .with_hint("log in, or check the identity that this machine has")
                .into()
        }
        CoreKind::DataConversion => Failure {
            error: Error::new(ErrorKind::Failed, asked.subject, "the answer cannot be understood"),
            again: true,
            after: None,
        },
        _ => unanswered(asked.subject, error),
    }
}

/// An answer that broke off.
pub(super) fn interrupted(subject: &str, error: &azure_core::Error) -> Error {
    unanswered(subject, error).error
}

/// No answer, or not all of it.
fn unanswered(subject: &str, error: &azure_core::Error) -> Failure {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(at) = cause {
        if let Some(wire) = at.downcast_ref::<WireError>() {
            return crate::wire::unanswered(subject, wire);
        }
        cause = at.source();
    }
    // what is not from the wire is from the SDK, whose words may hold the URL
    Error::new(ErrorKind::Failed, subject, "the request could not be made").into()
}

fn refused(asked: &Asked<'_>, answer: &Answer) -> Failure {
    let error = match asked.credential {
        Credential::None | Credential::S3(_) | Credential::Gcs(_) => without_credential(asked, answer),
        Credential::Sas(sas) => with_sas(asked, sas, answer),
        Credential::AccountKey(_) => with_key(asked, answer),
        Credential::Entra(_) => with_entra(asked, answer),
    };
    let error = error.unwrap_or_else(|| by_code(asked, answer));
    Failure { error, again: may_recover(answer.status), after: answer.after }
}

fn without_credential(asked: &Asked<'_>, answer: &Answer) -> Option<Error> {
    let hidden = matches!(
        answer.code.as_str(),
        "ResourceNotFound" | "NoAuthenticationInformation" | "PublicAccessNotPermitted"
    );
    (hidden || matches!(answer.status, 401 | 403)).then(|| {
        Error::new(
            ErrorKind::CredentialMissing,
            asked.subject,
            "the store wants a credential and none was given",
        )
        .with_hint(
            "give a SAS token in the URL, with --sas-token-env or with --sas-token-file, or use Entra ID",
        )
    })
}

fn with_key(asked: &Asked<'_>, answer: &Answer) -> Option<Error> {
    if answer.code == "KeyBasedAuthenticationNotPermitted" {
        let detail = "the account does not allow access by its key";
        return Some(Error::new(ErrorKind::Denied, asked.subject, detail).with_hint("use Entra ID"));
    }
    let vague = matches!(answer.code.as_str(), "AuthenticationFailed" | "AuthorizationFailure" | "");
    if !matches!(answer.status, 401 | 403) || !vague {
        return None;
    }
    let now = OffsetDateTime::now_utc();
    if let Some(apart) = answer.at.and_then(|theirs| skew(now, theirs)) {
        return Some(clock(asked, apart));
    }
    let detail = with_words("the store does not accept the account's key", answer);
    Some(Error::new(ErrorKind::Unauthenticated, asked.subject, detail).with_hint(
        "the key may be another account's, an old one or not copied whole: the account's name is the first part of the host's",
    ))
}

fn with_entra(asked: &Asked<'_>, answer: &Answer) -> Option<Error> {
    match (answer.status, answer.code.as_str()) {
        (403, "AuthorizationPermissionMismatch") => {
            let role = match asked.action {
                Action::Read | Action::List => "Storage Blob Data Reader",
                Action::Write | Action::Delete => "Storage Blob Data Contributor",
            };
            let detail = "the Entra ID identity lacks a role for this";
            Some(Error::new(ErrorKind::Denied, asked.subject, detail).with_hint(format!(
                "give it the role '{role}' on the container or the account; that takes some minutes to count"
            )))
        }
        (401, _) | (403, "AuthenticationFailed") => {
            let now = OffsetDateTime::now_utc();
            let apart = answer.at.and_then(|theirs| skew(now, theirs));
            let kind = if apart.is_some() { ErrorKind::ClockSkew } else { ErrorKind::Unauthenticated };
            let detail =
                apart.unwrap_or_else(|| with_words("the store does not accept the Entra ID token", answer));
            Some(
                Error::new(kind, asked.subject, detail)
                    .with_hint("check that the identity is of the account's tenant"),
            )
        }
        _ => None,
    }
}

/// What the token itself says about the refusal, or what is left when it says nothing.
fn with_sas(asked: &Asked<'_>, sas: &Sas, answer: &Answer) -> Option<Error> {
    if !matches!(answer.status, 401 | 403) {
        return None;
    }
    let code = answer.code.as_str();
    let vague = matches!(code, "AuthorizationFailure" | "AuthenticationFailed" | "");
    let ours = OffsetDateTime::now_utc();
    let theirs = answer.at.unwrap_or(ours);
    let need = Need { actions: &[asked.action], https: asked.https };
    let expected = kind_by_code(code);
    let found = sas
        .check(&need, theirs)
        .into_iter()
        .find(|f| if vague { f.kind() != ErrorKind::SasPermission } else { Some(f.kind()) == expected });
    if let Some(found) = found {
        return Some(by_finding(asked, sas, &found, (ours, theirs)));
    }
    if code == "AuthorizationPermissionMismatch" {
        let has = sas.facts().permissions.as_deref();
        let has = has.map_or_else(|| "of its stored access policy".to_owned(), |p| format!("'{p}'"));
        let detail = format!("the permissions {has} of the SAS token do not allow this");
        return Some(Error::new(ErrorKind::SasPermission, asked.subject, detail).with_hint(PERMISSIONS));
    }
    if !vague {
        return None;
    }
    if answer.message.contains("not authorized to perform") {
        let detail = with_words("the store does not let this machine or token in", answer);
        return Some(Error::new(ErrorKind::Denied, asked.subject, detail).with_hint(
            "check the account's network rules (firewall, private endpoint) and what the SAS token is for",
        ));
    }
    if let Some(apart) = skew(ours, theirs) {
        return Some(clock(asked, apart));
    }
    let detail = with_words("the store does not accept the SAS token's signature", answer);
    Some(Error::new(ErrorKind::Unauthenticated, asked.subject, detail).with_hint(
        "the token may be for another container or account, cut off when it was copied, or made with a key or policy that is gone: make a new one",
    ))
}

/// What to ask for, whatever is missing.
const PERMISSIONS: &str =
    "ask for a SAS token with sp=rwl to export, sp=rl to import (rdl to delete what was imported)";

fn kind_by_code(code: &str) -> Option<ErrorKind> {
    if code == "AuthorizationPermissionMismatch" {
        return Some(ErrorKind::SasPermission);
    }
    meaning_of(code).map(|m| m.kind)
}

/// The finding; or the clocks, when the token is wrong by the store's clock and right by ours.
fn by_finding(
    asked: &Asked<'_>,
    sas: &Sas,
    found: &Finding,
    clocks: (OffsetDateTime, OffsetDateTime),
) -> Error {
    let (ours, theirs) = clocks;
    let need = Need { actions: &[asked.action], https: asked.https };
    let dated = matches!(found, Finding::Expired { .. } | Finding::NotYetValid { .. });
    if dated
        && !sas.check(&need, ours).iter().any(|f| f.kind() == found.kind())
        && let Some(apart) = skew(ours, theirs)
    {
        return clock(asked, format!("{found}, by the store's clock; {apart}"));
    }
    Error::new(found.kind(), asked.subject, found.to_string()).with_hint(found.hint())
}

fn clock(asked: &Asked<'_>, detail: String) -> Error {
    Error::new(ErrorKind::ClockSkew, asked.subject, detail)
        .with_hint("set this machine's clock by a time server, and make the SAS token anew if it has an 'st'")
}

fn by_code(asked: &Asked<'_>, answer: &Answer) -> Error {
    if let Some(Meaning { kind, text, hint }) = meaning_of(&answer.code) {
        let error = Error::new(kind, asked.subject, text);
        return match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        };
    }
    let kind = kind_of_status(answer.status);
    if !answer.known {
        let detail = format!("the server answered {} and not as Azure storage does", answer.status);
        // what is not the service cannot say that a blob is absent or has changed
        let kind = if may_recover(answer.status) || answer.status == 407 { kind } else { ErrorKind::Failed };
        return Error::new(kind, asked.subject, detail)
            .with_hint("check the URL, and whether a proxy is in between");
    }
    let words = if answer.code.is_empty() {
        "the store refused".to_owned()
    } else {
        format!("the store refused: {}", answer.code)
    };
    let error = Error::new(kind, asked.subject, with_words(&format!("{words} ({})", answer.status), answer));
    match answer.code.as_str() {
        "InvalidHeaderValue" => {
            error.with_hint("an emulator wants --skipApiVersionCheck for this version of the service")
        }
        _ => error,
    }
}

fn with_words(text: &str, answer: &Answer) -> String {
    if answer.message.is_empty() { text.to_owned() } else { format!("{text}: {}", answer.message) }
}

impl Answer {
    fn read(status: u16, code: Option<&str>, raw: Option<&RawResponse>) -> Self {
        let Some(raw) = raw else {
            return Self { status, code: code.unwrap_or_default().to_owned(), ..Self::default() };
        };
        let headers = raw.headers();
        let body = String::from_utf8_lossy(raw.body());
        // the SDK puts the reason phrase where it finds no code
        let code = header(headers, "x-ms-error-code").or_else(|| element(&body, "Code")).unwrap_or_default();
        let message = match element(&body, "AuthenticationErrorDetail") {
            Some(detail) => first_words(&detail),
            None => element(&body, "Message").map(|m| first_words(&m)).unwrap_or_default(),
        };
        let known = !code.is_empty() || header(headers, "x-ms-request-id").is_some();
        Self {
            status,
            code,
            message,
            at: header(headers, "date").and_then(|d| parse_rfc7231(&d).ok()),
            after: retry_after(headers),
            known,
        }
    }
}

/// What comes before the request's id and before the text that was signed, which is long and may quote a signature.
fn first_words(text: &str) -> String {
    let ends = ["\n", "RequestId:", "String to sign", "string to sign", "signature found"];
    let end = ends.iter().filter_map(|e| text.find(e)).min().unwrap_or(text.len());
    text[..end].trim().trim_end_matches('.').chars().take(MESSAGE_CHARS_MAX).collect()
}

/// The text of an XML element, in a document too small for a parser.
fn element(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(plain.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to)))
}

fn retry_after(headers: &Headers) -> Option<Duration> {
    let number = |name| header(headers, name).and_then(|v| v.trim().parse::<u64>().ok());
    number("x-ms-retry-after-ms")
        .or_else(|| number("retry-after-ms"))
        .map(Duration::from_millis)
        .or_else(|| number("retry-after").map(Duration::from_secs))
        .or_else(|| {
            let at = parse_rfc7231(&header(headers, "retry-after")?).ok()?;
            (at - OffsetDateTime::now_utc()).try_into().ok()
        })
}

/// A header's value.
pub(super) fn header(headers: &Headers, name: &'static str) -> Option<String> {
    headers.get_optional_string(&HeaderName::from_static(name))
}

#[cfg(test)]
mod tests;
