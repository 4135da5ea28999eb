//! A registry whose layers may be longer than any disk: it makes what it serves, and counts what it is given.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use transload_testkit::images::{Artifact, Blob};

const PIECE_BYTES: usize = 1 << 20;

/// A running registry. Its threads end with the tests: none holds anything that lasts.
pub(crate) struct SparseRegistry {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// What is served: manifests by tag and digest.
    manifests: HashMap<String, (String, Vec<u8>)>,
    blobs: HashMap<String, Blob>,
    /// What was pushed, by the last part of its path.
    pushed: Mutex<HashMap<String, u64>>,
    taken_bytes: AtomicU64,
    sessions: AtomicU64,
}

impl SparseRegistry {
    /// Serves one artifact under `v1` in every repository.
    pub(crate) fn serving(artifact: &Artifact) -> Self {
        let manifest = (artifact.manifest.media_type.clone(), artifact.manifest.bytes.to_vec());
        let names = ["v1".to_owned(), artifact.digest().to_string()];
        let blobs = artifact.blobs.iter().map(|blob| (blob.descriptor.digest.to_string(), blob.clone()));
        Self::start(names.into_iter().map(|name| (name, manifest.clone())).collect(), blobs.collect())
    }

    /// Has nothing, takes everything and keeps none of it.
    pub(crate) fn swallowing() -> Self {
        Self::start(HashMap::new(), HashMap::new())
    }

    fn start(manifests: HashMap<String, (String, Vec<u8>)>, blobs: HashMap<String, Blob>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            manifests,
            blobs,
            pushed: Mutex::default(),
            taken_bytes: AtomicU64::new(0),
            sessions: AtomicU64::new(0),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // a client that goes away ends its thread
                std::thread::spawn(move || while shared.exchange(&client).unwrap_or(false) {});
            }
        });
        Self { addr, shared }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> String {
        self.addr.to_string()
    }

    /// Bytes of blobs that were pushed.
    pub(crate) fn taken_bytes(&self) -> u64 {
        self.shared.taken_bytes.load(Ordering::Relaxed)
    }

    /// Whether something was pushed under this tag or digest.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.shared.size_of_pushed(name).is_some()
    }
}

impl Shared {
    fn size_of_pushed(&self, name: &str) -> Option<u64> {
        self.pushed.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    fn note_pushed(&self, name: &str, size: u64) {
        self.pushed.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), size);
    }

    /// One request and its answer; whether more may follow. A reader of its own for each: nobody here sends ahead.
    fn exchange(&self, client: &TcpStream) -> io::Result<bool> {
        let mut reader = BufReader::new(client);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(false);
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let mut start = lines[0].split(' ');
        let (method, target) = (start.next().unwrap_or_default(), start.next().unwrap_or_default());
        let header = |name: &str| {
            let found = lines.iter().filter_map(|line| line.split_once(':'));
            found.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
        };
        let len: u64 = header("content-length").and_then(|len| len.parse().ok()).unwrap_or(0);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let name = path.rsplit('/').next().unwrap_or_default();
        match (method, path) {
            ("GET" | "HEAD", _) => self.serve(client, method, path, header("range"))?,
            ("POST", _) => {
                let session = self.sessions.fetch_add(1, Ordering::Relaxed);
                let location = format!("/v2/u/blobs/uploads/upload-{session}");
                answer(client, "202 Accepted", &[("Location", &location), ("Range", "0-0")], b"")?;
            }
            ("PATCH", _) => {
                self.swallow(&mut reader, len)?;
                let has = self.size_of_pushed(name).unwrap_or(0) + len;
                self.note_pushed(name, has);
                let range = format!("0-{}", has - 1);
                answer(client, "202 Accepted", &[("Location", path), ("Range", &range)], b"")?;
            }
            ("PUT", _) if path.contains("/manifests/") => {
                io::copy(&mut reader.by_ref().take(len), &mut io::sink())?;
                self.note_pushed(name, len);
                answer(client, "201 Created", &[], b"")?;
            }
            ("PUT", _) => {
                self.swallow(&mut reader, len)?;
                let digest = query.split('&').find_map(|pair| pair.strip_prefix("digest="));
                let has = self.size_of_pushed(name).unwrap_or(0) + len;
                self.note_pushed(&digest.unwrap_or_default().replace("%3A", ":"), has);
                answer(client, "201 Created", &[], b"")?;
            }
            _ => answer(client, "405 Method Not Allowed", &[], b"")?,
        }
        Ok(true)
    }

    fn swallow(&self, reader: &mut BufReader<&TcpStream>, len: u64) -> io::Result<()> {
        let mut piece = vec![0; PIECE_BYTES];
        let mut left = len;
        while left > 0 {
            let most = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let read = reader.read(&mut piece[..most])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left -= read as u64;
            self.taken_bytes.fetch_add(read as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    fn serve(&self, client: &TcpStream, method: &str, path: &str, range: Option<&str>) -> io::Result<()> {
        let name = path.rsplit('/').next().unwrap_or_default();
        if let Some((media_type, bytes)) = self.manifests.get(name) {
            let body = if method == "HEAD" { &[] } else { bytes.as_slice() };
            let len = bytes.len().to_string();
            let headers = [("Content-Type", media_type.as_str()), ("Content-Length", len.as_str())];
            return answer(client, "200 OK", &headers, body);
        }
        if let Some(blob) = self.blobs.get(name) {
            let size = blob.descriptor.size;
            let from = range.and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
            let (status, start) = from.map_or(("200 OK", 0), |start: u64| ("206 Partial Content", start));
            let content_range = format!("bytes {start}-{}/{size}", size - 1);
            let len = (size - start).to_string();
            let mut headers = vec![("Content-Length", len.as_str())];
            if start > 0 {
                headers.push(("Content-Range", &content_range));
            }
            answer(client, status, &headers, b"")?;
            if method == "GET" {
                let mut client = client;
                blob.pieces(start).try_for_each(|piece| client.write_all(&piece))?;
            }
            return Ok(());
        }
        match (path, self.size_of_pushed(name)) {
            ("/v2/", _) => answer(client, "200 OK", &[], b""),
            (_, Some(size)) => answer(client, "200 OK", &[("Content-Length", &size.to_string())], b""),
            _ => answer(client, "404 Not Found", &[], b""),
        }
    }
}

fn answer(mut client: &TcpStream, status: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<()> {
    let mut text = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if headers.iter().all(|(name, _)| *name != "Content-Length") {
        text.push_str("Content-Length: 0\r\n");
    }
    text.push_str("\r\n");
    client.write_all(text.as_bytes())?;
    client.write_all(body)
}
