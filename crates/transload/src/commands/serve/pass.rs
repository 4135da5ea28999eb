//! What workers show registries that are hosted here: a token that is made anew before it ends. Runs last as long as they take,
//! and a rate or a large bundle makes that longer than any token.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::Mutex;
use transload_registry::credentials::{Credential, CredentialProvider, Found};
use transload_registry::{Error, ErrorKind};
use transload_server::RegistryToken;
use transload_worker::Refusal;

use super::gate::TOKEN_USER;

/// Where it comes from, in messages.
const ORIGIN: &str = "the principal 'workers' of this server";

/// Makes tokens.
#[async_trait]
pub(super) trait Issuer: fmt::Debug + Send + Sync {
    /// A new one.
    async fn issue(&self) -> Result<RegistryToken, Refusal>;
}

/// The token of one run.
#[derive(Debug)]
pub(super) struct Pass {
    issuer: Arc<dyn Issuer>,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    issued: RegistryToken,
    at: Instant,
}

impl Pass {
    /// With a token in it, so that what keeps it from being made is said before anything is opened.
    pub(super) async fn new(issuer: Arc<dyn Issuer>) -> Result<Self, Refusal> {
        let pass = Self { issuer, kept: Mutex::default() };
        pass.token(Instant::now()).await?;
        Ok(pass)
    }

    /// A token that is good for a while: another one when half of its time is over. Where none can be had just then, the one
    /// that is there serves until it ends.
    async fn token(&self, now: Instant) -> Result<SecretString, Refusal> {
        let mut kept = self.kept.lock().await;
        let left = |kept: &Kept| kept.issued.lasts.saturating_sub(now.saturating_duration_since(kept.at));
        if let Some(kept) = kept.as_ref().filter(|kept| left(kept) > kept.issued.lasts / 2) {
            return Ok(kept.issued.token.clone());
        }
        match self.issuer.issue().await {
            Ok(issued) => Ok(kept.insert(Kept { issued, at: now }).issued.token.clone()),
            Err(refusal) => match kept.as_ref().filter(|kept| left(kept) > Duration::ZERO) {
                Some(kept) => Ok(kept.issued.token.clone()),
                None => Err(refusal),
            },
        }
    }
}

#[async_trait]
impl CredentialProvider for Pass {
    async fn credential(&self, host: &str, _: Option<&str>) -> Result<Option<Found>, Error> {
        let token = self.token(Instant::now()).await.map_err(|refusal| {
            let kind = if refusal.transient { ErrorKind::Failed } else { ErrorKind::Unauthorized };
            Error::new(kind, host, refusal.error.message)
        })?;
        let credential = Credential::Basic { user: TOKEN_USER.to_owned(), secret: token };
        Ok(Some(Found { credential, origin: ORIGIN.to_owned() }))
    }

    fn places(&self) -> String {
        ORIGIN.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use secrecy::ExposeSecret as _;
    use transload_control::run::RunError;

    use super::*;

    const LASTS: Duration = Duration::from_secs(3600);

    /// Numbers its tokens.
    #[derive(Debug, Default)]
    struct Numbered {
        made: AtomicUsize,
        refuses: AtomicBool,
    }

    #[async_trait]
    impl Issuer for Numbered {
        async fn issue(&self) -> Result<RegistryToken, Refusal> {
            if self.refuses.load(Ordering::SeqCst) {
                let error = RunError { code: "LedgerUnavailable".to_owned(), message: "gone".to_owned() };
                return Err(Refusal { error, transient: true });
            }
            let number = self.made.fetch_add(1, Ordering::SeqCst) + 1;
            Ok(RegistryToken { token: format!("token{number}").into(), lasts: LASTS })
        }
    }

    #[tokio::test]
    async fn a_token_is_made_anew_before_it_ends() {
        let issuer = Arc::new(Numbered::default());
        let pass = Pass::new(Arc::clone(&issuer) as Arc<dyn Issuer>).await.unwrap();
        let start = Instant::now();
        let at = |minutes: u64| pass.token(start + Duration::from_secs(60 * minutes));
        let shown = |token: Result<SecretString, Refusal>| token.unwrap().expose_secret().to_owned();
        assert_eq!((shown(at(0).await), shown(at(29).await)), ("token1".to_owned(), "token1".to_owned()));
        assert_eq!((shown(at(31).await), shown(at(60).await)), ("token2".to_owned(), "token2".to_owned()));
        // many hours later
        assert_eq!(shown(at(600).await), "token3");
        issuer.refuses.store(true, Ordering::SeqCst);
        assert_eq!(shown(at(659).await), "token3", "it is good still");
        assert!(at(661).await.unwrap_err().transient);
    }

    #[tokio::test]
    async fn a_registry_is_shown_the_token_that_is_good_now() {
        let issuer = Arc::new(Numbered::default());
        let pass = Pass::new(Arc::clone(&issuer) as Arc<dyn Issuer>).await.unwrap();
        let found = pass.credential("r.example", None).await.unwrap().unwrap();
        assert_eq!(found.to_string(), format!("user '{TOKEN_USER}' from {ORIGIN}"));
        // one that has ended
        pass.kept.lock().await.as_mut().unwrap().issued.lasts = Duration::ZERO;
        let found = pass.credential("r.example", None).await.unwrap().unwrap();
        let Credential::Basic { secret, .. } = found.credential else { panic!() };
        assert_eq!(secret.expose_secret(), "token2");
        assert!(!format!("{pass:?}").contains("token2"));
        issuer.refuses.store(true, Ordering::SeqCst);
        pass.kept.lock().await.take();
        assert!(pass.credential("r.example", None).await.unwrap_err().is_transient());
        assert!(Pass::new(issuer).await.is_err());
    }
}
