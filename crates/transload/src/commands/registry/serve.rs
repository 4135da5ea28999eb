//! `transload registry serve`.

use tokio::signal::unix::{Signal, SignalKind, signal};
use transload_depot::{Depot, Server};
use transload_transfer::{Code, Error};

use crate::cli::ServeArgs;
use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(args: ServeArgs, output: &Output) -> Result<Exit, Error> {
    let depot = Depot::in_folder(&args.data).map_err(|error| cannot(&error))?;
    let server = Server::start(args.listen, depot).await.map_err(|error| cannot(&error))?;
    output.say(&format!("registry at http://{}, its data in {}", server.addr(), args.data.display()));
    let (mut interrupt, mut terminate) = signals()?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    server.shutdown().await;
    Ok(Exit::Success)
}

fn signals() -> Result<(Signal, Signal), Error> {
    let listen =
        |kind| signal(kind).map_err(|error| Error::new(Code::Internal, "signals", error.to_string()));
    Ok((listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?))
}

fn cannot(error: &transload_depot::Error) -> Error {
    Error::new(Code::Usage, "registry serve", error.to_string())
}
