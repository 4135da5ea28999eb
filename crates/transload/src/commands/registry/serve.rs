//! `transload registry serve`.

use std::io;
use std::time::Duration;

use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use transload_depot::{Care, Depot, Serving, control};
use transload_transfer::Error;

use super::greeting::Greeting;
use super::listening::Listening;
use super::notify::notify;
use super::signals::{Asked, Signals};
use super::{bundle, trouble};
use crate::cli::ServeArgs;
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::Output;

/// What the last lines of the access log get.
const LOG_WAIT: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: ServeArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    tell_of_events(output);
    let mut signals = Signals::listen()?;
    let is_tls = args.listening.tls.is_asked();
    let access = args.access.gate(&args.listening.listen, is_tls, args.data.is_some())?;
    let limits = args.listening.limits();
    let (depot, serves) = match &args.data {
        Some(folder) if args.bundles.bundle.is_empty() => {
            let depot = Depot::in_folder_with(folder, limits).map_err(|error| trouble::error(&error))?;
            (depot, format!("what is pushed, from {}", folder.display()))
        }
        _ => bundle::depot(&args.bundles, limits, environment, output).await?,
    };
    let depot = depot.behind(access.gate);
    // the gate has seen to who may do what
    let listening = args.listening.start(&depot, args.data.as_deref(), Serving::public).await?;
    let stop = CancellationToken::new();
    let tending = tend(&args, &depot, &stop, output);
    let is_writable = depot.folder().is_some();
    Greeting::new(&listening, serves, access.words, is_writable, args.listening.drain).show(output)?;
    notify(environment.notify_socket.as_deref(), "READY=1");
    while signals.next().await == Asked::Reload {
        reload(&listening).await;
    }
    notify(environment.notify_socket.as_deref(), "STOPPING=1");
    end(listening, signals, output).await;
    stop.cancel();
    tending.await;
    Ok(Exit::Success)
}

/// What happens while it runs goes to standard error.
pub(in crate::commands) fn tell_of_events(output: &Output) {
    let level = if output.is_quiet() { LevelFilter::WARN } else { LevelFilter::INFO };
    let events = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false).with_target(false);
    let ours = Targets::new().with_target("transload", level);
    // it fails when somebody listens already, and then there is nothing left to do
    let _ = tracing_subscriber::registry().with(events.with_filter(ours)).try_init();
}

/// Opens the log anew, and reads the certificate.
pub(in crate::commands) async fn reload(listening: &Listening) {
    if let Some(log) = &listening.log {
        log.reopen();
    }
    let Some(tls) = listening.tls.clone() else { return };
    if let Ok(Err(error)) = spawn_blocking(move || tls.refresh()).await {
        tracing::warn!(%error, "the certificate stays the one before");
    }
}

/// Lets what runs come to its end; once more asked, at once.
pub(in crate::commands) async fn end(listening: Listening, mut signals: Signals, output: &Output) {
    let Listening { server, log, .. } = listening;
    output.say("stopping when what runs has ended; once more to stop at once");
    let ending = server.ending();
    let mut shutdown = std::pin::pin!(server.shutdown());
    loop {
        tokio::select! {
            () = shutdown.as_mut() => break,
            asked = signals.next() => {
                if asked == Asked::Stop {
                    ending.now();
                }
            }
        }
    }
    if let Some(log) = log {
        // a disk that hangs is not waited for
        let _ = tokio::time::timeout(LOG_WAIT, spawn_blocking(move || log.finish())).await;
    }
}

/// Looks after the folder, and answers the operator, until `stop`; the future waits for both to end.
fn tend(
    args: &ServeArgs,
    depot: &Depot,
    stop: &CancellationToken,
    output: &Output,
) -> impl Future<Output = ()> + use<> {
    let mut tasks = JoinSet::new();
    if let Some(folder) = depot.folder() {
        let care = Care {
            gc_every: (!args.gc_interval.is_zero()).then_some(args.gc_interval),
            gc: args.gc.options(false),
        };
        let (depot, folder, stop) = (depot.clone(), folder.clone(), stop.clone());
        let (stopping, output) = (stop.clone(), output.clone());
        tasks.spawn(async move { depot.tend(care, stopping).await });
        tasks.spawn(async move {
            if let Err(error) = control::answer(folder, stop).await {
                output.warning(&format!("`registry gc` and `check` cannot reach this process: {error}"));
            }
        });
    }
    async move { while tasks.join_next().await.is_some() {} }
}
