//! Two things at the same time: one of them at every place at which the other waits for an answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

/// How long something is left alone that may have to wait for the other to go on.
const A_MOMENT: Duration = Duration::from_millis(100);
/// More than anything here has.
const STEPS_MAX: usize = 1000;

/// Does one thing as far as this many steps lead, then the other, and then the rest; what came of both. Nothing of the other, when
/// the first has no more steps.
pub(crate) async fn meet<A, B>(
    steps: usize,
    first: impl Future<Output = A>,
    other: impl Future<Output = B>,
) -> (A, Option<B>) {
    let (mut first, mut other) = (Box::pin(first), Box::pin(other));
    if let Some(done) = go(first.as_mut(), steps).await {
        return (done, None);
    }
    match tokio::time::timeout(A_MOMENT, other.as_mut()).await {
        Ok(done) => (first.await, Some(done)),
        // the first has the ledger
        Err(_) => {
            let (done, other) = tokio::join!(first, other);
            (done, Some(other))
        }
    }
}

async fn go<A>(mut first: Pin<&mut impl Future<Output = A>>, steps: usize) -> Option<A> {
    let mut gone = 0;
    poll_fn(move |context| {
        if gone == steps {
            return Poll::Ready(None);
        }
        gone += 1;
        first.as_mut().poll(context).map(Some)
    })
    .await
}

/// Does it at each number of steps, from 1 until it says that there are no more.
pub(crate) async fn at_every_step(act: impl AsyncFn(usize) -> bool) {
    for steps in 1..STEPS_MAX {
        if !act(steps).await {
            assert!(steps > 2, "it was never in the middle");
            return;
        }
    }
    panic!("it has no end");
}
