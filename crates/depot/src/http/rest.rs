//! What is left of a request's body when the request is refused.
//!
//! A connection that is closed while bytes of the request still come in is reset, and the answer can be lost with it. So
//! a small rest is read and thrown away before the answer is given.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::StreamExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::timeout;

/// Where a body goes that nobody has read to its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Rest(Arc<Mutex<Option<Body>>>);

/// A body that comes back when it is dropped.
#[derive(Debug)]
struct Lent {
    body: Body,
    back: Rest,
}

impl Rest {
    /// The body, to be read as before, and where it comes back to.
    pub(super) fn of(body: Body) -> (Body, Self) {
        let rest = Self::default();
        (Body::new(Lent { body, back: rest.clone() }), rest)
    }

    /// Reads on to the end, but not more than so many bytes, and without waiting longer than
    /// this for the next ones.
    pub(super) async fn discard(self, headers: &HeaderMap, bytes_max: u64, wait: Duration) {
        // a client that asks before it sends has not sent anything
        if headers.contains_key(header::EXPECT) {
            return;
        }
        let Some(body) = self.0.lock().take() else { return };
        if body.size_hint().lower() > bytes_max {
            return;
        }
        let mut stream = body.into_data_stream();
        let mut read = 0;
        // whoever sends nothing more gets the answer all the same
        while read <= bytes_max
            && let Ok(Some(Ok(piece))) = timeout(wait, stream.next()).await
        {
            read += piece.len() as u64;
        }
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.body.is_end_stream() {
            *self.back.0.lock() = Some(std::mem::take(&mut self.body));
        }
    }
}
