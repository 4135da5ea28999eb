//! Requests of this server to itself, as whoever asked for a deployment: so that every rule, default and message is the
//! one that a client's own request meets.

use std::pin::Pin;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::uri::Uri;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value as Json;
use time::OffsetDateTime;
use transload_control::Caller;

use crate::call::Call;
use crate::dispatch::{Found, find};
use crate::face::Face;
use crate::fault::Fault;
use crate::links::Links;
use crate::query::Query;
use crate::{unknown, version};

const ASYNC_OPERATION: HeaderName = HeaderName::from_static("azure-asyncoperation");

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Json,
    /// Where it is looked at how far it is: a path with its query.
    pub(crate) watched: Option<String>,
}

/// A future that may be one of those that it waits for.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Face {
    /// Asks for something; `target` is a path, perhaps with a query.
    ///
    /// # Errors
    /// What a client would be refused with.
    pub(crate) fn inner<'a>(
        &'a self,
        caller: &'a Caller,
        method: Method,
        target: &'a str,
        body: Option<&'a Json>,
    ) -> Boxed<'a, Result<Reply, Fault>> {
        Box::pin(async move {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let query = Query::parse(query);
            let (route, params) = match find(&method, path) {
                Found::Route(route, params) => (route, params),
                Found::OtherMethods(methods) => return Err(unknown::method(&method, &methods)),
                Found::Nothing => return Err(unknown::path(path)),
            };
            version::check(route.face, query.get("api-version"))?;
            self.subscription_exists(params.find("subscription"))?;
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
            let call = Call {
                route,
                method,
                params,
                path: path.to_owned(),
                query,
                headers,
                body: body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string())),
                links: self.own_links(),
                caller: caller.clone(),
                now: OffsetDateTime::now_utc(),
            };
            let answer = self.dispatch(&call).await?.finish();
            self.reply(answer).await
        })
    }

    async fn reply(&self, answer: axum::response::Response) -> Result<Reply, Fault> {
        let status = answer.status();
        let watched = answer.headers().get(ASYNC_OPERATION).and_then(|value| value.to_str().ok());
        let base = self.own_links().base().to_owned();
        let watched = watched.map(|link| link.strip_prefix(&base).unwrap_or(link).to_owned());
        let bytes = answer.into_body().collect().await.map(|read| read.to_bytes()).unwrap_or_default();
        let body = serde_json::from_slice(&bytes).unwrap_or(Json::Null);
        Ok(Reply { status, body, watched })
    }

    /// Addresses that begin with this server's own name.
    pub(crate) fn own_links(&self) -> Links {
        Links::of(&Uri::from_static("/"), &HeaderMap::new(), &self.options.base_uri)
    }

    /// A GET of a resource; nothing where it is not there.
    pub(crate) async fn inner_get(
        &self,
        caller: &Caller,
        id: &str,
        version: &str,
    ) -> Result<Option<Json>, Fault> {
        let target = format!("{id}?api-version={version}");
        match self.inner(caller, Method::GET, &target, None).await {
            Ok(reply) => Ok(Some(reply.body)),
            Err(fault) if fault.status == StatusCode::NOT_FOUND => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}
