//! Who may do what with a registry, as the command line wants it.

use std::net::SocketAddr;
use std::sync::Arc;

use transload_depot::access::{Anonymous, Gate, Guard, GuardOptions, Open};
use transload_transfer::{Code, Error};

use super::trouble;
use crate::cli::{AccessArgs, AnonymousArg};

/// A gate, and what it does in words.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) gate: Arc<dyn Gate>,
    /// One line each.
    pub(super) words: Vec<String>,
}

impl AccessArgs {
    /// The gate for a registry that listens there, with or without TLS, and can be written to or not. Reads files, and
    /// so blocks.
    ///
    /// # Errors
    /// `Usage`: credentials would go over the line as they are, nobody could do anything, or a file is no good.
    pub(super) fn gate(
        &self,
        listen: &[SocketAddr],
        is_tls: bool,
        is_writable: bool,
    ) -> Result<Access, Error> {
        let public = listen.iter().find(|addr| !addr.ip().is_loopback());
        if !self.knows_people() {
            return self.open(public, is_writable);
        }
        if let Some(addr) = public.filter(|_| !is_tls && !self.plain_http_credentials) {
            let text = "passwords and tokens would pass without TLS, for everybody on the way to read";
            return Err(Error::new(Code::Usage, addr.to_string(), text).with_next(
                "give --tls-cert and --tls-key, or --tls-generate; or, behind a proxy that has TLS, \
                 --plain-http-credentials",
            ));
        }
        if self.rules.is_some() && !self.has_sign_in() && self.allow_anonymous.is_none() {
            // rules for anonymous are rules too
            let words = vec!["nobody can sign in: rules for 'anonymous' hold".to_owned()];
            return self.guard(words, is_writable);
        }
        let how = match (&self.htpasswd, &self.token_key, &self.token_trust) {
            (Some(file), None, None) => format!("by password, users in {}", file.display()),
            (Some(file), _, _) => format!("by password or token, users in {}", file.display()),
            _ => "by token".to_owned(),
        };
        let may = match &self.rules {
            Some(file) => format!("whoever signs in ({how}) may what {} allows", file.display()),
            None if is_writable => format!("whoever signs in ({how}) may pull, push and delete"),
            None => format!("whoever signs in ({how}) may pull"),
        };
        self.guard(vec![may], is_writable)
    }

    fn knows_people(&self) -> bool {
        self.has_sign_in() || self.rules.is_some()
    }

    fn has_sign_in(&self) -> bool {
        self.htpasswd.is_some() || self.token_key.is_some() || self.token_trust.is_some()
    }

    fn open(&self, public: Option<&SocketAddr>, is_writable: bool) -> Result<Access, Error> {
        let anonymous = match (self.allow_anonymous, public) {
            (Some(what), _) => what.into(),
            (None, None) => Anonymous::Everything,
            (None, Some(addr)) => {
                let text = "others can reach this address, and nobody said who may do what";
                return Err(Error::new(Code::Usage, addr.to_string(), text).with_next(
                    "let people sign in with --htpasswd FILE, or let everybody in with --allow-anonymous pull (or push, or all)",
                ));
            }
        };
        if anonymous == Anonymous::Nothing {
            let text = "nobody may do anything, and nobody can sign in";
            return Err(Error::new(Code::Usage, "--allow-anonymous none", text)
                .with_next("let people sign in with --htpasswd FILE"));
        }
        Ok(Access { gate: Arc::new(Open(anonymous)), words: vec![everybody(anonymous, is_writable)] })
    }

    fn guard(&self, mut words: Vec<String>, is_writable: bool) -> Result<Access, Error> {
        let anonymous = self.allow_anonymous.map_or(Anonymous::Nothing, Anonymous::from);
        let options = GuardOptions {
            htpasswd: self.htpasswd.clone(),
            token_key: self.token_key.clone(),
            token_trust: self.token_trust.clone(),
            token_realm: self.token_realm.clone(),
            token_service: self.token_service.clone(),
            token_issuer: self.token_issuer.clone(),
            rules: self.rules.clone(),
            anonymous,
            ..GuardOptions::default()
        };
        let guard = Guard::new(&options).map_err(|error| trouble::error(&error))?;
        if anonymous > Anonymous::Nothing {
            words.push(everybody(anonymous, is_writable));
        }
        Ok(Access { gate: Arc::new(guard), words })
    }
}

impl From<AnonymousArg> for Anonymous {
    fn from(arg: AnonymousArg) -> Self {
        match arg {
            AnonymousArg::None => Self::Nothing,
            AnonymousArg::Pull => Self::Pull,
            AnonymousArg::Push => Self::Push,
            AnonymousArg::All => Self::Everything,
        }
    }
}

fn everybody(anonymous: Anonymous, is_writable: bool) -> String {
    let what = match anonymous {
        // there is nothing else to do with what cannot be written to
        Anonymous::Push | Anonymous::Everything if !is_writable => "pull",
        Anonymous::Nothing => "nothing",
        Anonymous::Pull => "pull",
        Anonymous::Push => "pull and push",
        Anonymous::Everything => "pull, push and delete",
    };
    format!("everybody who can reach it may {what}")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        access: AccessArgs,
    }

    fn gate(arguments: &[&str], listen: &str, is_tls: bool) -> Result<Access, Error> {
        let line = Line::try_parse_from([&["x"], arguments].concat()).unwrap();
        line.access.gate(&[listen.parse().unwrap()], is_tls, true)
    }

    #[test]
    fn loopback_is_open_and_other_addresses_are_as_somebody_said() {
        let words = |arguments: &[&str], listen| gate(arguments, listen, false).unwrap().words.join(" ");
        assert!(words(&[], "127.0.0.1:5000").contains("pull, push and delete"));
        assert!(words(&[], "[::1]:5000").contains("pull, push and delete"));
        assert!(words(&["--allow-anonymous", "pull"], "0.0.0.0:5000").ends_with("may pull"));
        let refused = gate(&[], "0.0.0.0:5000", true).unwrap_err();
        assert!(
            refused.next_step().contains("--htpasswd") && refused.next_step().contains("--allow-anonymous")
        );
        gate(&["--allow-anonymous", "none"], "127.0.0.1:5000", false).unwrap_err();
    }

    #[test]
    fn credentials_need_tls_except_on_loopback_and_where_somebody_said_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        std::fs::write(&path, "").unwrap();
        let file = path.to_str().unwrap();
        let some = ["--htpasswd", file];
        let refused = gate(&some, "10.0.0.1:5000", false).unwrap_err();
        assert!(refused.next_step().contains("--tls-cert"), "{}", refused.next_step());
        gate(&some, "10.0.0.1:5000", true).unwrap();
        gate(&some, "127.0.0.1:5000", false).unwrap();
        gate(&["--htpasswd", file, "--plain-http-credentials"], "10.0.0.1:5000", false).unwrap();
        gate(&["--htpasswd", "/nonexistent/file"], "127.0.0.1:5000", false).unwrap_err();
    }
}
