//! `transload completions` and `transload man`: made from the command line's own definition.

use clap::CommandFactory;
use transload_transfer::{Code, Error};

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::exit::Exit;
use crate::output::{Output, raw};

const PROGRAM: &str = "transload";

#[expect(clippy::unnecessary_wraps, reason = "every command ends in the same way")]
pub(crate) fn completions(args: &CompletionsArgs) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), PROGRAM, &mut script);
    raw(&script);
    Ok(Exit::Success)
}

pub(crate) fn man(args: &ManArgs, output: &Output) -> Result<Exit, Error> {
    let written =
        std::fs::create_dir_all(&args.to).and_then(|()| clap_mangen::generate_to(Cli::command(), &args.to));
    written.map_err(|error| {
        Error::new(Code::StoreIo, format!("--to {}", args.to.display()), error.to_string())
            .with_next("name a folder that can be written")
    })?;
    output.say(&format!(
        "the manual pages are in {0}; read one with: man -l {0}/transload.1",
        args.to.display()
    ));
    Ok(Exit::Success)
}
