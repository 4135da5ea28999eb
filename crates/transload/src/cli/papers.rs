//! Arguments of `completions` and `man`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Put it where the shell looks:
  bash        transload completions bash > ~/.local/share/bash-completion/completions/transload
  zsh         transload completions zsh > \"${fpath[1]}/_transload\"
  fish        transload completions fish > ~/.config/fish/completions/transload.fish
  PowerShell  transload completions powershell >> $PROFILE")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload man --to ~/.local/share/man/man1 && man transload-export")]
pub(crate) struct ManArgs {
    /// The folder to write to; it is made when it is not there.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: PathBuf,
}
