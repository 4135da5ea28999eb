//! `transload serve` and `transload worker`.

use transload_transfer::{Code, Error};

use crate::config::Environment;
use crate::exit::Exit;
use crate::output::Output;
use crate::settings::{ServeOptions, WorkerOptions};

pub(crate) async fn run(options: ServeOptions, _: &Environment, output: &Output) -> Result<Exit, Error> {
    output.warning(&format!("{options:?}"));
    Err(Error::new(Code::Usage, "serve", "this build has no control plane yet"))
}

pub(crate) async fn worker(options: WorkerOptions, _: &Environment, output: &Output) -> Result<Exit, Error> {
    output.warning(&format!("{options:?}"));
    Err(Error::new(Code::Usage, "worker", "this build has no worker yet"))
}
