//! Master keys: what all that is sealed depends on.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind as IoKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use secrecy::zeroize::{Zeroize, Zeroizing};
use secrecy::{ExposeSecret, SecretBox};

use crate::error::{Error, ErrorKind};

/// Length of a key, in bytes: AES-256.
pub(crate) const KEY_BYTES: usize = 32;
/// A file of keys beyond this is another file.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// What a key's id is the hash of, in front of the key: so that it is no hash that anything else takes of it.
const ID_CONTEXT: &[u8] = b"transload.vault.key-id.v1\0";

/// Names a master key and tells nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub(crate) [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A key of 256 bits that seals the keys of secrets. `Debug` shows its id.
pub struct MasterKey {
    id: KeyId,
    bytes: SecretBox<[u8; KEY_BYTES]>,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

impl MasterKey {
    /// A new one.
    ///
    /// # Errors
    /// `KeyUnusable` when this machine gives no random numbers.
    pub fn random() -> Result<Self, Error> {
        let mut failed = false;
        let bytes =
            SecretBox::init_with_mut(|bytes: &mut [u8; KEY_BYTES]| failed = rand::fill(bytes).is_err());
        if failed {
            return Err(Error::new(ErrorKind::KeyUnusable, "a new key", "there are no random numbers"));
        }
        Ok(Self::new(bytes))
    }

    fn new(bytes: SecretBox<[u8; KEY_BYTES]>) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(ID_CONTEXT);
        hash.update(bytes.expose_secret());
        let mut id = [0; 8];
        id.copy_from_slice(&hash.finish().as_ref()[..8]);
        Self { id: KeyId(id), bytes }
    }

    /// A key from its 32 bytes in Base64, with or without padding and white space around it.
    ///
    /// # Errors
    /// `KeyUnusable`, never with the text in it.
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        Self::parse(text, "the vault's key")
    }

    fn parse(text: &str, subject: &str) -> Result<Self, Error> {
        let text = Zeroizing::new(text.trim().trim_end_matches('=').replace('+', "-").replace('/', "_"));
        let invalid = |detail: &str| {
            Error::new(ErrorKind::KeyUnusable, subject, detail)
                .with_hint("give 32 random bytes in Base64, as 'openssl rand -base64 32' makes them")
        };
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(text.as_bytes());
        let decoded = Zeroizing::new(decoded.map_err(|_| invalid("this is no key: it is not Base64"))?);
        if decoded.len() != KEY_BYTES {
            return Err(invalid(&format!("a key has {KEY_BYTES} bytes, and this has {}", decoded.len())));
        }
        Ok(Self::new(SecretBox::init_with_mut(|bytes: &mut [u8; KEY_BYTES]| bytes.copy_from_slice(&decoded))))
    }

    /// The first key of a file; see [`Self::all_from_file`].
    ///
    /// # Errors
    /// As there.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let mut keys = Self::all_from_file(path)?;
        Ok(keys.swap_remove(0))
    }

    /// The keys of a file, one to a line in Base64, at least one: the first seals, the others open what was sealed
    /// before. Lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// `NotFound` when there is no such file; `KeyUnusable` when others than its owner may read or write it (anything but
    /// mode 0600 or 0400), or a line is no key.
    pub fn all_from_file(path: &Path) -> Result<Vec<Self>, Error> {
        let subject = format!("the vault's key file {}", path.display());
        let text = read_private(path, &subject)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Vec<_> = lines.map(|line| Self::parse(line, &subject)).collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(Error::new(ErrorKind::KeyUnusable, subject, "there is no key in it").with_hint(
                "restore the file from a backup: without its key the vault's secrets cannot be read",
            ));
        }
        Ok(keys)
    }

    /// Makes a file with a new key, mode 0600. It appears whole or not at all, and is on the disk when this returns.
    ///
    /// # Errors
    /// `KeyUnusable` when there is such a file already, or it cannot be written.
    pub fn create_file(path: &Path) -> Result<Self, Error> {
        let key = Self::random()?;
        match key.write_new(path) {
            Ok(()) => Ok(key),
            Err(error) => {
                let subject = format!("the vault's key file {}", path.display());
                let detail = match error.kind() {
                    IoKind::AlreadyExists => {
                        "there is such a file already, which is not overwritten".to_owned()
                    }
                    _ => format!("it cannot be written: {error}"),
                };
                Err(Error::new(ErrorKind::KeyUnusable, subject, detail))
            }
        }
    }

    /// A name that exists is never replaced, and nobody sees half a file: two processes that start at once end up with
    /// the same key.
    fn write_new(&self, path: &Path) -> std::io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut name = [0; 8];
        rand::fill(&mut name).map_err(|_| std::io::Error::other("there are no random numbers"))?;
        let beside = Beside(folder.join(format!(".key-{}", hex::encode(name))));
        self.write_to(&beside.0)?;
        match std::fs::hard_link(&beside.0, path) {
            // a file system without links
            Err(error) if matches!(error.kind(), IoKind::Unsupported | IoKind::PermissionDenied) => {
                self.write_to(path)?;
            }
            linked => linked?,
        }
        File::open(folder)?.sync_all()
    }

    fn write_to(&self, path: &Path) -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        let mut line = BASE64_STANDARD.encode(self.bytes.expose_secret());
        line.push('\n');
        let written = file.write_all(line.as_bytes());
        line.zeroize();
        written?;
        file.sync_all()
    }

    /// Which key it is.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn expose(&self) -> &[u8; KEY_BYTES] {
        self.bytes.expose_secret()
    }
}

