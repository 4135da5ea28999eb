//! Who is asking, and what may they do.
//!
//! The router asks a [`Gate`] before it reads a request's body or looks for what the request names: so an answer
//! gives away nothing about what is there to somebody who may not see it.

mod caller;
mod challenge;
mod endpoint;
mod grant;
mod guard;
mod header;
mod htpasswd;
mod keys;
mod limits;
mod open;
mod passwords;
mod refused;
mod rules;
mod scope;
mod tokens;
mod watched;

use std::fmt::Debug;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};

pub use caller::Caller;
pub use challenge::{authority, bearer};
pub use grant::{Action, Grant};
pub use guard::{Guard, GuardOptions};
pub use header::Given;
pub use htpasswd::{with_user, without_user};
pub use limits::AccessLimits;
pub use open::{Anonymous, Open};
pub use refused::{Refused, RefusedKind};

/// Decides about requests. The router takes any; a server may bring one with an issuer and identities of its own.
#[async_trait]
pub trait Gate: Debug + Send + Sync + 'static {
    /// Whoever sent the request, if they may do all of `wanted`.
    ///
    /// # Errors
    /// The answer for them: with a challenge where a (better) credential would help.
    async fn admit(&self, request: &Parts, wanted: &[Grant]) -> Result<Caller, Refused>;

    /// Whether requests for this path are the gate's own to [`answer`](Self::answer): its token service.
    fn owns(&self, _path: &str) -> bool {
        false
    }

    /// Answers a request for a path of its own. Nobody was admitted before.
    async fn answer(&self, _request: &Parts, _body: Body) -> Response {
        StatusCode::NOT_FOUND.into_response()
    }
}
