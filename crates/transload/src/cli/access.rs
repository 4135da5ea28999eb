//! Arguments of `registry` about who may do what.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Who may do what.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct AccessArgs {
    /// What those may do who have not signed in. Without this and the options below: everything on loopback, and
    /// nothing on other addresses.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) allow_anonymous: Option<AnonymousArg>,
    /// Users and bcrypt hashes of their passwords, one USER:HASH a line; `registry htpasswd` writes it. It is read again
    /// when it changes, as are --rules and --token-trust.
    #[arg(long, value_name = "FILE")]
    pub(crate) htpasswd: Option<PathBuf>,
    /// Who may pull from, push to and delete in which repositories (TOML, see docs/registry.md). Without it whoever has
    /// signed in may everything.
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// Give tokens to clients that sign in, signed with this private key (PEM: EC P-256, Ed25519 or RSA).
    #[arg(long, value_name = "FILE")]
    pub(crate) token_key: Option<PathBuf>,
    /// Take tokens that others sign, whose certificates or public keys (PEM) or JWK set this file has.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_trust: Option<PathBuf>,
    /// Send clients to this token service. Without it, with --token-key, to this registry's own.
    #[arg(long, value_name = "URL")]
    pub(crate) token_realm: Option<String>,
    /// What this registry is called in tokens (their audience).
    #[arg(long, value_name = "NAME", default_value = "transload")]
    pub(crate) token_service: String,
    /// What the issuer is called in tokens: our own (else 'transload'), and the one of --token-trust (else any).
    #[arg(long, value_name = "NAME")]
    pub(crate) token_issuer: Option<String>,
    /// Take passwords and tokens without TLS from other machines too, for example behind a proxy that has TLS. Whoever is
    /// on the way can read them.
    #[arg(long)]
    pub(crate) plain_http_credentials: bool,
}

/// What those may do who have not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnonymousArg {
    /// Nothing.
    None,
    /// Pull.
    Pull,
    /// Pull and push.
    Push,
    /// Pull, push and delete.
    All,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload registry htpasswd /etc/transload/users alice
  pass registry/robot | transload registry htpasswd /etc/transload/users robot --password-stdin
  transload registry htpasswd /etc/transload/users alice --delete

A registry that runs reads the file again by itself.")]
pub(crate) struct HtpasswdArgs {
    /// The file; it is made, for its owner alone, when it is not there.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The user, whose line is added or replaced.
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    /// Read the password from standard input. Without it the password is asked for.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Take the user out.
    #[arg(long, conflicts_with_all = ["password_stdin", "cost"])]
    pub(crate) delete: bool,
    /// bcrypt's cost: each step doubles the time that a guess takes, and a login.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(8..=15))]
    pub(crate) cost: u32,
}
