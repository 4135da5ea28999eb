//! What the service's error codes mean here.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes> and the Blob service's own list.

use crate::error::ErrorKind;

/// A refusal in this crate's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) kind: ErrorKind,
    pub(super) text: &'static str,
    pub(super) hint: Option<&'static str>,
}

const fn meaning(kind: ErrorKind, text: &'static str) -> Option<Meaning> {
    Some(Meaning { kind, text, hint: None })
}

const fn hinted(kind: ErrorKind, text: &'static str, hint: &'static str) -> Option<Meaning> {
    Some(Meaning { kind, text, hint: Some(hint) })
}

/// The codes whose meaning does not depend on the credential.
pub(super) fn meaning_of(code: &str) -> Option<Meaning> {
    use ErrorKind as K;
    match code {
        "ContainerNotFound" => hinted(
            K::ContainerNotFound,
            "there is no such container",
            "check the name, or create the container",
        ),
        "ContainerBeingDeleted" => {
            hinted(K::ContainerNotFound, "the container is being deleted", "wait a minute and create it anew")
        }
        "ContainerDisabled" | "AccountIsDisabled" => {
            meaning(K::Denied, "the account or container is disabled")
        }
        "BlobNotFound" => meaning(K::NotFound, "there is no such blob"),
        "BlobAlreadyExists" => hinted(
            K::AlreadyExists,
            "there is a blob of that name already",
            "choose another name, or allow blobs to be overwritten",
        ),
        "InvalidBlobType" => hinted(
            K::AlreadyExists,
            "there is an append or page blob of that name, which blocks cannot replace",
            "delete it or choose another name",
        ),
        "ConditionNotMet" | "TargetConditionNotMet" => {
            meaning(K::Changed, "the blob is another than the one first seen")
        }
        "LeaseIdMissing"
        | "LeaseIdMismatchWithBlobOperation"
        | "LeaseIdMismatchWithContainerOperation"
        | "LeaseLost"
        | "LeaseAlreadyPresent"
        | "LeaseNotPresentWithBlobOperation" => {
            hinted(K::Busy, "somebody holds a lease on it", "wait for the lease to end, or break it")
        }
        "SnapshotsPresent" => hinted(K::Busy, "the blob has snapshots", "delete the snapshots first"),
        "BlobBeingRehydrated" => {
            hinted(K::Busy, "the blob is being brought back from the archive tier", "wait until that is done")
        }
        "BlobArchived" => hinted(
            K::Denied,
            "the blob is in the archive tier",
            "bring it back to the hot or cool tier first",
        ),
        "BlobImmutableDueToPolicy" | "BlobImmutableDueToLegalHold" => {
            hinted(K::Denied, "a policy keeps the blob from being changed or deleted", "choose another name")
        }
        "InvalidBlockList" => hinted(
            K::BlocksMissing,
            "a staged block is gone: another process committed or discarded this blob, or a week has passed",
            "run the command again",
        ),
        "InvalidBlobOrBlock" | "InvalidBlockId" => hinted(
            K::Busy,
            "another tool has left an unfinished upload under this name, with block ids of another length",
            "choose another name, delete the blob, or wait a week until the service forgets the upload",
        ),
        "BlockCountExceedsLimit" | "BlockListTooLong" | "RequestBodyTooLarge" => {
            meaning(K::Full, "the blob has more blocks or bytes than the service allows")
        }
        "InvalidRange" => meaning(K::Truncated, "the blob ended before the range did"),
        "AuthorizationProtocolMismatch" => hinted(
            K::SasHttpsOnly,
            "the SAS token is for another protocol than the URL's",
            "use the https URL",
        ),
        "AuthorizationResourceTypeMismatch" | "AuthorizationServiceMismatch" => hinted(
            K::SasResource,
            "the SAS token is not for this service or resource type",
            "make an account SAS with ss=b and srt=sco, or a SAS for the container",
        ),
        "AuthorizationSourceIPMismatch" => hinted(
            K::SasAddress,
            "the SAS token is for other addresses than this machine's (sip)",
            "make a token for this address, or use it from where it is for",
        ),
        "AccountRequiresHttps" => hinted(K::Denied, "the account takes HTTPS only", "use the https URL"),
        "InsufficientAccountPermissions" => meaning(K::Denied, "the account does not allow this"),
        "NoAuthenticationInformation" | "PublicAccessNotPermitted" => {
            meaning(K::CredentialMissing, "the store wants a credential and none was given")
        }
        "InvalidAuthenticationInfo" => {
            meaning(K::Unauthenticated, "the store does not accept the credential")
        }
        "InvalidResourceName" | "InvalidUri" | "OutOfRangeInput" | "InvalidInput" => {
            meaning(K::LocationInvalid, "the service does not take this name")
        }
        "ServerBusy" | "TooManyRequests" | "AccountBeingCreated" => {
            meaning(K::Throttled, "the service asks to slow down")
        }
        "OperationTimedOut" => meaning(K::Failed, "the service did not finish in time"),
        "InternalError" => meaning(K::Failed, "the service failed"),
        _ => None,
    }
}

/// The kind of an answer without a code that is known.
pub(super) fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::Denied,
        404 => ErrorKind::NotFound,
        407 => ErrorKind::Unreachable,
        409 | 423 => ErrorKind::Busy,
        412 => ErrorKind::Changed,
        416 => ErrorKind::Truncated,
        429 | 503 => ErrorKind::Throttled,
        507 => ErrorKind::Full,
        _ => ErrorKind::Failed,
    }
}

/// Whether the same request may well succeed later.
pub(super) fn may_recover(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}
