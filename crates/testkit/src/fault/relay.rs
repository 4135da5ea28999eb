//! One client connection: request by request to the upstream and back.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

use super::Shared;
use super::log::Record;
use super::pump::{Pumped, pump};
use super::rule::{Canned, Effects, End};
use super::wire::{Body, Head};

const BUFFER_BYTES: usize = 256 * 1024;
/// Bodies up to this are read to their end before an answer of our own, so that the connection can live on.
const DRAIN_BYTES_MAX: u64 = 1024 * 1024;
/// How long a closed side is listened to, so that what was sent last is not lost to a reset.
const LINGER: Duration = Duration::from_secs(30);
/// What the reader of the request gets to see the end of it when the answer was quicker.
const CATCH_UP: Duration = Duration::from_millis(100);

/// What servers say to a TLS greeting: clients go by it when they try HTTPS first.
const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

struct Side {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

/// What becomes of the client's connection behind an exchange.
enum Next {
    KeepAlive,
    /// Closed in good form: all that was sent arrives.
    Close,
    /// Dropped.
    Drop,
}

impl Side {
    fn new(stream: TcpStream) -> Self {
        // without it small pieces wait for each other; it fails only on a dead socket
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        Self { reader: BufReader::with_capacity(BUFFER_BYTES, reader), writer }
    }

