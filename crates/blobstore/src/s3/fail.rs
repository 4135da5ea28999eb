//! What a refusal means.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>, and what compatible stores say instead.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::{Inner, S3Identity};
use crate::error::{Error, ErrorKind};
use crate::retry::Failure;

/// Most of a server's own words that an error repeats, in characters.
const MESSAGE_CHARS_MAX: usize = 300;

/// What a store answered.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    message: String,
    /// The bucket's region, if the store named it.
    pub(super) region: Option<String>,
    after: Option<Duration>,
    /// Whether it answered as a store does.
    known: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Body {
    code: String,
    message: String,
    region: Option<String>,
}

impl Refusal {
    pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let said: Body = quick_xml::de::from_str(&String::from_utf8_lossy(body)).unwrap_or_default();
        let known = !said.code.is_empty() || text("x-amz-request-id").is_some();
        Self {
            status,
            code: said.code,
            message: said.message.chars().take(MESSAGE_CHARS_MAX).collect(),
            region: text("x-amz-bucket-region").or(said.region),
            after: text("retry-after").and_then(|s| s.parse().ok()).map(Duration::from_secs),
            known,
        }
    }
}

/// Says what went wrong.
pub(super) fn failure(store: &Inner, name: &str, refusal: &Refusal) -> Failure {
    let again = matches!(refusal.status, 429 | 500 | 502 | 503 | 504)
        || matches!(
            refusal.code.as_str(),
            "RequestTimeout" | "OperationAborted" | "ConditionalRequestConflict"
        );
    let error = by_code(store, name, refusal).unwrap_or_else(|| by_status(store, name, refusal));
    Failure { error, again, after: refusal.after }
}

/// Whether the store does not know what the request asked for.
pub(super) fn lacks(error: &Error) -> bool {
    error.kind() == ErrorKind::Failed && error.detail().starts_with(NOT_IMPLEMENTED)
}

const NOT_IMPLEMENTED: &str = "the store does not implement this request";

pub(super) fn no_bucket(subject: String) -> Error {
    Error::new(ErrorKind::ContainerNotFound, subject, "there is no such bucket").with_hint(
        "check the bucket's name and, for another store than Amazon's, --endpoint; or create the bucket",
    )
}

fn by_code(store: &Inner, name: &str, refusal: &Refusal) -> Option<Error> {
    use ErrorKind as K;
    let at = || store.describe(name);
    let error = |kind, text: &str| Error::new(kind, at(), text);
    Some(match refusal.code.as_str() {
        "NoSuchBucket" => no_bucket(store.describe("")),
        "InvalidBucketName" => error(K::LocationInvalid, "a bucket cannot have this name"),
        "NoSuchKey" => error(K::NotFound, "there is no such object"),
        "NoSuchUpload" | "InvalidPart" | "InvalidPartOrder" if !equal_parts(refusal) => error(
            K::BlocksMissing,
            "a part that was uploaded is gone: somebody else finished or aborted the upload, or a lifecycle rule did",
        ),
        "InvalidPart" | "InvalidPartOrder" | "EntityTooSmall" => {
            error(K::Failed, &words("the store does not take parts of these lengths", refusal)).with_hint(
                "stores that want all parts of one length cannot hold bundles: use another store, or export to a file and upload that",
            )
        }
        "PreconditionFailed" => error(K::Changed, "the object is another than the one first seen"),
        "InvalidRange" => error(K::Truncated, "the object ends before the range begins"),
        "InvalidAccessKeyId" | "InvalidToken" | "InvalidSecurity" => {
            error(K::Unauthenticated, &words("the store does not know the access key or the session token", refusal))
                .with_hint("check AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN, and that the key belongs to this store (--endpoint)")
        }
        "SignatureDoesNotMatch" => error(K::Unauthenticated, "the store does not accept the signature")
            .with_hint("the secret access key is wrong or was not copied whole, or a proxy changes requests"),
        "ExpiredToken" | "TokenRefreshRequired" => {
            error(K::Unauthenticated, "the session token has expired").with_hint("get new temporary credentials")
        }
        "RequestTimeTooSkewed" => {
            error(K::ClockSkew, "this machine's clock and the store's are too far apart for a signature")
                .with_hint("set this machine's clock by a time server")
        }
        "AuthorizationHeaderMalformed" | "PermanentRedirect" | "TemporaryRedirect" | "IllegalLocationConstraintException" => {
            wrong_region(store, refusal)
        }
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => denied(store, name, refusal),
        "SlowDown" | "Throttling" | "TooManyRequests" | "RequestLimitExceeded" => {
            error(K::Throttled, "the store asks to slow down")
        }
        "QuotaExceeded" | "XMinioStorageFull" | "EntityTooLarge" => error(K::Full, &words("the store has no room", refusal)),
        "BadDigest" | "XAmzContentSHA256Mismatch" | "XAmzContentChecksumMismatch" => {
            error(K::Failed, "what the store received is not what was sent").with_hint("run the same command again")
        }
        "NotImplemented" | "MethodNotAllowed" => error(K::Failed, NOT_IMPLEMENTED),
        _ => return None,
    })
}

