//! `transload serve` and `transload worker`: the control plane put together.

mod azure_face;
mod connect;
mod ends;
mod first;
mod front;
mod gate;
mod greeting;
mod hosted;
mod keep;
mod pass;
mod plane;
mod worker;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use transload_control::{ControlOptions, Limits};
use transload_depot::{Metrics, Serving};
use transload_server::{ClaimRole, OuterIssuer, Server, ServerOptions};
use transload_transfer::{Code, Error};
use url::Url;

use self::connect::{ConnectListener, Ways};
use self::front::Front;
use self::gate::Doors;
use self::greeting::Greeting;
use self::hosted::Registries;
use self::plane::Plane;
use super::registry::{end, notify, reload, tell_of_events};
use crate::commands::registry::{Asked, Signals};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::Output;
use crate::settings::{ServeOptions, TrustedIssuer, WorkerOptions};

/// The description of the API.
const DESCRIPTION: &str = include_str!("../../../../../docs/openapi.json");
/// Between two looks at what is old.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);
/// Between two looks at runs whose worker is gone.
const SWEEP_EVERY: Duration = Duration::from_secs(15);

/// What clients are told to reach this server by.
#[derive(Debug, Clone)]
struct Names {
    /// `https://host[:port]`.
    base: String,
    /// `host[:port]`.
    host: String,
    registry_suffix: String,
    vault_suffix: String,
    storage_suffix: String,
}

impl Names {
    fn of(options: &ServeOptions) -> Result<Self, Error> {
        let base = match &options.url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => Self::of_address(options)?,
        };
        let url = Url::parse(&base).map_err(|error| Error::new(Code::Usage, "--url", error.to_string()))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        // there are no names beneath an address
        let domain = match url.host() {
            Some(url::Host::Domain(domain)) => domain.to_owned(),
            _ => "localhost".to_owned(),
        };
        let or = |given: &Option<String>, word: &str| {
            given.clone().unwrap_or_else(|| format!(".{word}.{domain}{port}"))
        };
        Ok(Self {
            host: format!("{host}{port}"),
            registry_suffix: or(&options.registry_suffix, "azurecr"),
            vault_suffix: or(&options.vault_suffix, "vault"),
            storage_suffix: or(&options.storage_suffix, "storage"),
            base,
        })
    }

    /// What a certificate for all of it names: this host, and every name beneath the suffixes.
    fn certificate(&self, given: &str) -> String {
        let bare = |text: &str| text.rsplit_once(':').map_or(text, |(host, _)| host).to_owned();
        let beneath = |suffix: &str| format!("*{}", bare(suffix));
        let accounts = format!(".blob{}", self.storage_suffix);
        let mut own = vec![bare(&self.host), beneath(&self.registry_suffix), beneath(&self.vault_suffix)];
        // the names of real accounts are their own
        if !transload_control::storage::is_public(&self.storage_suffix) {
            own.push(beneath(&accounts));
        }
        let given = given.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        given.chain(own).collect::<Vec<_>>().join(",")
    }

    fn of_address(options: &ServeOptions) -> Result<String, Error> {
        let scheme = if options.tls_off { "http" } else { "https" };
        let first = options.listening.listen.first();
        let Some(addr) = first.filter(|addr| addr.port() != 0) else {
            let text = "without --url the first address has a port: clients are told to come back to it";
            return Err(Error::new(Code::Usage, "--listen", text).with_next("name the port, or give --url"));
        };
        let host = if addr.ip().is_unspecified() {
            super::registry::machine_name()
        } else {
            match addr.ip() {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            }
        };
        Ok(format!("{scheme}://{host}:{}", addr.port()))
    }
}

pub(crate) async fn run(
    mut options: ServeOptions,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    tell_of_events(output);
    let mut signals = Signals::listen()?;
    let names = Names::of(&options)?;
    let generate = options.listening.tls.tls_generate.take();
    options.listening.tls.tls_generate = generate.map(|given| names.certificate(&given));
    plane::make_folder(&options.kept.data)?;
    let _owner = plane::lock(&options.kept.data)?;
    let plane = Plane::open(&options.kept, options.work.queue(), true).await?;
    let control = plane.control(ControlOptions {
        tenant: plane.tenant,
        subscription: plane.subscription,
        registry_suffix: names.registry_suffix.clone(),
        registry_host: Some(names.host.clone()),
        vault_suffix: names.vault_suffix.clone(),
        storage_suffix: names.storage_suffix.clone(),
        host: names.host.clone(),
        folders: options.work.folders.clone(),
        limits: Limits { artifacts_per_run_max: options.artifacts_per_run_max as usize, ..Limits::default() },
    });
    let tls = options.listening.tls.open(Some(&options.kept.data))?;
    let ca = tls.as_ref().and_then(|tls| tls.authority()).map(std::path::Path::to_owned);
    // what `ca issue` made a certificate for, a store beside this server for example, is trusted by its runs too
    options.work.trust.ca_file.extend(ca.clone());
    plane.keep_names(&names).await?;
    let administrator =
        first::administrator(&control, &options.kept.data, &names.base, ca.as_deref()).await?;
    let connect = match options.connect_listen {
        Some(addr) => Some(ConnectListener::bind(addr).await?),
        None => None,
    };
    let connect_proxy = connect.as_ref().map(|connect| format!("http://{}", connect.addr()));
    let server_options = ServerOptions {
        connect_proxy: connect_proxy.clone(),
        ..server_options(&options, &names, &plane, environment)?
    };
    let server = Server::new(control.clone(), server_options);
    let limits = options.listening.limits();
    let doors = Doors::new(control.clone(), server.authenticator());
    let stop = CancellationToken::new();
    let registries = Registries::new(&options.kept.data, control.clone(), doors, limits.clone(), &stop)?;
    let front = Front::new(registries.clone(), server.router(), &names);
    let metrics = Metrics::new();
    let serving = Serving::router(front.router(), limits).public();
    let listening = options.listening.start_serving(serving, tls, &metrics).await?;

    let mut tasks = JoinSet::new();
    let cut = CancellationToken::new();
    if let Some(connect) = connect {
        let ways = Ways::new(&names, listening.addr(), control.clone());
        tasks.spawn(connect.run(ways, stop.clone(), cut.clone()));
    }
    tasks.spawn(registries.tend(stop.clone()));
    tasks.spawn(keep::prune(control.clone(), options.retention, stop.clone()));
    tasks.spawn(keep::sweep(control.clone(), stop.clone()));
    tasks.spawn({
        let (server, stop) = (server.clone(), stop.clone());
        async move { server.deployments(&deployer_name(), stop).await }
    });
    if options.work.workers > 0 {
        let reach = worker::Reach::here(
            server.authenticator(),
            control.clone(),
            &listening,
            ca.as_deref(),
            options.tls_off,
        );
        let worker = worker::worker(&control, &options.work, reach, environment, output)?;
        let stop = stop.clone();
        tasks.spawn(async move { worker.run(stop).await });
    }
    Greeting::new(&listening, connect_proxy, &names, &options, &plane, administrator).show(output)?;
    notify(environment.notify_socket.as_deref(), "READY=1");
    while signals.next().await == Asked::Reload {
        reload(&listening).await;
    }
    notify(environment.notify_socket.as_deref(), "STOPPING=1");
    stop.cancel();
    end(listening, signals, output).await;
    cut.cancel();
    while tasks.join_next().await.is_some() {}
    control.ledger().close().await;
    Ok(Exit::Success)
}