    /// Says that nothing more will be sent, and reads until the other side has understood.
    async fn linger(mut self) {
        let _ = self.writer.shutdown().await;
        let mut sink = vec![0; BUFFER_BYTES];
        let drain = async { while self.reader.read(&mut sink).await.is_ok_and(|len| len > 0) {} };
        let _ = timeout(LINGER, drain).await;
    }
}

/// Serves a client until either side has had enough.
pub(super) async fn serve(shared: Arc<Shared>, client: TcpStream) {
    let mut client = Side::new(client);
    loop {
        let head = match Head::read(&mut client.reader).await {
            Ok(Some(head)) => head,
            Ok(None) => return,
            Err(_) => {
                let _ = client.writer.write_all(BAD_REQUEST).await;
                return client.linger().await;
            }
        };
        let (effects, record) = shared.begin(&head);
        match exchange(&shared, &mut client, head, &effects, &record).await {
            Ok(Next::KeepAlive) => {}
            Ok(Next::Close) => return client.linger().await,
            Ok(Next::Drop) | Err(_) => return,
        }
    }
}

async fn exchange(
    shared: &Shared,
    client: &mut Side,
    head: Head,
    effects: &Effects,
    record: &Record,
) -> io::Result<Next> {
    if let Some(delay) = effects.delay {
        sleep(delay).await;
    }
    if effects.end == Some(End::Unasked) {
        return Ok(Next::Drop);
    }
    if let Some(canned) = &effects.answer {
        return answer(client, &head, canned, record).await;
    }
    if let (Some(len), Some(max)) = (head.content_length(), effects.request.bytes_max)
        && len > max
    {
        return answer(client, &head, &too_large(), record).await;
    }
    let mut upstream = Side::new(TcpStream::connect(shared.upstream()).await?);
    let mut outgoing = head.clone();
    outgoing.set("connection", Some("close"));
    for (name, value) in &effects.request_headers {
        outgoing.set(name, value.as_deref());
    }
    upstream.writer.write_all(&outgoing.encode()).await?;
    relay(client, upstream, &head, effects, record).await
}

/// Both directions at once: an answer may come before the request has ended.
async fn relay(
    client: &mut Side,
    mut upstream: Side,
    head: &Head,
    effects: &Effects,
    record: &Record,
) -> io::Result<Next> {
    let body = head.request_body();
    let (shape, count) = (&effects.request, &record.request_body_bytes);
    let mut request_end = None;
    let answered = {
        let chunked = body.is_chunked();
        let sent = AtomicBool::new(false);
        let send = async {
            let end = pump(&mut client.reader, body, &mut upstream.writer, chunked, shape, count).await;
            sent.store(end == Pumped::Whole, Ordering::Relaxed);
            end
        };
        let receive = respond(&mut upstream.reader, &mut client.writer, head, effects, record, &sent);
        tokio::pin!(send, receive);
        let answered = loop {
            tokio::select! {
                biased;
                answered = &mut receive => break Some(answered?),
                end = &mut send, if request_end.is_none() => {
                    request_end = Some(end);
                    if !matches!(end, Pumped::Whole | Pumped::SinkGone) {
                        break None;
                    }
                }
            }
        };
        if answered.is_some() && request_end.is_none() {
            request_end = timeout(CATCH_UP, &mut send).await.ok();
        }
        answered
    };
    match (answered, request_end) {
        (Some(Next::KeepAlive), Some(Pumped::Whole)) if !head.closes() => Ok(Next::KeepAlive),
        (Some(Next::KeepAlive), _) => Ok(Next::Close),
        (Some(next), _) => Ok(next),
        (None, Some(Pumped::OverMax)) => canned_answer(client, &too_large(), record, true).await,
        (None, _) => {
            // what was passed shall arrive although the client is dropped at once
            tokio::spawn(upstream.linger());
            Ok(Next::Drop)
        }
    }
}

/// Reads the upstream's answer and passes it to the client in the shape that the rules give it. `sent` says whether
/// the request has reached the upstream whole: without that the connection cannot be used again, and says so.
async fn respond(
    upstream: &mut BufReader<OwnedReadHalf>,
    client: &mut OwnedWriteHalf,
    request: &Head,
    effects: &Effects,
    record: &Record,
    sent: &AtomicBool,
) -> io::Result<Next> {
    let mut head = loop {
        let head = Head::read(upstream).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if head.status() / 100 != 1 {
            break head;
        }
        client.write_all(&head.encode()).await?;
    };
    if effects.end == Some(End::Unanswered) {
        return Ok(Next::Drop);
    }
    let body = head.response_body(request.method());
    let closes = body == Body::ToEnd || !sent.load(Ordering::Relaxed);
    head.set("connection", closes.then_some("close"));
    if let (Some(end), Body::Length(len)) = (effects.response.truncate_at, body) {
        head.set("content-length", Some(&len.min(end).to_string()));
    }
    for (name, value) in &effects.response_headers {
        head.set(name, value.as_deref());
    }
    record.status.store(head.status(), Ordering::Relaxed);
    client.write_all(&head.encode()).await?;
    let count = &record.response_body_bytes;
    Ok(match pump(upstream, body, client, body.is_chunked(), &effects.response, count).await {
        Pumped::Whole if closes => Next::Close,
        Pumped::Whole => Next::KeepAlive,
        _ => Next::Drop,
    })
}

fn too_large() -> Canned {
    Canned { status: 413, headers: Vec::new(), body: b"body too large\n".to_vec() }
}

/// Answers without the upstream. A short body is read first; a long one costs the connection.
async fn answer(client: &mut Side, head: &Head, canned: &Canned, record: &Record) -> io::Result<Next> {
    let body = head.request_body();
    let short = matches!(body, Body::Length(len) if len <= DRAIN_BYTES_MAX);
    // a client that waits for "100 Continue" will not send the body after a final answer
    let expects = head.header("expect").is_some() && body != Body::Length(0);
    let closes = head.closes() || expects || !short;
    if short && !expects {
        let count = &record.request_body_bytes;
        let mut sink = tokio::io::sink();
        if pump(&mut client.reader, body, &mut sink, false, &super::pump::Shape::default(), count).await
            != Pumped::Whole
        {
            return Ok(Next::Drop);
        }
    }
    let mut canned = canned.clone();
    if head.method() == "HEAD" {
        canned.body.clear();
    }
    canned_answer(client, &canned, record, closes).await
}

async fn canned_answer(
    client: &mut Side,
    canned: &Canned,
    record: &Record,
    closes: bool,
) -> io::Result<Next> {
    let mut head =
        Head { start: format!("HTTP/1.1 {} Fault", canned.status), headers: canned.headers.clone() };
    if head.header("content-length").is_none() {
        head.set("Content-Length", Some(&canned.body.len().to_string()));
    }
    if closes {
        head.set("Connection", Some("close"));
    }
    record.status.store(canned.status, Ordering::Relaxed);
    record.response_body_bytes.fetch_add(canned.body.len() as u64, Ordering::Relaxed);
    let mut bytes = head.encode();
    bytes.extend_from_slice(&canned.body);
    client.writer.write_all(&bytes).await?;
    Ok(if closes { Next::Close } else { Next::KeepAlive })
}
