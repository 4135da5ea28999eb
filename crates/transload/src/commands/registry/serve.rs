//! `transload registry serve`.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use transload_depot::{Care, Depot, Server, control};
use transload_transfer::{Code, Error};

use super::{bundle, trouble};
use crate::cli::ServeArgs;
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(args: ServeArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let (depot, what) = match &args.data {
        Some(folder) if args.bundles.bundle.is_empty() => {
            let depot = Depot::in_folder(folder).map_err(|error| trouble::error(&error))?;
            (depot, format!("its data in {}", folder.display()))
        }
        _ => bundle::depot(&args.bundles, environment, output).await?,
    };
    let server = Server::start(args.listen, depot.clone()).await.map_err(|error| trouble::error(&error))?;
    let stop = CancellationToken::new();
    let tending = tend(&args, &depot, &stop, output);
    output.say(&format!("registry at http://{}, {what}", server.addr()));
    let (mut interrupt, mut terminate) = signals()?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    server.shutdown().await;
    stop.cancel();
    tending.await;
    Ok(Exit::Success)
}

fn signals() -> Result<(Signal, Signal), Error> {
    let listen =
        |kind| signal(kind).map_err(|error| Error::new(Code::Internal, "signals", error.to_string()));
    Ok((listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?))
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
