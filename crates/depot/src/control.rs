//! A door for the operator: while a process has the folder, others ask it to collect garbage or to check, through a socket
//! that only the folder's owner can open.
//!
//! One line of JSON asks ([`Request`]); lines of JSON answer: any number of [`Answer::Progress`], and then the last one.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::contents::Fault;
use crate::error::Error;
use crate::folder::{CheckOptions, CheckProgress, CheckReport, Folder, GcOptions, GcReport};

/// Longest request in bytes.
const REQUEST_BYTES_MAX: u64 = 4096;
/// Longest wait for a request, once somebody has connected.
const REQUEST_WAIT: Duration = Duration::from_secs(10);
/// Least time between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Request {
    /// [`Folder::collect`].
    Gc(GcOptions),
    /// [`Folder::check`].
    Check(CheckOptions),
}

/// A line of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// How far a check is.
    Progress(CheckProgress),
    /// What a collection took. The last line.
    Gc(GcReport),
    /// What a check found. The last line.
    Check(CheckReport),
    /// It was not done: why. The last line.
    Failed(String),
}

/// Whom to ask: the folder, if nobody else has it, else the process that does.
#[derive(Debug)]
pub enum Control {
    /// Nobody else has the folder.
    Own(Folder),
    /// The process that has it.
    Other(UnixStream),
}

impl Control {
    /// Finds out who has the folder. The folder has to be a registry's: none is made.
    ///
    /// # Errors
    /// [`Error::NoRegistry`], [`Error::InUse`] when the process that has the folder does not answer,
    /// [`Error::Folder`].
    pub async fn of(path: impl Into<PathBuf>, limits: &crate::Limits) -> Result<Self, Error> {
        let path = path.into();
        if !path.join("docker/registry/v2").is_dir() {
            return Err(Error::NoRegistry { path });
        }
        match Folder::open(&path, limits) {
            Ok(folder) => Ok(Self::Own(folder)),
            Err(Error::InUse { .. }) => {
                let connected = async { UnixStream::connect(socket(&path, &File::open(&path)?)).await };
                connected.await.map(Self::Other).map_err(|_| Error::InUse { path })
            }
            Err(error) => Err(error),
        }
    }

    /// Has it done. `progress` is told now and then how far a check is.
    ///
    /// # Errors
    /// Why it was not done, in words.
    pub async fn ask(
        self,
        request: Request,
        progress: impl Fn(CheckProgress) + Send + 'static,
        stop: CancellationToken,
    ) -> Result<Answer, String> {
        match self {
            Self::Own(folder) => {
                let done = perform(&folder, request, progress, stop).await;
                done.map_err(|fault| fault.to_string())
            }
            Self::Other(stream) => {
                tokio::select! {
                    // hanging up stops it
                    () = stop.cancelled() => Err("it was stopped".to_owned()),
                    answer = ask(stream, request, progress) => answer,
                }
            }
        }
    }
}

async fn perform(
    folder: &Folder,
    request: Request,
    progress: impl Fn(CheckProgress) + Send + 'static,
    stop: CancellationToken,
) -> Result<Answer, Fault> {
    match request {
        Request::Gc(options) => folder.collect(options, stop).await.map(Answer::Gc),
        Request::Check(options) => folder.check(options, progress, stop).await.map(Answer::Check),
    }
}

async fn ask(
    mut stream: UnixStream,
    request: Request,
    progress: impl Fn(CheckProgress),
) -> Result<Answer, String> {
    let broke = |error: io::Error| format!("the registry that runs over the folder broke off: {error}");
    stream.write_all(&line(&request)).await.map_err(broke)?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await.map_err(broke)? {
        match serde_json::from_str(&line) {
            Ok(Answer::Progress(seen)) => progress(seen),
            Ok(Answer::Failed(why)) => return Err(why),
            Ok(answer) => return Ok(answer),
            Err(error) => {
                return Err(format!("the registry that runs over the folder is of another version: {error}"));
            }
        }
    }
    Err("the registry that runs over the folder ended before it was done".to_owned())
}

/// Answers at the folder's socket until `stop`. The folder's lock says that nobody else does.
///
/// # Errors
/// [`Error::Folder`] when the socket cannot be made.
pub async fn answer(folder: Folder, stop: CancellationToken) -> Result<(), Error> {
    let path = folder.path().to_owned();
    let fail = |source| Error::Folder { path: path.clone(), source };
    let top = File::open(&path).map_err(fail)?;
    let listener = listen(&socket(&path, &top)).map_err(fail)?;
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match stream {
            Ok((stream, _)) => {
                let (folder, stop) = (folder.clone(), stop.child_token());
                tokio::spawn(async move {
                    if let Err(error) = serve(stream, folder, stop).await {
                        tracing::debug!(%error, "whoever asked has hung up");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the folder's socket fails");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
    // one that stays is replaced by the next process
    let _ = fs::remove_file(path.join(SOCKET));
    Ok(())
}

fn listen(socket: &Path) -> io::Result<UnixListener> {
    // of a process that was killed
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn serve(stream: UnixStream, folder: Folder, stop: CancellationToken) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read.take(REQUEST_BYTES_MAX));
    let mut text = String::new();
    timeout(REQUEST_WAIT, read.read_line(&mut text)).await??;
    let request = match serde_json::from_str(&text) {
        Ok(request) => request,
        Err(error) => {
            let text = format!("the request is not understood: {error}");
            return write.write_all(&line(&Answer::Failed(text))).await;
        }
    };
    let (sender, mut receiver) = mpsc::channel(1);
    let told = Mutex::new(None::<Instant>);
    let progress = move |seen| {
        let mut told = told.lock();
        if told.is_none_or(|told| told.elapsed() >= PROGRESS_EVERY) {
            *told = Some(Instant::now());
            // whoever does not read gets fewer lines
            let _ = sender.try_send(seen);
        }
    };
    let mut done = std::pin::pin!(perform(&folder, request, progress, stop.clone()));
    // what goes on in a thread is told when nobody waits for it any more
    let _hung_up = stop.drop_guard();
    let mut end = [0];
    loop {
        tokio::select! {
            _ = read.read(&mut end) => return Ok(()),
            result = done.as_mut() => {
                let answer = result.unwrap_or_else(|fault| Answer::Failed(fault.to_string()));
                return write.write_all(&line(&answer)).await;
            }
            Some(seen) = receiver.recv() => write.write_all(&line(&Answer::Progress(seen))).await?,
        }
    }
}

const SOCKET: &str = "transload.sock";

/// A path of the socket that is short enough for the system, however long the folder's is.
fn socket(path: &Path, top: &File) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    let plain = path.join(SOCKET);
    if cfg!(target_os = "linux") && plain.as_os_str().len() > 100 {
        return PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", top.as_raw_fd()));
    }
    plain
}

fn line(value: &impl Serialize) -> Vec<u8> {
    // values of ours have nothing that JSON cannot say
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}
