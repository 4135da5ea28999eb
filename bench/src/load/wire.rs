//! A client that costs next to nothing: one connection, one request at a time, no allocation but for locations.
//!
//! What is not compared is thrown away in the kernel (`MSG_TRUNC`): the machine's time is for the server.

use std::io::{self, IoSlice, Write as _};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;

use super::content::Blob;

/// Room for the head of an answer and the start of its body.
const BUFFER_BYTES: usize = 64 * 1024;
/// What is thrown away by one call.
const DISCARD_BYTES: usize = 1 << 20;
/// Length of a chunk where a body's length is not told, as Go's clients cut them.
const CHUNK_BYTES: usize = 32 * 1024;
/// Chunks written by one call.
const CHUNKS_AT_ONCE: usize = 16;

/// A connection to a server.
pub(super) struct Wire {
    host: String,
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
    /// What of the buffer was received and not yet used.
    filled: std::ops::Range<usize>,
}

/// The body of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Body<'a> {
    None,
    /// With its length in the head.
    Whole(&'a Blob),
    /// In chunks, its length not told.
    Chunked(&'a Blob),
}

/// What an answer's body should be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expect<'a> {
    /// No body, only this blob's length: an answer to HEAD.
    Head(&'a Blob),
    /// As long as this blob.
    Length(&'a Blob),
    /// These bytes.
    Exactly(&'a Blob),
    /// Whatever comes.
    Any,
}

/// An answer whose body has been read.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    /// Path and query of `Location`.
    pub(super) location: Option<String>,
    /// Bytes of the body, or for HEAD what was told of it.
    pub(super) len: u64,
}

struct Head {
    answer: Answer,
    chunked: bool,
}

impl Wire {
    pub(super) async fn connect(host: &str) -> Result<Self> {
        let stream = TcpStream::connect(host).await.with_context(|| format!("connecting to {host}"))?;
        stream.set_nodelay(true)?;
        let (host, request) = (host.to_owned(), Vec::with_capacity(1024));
        Ok(Self { host, stream, request, buffer: vec![0; BUFFER_BYTES], filled: 0..0 })
    }

    /// Asks, and reads the answer to its end. `headers` are whole lines with their line ends. An answer of another
    /// status is an error, after which the connection is of no use.
    pub(super) async fn ask(
        &mut self,
        what: (&str, &str),
        headers: &str,
        body: Body<'_>,
        status: u16,
        expect: Expect<'_>,
    ) -> Result<Answer> {
        let (method, path) = what;
        self.send(method, path, headers, body).await.with_context(|| format!("{method} {path}"))?;
        let head = self.head().await.with_context(|| format!("{method} {path}"))?;
        let got = head.answer.status;
        ensure!(got == status, "{method} {path}: {got} and not {status}");
        self.body(head, expect).await.with_context(|| format!("the answer to {method} {path}"))
    }

    async fn send(&mut self, method: &str, path: &str, headers: &str, body: Body<'_>) -> Result<()> {
        self.request.clear();
        write!(self.request, "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}", self.host)?;
        match body {
            Body::None if method == "POST" || method == "PUT" => {
                self.request.extend_from_slice(b"Content-Length: 0\r\n");
            }
            Body::None => {}
            Body::Whole(blob) => write!(self.request, "Content-Length: {}\r\n", blob.len())?,
            Body::Chunked(_) => self.request.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        }
        self.request.extend_from_slice(b"\r\n");
        match body {
            Body::None => self.stream.write_all(&self.request).await?,
            Body::Whole(blob) => {
                let mut slices = [IoSlice::new(&self.request), slice(&blob.parts[0]), slice(&blob.parts[1])];
                write_all(&mut self.stream, &mut slices).await?;
            }
            Body::Chunked(blob) => {
                self.stream.write_all(&self.request).await?;
                for part in &blob.parts {
                    self.write_chunks(part).await?;
                }
                self.stream.write_all(b"0\r\n\r\n").await?;
            }
        }
        Ok(())
    }

    async fn write_chunks(&mut self, bytes: &[u8]) -> Result<()> {
        const SIZE: &[u8] = b"8000\r\n";
        for group in bytes.chunks(CHUNK_BYTES * CHUNKS_AT_ONCE) {
            // of these chunks the last alone may be shorter
            let last = format!("{:x}\r\n", (group.len() - 1) % CHUNK_BYTES + 1);
            let mut slices = Vec::with_capacity(3 * CHUNKS_AT_ONCE);
            for chunk in group.chunks(CHUNK_BYTES) {
                let size = if chunk.len() == CHUNK_BYTES { SIZE } else { last.as_bytes() };
                slices.extend([IoSlice::new(size), IoSlice::new(chunk), IoSlice::new(b"\r\n")]);
            }
            write_all(&mut self.stream, &mut slices).await?;
        }
        Ok(())
    }

    /// Reads up to the end of an answer's head.
    async fn head(&mut self) -> Result<Head> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut response = httparse::Response::new(&mut headers);
            let received = &self.buffer[self.filled.clone()];
            if let httparse::Status::Complete(len) = response.parse(received)? {
                let head = read_head(&response, &self.host)?;
                self.filled.start += len;
                return Ok(head);
            }
            ensure!(self.more().await? > 0, "the connection ends in the head of an answer");
        }
    }

    async fn body(&mut self, head: Head, expect: Expect<'_>) -> Result<Answer> {
        let Head { mut answer, chunked } = head;
        if chunked {
            ensure!(matches!(expect, Expect::Any), "a body without a length");
            answer.len = self.dechunk().await?;
            return Ok(answer);
        }
        if let Expect::Length(blob) | Expect::Exactly(blob) | Expect::Head(blob) = expect {
            ensure!(answer.len == blob.len(), "{} bytes where {} should be", answer.len, blob.len());
        }
        match expect {
            Expect::Head(_) => {}
            Expect::Exactly(blob) => {
                for part in &blob.parts {
                    self.compare(part).await?;
                }
            }
            _ => self.discard(answer.len).await?,
        }
        Ok(answer)
    }

    async fn compare(&mut self, mut expected: &[u8]) -> Result<()> {
        while !expected.is_empty() {
            if self.filled.is_empty() {
                ensure!(self.more().await? > 0, "the connection ends in a body");
            }
            let len = self.filled.len().min(expected.len());
            let (next, rest) = expected.split_at(len);
            ensure!(self.buffer[self.filled.start..][..len] == *next, "other bytes than expected");
            self.filled.start += len;
            expected = rest;
        }
        Ok(())
    }

    async fn discard(&mut self, len: u64) -> Result<()> {
        let here = len.min(self.filled.len() as u64);
        self.filled.start += here as usize;
        let mut left = len - here;
        while left > 0 {
            let most = left.min(DISCARD_BYTES as u64) as usize;
            let stream = &self.stream;
            let thrown = stream.async_io(Interest::READABLE, || throw_away(stream, most)).await?;
            ensure!(thrown > 0, "the connection ends in a body");
            left -= thrown as u64;
        }
        Ok(())
    }

    /// Reads a body in chunks; gives its length.
    async fn dechunk(&mut self) -> Result<u64> {
        let mut len = 0;
        loop {
            let (used, size) = loop {
                match httparse::parse_chunk_size(&self.buffer[self.filled.clone()]) {
                    Ok(httparse::Status::Complete(found)) => break found,
                    Ok(httparse::Status::Partial) => {
                        ensure!(self.more().await? > 0, "the connection ends in a body");
                    }
                    Err(_) => bail!("a chunk without a size"),
                }
            };
            self.filled.start += used;
            // and the line end behind the chunk
            self.discard(size + 2).await?;
            len += size;
            if size == 0 {
                return Ok(len);
            }
        }
    }

    /// Receives more behind what is there.
    async fn more(&mut self) -> Result<usize> {
        if self.filled.is_empty() {
            self.filled = 0..0;
        } else if self.filled.end == self.buffer.len() {
            ensure!(self.filled.start > 0, "the head of an answer is too long");
            self.buffer.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
        let len = self.stream.read(&mut self.buffer[self.filled.end..]).await?;
        self.filled.end += len;
        Ok(len)
    }
}

fn read_head(response: &httparse::Response<'_, '_>, host: &str) -> Result<Head> {
    let find = |name: &str| -> Result<Option<&str>> {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        Ok(header.map(|header| std::str::from_utf8(header.value)).transpose()?)
    };
    let location = find("location")?.map(|url| {
        let path = url.strip_prefix("http://").and_then(|url| url.strip_prefix(host)).unwrap_or(url);
        path.to_owned()
    });
    let len = find("content-length")?.map(str::parse).transpose()?.unwrap_or(0);
    let chunked = find("transfer-encoding")?.is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    let status = response.code.unwrap_or_default();
    Ok(Head { answer: Answer { status, location, len }, chunked })
}

fn slice(bytes: &Bytes) -> IoSlice<'_> {
    IoSlice::new(bytes)
}

async fn write_all(stream: &mut TcpStream, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    while slices.iter().any(|slice| !slice.is_empty()) {
        let written = stream.write_vectored(slices).await?;
        IoSlice::advance_slices(&mut slices, written);
    }
    Ok(())
}

/// Takes bytes out of the socket without looking at them; a buffer is named, and not written to.
fn throw_away(stream: &TcpStream, most: usize) -> io::Result<usize> {
    thread_local! {
        static NOWHERE: std::cell::RefCell<Vec<u8>> = std::cell::RefCell::new(vec![0; DISCARD_BYTES]);
    }
    NOWHERE.with_borrow_mut(|nowhere| {
        let (_, thrown) = recv(stream, &mut nowhere[..most], RecvFlags::TRUNC | RecvFlags::DONTWAIT)?;
        Ok(thrown)
    })
}
