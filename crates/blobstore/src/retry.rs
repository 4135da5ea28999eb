//! Trying a request again, within bounds.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::error::Error;

/// How often and how long a request is tried.
#[derive(Debug, Clone)]
pub struct RetryLimits {
    /// Most attempts, the first among them.
    pub attempts_max: u32,
    /// Pause before the second attempt; it doubles from one attempt to the next, give or take a quarter.
    pub delay_first: Duration,
    /// Longest pause, unless the store asks for a longer one.
    pub delay_max: Duration,
    /// No attempt is started when its pause would end later than this after the first attempt began.
    pub total_max: Duration,
}

impl Default for RetryLimits {
    fn default() -> Self {
        Self {
            attempts_max: 6,
            delay_first: Duration::from_millis(400),
            delay_max: Duration::from_secs(15),
            total_max: Duration::from_secs(180),
        }
    }
}

impl RetryLimits {
    /// The pause behind the `n`-th attempt (the first is 1).
    pub(crate) fn delay(&self, n: u32) -> Duration {
        let doubled = self.delay_first.saturating_mul(1 << n.saturating_sub(1).min(20));
        doubled.min(self.delay_max).mul_f64(rand::random_range(0.75..1.25))
    }
}

/// One attempt's failure.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Whether the same request may well succeed later.
    pub(crate) again: bool,
    /// The pause that the store asks for.
    pub(crate) after: Option<Duration>,
}

impl From<Error> for Failure {
    /// A failure that no further attempt can mend.
    fn from(error: Error) -> Self {
        Self { error, again: false, after: None }
    }
}

/// Runs `attempt` (told its number, from 1) until it succeeds, fails for good or the limits are reached.
pub(crate) async fn retry<T, A, F>(limits: &RetryLimits, mut attempt: A) -> Result<T, Error>
where
    A: FnMut(u32) -> F,
    F: Future<Output = Result<T, Failure>>,
{
    let started = Instant::now();
    let mut n = 1;
    loop {
        let failure = match attempt(n).await {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        let delay = failure.after.unwrap_or_default().max(limits.delay(n));
        if !failure.again {
            return Err(failure.error);
        }
        if n >= limits.attempts_max || started.elapsed() + delay > limits.total_max {
            return Err(if n > 1 { tried(failure.error, n) } else { failure.error });
        }
        tracing::debug!(error = %failure.error, attempt = n, delay_ms = delay.as_millis() as u64, "request failed, trying again");
        tokio::time::sleep(delay).await;
        n += 1;
    }
}

fn tried(error: Error, n: u32) -> Error {
    let detail = format!("{} (tried {n} times)", error.detail());
    error.with_detail(detail)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::error::ErrorKind;

    fn failure(again: bool, after: Option<Duration>) -> Failure {
        Failure { error: Error::new(ErrorKind::Throttled, "x", "busy"), again, after }
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_succeed_is_tried_again_up_to_the_limit() {
        let limits = RetryLimits::default();
        let count = Cell::new(0);
        let result: Result<u32, _> = retry(&limits, |n| {
            count.set(n);
            async move { if n < 4 { Err(failure(true, None)) } else { Ok(n) } }
        })
        .await;
        assert_eq!(result.unwrap(), 4);
        let result: Result<(), _> = retry(&limits, |n| {
            count.set(n);
            async { Err(failure(true, None)) }
        })
        .await;
        assert_eq!(count.get(), limits.attempts_max);
        assert_eq!(result.unwrap_err().detail(), "busy (tried 6 times)");
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_succeed_is_not_tried_again() {
        let count = Cell::new(0);
        let result: Result<(), _> = retry(&RetryLimits::default(), |n| {
            count.set(n);
            async { Err(failure(false, None)) }
        })
        .await;
        assert_eq!((count.get(), result.unwrap_err().detail()), (1, "busy"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_stores_own_pause_is_kept_unless_it_is_beyond_the_total() {
        let started = tokio::time::Instant::now();
        let second = Duration::from_secs(40);
        let result: Result<u32, _> = retry(&RetryLimits::default(), |n| async move {
            if n < 2 { Err(failure(true, Some(second))) } else { Ok(n) }
        })
        .await;
        assert_eq!(result.unwrap(), 2);
        assert!(started.elapsed() >= second);
        let result: Result<u32, _> =
            retry(&RetryLimits::default(), |_| async { Err(failure(true, Some(Duration::from_secs(900)))) })
                .await;
        assert_eq!(result.unwrap_err().detail(), "busy");
    }

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let limits = RetryLimits::default();
        assert!(limits.delay(1) < Duration::from_millis(501));
        assert!(limits.delay(3) > Duration::from_millis(1_199));
        assert!(limits.delay(60) < Duration::from_secs(19));
    }
}
