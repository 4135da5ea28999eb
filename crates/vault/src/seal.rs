//! How values are sealed: a key of its own for each, itself sealed by the master key.
//!
//! A sealed value is
//!
//! ```text
//! 1 byte    version of the form: 1
//! 8 bytes   id of the master key
//! 60 bytes  the value's key: nonce (12), sealed key (32), tag (16)
//! the rest  the value: nonce (12), sealed value (as long as the value), tag (16)
//! ```
//!
//! both by AES-256-GCM with random nonces. What is authenticated beside them is the form's version, the master key's id,
//! which of the two it is, and the context, so that nothing that was sealed for one place opens in another.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, MAX_TAG_LEN, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::zeroize::{Zeroize, Zeroizing};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind};
use crate::key::{KEY_BYTES, KeyId, MasterKey};

const VERSION: u8 = 1;
const ID_END: usize = 1 + 8;
const KEY_END: usize = ID_END + NONCE_LEN + KEY_BYTES + MAX_TAG_LEN;
const LEN_MIN: usize = KEY_END + NONCE_LEN + MAX_TAG_LEN;

/// Seals and opens, with one master key for what is new and any number for what is there.
pub struct Sealer {
    /// The first seals.
    keys: Vec<(KeyId, RandomizedNonceKey)>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

/// Which of the two is sealed.
#[derive(Clone, Copy)]
enum Part {
    Key,
    Value,
}

impl Sealer {
    /// Seals and opens with this key.
    pub fn new(key: &MasterKey) -> Self {
        Self { keys: vec![(key.id(), cipher(key.expose()))] }
    }

    /// Opens with this key as well: one that was used before.
    #[must_use]
    pub fn with_former(mut self, key: &MasterKey) -> Self {
        if !self.keys.iter().any(|(id, _)| *id == key.id()) {
            self.keys.push((key.id(), cipher(key.expose())));
        }
        self
    }

    /// With the keys of a file: see [`MasterKey::all_from_file`].
    ///
    /// # Errors
    /// As there.
    pub fn from_file(path: &std::path::Path) -> Result<Self, Error> {
        let keys = MasterKey::all_from_file(path)?;
        let (first, former) = keys.split_first().ok_or_else(|| {
            Error::new(ErrorKind::KeyUnusable, path.display().to_string(), "there is no key in it")
        })?;
        Ok(former.iter().fold(Self::new(first), Self::with_former))
    }

    /// The same, from a file that is made when there is none; whether it was.
    ///
    /// # Errors
    /// As [`MasterKey::all_from_file`] and [`MasterKey::create_file`].
    pub fn from_file_or_new(path: &std::path::Path) -> Result<(Self, bool), Error> {
        match Self::from_file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            read => return read.map(|sealer| (sealer, false)),
        }
        match MasterKey::create_file(path) {
            Ok(key) => Ok((Self::new(&key), true)),
            // another process was quicker: its key is the one
            Err(_) if path.exists() => Self::from_file(path).map(|sealer| (sealer, false)),
            Err(error) => Err(error),
        }
    }

    /// Which key seals.
    pub fn key_id(&self) -> KeyId {
        self.keys[0].0
    }

