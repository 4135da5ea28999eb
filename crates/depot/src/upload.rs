//! Upload sessions: bodies in, a blob out.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use transload_oci::{Algorithm, Digest};

use crate::folder::{Folder, WriteError, Writer};

/// What is gathered before it is hashed and written, on a thread that may block.
const BLOCK_BYTES: usize = 128 << 10;
/// Pieces above this are taken for the start of something long: room for a whole block is made at once.
const SMALL_BYTES: usize = 16 << 10;
/// What a request waits for an earlier one of its session that has lost its client and does not know it yet.
const SESSION_WAIT: Duration = Duration::from_secs(5);

/// The sessions that are open.
pub(crate) struct Uploads {
    most: usize,
    open: Mutex<HashMap<String, Arc<Session>>>,
}

/// An upload session of one repository.
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) repository: String,
    folder: Folder,
    received: Arc<AtomicU64>,
    used: Mutex<Instant>,
    /// `None` once the bytes are lost or have become a blob.
    writer: Arc<AsyncMutex<Option<Writer>>>,
    /// Number of turns asked for so far.
    turns: watch::Sender<u64>,
}

/// The right to write to a session: one request at a time has it.
pub(crate) struct Turn {
    session: Arc<Session>,
    /// A later turn ends this one.
    number: u64,
    writer: OwnedMutexGuard<Option<Writer>>,
}

/// Why a body was not taken whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The bytes could not be kept.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The session's bytes are gone.
    #[error("the upload was given up")]
    Gone,
    /// More than a blob may have.
    #[error("a blob may have at most {0} bytes")]
    TooLarge(u64),
    /// The client's connection broke, or the client came again on another one.
    #[error("the body ended early")]
    Cut,
    /// Nothing came for too long.
    #[error("the body paused for too long")]
    Idle,
}

/// What a body may be like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    /// `Content-Length`, when there was one.
    pub(crate) announced: Option<u64>,
    pub(crate) blob_bytes_max: u64,
    pub(crate) idle: Duration,
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploads").field("open", &self.open.lock().len()).finish_non_exhaustive()
    }
}

impl Uploads {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), open: Mutex::default() }
    }

    /// Opens a session whose bytes will be hashed with this algorithm. Where there are too many, the one that was idle
    /// longest goes.
    pub(crate) async fn open(
        &self,
        folder: &Folder,
        repository: &str,
        algorithm: Algorithm,
    ) -> Result<Arc<Session>, WriteError> {
        let id = new_id();
        let writer = {
            let (folder, repository, id) = (folder.clone(), repository.to_owned(), id.clone());
            spawn_blocking(move || folder.begin_upload(&repository, &id, algorithm))
        };
        let writer = writer.await.map_err(std::io::Error::other)??;
        Ok(self.insert(folder, repository, id, writer).await)
    }

    async fn insert(&self, folder: &Folder, repository: &str, id: String, writer: Writer) -> Arc<Session> {
        let session = Arc::new(Session {
            id,
            repository: repository.to_owned(),
            folder: folder.clone(),
            received: writer.len(),
            used: Mutex::new(Instant::now()),
            writer: Arc::new(AsyncMutex::new(Some(writer))),
            turns: watch::Sender::new(0),
        });
        let (session, oldest) = {
            let mut open = self.open.lock();
            let full = open.len() >= self.most;
            let oldest = open.values().filter(|_| full).min_by_key(|session| *session.used.lock()).cloned();
            if let Some(oldest) = &oldest {
                open.remove(&oldest.id);
            }
            // two requests may have taken up the same upload of an earlier process: the first one has it
            (Arc::clone(open.entry(session.id.clone()).or_insert(session)), oldest)
        };
        if let Some(oldest) = oldest {
            oldest.remove().await;
        }
        session
    }

    /// The session of this repository, which an earlier process may have begun.
    pub(crate) async fn find(
        &self,
        folder: &Folder,
        repository: &str,
        id: &str,
    ) -> Result<Option<Arc<Session>>, WriteError> {
        if let Some(session) = self.open.lock().get(id) {
            *session.used.lock() = Instant::now();
            return Ok(Some(Arc::clone(session)).filter(|session| session.repository == repository));
        }
        let found = {
            let (folder, repository, id) = (folder.clone(), repository.to_owned(), id.to_owned());
            spawn_blocking(move || folder.resume_upload(&repository, &id))
        };
        let found = found.await.map_err(std::io::Error::other)??;
        match found {
            Some(writer) => Ok(Some(self.insert(folder, repository, id.to_owned(), writer).await)),
            None => Ok(None),
        }
    }

    /// Forgets a session; a request that still writes to it writes for nothing.
    pub(crate) fn close(&self, id: &str) {
        self.open.lock().remove(id);
    }

    /// Sessions that are open in this process.
    pub(crate) fn count(&self) -> usize {
        self.open.lock().len()
    }

    /// Forgets the sessions that were idle for so long, and what they had.
    pub(crate) async fn expire(&self, idle: Duration) {
        let mut gone = Vec::new();
        self.open.lock().retain(|_, session| {
            let keep = session.used.lock().elapsed() < idle;
            if !keep {
                gone.push(Arc::clone(session));
            }
            keep
        });
        for session in gone {
            session.remove().await;
        }
    }
}

