//! The gate of a registry that knows its people: passwords, tokens, rules.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::Response;
use secrecy::{ExposeSecret as _, SecretString};

use super::caller::Caller;
use super::challenge::{self, Problem};
use super::grant::{Action, Grant};
use super::header::Given;
use super::keys::SigningKey;
use super::limits::AccessLimits;
use super::open::Anonymous;
use super::passwords::{Passwords, Verdict};
use super::refused::{Refused, RefusedKind};
use super::rules::{Policy, Rules};
use super::tokens::{Issuer, Verified, Verifier};
use super::watched::{Flaw, Watched, read_text};
use super::{Gate, endpoint};
use crate::error::Error;

/// The user under whose name clients of Azure's registries send a refresh token as a password.
const TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";
/// When to come again, for whoever was sent away.
const BUSY_WAIT: Duration = Duration::from_secs(2);
/// What this registry and its issuer are called where nobody says otherwise.
const NAME: &str = "transload";

/// What a [`Guard`] goes by. Files are read again when they change, except for the key.
#[derive(Debug, Clone)]
pub struct GuardOptions {
    /// Users and bcrypt hashes of their passwords, as `htpasswd` writes them.
    pub htpasswd: Option<PathBuf>,
    /// The private key (PEM) that signs tokens: with it this registry is its own token service.
    pub token_key: Option<PathBuf>,
    /// Public keys (PEM: certificates or keys, or a JWK set) of others whose tokens are taken.
    pub token_trust: Option<PathBuf>,
    /// URL of the token service, where it is not this registry under the name that the client knows it by.
    pub token_realm: Option<String>,
    /// What this registry is called in tokens (`aud`).
    pub token_service: String,
    /// What the issuer is called in tokens (`iss`): ours, and those of others, of whom without it any is taken.
    pub token_issuer: Option<String>,
    /// Who may do what; without it everybody who has signed in may everything.
    pub rules: Option<PathBuf>,
    /// What those may do who have not signed in.
    pub anonymous: Anonymous,
    /// Bounds.
    pub limits: AccessLimits,
}

impl Default for GuardOptions {
    fn default() -> Self {
        Self {
            htpasswd: None,
            token_key: None,
            token_trust: None,
            token_realm: None,
            token_service: NAME.to_owned(),
            token_issuer: None,
            rules: None,
            anonymous: Anonymous::Nothing,
            limits: AccessLimits::default(),
        }
    }
}

/// Knows people by password (Basic) or token (Bearer), and asks the rules what they may.
///
/// With a key, or with others' keys, it challenges for a token and takes passwords too; without either it challenges
/// for a password. Where some may come without signing in and others sign in with a password, it makes a key for as
/// long as it lives: a client that is challenged for a password does not go on without one.
#[derive(Debug)]
pub struct Guard {
    pub(super) passwords: Option<Passwords>,
    pub(super) issuer: Option<Issuer>,
    verifier: Option<Verifier>,
    rules: Option<Watched<Rules>>,
    anonymous: Anonymous,
    realm: Option<String>,
    pub(super) service: String,
    pub(super) limits: AccessLimits,
}

/// Who sent a request.
pub(super) enum Who {
    Anonymous,
    User(String),
    Token(Verified),
}