/// Names this process in the ledger, among others that do deployments.
fn deployer_name() -> String {
    format!("{} {}", super::registry::machine_name(), std::process::id())
}

fn server_options(
    options: &ServeOptions,
    names: &Names,
    plane: &Plane,
    environment: &Environment,
) -> Result<ServerOptions, Error> {
    let sealer = Arc::clone(&plane.sealer);
    let client = worker::http_client(&options.work.trust)?;
    let outer_vaults = worker::vaults_elsewhere(&options.work, environment)?;
    Ok(ServerOptions {
        event_key: options.event_key.clone(),
        outer_issuers: options.issuers.iter().map(outer).collect(),
        client,
        outer_vaults: Some(outer_vaults),
        description: DESCRIPTION,
        ..ServerOptions::new(sealer, names.base.clone())
    })
}

fn outer(issuer: &TrustedIssuer) -> OuterIssuer {
    let roles = issuer.grants.iter().map(|grant| ClaimRole {
        claim: grant.claim.clone(),
        value: grant.value.clone(),
        role: grant.role,
        scope: grant.scope.clone(),
    });
    OuterIssuer {
        issuer: issuer.issuer.clone(),
        audiences: issuer.audiences.clone(),
        jwks_uri: issuer.jwks_uri.clone(),
        principal_claim: None,
        roles: roles.collect(),
    }
}

pub(crate) async fn worker(
    options: WorkerOptions,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    tell_of_events(output);
    let mut signals = Signals::listen()?;
    let plane = Plane::open(&options.kept, options.work.queue(), false).await?;
    let suffixes = plane.suffixes(&options).await?;
    let base = plane.base().await?;
    let control = plane.control(ControlOptions {
        tenant: plane.tenant,
        subscription: plane.subscription,
        registry_suffix: suffixes.registries,
        registry_host: None,
        vault_suffix: suffixes.vaults,
        storage_suffix: suffixes.storage,
        host: base.split_once("://").map_or(base.as_str(), |(_, host)| host).to_owned(),
        folders: options.work.folders.clone(),
        limits: Limits::default(),
    });
    let server = Server::new(control.clone(), ServerOptions::new(Arc::clone(&plane.sealer), base));
    let reach = worker::Reach::elsewhere(server.authenticator(), control.clone());
    let performing = worker::worker(&control, &options.work, reach, environment, output)?;
    let stop = CancellationToken::new();
    let metered = match options.metrics_listen {
        None => None,
        Some(addr) => {
            let router = Metrics::new().router(stop.clone());
            let serving = Serving::router(router, transload_depot::Limits::default()).public();
            Some(serving.start(&[addr]).await.map_err(|error| super::registry::trouble(&error))?)
        }
    };
    output.say(&format!("performing runs of the ledger in {}", plane.ledger.place()));
    notify(environment.notify_socket.as_deref(), "READY=1");
    let (stopping, drain) = (stop.clone(), options.drain);
    let mut running = tokio::spawn(async move { performing.run(stopping).await });
    loop {
        tokio::select! {
            ended = &mut running => {
                ended.map_err(|error| Error::new(Code::Internal, "worker", error.to_string()))?;
                break;
            }
            asked = signals.next() => {
                if asked == Asked::Reload {
                    continue;
                }
                if stop.is_cancelled() {
                    break;
                }
                notify(environment.notify_socket.as_deref(), "STOPPING=1");
                output.say("stopping: runs are given back for others to go on with; once more to stop at once");
                stop.cancel();
                let _ = tokio::time::timeout(drain, &mut running).await;
                break;
            }
        }
    }
    if let Some(server) = metered {
        server.shutdown().await;
    }
    control.ledger().close().await;
    Ok(Exit::Success)
}
