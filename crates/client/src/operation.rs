//! Operations that go on after the answer (`Azure-AsyncOperation`, else `Location`).

use std::time::Duration;

use reqwest::Method;
use transload_api::OperationStatus;

use crate::answer::Answer;
use crate::connect::Client;
use crate::error::{Error, Kind};

/// Where an operation's status is.
#[derive(Debug, Clone)]
pub struct Operation {
    url: String,
    is_status: bool,
    retry_after: Option<Duration>,
}

impl Operation {
    pub(crate) fn of(answer: &Answer) -> Option<Self> {
        let status = answer.async_operation.clone().map(|url| (url, true));
        let (url, is_status) = status.or_else(|| answer.location.clone().map(|url| (url, false)))?;
        Some(Self { url, is_status, retry_after: answer.retry_after })
    }
}

impl Client {
    /// One look at where an answer will be, after the pause that was asked for.
    pub(crate) async fn look(&self, operation: &Operation) -> Result<Answer, Error> {
        tokio::time::sleep(self.pause(operation.retry_after)).await;
        self.ask(&Method::GET, &operation.url, None::<&()>).await?.accepted()
    }

    /// Looks at an operation until it has ended; `seen` is told of every look. Dropping the future ends the looking, not
    /// the operation.
    ///
    /// # Errors
    /// `OperationFailed` and `OperationCanceled` with the server's words, and those of a request.
    pub async fn wait(
        &self,
        operation: &Operation,
        mut seen: impl FnMut(&OperationStatus),
    ) -> Result<OperationStatus, Error> {
        let mut operation = operation.clone();
        loop {
            let answer = self.look(&operation).await?;
            operation.retry_after = answer.retry_after;
            let status = match (operation.is_status, answer.status) {
                (true, _) => answer.json()?,
                (false, 202) => {
                    OperationStatus { status: "Running".to_owned(), ..OperationStatus::default() }
                }
                (false, _) => {
                    OperationStatus { status: "Succeeded".to_owned(), ..OperationStatus::default() }
                }
            };
            // where the result is may change while it is waited for
            if let (false, Some(location)) = (operation.is_status, &answer.location) {
                operation.url = location.clone();
            }
            seen(&status);
            match status.status.to_ascii_lowercase().as_str() {
                "succeeded" => return Ok(status),
                "failed" => return Err(ended(Kind::OperationFailed, &status, answer)),
                "canceled" => return Err(ended(Kind::OperationCanceled, &status, answer)),
                _ => {}
            }
        }
    }
}

fn ended(kind: Kind, status: &OperationStatus, answer: Answer) -> Error {
    let error = match &status.error {
        Some(said) => Error::of_body(kind, "", said),
        None => Error::new(kind, "", format!("the operation ended as {}", status.status)),
    };
    error.with_correlation(answer.correlation)
}
