//! Files that are read again when they change.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::task::spawn_blocking;

use super::limits::AccessLimits;
use crate::error::Error;

/// What is wrong with a file's text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Counted from 1.
    pub(super) line: Option<usize>,
    pub(super) what: String,
    pub(super) next: String,
}

impl Flaw {
    pub(super) fn new(line: Option<usize>, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { line, what: what.into(), next: next.into() }
    }

    pub(super) fn in_file(self, path: &Path) -> Error {
        let subject = match self.line {
            Some(line) => format!("{}, line {line}", path.display()),
            None => path.display().to_string(),
        };
        Error::Access { subject, detail: self.what, next: self.next }
    }
}

type Parse<T> = Box<dyn Fn(&str) -> Result<T, Flaw> + Send + Sync>;

/// The last good content of a file.
pub(super) struct Watched<T>(Arc<Inner<T>>);

struct Inner<T> {
    path: PathBuf,
    parse: Parse<T>,
    bytes_max: u64,
    look: Duration,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Arc<T>,
    /// Of the content that was read last, good or not: a bad one is complained about once.
    stamp: Stamp,
    looked: Instant,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    len: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: (metadata.dev(), metadata.ino()),
            len: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl<T: Send + Sync + 'static> Watched<T> {
    /// Reads the file for the first time. Blocks.
    pub(super) fn open(
        path: &Path,
        limits: &AccessLimits,
        parse: impl Fn(&str) -> Result<T, Flaw> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let (text, stamp) = read(path, limits.file_bytes_max)?;
        let value = Arc::new(parse(&text).map_err(|flaw| flaw.in_file(path))?);
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            parse: Box::new(parse),
            bytes_max: limits.file_bytes_max,
            look: limits.file_look,
            state: Mutex::new(State { value, stamp, looked: Instant::now() }),
        })))
    }

    /// The content, as it was read last.
    pub(super) fn last(&self) -> Arc<T> {
        Arc::clone(&self.0.state.lock().value)
    }

    /// The content, read anew if the file has changed.
    pub(super) async fn get(&self) -> Arc<T> {
        let inner = &self.0;
        let due = {
            let mut state = inner.state.lock();
            let due = state.looked.elapsed() >= inner.look;
            if due {
                // the others go on with what there is
                state.looked = Instant::now();
            }
            due
        };
        if due {
            let inner = Arc::clone(inner);
            // it fails only when the runtime ends
            let _ = spawn_blocking(move || inner.look_again()).await;
        }
        Arc::clone(&inner.state.lock().value)
    }
}

impl<T> Inner<T> {
    fn look_again(&self) {
        let before = self.state.lock().stamp;
        // a file that is being replaced may be away for a moment
        let Ok(metadata) = std::fs::metadata(&self.path) else { return };
        let mut stamp = Stamp::of(&metadata);
        if stamp == before {
            return;
        }
        let result = read(&self.path, self.bytes_max).and_then(|(text, of_text)| {
            stamp = of_text;
            (self.parse)(&text).map_err(|flaw| flaw.in_file(&self.path))
        });
        let mut state = self.state.lock();
        state.stamp = stamp;
        match result {
            Ok(value) => {
                tracing::info!(path = %self.path.display(), "read again");
                state.value = Arc::new(value);
            }
            Err(error) => tracing::warn!(%error, "a changed file is no good: what it said before holds"),
        }
    }
}

impl<T> std::fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("path", &self.0.path).finish_non_exhaustive()
    }
}

/// The text of a small file. Blocks.
pub(super) fn read_text(path: &Path, bytes_max: u64) -> Result<String, Error> {
    read(path, bytes_max).map(|(text, _)| text)
}

fn read(path: &Path, bytes_max: u64) -> Result<(String, Stamp), Error> {
    let fail = |what: String, next: &str| Flaw::new(None, what, next).in_file(path);
    let cannot = |error: std::io::Error| fail(error.to_string(), "check its name and who may read it");
    let mut file = File::open(path).map_err(cannot)?;
    let stamp = Stamp::of(&file.metadata().map_err(cannot)?);
    let mut bytes = Vec::new();
    file.by_ref().take(bytes_max + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > bytes_max {
        return Err(fail(format!("longer than {bytes_max} bytes"), "name the right file"));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| fail("this is no text".to_owned(), "name the right file"))?;
    Ok((text, stamp))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Result<u32, Flaw> {
        text.trim().parse().map_err(|_| Flaw::new(Some(1), "no number", "write one"))
    }

    #[tokio::test]
    async fn a_change_is_seen_and_a_bad_one_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n");
        std::fs::write(&path, "1").unwrap();
        let limits = AccessLimits { file_look: Duration::ZERO, ..AccessLimits::default() };
        let watched = Watched::open(&path, &limits, number).unwrap();
        assert_eq!(*watched.get().await, 1);
        for (text, expected) in [("22", 22), ("x", 22), ("333", 333)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(*watched.get().await, expected, "{text}");
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(*watched.get().await, 333);
        // as editors and `htpasswd` do it
        std::fs::write(folder.path().join("new"), "444").unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        assert_eq!(*watched.get().await, 444);
    }

    #[test]
    fn what_is_no_good_at_the_start_says_where_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n");
        let limits = AccessLimits { file_bytes_max: 3, ..AccessLimits::default() };
        let open = || Watched::open(&path, &limits, number).unwrap_err();
        assert!(open().to_string().contains("No such file"));
        std::fs::write(&path, "x").unwrap();
        assert_eq!(open().to_string(), format!("{}, line 1: no number", path.display()));
        assert_eq!(open().next_step(), Some("write one"));
        std::fs::write(&path, "1234").unwrap();
        assert!(open().to_string().contains("longer than 3 bytes"));
        std::fs::write(&path, [0xff]).unwrap();
        assert!(open().to_string().contains("no text"));
    }
}
