//! Faults of templates as the resource manager words them.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::json;
use transload_api::{AdditionalInfo, ErrorBody};
use transload_templates::{Error, ErrorKind};

use super::ask::{Asked, Unread};
use crate::fault::{Fault, More};

/// The code of a template that cannot be.
pub(crate) const INVALID_TEMPLATE: &str = "InvalidTemplate";

/// A template that cannot be: 400 with its place, in the template's own lines where those are known.
pub(crate) fn template_fault(error: &Error, asked: Option<&Asked>) -> Fault {
    let body = template_body(error, asked);
    let fault = Fault::bad(INVALID_TEMPLATE, body.message);
    let more = More { details: Vec::new(), additional_info: body.additional_info };
    let fault = Fault { code: Cow::Owned(body.code), ..fault };
    fault.with(more)
}

/// The same as a body.
pub(crate) fn template_body(error: &Error, asked: Option<&Asked>) -> ErrorBody {
    let at = error.at.map(|at| asked.map_or(at, |asked| asked.place(at)));
    let (line, column) = at.map_or((0, 0), |at| (at.line, at.column));
    let code = match error.kind {
        ErrorKind::Document => "InvalidRequestContent",
        _ => INVALID_TEMPLATE,
    };
    let info = json!({
        "lineNumber": line,
        "linePosition": column,
        "path": error.path.clone().unwrap_or_default(),
    });
    ErrorBody {
        code: code.to_owned(),
        message: worded(error, asked),
        additional_info: vec![AdditionalInfo { kind: "TemplateViolation".to_owned(), info }],
        ..ErrorBody::default()
    }
}

/// The message; of a text that is no document with its place, which others have in their own words.
fn worded(error: &Error, asked: Option<&Asked>) -> String {
    match (&error.kind, error.at) {
        (ErrorKind::Document, Some(at)) => {
            let at = asked.map_or(at, |asked| asked.place(at));
            format!(
                "The request content was invalid and could not be deserialized: '{} (line {}, position {})'.",
                error.message.trim_end_matches('.'),
                at.line,
                at.column
            )
        }
        _ => error.message.clone(),
    }
}

impl From<Unread> for Fault {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Fault(fault) => fault,
            Unread::Template(error) => template_fault(&error, None),
        }
    }
}

/// Several things that were found before anything was made.
pub(crate) fn preflight_fault(deployment: &str, correlation: &str, mut details: Vec<ErrorBody>) -> Fault {
    // one that stands for itself is said itself: clients show the first level
    let text = format!(
        "The template deployment '{deployment}' is not valid according to the validation procedure. The tracking id is \
         '{correlation}'. See inner errors for details."
    );
    details.truncate(DETAILS_MAX);
    Fault::bad("InvalidTemplateDeployment", text).with(More { details, additional_info: Vec::new() })
}

/// Errors that one answer lists.
const DETAILS_MAX: usize = 100;

/// How a deployment failed whose resources did.
pub(crate) fn deployment_failed(details: Vec<ErrorBody>) -> ErrorBody {
    ErrorBody {
        code: "DeploymentFailed".to_owned(),
        message: "At least one resource deployment operation failed. Please list deployment operations for details. \
                  Please see https://aka.ms/arm-deployment-operations for usage details."
            .to_owned(),
        details,
        ..ErrorBody::default()
    }
}

/// The word for a status: `OK`, `Created`, `NotFound`.
pub(crate) fn status_word(status: u16) -> String {
    let status = StatusCode::from_u16(status).ok();
    let words = status.and_then(|status| status.canonical_reason()).unwrap_or("Unknown");
    words.replace(' ', "")
}

/// An error's body as JSON.
pub(crate) fn json_of(body: &ErrorBody) -> serde_json::Value {
    // texts and lists of texts: there is nothing that cannot be written
    serde_json::to_value(body).unwrap_or_default()
}