/// A file that is gone in the end.
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn read_private(path: &Path, subject: &str) -> Result<Zeroizing<String>, Error> {
    let failed = |error: std::io::Error| match error.kind() {
        IoKind::NotFound => Error::new(ErrorKind::NotFound, subject, "there is no such file"),
        _ => Error::new(ErrorKind::KeyUnusable, subject, format!("it cannot be read: {error}")),
    };
    let mut file = File::open(path).map_err(failed)?;
    // of the file that was opened, not of whatever has the name a moment later
    let found = file.metadata().map_err(failed)?;
    let mode = found.permissions().mode() & 0o777;
    if !found.is_file() || found.len() > FILE_BYTES_MAX {
        return Err(Error::new(ErrorKind::KeyUnusable, subject, "it is no file of keys"));
    }
    if mode & 0o077 != 0 {
        let detail = format!("others than its owner may use it (mode {mode:04o})");
        return Err(Error::new(ErrorKind::KeyUnusable, subject, detail)
            .with_hint(format!("run: chmod 600 {}", path.display())));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_made_file_is_its_owners_alone_and_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.key");
        let made = MasterKey::create_file(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(MasterKey::from_file(&path).unwrap().id(), made.id());
        let before = std::fs::read(&path).unwrap();
        assert_eq!(MasterKey::create_file(&path).unwrap_err().kind(), ErrorKind::KeyUnusable);
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.key");
        MasterKey::create_file(&path).unwrap();
        for bits in [0o640, 0o604, 0o620, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(bits)).unwrap();
            let error = MasterKey::from_file(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::KeyUnusable, "{bits:o}");
            assert!(error.hint().unwrap().contains("chmod 600"), "{error:?}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        MasterKey::from_file(&path).unwrap();
    }

    #[test]
    fn a_file_may_hold_several_keys_and_the_first_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let (first, second) = (MasterKey::create_file(&one).unwrap(), MasterKey::create_file(&two).unwrap());
        let text = |path| std::fs::read_to_string(path).unwrap();
        let both = format!("# since November\n{}\n# before\n{}", text(&one), text(&two));
        std::fs::write(&one, both).unwrap();
        let ids: Vec<_> = MasterKey::all_from_file(&one).unwrap().iter().map(MasterKey::id).collect();
        assert_eq!(ids, [first.id(), second.id()]);
        std::fs::write(&two, "\n# nothing\n").unwrap();
        assert_eq!(MasterKey::from_file(&two).unwrap_err().kind(), ErrorKind::KeyUnusable);
        let missing = MasterKey::from_file(&folder.path().join("three")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn text_is_taken_in_every_form_of_base64_and_never_shown() {
        let key = MasterKey::random().unwrap();
        let text = BASE64_STANDARD.encode(key.expose());
        let url = text.replace('+', "-").replace('/', "_");
        for form in [text.clone(), format!(" {text}\n"), text.trim_end_matches('=').to_owned(), url] {
            assert_eq!(MasterKey::from_base64(&form).unwrap().id(), key.id());
        }
        for bad in ["", "SECRETSECRET!", "U0VDUkVU", &format!("{text}SECRET")] {
            let error = MasterKey::from_base64(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::KeyUnusable);
            assert!(!format!("{error}{error:?}{:?}", error.hint()).contains("SECRET"), "{error:?}");
        }
        let shown = format!("{key:?}");
        assert!(!shown.contains(&text) && !shown.contains(&hex::encode(key.expose())), "{shown}");
    }
}
