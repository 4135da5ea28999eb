//! What comes to one port, parted: hosted registries, and the API.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::response::Response;
use tower::ServiceExt as _;
use transload_depot::Arrival;
use transload_server::Peer;

use super::Names;
use super::azure_face;
use super::hosted::Registries;

/// Parts what comes.
#[derive(Debug, Clone)]
pub(super) struct Front {
    registries: Registries,
    api: Router,
    /// `host[:port]` of this server: what goes to no registry by its host goes to the one of this name.
    host: String,
    /// What follows the name of every other hosted registry in its login server.
    registry_suffix: String,
}

impl Front {
    pub(super) fn new(registries: Registries, api: Router, names: &Names) -> Self {
        let (host, registry_suffix) = (names.host.clone(), names.registry_suffix.to_ascii_lowercase());
        Self { registries, api, host, registry_suffix }
    }

    /// Whether a host can be the login server of one registry only, with or without the port that is in the suffix.
    fn names_a_registry(&self, host: &str) -> bool {
        let bare = |text: &str| text.rsplit_once(':').map_or(text, |(name, _)| name).to_owned();
        bare(host).ends_with(&bare(&self.registry_suffix))
    }

    pub(super) fn router(self) -> Router {
        Router::new().fallback(part).with_state(self)
    }
}

async fn part(State(front): State<Front>, mut request: Request) -> Response {
    let path = request.uri().path();
    if is_of_registries(path) {
        let host = host_of(&request);
        let found = match front.registries.at(&host).await {
            Ok(None) if !front.names_a_registry(&host) => front.registries.at(&front.host).await,
            found => found,
        };
        match found {
            Ok(Some(open)) if azure_face::is_here(request.uri().path()) => {
                return azure_face::answer(&open.depot, &open.gate, &open.login_server, request).await;
            }
            Ok(Some(open)) => return always(open.router.oneshot(request).await),
            Ok(None) => return super::hosted::nobody(&host),
            Err(error) => return super::hosted::unavailable(&error),
        }
    }
    if let Some(arrival) = request.extensions().get::<Arrival>().copied() {
        request.extensions_mut().insert(Peer(arrival.peer.ip()));
    }
    always(front.api.oneshot(request).await)
}

/// Paths of the distribution API, of its token service, and of Azure's own additions.
fn is_of_registries(path: &str) -> bool {
    path == "/v2"
        || path.starts_with("/v2/")
        || path.starts_with("/acr/v1/")
        || path == "/token"
        || path.starts_with("/oauth2/")
}

fn host_of(request: &Request) -> String {
    let named = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let named = named.or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str));
    named.unwrap_or_default().to_ascii_lowercase()
}

fn always(answer: Result<Response, std::convert::Infallible>) -> Response {
    match answer {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}
