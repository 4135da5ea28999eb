//! Other ends that have to go on: with taking what they asked for, with sending what they began.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Breaks when nothing could be written for so long. A reader that takes a little now and then is waited for.
#[derive(Debug)]
pub(super) struct Stalling<S> {
    io: S,
    alarm: Alarm,
}

/// Goes off when nothing happened for so long.
#[derive(Debug)]
pub(super) struct Alarm {
    wait: Duration,
    /// Made at the first wait: most ends never make anybody wait.
    sleep: Option<Pin<Box<Sleep>>>,
    is_set: bool,
}

impl Alarm {
    pub(super) fn new(wait: Duration) -> Self {
        Self { wait, sleep: None, is_set: false }
    }

    /// Something happened.
    pub(super) fn stop(&mut self) {
        self.is_set = false;
    }

    /// Nothing happened; ready when that was so for too long.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(self.wait)));
        if !self.is_set {
            sleep.as_mut().reset(Instant::now() + self.wait);
            self.is_set = true;
        }
        sleep.as_mut().poll(context)
    }
}

impl<S> Stalling<S> {
    pub(super) fn new(io: S, wait: Duration) -> Self {
        Self { io, alarm: Alarm::new(wait) }
    }

    /// What became of an attempt to write.
    fn attempted<T>(
        &mut self,
        attempt: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if attempt.is_ready() {
            self.alarm.stop();
            return attempt;
        }
        self.alarm.poll(context).map(|()| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the reader of the answer took nothing for too long"))
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.io).poll_write(context, bytes);
        self.attempted(attempt, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.attempted(attempt, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.io).poll_flush(context);
        self.attempted(attempt, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.io).poll_shutdown(context);
        self.attempted(attempt, context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const WAIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_ends_the_connection() {
        let (near, _far) = duplex(16);
        let error = Stalling::new(near, WAIT).write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_waited_for() {
        let (near, mut far) = duplex(16);
        let reader = tokio::spawn(async move {
            let mut piece = [0; 16];
            for _ in 0..4 {
                sleep(WAIT / 2).await;
                far.read_exact(&mut piece).await.unwrap();
            }
        });
        Stalling::new(near, WAIT).write_all(&[0; 64]).await.unwrap();
        reader.await.unwrap();
    }
}
