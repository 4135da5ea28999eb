//! A registry that only takes blobs, byte by byte, and tells how they came. It cuts connections where it is told
//! to, keeps what it got, and goes on from there: what the specification asks for and real registries seldom do.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;
use transload_oci::Digest;

#[derive(Default)]
pub(crate) struct State {
    /// Totals of a session at which its connection is cut, one cut each.
    pub(crate) cut_after: VecDeque<usize>,
    pub(crate) forgets_cut_sessions: bool,
    pub(crate) chunk_min: Option<u64>,
    pub(crate) blobs: HashMap<String, Vec<u8>>,
    /// Bytes that arrived, in all requests.
    pub(crate) received: usize,
    /// Method, and the byte that a body begins at.
    pub(crate) requests: Vec<String>,
    pub(crate) paths: Vec<String>,
    pub(crate) authorizations: Vec<String>,
    sessions: HashMap<usize, Vec<u8>>,
}

pub(crate) struct Receiver {
    addr: std::net::SocketAddr,
    pub(crate) state: Arc<Mutex<State>>,
}

struct Head {
    method: String,
    path: String,
    headers: HashMap<String, String>,
}

impl Receiver {
    pub(crate) fn start(change: impl FnOnce(&mut State)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let mut state = State::default();
        change(&mut state);
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { addr, state }
    }

    pub(crate) fn host(&self) -> String {
        self.addr.to_string()
    }

    pub(crate) fn blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.state.lock().blobs.get(&digest.to_string()).cloned()
    }
}

fn serve(stream: TcpStream, shared: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let head = read_head(&mut reader)?;
        if head.path == "/v2/" {
            respond(&mut stream, 200, &[])?;
            continue;
        }
        shared.lock().paths.push(head.path.clone());
        if let Some(authorization) = head.headers.get("authorization") {
            shared.lock().authorizations.push(authorization.clone());
        }
        handle(&head, &mut reader, &mut stream, shared)?;
    }
}

fn handle(head: &Head, reader: &mut impl Read, stream: &mut TcpStream, shared: &Mutex<State>) -> Option<()> {
    let number = |path: &str| -> usize {
        let last = path.split('?').next().unwrap().rsplit('/').next().unwrap();
        last.parse().unwrap_or(0)
    };
    let id = number(&head.path);
    let note = |text: String| shared.lock().requests.push(text);
    match head.method.as_str() {
        "HEAD" => {
            note("HEAD".to_owned());
            let digest = head.path.rsplit('/').next()?;
            let size = shared.lock().blobs.get(digest).map(|b| b.len().to_string());
            match size {
                Some(size) => respond(stream, 200, &[("content-length", &size)]),
                None => respond(stream, 404, &[]),
            }
        }
        "POST" => {
            note("POST".to_owned());
            let mut state = shared.lock();
            let id = state.sessions.len() + 1;
            state.sessions.insert(id, Vec::new());
            let min = state.chunk_min.map(|m| m.to_string());
            let location = format!("/v2/a/blobs/uploads/{id}");
            let mut headers = vec![("location", location.as_str())];
            headers.extend(min.as_deref().map(|min| ("oci-chunk-min-length", min)));
            respond(stream, 202, &headers)
        }
        "DELETE" => {
            note("DELETE".to_owned());
            shared.lock().sessions.remove(&id);
            respond(stream, 204, &[])
        }
        "GET" => {
            note("GET".to_owned());
            match shared.lock().sessions.get(&id) {
                Some(got) => {
                    let range = format!("0-{}", got.len().saturating_sub(1));
                    respond(stream, 204, &[("range", &range), ("location", &head.path)])
                }
                None => respond(stream, 404, &[]),
            }
        }
        _ => receive(head, id, reader, stream, shared),
    }
}

fn receive(
    head: &Head,
    id: usize,
    reader: &mut impl Read,
    stream: &mut TcpStream,
    shared: &Mutex<State>,
) -> Option<()> {
    let length: usize = head.headers.get("content-length")?.parse().unwrap();
    let has = shared.lock().sessions.entry(id).or_default().len();
    if length > 0 {
        shared.lock().requests.push(format!("{} {has}", head.method));
    }
    if head.method == "PATCH" {
        let range = head.headers.get("content-range").cloned().unwrap_or_default();
        assert_eq!(range, format!("{has}-{}", has + length - 1));
    }
    let cut = shared.lock().cut_after.front().copied().filter(|cut| *cut < has + length);
    let want = cut.map_or(length, |cut| cut - has);
    let mut left = want;
    let mut buffer = vec![0; 64 << 10];
    while left > 0 {
        let most = buffer.len().min(left);
        let got = reader.read(&mut buffer[..most]).ok().filter(|got| *got > 0);
        let got = got?;
        let mut state = shared.lock();
        state.received += got;
        state.sessions.get_mut(&id)?.extend_from_slice(&buffer[..got]);
        left -= got;
    }
    let mut state = shared.lock();
    if cut.is_some() {
        state.cut_after.pop_front();
        if state.forgets_cut_sessions {
            state.sessions.remove(&id);
        }
        return None;
    }
    if head.method == "PATCH" {
        let range = format!("0-{}", has + length - 1);
        return respond(stream, 202, &[("location", &head.path), ("range", &range)]);
    }
    let digest = head.path.split("digest=").nth(1)?.replace("%3A", ":");
    let bytes = state.sessions.remove(&id)?;
    if Digest::sha256(&bytes).to_string() != digest {
        return respond(stream, 400, &[]);
    }
    state.blobs.insert(digest, bytes);
    respond(stream, 201, &[])
}

fn read_head(reader: &mut impl BufRead) -> Option<Head> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => return Some(Head { method, path, headers }),
        };
    }
}

fn respond(stream: &mut TcpStream, status: u16, headers: &[(&str, &str)]) -> Option<()> {
    let mut text = format!("HTTP/1.1 {status} X\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !headers.iter().any(|(name, _)| *name == "content-length") && status != 204 {
        text += "content-length: 0\r\n";
    }
    stream.write_all(format!("{text}\r\n").as_bytes()).ok()
}