impl Guard {
    /// Reads the files. Blocks.
    ///
    /// # Errors
    /// [`Error::Access`]: what is wrong, where, and what to do.
    pub fn new(options: &GuardOptions) -> Result<Self, Error> {
        let GuardOptions { limits, token_service: service, .. } = options;
        challenge::check(service, options.token_realm.as_deref())?;
        if options.token_trust.is_some() && options.token_key.is_none() && options.token_realm.is_none() {
            return Err(Error::Access {
                subject: "the token service".to_owned(),
                detail: "there are keys of an issuer, and nobody says where its tokens are to be had"
                    .to_owned(),
                next: "name the issuer's URL with --token-realm".to_owned(),
            });
        }
        let open_rules = |path: &PathBuf| Watched::open(path, limits, Rules::parse);
        let rules = options.rules.as_ref().map(open_rules).transpose()?;
        let open_passwords = |path: &PathBuf| Passwords::open(path, limits);
        let passwords = options.htpasswd.as_ref().map(open_passwords).transpose()?;
        let is_mixed = options.token_trust.is_none()
            && passwords.is_some()
            && Policy { anonymous: options.anonymous, rules: rules.as_ref().map(Watched::last) }
                .knows_anonymous();
        let key = signing_key(options, is_mixed)?;
        let name = options.token_issuer.as_deref().unwrap_or(NAME);
        let issuer = key.map(|key| Issuer::new(key, name, service, limits));
        let trust = options.token_trust.as_deref();
        let verifier = (issuer.is_some() || trust.is_some())
            .then(|| Verifier::new(issuer.as_ref(), trust, options.token_issuer.as_deref(), service, limits))
            .transpose()?;
        Ok(Self {
            passwords,
            issuer,
            verifier,
            rules,
            anonymous: options.anonymous,
            realm: options.token_realm.clone(),
            service: service.clone(),
            limits: limits.clone(),
        })
    }

    /// Whoever has these credentials.
    pub(super) async fn known(&self, given: Given) -> Result<Who, Problem> {
        match given {
            Given::Nothing => Ok(Who::Anonymous),
            Given::Nonsense => {
                Err(Problem::Credential("the Authorization header is not understood".to_owned()))
            }
            Given::Basic { user, password } if user == TOKEN_USER && self.issuer.is_some() => {
                self.refreshed(&password).await.map(Who::User)
            }
            Given::Basic { user, password } => self.signed_in(user, &password).await.map(Who::User),
            Given::Bearer(token) => {
                let verifier = self.verifier.as_ref().ok_or_else(|| {
                    Problem::Credential("tokens are not taken here: sign in with a password".to_owned())
                })?;
                let verified = verifier.access(token.expose_secret()).await;
                verified.map(Who::Token).map_err(|fault| Problem::Token(fault.to_string()))
            }
        }
    }

    /// The user, if this is their password.
    pub(super) async fn signed_in(&self, user: String, password: &SecretString) -> Result<String, Problem> {
        let wrong = || Problem::Credential("there is no such user with this password".to_owned());
        let Some(passwords) = &self.passwords else { return Err(wrong()) };
        match passwords.check(&user, password).await {
            Verdict::Good => Ok(user),
            Verdict::Bad => Err(wrong()),
            Verdict::Busy => Err(Problem::Busy),
        }
    }

    /// The user of a refresh token, if their password is still the one it was given for.
    pub(super) async fn refreshed(&self, token: &SecretString) -> Result<String, Problem> {
        let verifier =
            self.verifier.as_ref().ok_or_else(|| Problem::Token("there are no tokens here".into()))?;
        let refresh = verifier.refresh(token.expose_secret());
        let (user, mark) = refresh.map_err(|fault| Problem::Token(fault.to_string()))?;
        let now = match &self.passwords {
            Some(passwords) => passwords.fingerprint(&user).await,
            None => None,
        };
        if now.is_some_and(|now| now == mark) {
            return Ok(user);
        }
        Err(Problem::Token("the user's password has changed since, or the user is gone".to_owned()))
    }

    /// What somebody may do at this moment.
    pub(super) async fn caller(&self, who: Who) -> Caller {
        let policy = self.policy().await;
        match who {
            Who::Anonymous => {
                let is_let_in = self.anonymous == Anonymous::Everything || !self.has_sign_in();
                Caller::new(None, move |grant| match grant {
                    Grant::Base => is_let_in,
                    Grant::Catalog => policy.knows_anonymous(),
                    Grant::Repository { name, action } => policy.allows(None, name, *action),
                })
            }
            Who::User(user) => {
                let name = user.clone();
                Caller::new(Some(user), move |grant| match grant {
                    Grant::Base | Grant::Catalog => true,
                    Grant::Repository { name: repository, action } => {
                        policy.allows(Some(&name), repository, *action)
                    }
                })
            }
            Who::Token(token) => {
                let user = Some(token.subject.clone()).filter(|subject| !subject.is_empty());
                let (name, is_own) = (user.clone(), token.is_own);
                // a token that lists is of a person: of whom the rules know, if it is of our own issuer
                Caller::new(user, move |grant| token.allows(grant)).seeing(move |repository| {
                    !is_own || policy.allows(name.as_deref(), repository, Action::Pull)
                })
            }
        }
    }

