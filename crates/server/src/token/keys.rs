//! Signing keys, one a period.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use transload_control::{Code, Error};
use transload_vault::Sealer;

use super::Shelf;

const DAY_SECONDS: i64 = 86_400;

/// A period's key.
pub(super) struct Key {
    /// Its name in tokens: the thumbprint of its public half (RFC 7638).
    pub(super) id: String,
    pub(super) signing: EncodingKey,
    pub(super) checking: DecodingKey,
    public: Jwk,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.id).finish()
    }
}

/// The keys of periods, as far as they were needed.
#[derive(Debug)]
pub(super) struct Keys {
    shelf: Arc<dyn Shelf>,
    sealer: Arc<Sealer>,
    period_seconds: i64,
    known: Mutex<BTreeMap<i64, Arc<Key>>>,
}

impl Keys {
    pub(super) fn new(shelf: Arc<dyn Shelf>, sealer: Arc<Sealer>, period_days: u32) -> Self {
        let period_seconds = i64::from(period_days.max(1)) * DAY_SECONDS;
        Self { shelf, sealer, period_seconds, known: Mutex::new(BTreeMap::new()) }
    }

    /// The key to sign with at a time.
    pub(super) async fn signing(&self, now: i64) -> Result<Arc<Key>, Error> {
        let period = now.div_euclid(self.period_seconds);
        match self.key(period).await? {
            Some(key) => Ok(key),
            None => self.make(period).await,
        }
    }

    /// The key of that name, if tokens of it are taken at a time.
    pub(super) async fn find(&self, id: &str, now: i64) -> Result<Option<Arc<Key>>, Error> {
        let period = now.div_euclid(self.period_seconds);
        // a machine whose clock is ahead of ours may sign with the next one already
        for period in [period, period - 1, period + 1] {
            if let Some(key) = self.key(period).await?.filter(|key| key.id == id) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// Public halves: of this period, of the one before, and of the next when it begins within a day.
    pub(super) async fn published(&self, now: i64) -> Result<JwkSet, Error> {
        let period = now.div_euclid(self.period_seconds);
        let mut keys = vec![self.signing(now).await?.public.clone()];
        if now.rem_euclid(self.period_seconds) + DAY_SECONDS >= self.period_seconds {
            keys.push(self.signing(now + DAY_SECONDS).await?.public.clone());
        }
        if let Some(before) = self.key(period - 1).await? {
            keys.push(before.public.clone());
        }
        Ok(JwkSet { keys })
    }

    async fn key(&self, period: i64) -> Result<Option<Arc<Key>>, Error> {
        if let Some(key) = self.known.lock().get(&period) {
            return Ok(Some(key.clone()));
        }
        match self.shelf.get(&name(period)).await? {
            Some(sealed) => self.open(period, &sealed).map(Some),
            None => Ok(None),
        }
    }

    async fn make(&self, period: i64) -> Result<Arc<Key>, Error> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| unusable())?;
        let document = pair.to_pkcs8v1().map_err(|_| unusable())?;
        let text = SecretString::from(BASE64_STANDARD.encode(document.as_ref()));
        let sealed = self.sealer.seal_text(&name(period), &text).map_err(|_| unusable())?;
        let stands = self.shelf.keep(&name(period), &sealed).await?;
        self.open(period, &stands)
    }

    fn open(&self, period: i64, sealed: &str) -> Result<Arc<Key>, Error> {
        let text = self.sealer.open_text(&name(period), sealed).map_err(|_| unusable())?;
        let document = BASE64_STANDARD.decode(text.expose_secret()).map_err(|_| unusable())?;
        let signing = EncodingKey::from_ec_der(&document);
        let mut public = Jwk::from_encoding_key(&signing, Algorithm::ES256).map_err(|_| unusable())?;
        let id = public.thumbprint(ThumbprintHash::SHA256).map_err(|_| unusable())?;
        public.common.key_id = Some(id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let checking = DecodingKey::from_jwk(&public).map_err(|_| unusable())?;
        let key = Arc::new(Key { id, signing, checking, public });
        let mut known = self.known.lock();
        known.insert(period, key.clone());
        // those of this period, its neighbours, and one for whoever is slow
        while known.len() > 4 {
            known.pop_first();
        }
        Ok(key)
    }
}

/// The name under which a period's key is kept, and what it is sealed for.
fn name(period: i64) -> String {
    format!("token-key/{period}")
}

fn unusable() -> Error {
    Error::new(
        Code::LedgerUnavailable,
        "the signing key of tokens cannot be opened: the vault's key file is not the one that it was sealed with",
    )
}
