//! Refusals as the resource manager's clients read them. The table of codes is in `docs/API.md`.

use std::borrow::Cow;

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use transload_api::{AdditionalInfo, ErrorAnswer, ErrorBody};
use transload_control::{Code, Error};

/// A refusal: a status, a code, and words for people. No secret is in it.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) target: Option<String>,
    /// What else there is to say; rarely something.
    pub(crate) more: Option<Box<More>>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// What else there is to say of a refusal.
#[derive(Debug, Clone, Default)]
pub(crate) struct More {
    /// One for each thing that is wrong.
    pub(crate) details: Vec<ErrorBody>,
    /// For programs.
    pub(crate) additional_info: Vec<AdditionalInfo>,
}

impl Fault {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let (code, message) = (Cow::Borrowed(code), message.into());
        Self { status, code, message, target: None, more: None, headers: Vec::new() }
    }

    /// 400.
    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 400 `InvalidRequest` of a member.
    pub(crate) fn invalid(target: &str, message: impl Into<String>) -> Self {
        Self::bad("InvalidRequest", message).about(target)
    }

    /// 404.
    pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    #[must_use]
    pub(crate) fn about(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// With what else there is to say.
    #[must_use]
    pub(crate) fn with(mut self, more: More) -> Self {
        self.more = Some(Box::new(more));
        self
    }

    /// With a header; one that no header can hold is left out.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Its body.
    pub(crate) fn answer(&self) -> ErrorAnswer {
        ErrorAnswer { error: self.body() }
    }

    /// What its body says.
    pub(crate) fn body(&self) -> ErrorBody {
        let More { details, additional_info } = self.more.as_deref().cloned().unwrap_or_default();
        ErrorBody {
            code: self.code.clone().into_owned(),
            message: self.message.clone(),
            target: self.target.clone(),
            details,
            additional_info,
        }
    }
}

/// The status of each code.
pub(crate) fn status(code: Code) -> StatusCode {
    match code {
        Code::ResourceNotFound
        | Code::ParentResourceNotFound
        | Code::ResourceGroupNotFound
        | Code::SubscriptionNotFound
        | Code::DeploymentNotFound
        | Code::SecretNotFound => StatusCode::NOT_FOUND,
        Code::Conflict | Code::ContainerInUse | Code::InUse | Code::DeploymentActive => StatusCode::CONFLICT,
        Code::InvalidRequest
        | Code::InvalidResourceName
        | Code::TooManyArtifacts
        | Code::ContainerNotAllowed
        | Code::StorageAccountNotRegistered => StatusCode::BAD_REQUEST,
        Code::AuthenticationFailed => StatusCode::UNAUTHORIZED,
        Code::AuthorizationFailed | Code::SecretAccessDenied | Code::SecretDisabled => StatusCode::FORBIDDEN,
        Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        Code::LedgerUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::VaultDamaged => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let status = status(error.code);
        let fault = Self {
            status,
            code: Cow::Owned(error.code.to_string()),
            message: error.message,
            target: error.target,
            more: None,
            headers: Vec::new(),
        };
        match status {
            // clients wait half a minute where nothing is said
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                fault.header(http::header::RETRY_AFTER, "2")
            }
            _ => fault,
        }
    }
}