    /// Seals a value for one place: `context` names it, and opening wants the same again.
    ///
    /// # Errors
    /// `Unavailable` when this machine gives no random numbers.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = || Error::new(ErrorKind::Unavailable, "sealing", "there are no random numbers");
        let mut own = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(own.as_mut()).map_err(|_| failed())?;
        let (id, master) = &self.keys[0];
        let mut sealed = Vec::with_capacity(LEN_MIN + plain.len());
        sealed.push(VERSION);
        sealed.extend(id.0);
        append(master, aad(*id, Part::Key, context), own.as_ref(), &mut sealed).ok_or_else(failed)?;
        append(&cipher(&own), aad(*id, Part::Value, context), plain, &mut sealed).ok_or_else(failed)?;
        Ok(sealed)
    }

    /// What was sealed for this place.
    ///
    /// # Errors
    /// `WrongKey` when the key that sealed it is not at hand, `Damaged` when it is not what was sealed here for this
    /// place. The subject is empty words: the caller knows what it is about (see [`Error::about`]).
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let damaged = |detail: &str| {
            Error::new(ErrorKind::Damaged, "a sealed value", detail)
                .with_hint("set the secret again, or restore the ledger from a backup")
        };
        if sealed.len() < LEN_MIN || sealed[0] != VERSION {
            return Err(damaged(
                "what is stored was never sealed here, or is of a later version of this program",
            ));
        }
        let id = key_id_of(sealed);
        let master = self.keys.iter().find(|(there, _)| *there == id).map(|(_, key)| key);
        let master = master.ok_or_else(|| self.wrong_key(id))?;
        let opened = |part| open(master, aad(id, Part::Key, context), part);
        let changed = "what is stored was changed since it was sealed, or belongs to another secret";
        let own = opened(&sealed[ID_END..KEY_END]).ok_or_else(|| damaged(changed))?;
        let own: &[u8; KEY_BYTES] = own.as_slice().try_into().map_err(|_| damaged(changed))?;
        open(&cipher(own), aad(id, Part::Value, context), &sealed[KEY_END..]).ok_or_else(|| damaged(changed))
    }

    /// The same value sealed with the key that seals now; `None` when it is already.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn reseal(&self, context: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let value = self.open(context, sealed)?;
        if key_id_of(sealed) == self.key_id() {
            return Ok(None);
        }
        self.seal(context, &value).map(Some)
    }

    /// [`Self::seal`] for text, in Base64.
    ///
    /// # Errors
    /// As there.
    pub fn seal_text(&self, context: &str, plain: &SecretString) -> Result<String, Error> {
        Ok(BASE64_STANDARD.encode(self.seal(context, plain.expose_secret().as_bytes())?))
    }

    /// [`Self::open`] for what [`Self::seal_text`] made.
    ///
    /// # Errors
    /// As there; `Damaged` for what is no Base64 or no text.
    pub fn open_text(&self, context: &str, sealed: &str) -> Result<SecretString, Error> {
        let sealed = BASE64_STANDARD.decode(sealed).unwrap_or_default();
        text_of(self.open(context, &sealed)?)
    }

    fn wrong_key(&self, id: KeyId) -> Error {
        let held: Vec<_> = self.keys.iter().map(|(id, _)| id.to_string()).collect();
        let detail = format!(
            "the key file is not the one that the vault was sealed with: this was sealed with key {id}, and there is {}",
            held.join(", ")
        );
        Error::new(ErrorKind::WrongKey, "a sealed value", detail)
            .with_hint("put back the key file that belongs to this ledger, or add its key as a further line")
    }
}

/// Text that was opened.
pub(crate) fn text_of(mut value: Zeroizing<Vec<u8>>) -> Result<SecretString, Error> {
    match String::from_utf8(std::mem::take(&mut *value)) {
        Ok(text) => Ok(SecretString::from(text)),
        Err(error) => {
            error.into_bytes().zeroize();
            Err(Error::new(ErrorKind::Damaged, "a sealed value", "it is no text"))
        }
    }
}

/// Of something long enough.
fn key_id_of(sealed: &[u8]) -> KeyId {
    let mut id = [0; 8];
    id.copy_from_slice(&sealed[1..ID_END]);
    KeyId(id)
}

/// A key of 32 bytes is one for this algorithm: there is nothing to fail.
fn cipher(key: &[u8; KEY_BYTES]) -> RandomizedNonceKey {
    RandomizedNonceKey::new(&AES_256_GCM, key).expect("32 bytes are a key of AES-256")
}

fn aad(id: KeyId, part: Part, context: &str) -> Aad<Vec<u8>> {
    let part: &[u8] = match part {
        Part::Key => b"key",
        Part::Value => b"value",
    };
    let mut text = b"transload.vault\0".to_vec();
    text.push(VERSION);
    text.extend(id.0);
    text.extend(part);
    text.push(0);
    text.extend(context.as_bytes());
    Aad::from(text)
}

/// Nonce, what is sealed, tag: behind what is there.
fn append(key: &RandomizedNonceKey, aad: Aad<Vec<u8>>, plain: &[u8], sealed: &mut Vec<u8>) -> Option<()> {
    let mut work = Zeroizing::new(plain.to_vec());
    let (nonce, tag) = key.seal_in_place_separate_tag(aad, &mut work).ok()?;
    sealed.extend(nonce.as_ref());
    sealed.extend(work.iter());
    sealed.extend(tag.as_ref());
    Some(())
}

fn open(key: &RandomizedNonceKey, aad: Aad<Vec<u8>>, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut work = Zeroizing::new(rest.to_vec());
    let len = key.open_in_place(nonce, aad, &mut work).ok()?.len();
    work.truncate(len);
    Some(work)
}
