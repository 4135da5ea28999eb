//! Why an attempt did not do all of its work.

use transload_control::run::RunError;
use transload_control::{Error as ControlError, ResourceId};
use transload_endpoints::Error as EndpointsError;
use transload_transfer::{Code, Error as EngineError};

use crate::limits::Limits;
use crate::outside::Refusal;
use crate::words::{self, Task};

/// Why an attempt did not do all of its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It failed.
    Failed {
        /// Why.
        error: RunError,
        /// Whether it may go well a little later.
        transient: bool,
    },
    /// Another run has what it needs, and it waits for that one.
    Deferred {
        /// Which run it waits for.
        error: RunError,
    },
    /// It was told to stop.
    Interrupted,
}

impl Fault {
    /// A failure that stays one.
    pub(crate) fn lasting(code: &str, message: impl Into<String>) -> Self {
        Self::Failed { error: RunError { code: code.to_owned(), message: message.into() }, transient: false }
    }

    /// A resource that the run needs is not there.
    pub(crate) fn missing(id: &ResourceId, what: &str) -> Self {
        let message = format!(
            "the {what} '{id}' is not there: it was deleted after the run was asked for; next: create it again, then put the \
             run again with another forceUpdateTag"
        );
        Self::lasting("ResourceNotFound", message)
    }

    /// A failure of the engine.
    pub(crate) fn of_engine(error: &EngineError, task: Task, limits: &Limits) -> Self {
        if error.code() == Code::Interrupted {
            return Self::Interrupted;
        }
        Self::Failed { error: words::run_error(error, task, limits), transient: error.is_transient() }
    }
}

impl From<Refusal> for Fault {
    fn from(Refusal { error, transient }: Refusal) -> Self {
        Self::Failed { error, transient }
    }
}

impl From<EndpointsError> for Fault {
    fn from(error: EndpointsError) -> Self {
        let message = format!("{error}; next: {}", error.next_step());
        let run_error = RunError { code: error.code().to_owned(), message };
        Self::Failed { error: run_error, transient: error.is_transient() }
    }
}

impl From<ControlError> for Fault {
    fn from(error: ControlError) -> Self {
        Refusal::from(error).into()
    }
}
