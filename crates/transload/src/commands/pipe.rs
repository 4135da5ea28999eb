//! Standard input and output as the place of a bundle.

use std::io::IsTerminal;
use std::sync::Arc;

use transload_blobstore::BlobStore;
use transload_blobstore::pipe::PipeStore;
use transload_transfer::{Code, Error, PipeReader};

use crate::output;

/// The location that means standard input or output.
pub(super) const DASH: &str = "-";
/// What standard output is called in reports.
pub(crate) const STDOUT: &str = "standard output";

/// Standard output as a store. What the program says goes to standard error from then on, unless nothing is moved.
///
/// # Errors
/// `Usage` when standard output is a terminal.
pub(super) fn stdout(dry_run: bool) -> Result<(Arc<dyn BlobStore>, Option<String>), Error> {
    if !dry_run {
        if std::io::stdout().is_terminal() {
            let detail = "a bundle is not for a terminal";
            return Err(Error::new(Code::Usage, STDOUT, detail).with_next(
                "pipe it (… --to - | ssh far transload import - --to REGISTRY) or redirect it to a file",
            ));
        }
        output::give_stdout_away();
    }
    Ok((Arc::new(PipeStore::new(STDOUT, Box::new(tokio::io::stdout()))), Some(DASH.to_owned())))
}

/// Standard input, and its name.
///
/// # Errors
/// `Usage` when standard input is a terminal.
pub(super) fn stdin() -> Result<(String, PipeReader), Error> {
    const LABEL: &str = "standard input";
    if std::io::stdin().is_terminal() {
        let detail = "it is a terminal, no bundle comes from there";
        return Err(Error::new(Code::Usage, LABEL, detail)
            .with_next("pipe a bundle in: transload export … --to - | transload import - --to REGISTRY"));
    }
    Ok((LABEL.to_owned(), Box::new(tokio::io::stdin())))
}
