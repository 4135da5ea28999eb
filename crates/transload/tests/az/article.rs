//! The article from its first command to its last, as `docs/azure.md` has it.

use std::path::Path;

use crate::support::Shell;

/// The ports that the paper speaks of: the server's, its names', the storage's, the registry's.
const PORTS: [&str; 4] = ["8443", "8444", "10000", "5000"];

#[test]
fn every_command_of_the_walk_through_does_what_the_paper_says() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let paper = std::fs::read_to_string(repository.join("docs/azure.md")).unwrap();
    let mut shell = Shell::new(env!("CARGO_BIN_EXE_transload"), &PORTS);
    // the reader has the repository, for its templates
    std::os::unix::fs::symlink(&repository, shell.home().join("transload")).unwrap();
    shell.follow(&paper);
}