/// A name for a session, in the form of a UUID of version 4: the distribution project's registry expires no others.
fn new_id() -> String {
    let bits: u128 = rand::random();
    let bits = bits & !(0xf << 76) | (4 << 76);
    let bits = bits & !(0b11 << 62) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

impl Session {
    /// Removes what was received.
    pub(crate) async fn remove(&self) {
        let (folder, repository, id) = (self.folder.clone(), self.repository.clone(), self.id.clone());
        // it fails only with a panic, which has been told
        let _ = spawn_blocking(move || folder.remove_upload(&repository, &id)).await;
    }

    /// Bytes that are safely taken.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Waits a little for a request that is being taken in, so that [`received`](Self::received) is final.
    pub(crate) async fn settle(&self) {
        drop(timeout(SESSION_WAIT, self.writer.lock()).await);
    }

    /// The right to write. A request that still has it is ended: a client that comes again has given up on its
    /// earlier connection. `None` when that one cannot be ended in time.
    pub(crate) async fn turn(self: &Arc<Self>) -> Option<Turn> {
        let mut number = 0;
        self.turns.send_modify(|turns| {
            *turns += 1;
            number = *turns;
        });
        let writer = timeout(SESSION_WAIT, Arc::clone(&self.writer).lock_owned()).await.ok()?;
        Some(Turn { session: Arc::clone(self), number, writer })
    }
}

impl Turn {
    /// Takes a body in. What came before an error stays, except where it could not be kept.
    ///
    /// It goes on to its end although the request's future is dropped: a connection that breaks must not take the
    /// writer with it.
    pub(crate) async fn receive(self, body: Body, limits: BodyLimits) -> (Self, Result<(), BodyError>) {
        let (session, number) = (Arc::clone(&self.session), self.number);
        let task = tokio::spawn(async move {
            let mut turn = self;
            let result = turn.take_in(body, limits).await;
            (turn, result)
        });
        match task.await {
            Ok(done) => done,
            Err(_) => {
                let writer = Arc::clone(&session.writer).lock_owned().await;
                (Self { session, number, writer }, Err(BodyError::Gone))
            }
        }
    }

    async fn take_in(&mut self, body: Body, limits: BodyLimits) -> Result<(), BodyError> {
        let mut sink = Gathering::new(self.writer.take().ok_or(BodyError::Gone)?);
        let (session, number) = (Arc::clone(&self.session), self.number);
        let mut turns = session.turns.subscribe();
        let end = tokio::select! {
            end = pump(body.into_data_stream(), &mut sink, limits, session.received()) => end,
            _ = turns.wait_for(|turns| *turns > number) => Err(BodyError::Cut),
        };
        // the writer comes back, also from a disk that is full; what was gathered before a cut is kept
        let (writer, settled) = sink.settle().await;
        *self.writer = writer.map(|mut writer| {
            writer.rest();
            writer
        });
        end.and(settled)
    }

    /// Ends the upload as a blob of this digest in the session's repository. After an error the writer is lost; its bytes
    /// are on the disk still, and the session can be found again as if another process had begun it.
    pub(crate) async fn finish(mut self, digest: Digest) -> Result<(), BodyError> {
        let writer = self.writer.take().ok_or(BodyError::Gone)?;
        let session = Arc::clone(&self.session);
        let finished = spawn_blocking(move || {
            session.folder.finish_upload(&session.repository, &session.id, writer, &digest)
        });
        Ok(finished.await.map_err(|_| BodyError::Gone)??)
    }
}

async fn pump(
    mut body: BodyDataStream,
    sink: &mut Gathering,
    limits: BodyLimits,
    before: u64,
) -> Result<(), BodyError> {
    let mut came = 0;
    loop {
        match timeout(limits.idle, body.next()).await {
            Err(_) => return Err(BodyError::Idle),
            Ok(Some(Err(_))) => return Err(BodyError::Cut),
            Ok(Some(Ok(piece))) => {
                came += piece.len() as u64;
                if before + came > limits.blob_bytes_max {
                    return Err(BodyError::TooLarge(limits.blob_bytes_max));
                }
                sink.give(piece).await?;
            }
            Ok(None) if limits.announced.is_some_and(|announced| announced != came) => {
                return Err(BodyError::Cut);
            }
            Ok(None) => return Ok(()),
        }
    }
}

/// Gathers small pieces, and hands them to the writer on another thread. What comes meanwhile waits in the socket:
/// one block for each upload that runs is all the memory it takes. Pieces are copied, so that the connection can read
/// into the same, warm buffer again.
struct Gathering {
    block: BytesMut,
    writer: Place,
}

enum Place {
    Here(Writer),
    Writing(JoinHandle<(Writer, Result<BytesMut, WriteError>)>),
    Lost,
}

impl Gathering {
    fn new(writer: Writer) -> Self {
        Self { block: BytesMut::new(), writer: Place::Here(writer) }
    }

    async fn give(&mut self, mut piece: Bytes) -> Result<(), BodyError> {
        while !piece.is_empty() {
            let part = piece.split_to(piece.len().min(BLOCK_BYTES - self.block.len()));
            if self.block.is_empty() && piece.len() + part.len() > SMALL_BYTES {
                self.block.reserve(BLOCK_BYTES);
            }
            self.block.extend_from_slice(&part);
            drop(part);
            if self.block.len() == BLOCK_BYTES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Writes what was gathered.
    async fn flush(&mut self) -> Result<(), BodyError> {
        if let Place::Here(mut writer) = std::mem::replace(&mut self.writer, Place::Lost) {
            let block = std::mem::take(&mut self.block);
            self.writer = Place::Writing(spawn_blocking(move || {
                let emptied = writer.write(block);
                (writer, emptied)
            }));
        }
        self.back().await
    }

    /// Waits for the writer. Where the wait is broken off, the writer stays where it is.
    async fn back(&mut self) -> Result<(), BodyError> {
        let Place::Writing(task) = &mut self.writer else { return Err(BodyError::Gone) };
        let written = task.await;
        self.writer = Place::Lost;
        let (writer, emptied) = written.map_err(|_| BodyError::Gone)?;
        self.writer = Place::Here(writer);
        self.block = emptied?;
        Ok(())
    }

    /// Writes what is left, and gives the writer back where there is still one.
    async fn settle(mut self) -> (Option<Writer>, Result<(), BodyError>) {
        let mut settled = Ok(());
        // a write whose wait was broken off comes first
        if matches!(self.writer, Place::Writing(_)) {
            settled = self.back().await;
        }
        if settled.is_ok() && !self.block.is_empty() {
            settled = self.flush().await;
        }
        match self.writer {
            Place::Here(writer) => (Some(writer), settled),
            Place::Writing(_) | Place::Lost => (None, settled),
        }
    }
}