/// Cloudflare's word for parts that differ in length.
fn equal_parts(refusal: &Refusal) -> bool {
    refusal.message.contains("same length") || refusal.message.contains("same size")
}

fn wrong_region(store: &Inner, refusal: &Refusal) -> Error {
    let asked = store.region.read();
    let detail = match &refusal.region {
        Some(theirs) => format!("the bucket is in region {theirs}, not in {asked}"),
        None => words(&format!("the bucket is not in region {asked}"), refusal),
    };
    let next = refusal.region.as_deref().unwrap_or("NAME");
    Error::new(ErrorKind::LocationInvalid, store.describe(""), detail)
        .with_hint(format!("give --region {next}"))
}

fn denied(store: &Inner, name: &str, refusal: &Refusal) -> Error {
    if matches!(store.identity, S3Identity::Anonymous) {
        let detail = "the store wants a credential and none was given";
        return Error::new(ErrorKind::CredentialMissing, store.describe(name), detail)
            .with_hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE");
    }
    let detail = words("the credential does not allow this", refusal);
    Error::new(ErrorKind::Denied, store.describe(name), detail).with_hint(
        "ask for s3:GetObject and s3:ListBucket to import; for s3:PutObject, s3:AbortMultipartUpload, \
         s3:ListMultipartUploadParts and s3:DeleteObject besides to export",
    )
}

fn by_status(store: &Inner, name: &str, refusal: &Refusal) -> Error {
    use ErrorKind as K;
    let at = store.describe(name);
    match refusal.status {
        404 if name.is_empty() => Error::new(K::NotFound, at, "there is no such bucket"),
        404 => Error::new(K::NotFound, at, "there is no such object"),
        412 => Error::new(K::Changed, at, "the object is another than the one first seen"),
        416 => Error::new(K::Truncated, at, "the object ends before the range begins"),
        301 | 307 | 400 if refusal.region.is_some() => wrong_region(store, refusal),
        401 | 403 => denied(store, name, refusal),
        429 => Error::new(K::Throttled, at, "the store asks to slow down"),
        501 | 405 => Error::new(K::Failed, at, NOT_IMPLEMENTED),
        507 => Error::new(K::Full, at, "the store has no room"),
        status if !refusal.known => {
            Error::new(K::Failed, at, format!("the server answered {status} and not as S3 does"))
                .with_hint("check the endpoint, and whether a proxy is in between")
        }
        status => {
            let code = if refusal.code.is_empty() { "without a reason" } else { &refusal.code };
            Error::new(K::Failed, at, words(&format!("the store refused: {code} ({status})"), refusal))
        }
    }
}

fn words(text: &str, refusal: &Refusal) -> String {
    if refusal.message.is_empty() {
        text.to_owned()
    } else {
        format!("{text}: {}", refusal.message.trim_end_matches('.'))
    }
}
