//! Checking passwords: slow on purpose, and so a few at a time.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::hmac;
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::htpasswd::Htpasswd;
use super::limits::AccessLimits;
use super::watched::Watched;
use crate::error::Error;

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// No such user, or another password: nobody is told which.
    Bad,
    /// Too many are waiting.
    Busy,
}

/// Users with passwords.
pub(super) struct Passwords {
    file: Watched<Htpasswd>,
    limits: AccessLimits,
    /// Keys what is kept. It never leaves this process, and so what is kept is of no use elsewhere.
    key: hmac::Key,
    /// Until when a password is known to be good, under a keyed hash of it, of its user and of the user's hash.
    good: Mutex<HashMap<[u8; 32], Instant>>,
    checking: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Passwords {
    /// Reads the file. Blocks.
    pub(super) fn open(path: &Path, limits: &AccessLimits) -> Result<Self, Error> {
        let bounds = limits.clone();
        Ok(Self {
            file: Watched::open(path, limits, move |text| Htpasswd::parse(text, &bounds))?,
            key: hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>()),
            good: Mutex::default(),
            checking: Arc::new(Semaphore::new(limits.password_checks_max.max(1))),
            waiting: Arc::new(Semaphore::new(limits.password_checks_waiting_max.max(1))),
            limits: limits.clone(),
        })
    }

    /// Whether this is the password of this user. Takes as long for a user who does not exist.
    pub(super) async fn check(&self, user: &str, password: &SecretString) -> Verdict {
        let file = self.file.get().await;
        let hash = file.hash(user).map(str::to_owned);
        let tag = self.tag(&[user, password.expose_secret(), hash.as_deref().unwrap_or_default()]);
        if hash.is_some() && self.good.lock().get(&tag).is_some_and(|until| *until > Instant::now()) {
            return Verdict::Good;
        }
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else { return Verdict::Busy };
        let Ok(turn) = Arc::clone(&self.checking).acquire_owned().await else { return Verdict::Busy };
        // made-up users have costs as real ones have them, and the same one every time
        let cost =
            file.cost(u64::from_be_bytes(self.tag(&[user]).first_chunk().copied().unwrap_or_default()));
        let (password, is_known) = (password.clone(), hash.is_some());
        let checked = spawn_blocking(move || {
            let password = password.expose_secret();
            let good = match &hash {
                Some(hash) => bcrypt::verify(password, hash),
                None => bcrypt::hash_with_salt(password, cost, [0; 16]).map(|_| false),
            };
            // held until here: a client that goes away does not make room for the next one
            drop((turn, place));
            good.unwrap_or(false)
        });
        let good = checked.await.unwrap_or(false) && is_known;
        if good {
            self.keep(tag);
        }
        if good { Verdict::Good } else { Verdict::Bad }
    }

    /// What changes with the user's password, without giving it away: for refresh tokens. `None`: no such user.
    pub(super) async fn fingerprint(&self, user: &str) -> Option<String> {
        let file = self.file.get().await;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, file.hash(user)?.as_bytes());
        Some(hex::encode(&digest.as_ref()[..16]))
    }

    fn keep(&self, tag: [u8; 32]) {
        let now = Instant::now();
        let mut good = self.good.lock();
        if good.len() >= self.limits.passwords_kept_max {
            good.retain(|_, until| *until > now);
        }
        if good.len() >= self.limits.passwords_kept_max {
            good.clear();
        }
        good.insert(tag, now + self.limits.password_kept);
    }

    /// A keyed hash of these, with their lengths: no two lists of parts look the same.
    fn tag(&self, parts: &[&str]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords").field("file", &self.file).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::access::with_user;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    fn passwords(limits: &AccessLimits) -> (tempfile::TempDir, Passwords) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        std::fs::write(&path, with_user("", "alice", &secret("right"), 4).unwrap()).unwrap();
        let passwords = Passwords::open(&path, limits).unwrap();
        (folder, passwords)
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_user_who_is_there_is_good() {
        let (_folder, passwords) = passwords(&AccessLimits::default());
        for _ in 0..2 {
            assert_eq!(passwords.check("alice", &secret("right")).await, Verdict::Good);
            for (user, password) in
                [("alice", "wrong"), ("alice", ""), ("bob", "right"), ("", ""), ("Alice", "right")]
            {
                assert_eq!(passwords.check(user, &secret(password)).await, Verdict::Bad, "{user}");
            }
        }
        // the good one only, and not as itself
        assert_eq!(passwords.good.lock().len(), 1);
        assert!(!format!("{passwords:?}").contains("right"));
    }

    #[tokio::test]
    async fn a_changed_password_is_not_good_any_more_although_it_was_kept() {
        let limits = AccessLimits { file_look: Duration::ZERO, ..AccessLimits::default() };
        let (folder, passwords) = passwords(&limits);
        let path = folder.path().join("users");
        assert_eq!(passwords.check("alice", &secret("right")).await, Verdict::Good);
        let before = passwords.fingerprint("alice").await;
        std::fs::write(&path, with_user("", "alice", &secret("other"), 4).unwrap()).unwrap();
        assert_eq!(passwords.check("alice", &secret("right")).await, Verdict::Bad);
        assert_eq!(passwords.check("alice", &secret("other")).await, Verdict::Good);
        assert_ne!(passwords.fingerprint("alice").await, before);
        std::fs::write(&path, "").unwrap();
        assert_eq!(passwords.check("alice", &secret("other")).await, Verdict::Bad);
        assert_eq!(passwords.fingerprint("alice").await, None);
    }

    #[tokio::test]
    async fn those_who_wait_are_bounded() {
        let limits = AccessLimits {
            password_checks_max: 1,
            password_checks_waiting_max: 1,
            ..AccessLimits::default()
        };
        let (_folder, passwords) = passwords(&limits);
        let held = Arc::clone(&passwords.waiting).try_acquire_owned().unwrap();
        assert_eq!(passwords.check("alice", &secret("right")).await, Verdict::Busy);
        drop(held);
        assert_eq!(passwords.check("alice", &secret("right")).await, Verdict::Good);
        // what is known needs no turn
        let _held = Arc::clone(&passwords.waiting).try_acquire_owned().unwrap();
        assert_eq!(passwords.check("alice", &secret("right")).await, Verdict::Good);
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded_and_runs_out() {
        let limits =
            AccessLimits { passwords_kept_max: 2, password_kept: Duration::ZERO, ..AccessLimits::default() };
        let (_folder, passwords) = passwords(&limits);
        for n in 0..5 {
            passwords.keep([n; 32]);
            assert!(passwords.good.lock().len() <= 2);
        }
        assert_eq!(passwords.check("alice", &secret("right")).await, Verdict::Good);
        let _held = passwords.waiting.acquire_many(64).await.unwrap();
        assert_eq!(passwords.check("alice", &secret("right")).await, Verdict::Busy, "it has run out");
    }
}