    pub(super) async fn policy(&self) -> Policy {
        let rules = match &self.rules {
            Some(rules) => Some(rules.get().await),
            None => None,
        };
        Policy { anonymous: self.anonymous, rules }
    }

    fn has_sign_in(&self) -> bool {
        self.passwords.is_some() || self.verifier.is_some()
    }

    /// What would help whoever is refused.
    fn challenge(&self, request: &Parts, wanted: &[Grant], error: Option<&str>) -> Option<HeaderValue> {
        if self.verifier.is_some() {
            let realm = challenge::realm(self.realm.as_deref(), request);
            return challenge::bearer(&realm, &self.service, wanted, error);
        }
        self.passwords.as_ref().and_then(|_| challenge::basic(&self.service))
    }

    fn refuse(&self, request: &Parts, wanted: &[Grant], problem: Problem) -> Refused {
        let (message, error) = match problem {
            Problem::Busy => return busy(),
            Problem::Credential(message) => (message, None),
            Problem::Token(message) => (message, Some("invalid_token")),
        };
        let refused = Refused::new(RefusedKind::Unauthorized, message);
        match self.challenge(request, wanted, error) {
            Some(challenge) => refused.challenge(challenge),
            None => refused,
        }
    }
}

#[async_trait]
impl Gate for Guard {
    async fn admit(&self, request: &Parts, wanted: &[Grant]) -> Result<Caller, Refused> {
        let who = self.known(Given::of(&request.headers)).await;
        let who = who.map_err(|problem| self.refuse(request, wanted, problem))?;
        // whoever is known by password cannot do better; a better token may be had
        let (is_final, error) = match &who {
            Who::Anonymous => (false, None),
            Who::User(_) => (true, None),
            Who::Token(_) => (false, Some("insufficient_scope")),
        };
        let caller = self.caller(who).await;
        let Some(grant) = wanted.iter().find(|grant| !caller.may(grant)) else { return Ok(caller) };
        let challenge = if is_final { None } else { self.challenge(request, wanted, error) };
        Err(match (challenge, caller.user()) {
            (Some(challenge), Some(user)) => {
                let text = format!("the token of {user} does not allow {grant}");
                Refused::new(RefusedKind::Unauthorized, text).challenge(challenge)
            }
            (Some(challenge), None) => {
                Refused::new(RefusedKind::Unauthorized, format!("sign in for {grant}")).challenge(challenge)
            }
            (None, Some(user)) => Refused::new(RefusedKind::Denied, format!("{user} is not allowed {grant}")),
            (None, None) => {
                let text = format!("{grant} is not allowed here, and nobody can sign in to this registry");
                Refused::new(RefusedKind::Denied, text)
            }
        })
    }

    fn owns(&self, path: &str) -> bool {
        self.issuer.is_some() && endpoint::PATHS.contains(&path)
    }

    async fn answer(&self, request: &Parts, body: Body) -> Response {
        endpoint::answer(self, request, body).await
    }
}

pub(super) fn busy() -> Refused {
    Refused::new(RefusedKind::Busy, "too many are signing in at once").retry_after(BUSY_WAIT)
}

fn signing_key(options: &GuardOptions, is_mixed: bool) -> Result<Option<SigningKey>, Error> {
    let fail = |flaw: Flaw| flaw.in_file(options.token_key.as_deref().unwrap_or("the token's key".as_ref()));
    match &options.token_key {
        Some(path) => {
            let text = SecretString::from(read_text(path, options.limits.file_bytes_max)?);
            SigningKey::from_pem(text.expose_secret()).map(Some).map_err(fail)
        }
        None if is_mixed => SigningKey::ephemeral().map(Some).map_err(fail),
        None => Ok(None),
    }
}
