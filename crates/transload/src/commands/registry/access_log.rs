//! The access log: lines in a file, written by a thread of its own.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use transload_depot::{AccessLog, Metrics, Record};
use transload_transfer::{Code, Error};

use crate::cli::LogFormat;

/// Lines that wait for the disk. Above it they are dropped: requests do not wait for a log.
const LINES_WAITING_MAX: usize = 8192;

/// Where lines go.
#[derive(Debug, Clone)]
enum Place {
    Stdout,
    File(PathBuf),
}

/// The log of a registry that runs.
#[derive(Debug)]
pub(super) struct Log {
    queue: SyncSender<Record>,
    dropped: Arc<AtomicU64>,
    metrics: Metrics,
}

/// What looks after a log: opens its file anew, and ends it.
#[derive(Debug)]
pub(in crate::commands) struct LogKeeper {
    reopen: Arc<AtomicBool>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Log {
    /// Opens the log; `-` is standard output.
    ///
    /// # Errors
    /// `StoreIo` when the file cannot be opened.
    pub(super) fn open(
        path: &Path,
        format: LogFormat,
        metrics: &Metrics,
    ) -> Result<(Arc<Self>, LogKeeper), Error> {
        let place = if path == Path::new("-") { Place::Stdout } else { Place::File(path.to_owned()) };
        let out = place.open().map_err(|error| {
            Error::new(Code::StoreIo, format!("--access-log {}", path.display()), error.to_string())
                .with_next("name a file that can be written")
        })?;
        let (queue, lines) = sync_channel(LINES_WAITING_MAX);
        let (dropped, reopen) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let writer = Writer {
            place,
            out,
            format,
            lines,
            dropped: Arc::clone(&dropped),
            reopen: Arc::clone(&reopen),
            is_failing: false,
        };
        let thread = std::thread::Builder::new().name("access-log".to_owned()).spawn(|| writer.run());
        let thread =
            thread.map_err(|error| Error::new(Code::Internal, "the access log", error.to_string()))?;
        let keeper = LogKeeper { reopen, writer: Mutex::new(Some(thread)) };
        Ok((Arc::new(Self { queue, dropped, metrics: metrics.clone() }), keeper))
    }
}

impl AccessLog for Log {
    fn record(&self, record: Record) {
        if self.queue.try_send(record).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            self.metrics.log_dropped(1);
        }
    }
}

impl LogKeeper {
    /// The next line goes into a file that is opened anew.
    pub(super) fn reopen(&self) {
        self.reopen.store(true, Ordering::Relaxed);
    }

    /// Waits until everything is written. The log's last user has to be gone. Blocks.
    pub(super) fn finish(&self) {
        if let Some(writer) = self.writer.lock().take() {
            // it has told of what it could not write
            let _ = writer.join();
        }
    }
}

impl Place {
    fn open(&self) -> io::Result<Box<dyn Write + Send>> {
        Ok(match self {
            Self::Stdout => Box::new(io::stdout()),
            Self::File(path) => {
                Box::new(BufWriter::new(File::options().create(true).append(true).open(path)?))
            }
        })
    }
}

struct Writer {
    place: Place,
    out: Box<dyn Write + Send>,
    format: LogFormat,
    lines: Receiver<Record>,
    dropped: Arc<AtomicU64>,
    reopen: Arc<AtomicBool>,
    is_failing: bool,
}

impl Writer {
    fn run(mut self) {
        while let Ok(record) = self.lines.recv() {
            self.refresh();
            let mut written = self.line(&record);
            while let Ok(record) = self.lines.try_recv() {
                written = written.and_then(|()| self.line(&record));
            }
            let written = written.and_then(|()| self.out.flush());
            self.tell(written);
        }
    }

    fn line(&mut self, record: &Record) -> io::Result<()> {
        match self.format {
            LogFormat::Text => writeln!(self.out, "{record}"),
            LogFormat::Json => {
                serde_json::to_writer(&mut self.out, record)?;
                self.out.write_all(b"\n")
            }
        }
    }

    fn refresh(&mut self) {
        if !self.reopen.swap(false, Ordering::Relaxed) {
            return;
        }
        match self.place.open() {
            Ok(out) => self.out = out,
            Err(error) => {
                tracing::warn!(%error, "the access log cannot be opened anew; lines go where they went");
            }
        }
    }

    /// Tells of trouble when it begins, not with each line.
    fn tell(&mut self, written: io::Result<()>) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(lines = dropped, "the access log could not keep up; lines are missing");
        }
        match written {
            Ok(()) => self.is_failing = false,
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                tracing::warn!(%error, "the access log cannot be written; lines are missing");
            }
            Err(_) => {}
        }
    }
}
