//! Blobs in a folder.
//!
//! A blob `NAME` is written into `NAME.partial` at each block's own offset, with a journal `NAME.partial.blocks` that
//! says which blocks are there; the journal's lock keeps two writers apart. A commit makes the file durable and
//! renames it. Whatever a crash leaves, the next run under that name uses or removes.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use crate::error::{Error, ErrorKind};
use crate::location::show_path;
use crate::names::check_name;
use crate::store::{BlobStat, BlobStore, BlockLimits, BlockOrder, ByteStream, Stage, StageOptions};

mod journal;
mod os;
mod publish;
mod read;
mod stage;
mod walk;

/// End of the name of a file that is being written.
pub const PARTIAL_SUFFIX: &str = ".partial";
/// End of the name of the journal beside it.
pub const JOURNAL_SUFFIX: &str = ".partial.blocks";

/// A folder of blobs.
#[derive(Clone)]
pub struct FileStore {
    folder: PathBuf,
}

impl FileStore {
    /// The blobs of this folder. Nothing is looked at yet; a folder that does not exist is made by the first `stage`, if
    /// its parent exists.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn path(&self, name: &str) -> Result<PathBuf, Error> {
        check_name(name)?;
        if is_ours(name) {
            let detail = "names that end with .partial or .partial.blocks are for files being written";
            return Err(Error::new(ErrorKind::LocationInvalid, format!("{name:?}"), detail));
        }
        Ok(self.folder.join(name))
    }

    fn missing(&self, name: &str) -> Error {
        if self.folder.is_dir() {
            Error::new(ErrorKind::NotFound, self.describe(name), "there is no such file")
        } else {
            no_folder(&self.folder)
        }
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileStore({})", self.folder.display())
    }
}

#[async_trait]
impl BlobStore for FileStore {
    fn describe(&self, name: &str) -> String {
        show_path(&self.folder, name)
    }

    fn limits(&self) -> BlockLimits {
        BlockLimits {
            order: BlockOrder::Positioned,
            block_bytes_min: 0,
            block_bytes_max: 1 << 30,
            blocks_max: usize::MAX,
        }
    }

    async fn stat(&self, name: &str) -> Result<Option<BlobStat>, Error> {
        let path = self.path(name)?;
        let (shown, name, folder) = (self.describe(name), name.to_owned(), self.folder.clone());
        blocking(move || match fs::metadata(&path) {
            Ok(meta) if meta.is_file() => Ok(Some(stat_of(name, &meta))),
            Ok(_) => Ok(None),
            // a folder that the first blob will make is an empty one
            Err(e) if os::is_absent(&e) && (folder.is_dir() || os::can_be_made(&folder)) => Ok(None),
            Err(e) if os::is_absent(&e) => Err(no_folder(&folder)),
            Err(e) => Err(os::error(&shown, "look at it", &e)),
        })
        .await
    }

    async fn read(&self, name: &str, range: Range<u64>, etag: Option<&str>) -> Result<ByteStream, Error> {
        let path = self.path(name)?;
        let (etag, store, name) = (etag.map(str::to_owned), self.clone(), name.to_owned());
        let opened = blocking(move || {
            let file = match fs::File::open(&path) {
                Ok(file) => file,
                Err(e) if os::is_absent(&e) => return Err(store.missing(&name)),
                Err(e) => return Err(os::error(&store.describe(&name), "open it", &e)),
            };
            read::start(file, store.describe(&name), range, etag)
        })
        .await?;
        Ok(opened.stream())
    }

    async fn list(&self, prefix: &str) -> Result<BoxStream<'static, Result<BlobStat, Error>>, Error> {
        let (folder, prefix) = (self.folder.clone(), prefix.to_owned());
        let found = blocking(move || walk::list(&folder, &prefix).map_err(|e| unlisted(&folder, &e))).await?;
        Ok(stream::iter(found.into_iter().map(Ok)).boxed())
    }

    async fn unfinished(&self, prefix: &str) -> Result<Vec<BlobStat>, Error> {
        let (folder, prefix) = (self.folder.clone(), prefix.to_owned());
        blocking(move || walk::unfinished(&folder, &prefix).map_err(|e| unlisted(&folder, &e))).await
    }

    async fn delete(&self, name: &str, etag: Option<&str>) -> Result<(), Error> {
        let path = self.path(name)?;
        let (etag, store, name) = (etag.map(str::to_owned), self.clone(), name.to_owned());
        blocking(move || {
            let failed = |e: io::Error| match os::is_absent(&e) {
                true => store.missing(&name),
                false => os::error(&store.describe(&name), "delete it", &e),
            };
            if let Some(etag) = etag
                && os::etag(&fs::metadata(&path).map_err(failed)?) != etag
            {
                return Err(Error::new(
                    ErrorKind::Changed,
                    store.describe(&name),
                    "the file is another by now, and was not deleted",
                ));
            }
            fs::remove_file(&path).map_err(failed)
        })
        .await
    }

    async fn stage(&self, name: &str, options: StageOptions) -> Result<Box<dyn Stage>, Error> {
        let path = self.path(name)?;
        let (folder, shown, name) = (self.folder.clone(), self.describe(name), name.to_owned());
        let stage = blocking(move || {
            make_folders(&folder, &path)?;
            stage::FileStage::open(path, name, shown, &options)
        })
        .await?;
        Ok(Box::new(stage))
    }
}

fn unlisted(folder: &Path, error: &io::Error) -> Error {
    if os::is_absent(error) {
        return no_folder(folder);
    }
    os::error(&folder.display().to_string(), "list it", error)
}

/// Whether a name is one that this store makes while it writes.
fn is_ours(name: &str) -> bool {
    name.ends_with(PARTIAL_SUFFIX) || name.ends_with(JOURNAL_SUFFIX)
}

fn stat_of(name: String, meta: &Metadata) -> BlobStat {
    let modified = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    BlobStat {
        name,
        size: meta.len(),
        etag: Some(os::etag(meta)),
        modified: modified.map(|d| d.as_secs() as i64),
    }
}

/// Makes the store's folder, if only that one is missing, and the folders within the blob's name.
fn make_folders(folder: &Path, target: &Path) -> Result<(), Error> {
    let failed = |e: io::Error| os::error(&folder.display().to_string(), "make the folder", &e);
    if !folder.is_dir() {
        if !os::can_be_made(folder) {
            return Err(no_folder(folder));
        }
        fs::create_dir(folder).or_else(|e| if folder.is_dir() { Ok(()) } else { Err(e) }).map_err(failed)?;
    }
    match target.parent() {
        Some(parent) if parent != folder => fs::create_dir_all(parent).map_err(failed),
        _ => Ok(()),
    }
}

fn no_folder(folder: &Path) -> Error {
    let shown = folder.display().to_string();
    if folder.exists() {
        return Error::new(ErrorKind::ContainerNotFound, shown, "this is a file, not a folder");
    }
    let nearest = folder.ancestors().skip(1).find(|p| !p.as_os_str().is_empty() && p.is_dir());
    let nearest = nearest.map_or_else(|| ".".to_owned(), |p| p.display().to_string());
    Error::new(
        ErrorKind::ContainerNotFound,
        shown,
        format!("the folder does not exist (the nearest that does is {nearest})"),
    )
    .with_hint(format!("check the path, or make the folder: mkdir -p '{}'", folder.display()))
}

/// Runs file work where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| {
        Err(Error::new(ErrorKind::Io, "file work", format!("the thread that did it ended: {e}")))
    })
}
