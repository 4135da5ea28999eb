//! Registries that are hosted here: a depot each, opened when it is first asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use parking_lot::Mutex;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use transload_control::resource::{Body as Kept, RegistryPlace, kind};
use transload_control::{Code, Control, Error};
use transload_depot::access::Gate;
use transload_depot::{Care, Depot, GcOptions, Limits};
use uuid::Uuid;

use super::gate::Doors;

/// Between two looks for registries that were deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// What a deleted registry held stays for so long: a ledger that was restored from a backup, or named wrongly, must not cost
/// images.
const DELETED_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long ago a folder was marked, if it is.
fn since(mark: &Path) -> Option<Duration> {
    std::fs::metadata(mark).ok()?.modified().ok()?.elapsed().ok()
}

/// As `registry serve` does where nothing is said.
fn care() -> Care {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    Care {
        gc_every: Some(DAY),
        gc: GcOptions { grace: DAY, untagged: false, uploads_idle: DAY, dry_run: false },
    }
}

/// The registries that are hosted here.
#[derive(Debug, Clone)]
pub(super) struct Registries(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    control: Control,
    doors: Doors,
    limits: Limits,
    stop: CancellationToken,
    open: Mutex<HashMap<Uuid, Open>>,
    /// One is opened at a time: its folder has one owner.
    opening: tokio::sync::Mutex<()>,
}

/// A registry that is open, and what ends its upkeep.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) router: Router,
    pub(super) depot: Depot,
    pub(super) gate: Arc<dyn Gate>,
    pub(super) login_server: String,
    stop: CancellationToken,
}

impl Registries {
    pub(super) fn new(
        data: &Path,
        control: Control,
        doors: Doors,
        limits: Limits,
        stop: &CancellationToken,
    ) -> Result<Self, transload_transfer::Error> {
        let folder = data.join("registries");
        std::fs::create_dir_all(&folder).map_err(|error| {
            let subject = folder.display().to_string();
            transload_transfer::Error::new(transload_transfer::Code::StoreIo, subject, error.to_string())
        })?;
        let inner = Inner {
            folder,
            control,
            doors,
            limits,
            stop: stop.child_token(),
            open: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// The registry of this login server.
    pub(super) async fn at(&self, host: &str) -> Result<Option<Open>, Error> {
        let Some((id, registry)) = self.0.control.hosted_at(host).await? else { return Ok(None) };
        let RegistryPlace::Hosted { store, login_server } = registry.place else { return Ok(None) };
        if let Some(open) = self.0.open.lock().get(&store) {
            return Ok(Some(open.clone()));
        }
        let _turn = self.0.opening.lock().await;
        if let Some(open) = self.0.open.lock().get(&store) {
            return Ok(Some(open.clone()));
        }
        let (folder, limits) = (self.0.folder.join(store.to_string()), self.0.limits.clone());
        let opened = spawn_blocking(move || Depot::in_folder_with(folder, limits)).await;
        let opened = opened.map_err(|error| Error::new(Code::LedgerUnavailable, error.to_string()))?;
        let depot = opened.map_err(|error| {
            Error::new(Code::LedgerUnavailable, format!("the registry's folder cannot be used: {error}"))
        })?;
        let stop = self.0.stop.child_token();
        let (tended, until) = (depot.clone(), stop.clone());
        tokio::spawn(async move { tended.tend(care(), until).await });
        let gate = self.0.doors.of(id);
        let router = depot.behind(Arc::clone(&gate)).router();
        let open = Open { router, depot, gate, login_server, stop };
        self.0.open.lock().insert(store, open.clone());
        Ok(Some(open))
    }

    /// Removes what registries held that were deleted, some days later, until `stop`.
    pub(super) async fn tend(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(SWEEP_EVERY) => {}
            }
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "registries that were deleted cannot be looked for now");
            }
        }
    }

    async fn sweep(&self) -> Result<(), Error> {
        // what is there is listed first: a registry that is made meanwhile is in the ledger before its folder is
        let there = self.folders();
        if there.is_empty() {
            return Ok(());
        }
        let kept = self.kept().await?;
        for store in there {
            let mark = self.0.folder.join(format!("{store}.deleted"));
            if kept.contains(&store) {
                let _ = std::fs::remove_file(mark);
                continue;
            }
            if let Some(open) = self.0.open.lock().remove(&store) {
                open.stop.cancel();
            }
            match since(&mark) {
                Some(gone) if gone >= DELETED_KEPT => self.remove(store, mark).await,
                Some(_) => {}
                None => {
                    tracing::warn!(%store, "no registry has this folder any more; it is removed in 7 days");
                    if let Err(error) = std::fs::write(&mark, "") {
                        tracing::warn!(%store, %error, "it cannot be marked");
                    }
                }
            }
        }
        Ok(())
    }

    async fn remove(&self, store: Uuid, mark: PathBuf) {
        let folder = self.0.folder.join(store.to_string());
        let removed = spawn_blocking(move || {
            std::fs::remove_dir_all(folder)?;
            std::fs::remove_file(mark)
        });
        match removed.await.map_err(std::io::Error::other).flatten() {
            Ok(()) => tracing::info!(%store, "removed what a deleted registry held"),
            Err(error) => tracing::warn!(%store, %error, "what a deleted registry held cannot be removed"),
        }
    }

    fn folders(&self) -> Vec<Uuid> {
        let Ok(entries) = std::fs::read_dir(&self.0.folder) else { return Vec::new() };
        entries.flatten().filter_map(|entry| Uuid::parse_str(entry.file_name().to_str()?).ok()).collect()
    }

    async fn kept(&self) -> Result<Vec<Uuid>, Error> {
        let (scope, mut stores, mut after) = (self.0.control.subscription(), Vec::new(), None);
        loop {
            let page = self.0.control.ledger().list(&scope, kind::REGISTRY, after.as_deref(), 500).await?;
            stores.extend(page.items.into_iter().filter_map(|stored| match stored.body {
                Kept::Registry(registry) => match registry.place {
                    RegistryPlace::Hosted { store, .. } => Some(store),
                    RegistryPlace::External { .. } => None,
                },
                _ => None,
            }));
            after = page.next;
            if after.is_none() {
                return Ok(stores);
            }
        }
    }
}

/// No registry is hosted under this name.
pub(super) fn nobody(host: &str) -> Response {
    let shown: String = host.chars().filter(|c| !c.is_control()).take(200).collect();
    refused(
        StatusCode::NOT_FOUND,
        "NAME_UNKNOWN",
        &format!(
            "no registry is hosted here as {shown}: make one with `transload registry create`, or use its login server"
        ),
    )
}

/// The registry cannot answer now.
pub(super) fn unavailable(error: &Error) -> Response {
    tracing::warn!(%error, "a hosted registry cannot answer");
    refused(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", &error.message)
}

pub(super) fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
