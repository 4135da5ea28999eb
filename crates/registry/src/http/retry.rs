//! How often, and after which pause.

use std::time::Duration;

use super::fault::Fault;
use crate::limits::Limits;

/// The attempts at one thing.
pub(crate) struct Retry {
    left: u32,
    bound: Duration,
    /// What registries have asked for so far.
    waited: Duration,
}

impl Retry {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { left: limits.retries_max, bound: limits.retry_delay_min, waited: Duration::ZERO }
    }

    /// The pause before the next attempt; `None` when there is to be none.
    ///
    /// Full jitter: anything up to a bound that doubles, so that many clients cut off by the same fault do
    /// not come back together. A registry that names a time gets that, and a little jitter on top.
    pub(crate) fn next(&mut self, fault: &Fault, limits: &Limits) -> Option<Duration> {
        if !fault.may_pass() {
            return None;
        }
        // who asks for time is given it within that bound, however often; what asks for none counts
        if let Some(asked) = fault.retry_after().filter(|asked| *asked >= limits.retry_delay_min) {
            self.waited += asked;
            return (self.waited <= limits.retry_after_max)
                .then(|| asked + limits.retry_delay_min.mul_f64(rand::random::<f64>()));
        }
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        if fault.is_unknown_name() {
            // A name that does not resolve is seldom a passing fault: once more is enough.
            self.left = 0;
        }
        let pause = self.bound.mul_f64(rand::random::<f64>());
        self.bound = (self.bound * 2).min(limits.retry_delay_max);
        Some(pause)
    }

    /// There was progress: count anew.
    pub(crate) fn reset(&mut self, limits: &Limits) {
        *self = Self::new(limits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn pauses_grow_and_end() {
        let limits = Limits::default();
        let mut retry = Retry::new(&limits);
        let fault = Fault::passing(ErrorKind::Failed, "503".to_owned());
        let mut bound = limits.retry_delay_min;
        for _ in 0..limits.retries_max {
            assert!(retry.next(&fault, &limits).unwrap() <= bound);
            bound = (bound * 2).min(limits.retry_delay_max);
        }
        assert_eq!(retry.next(&fault, &limits), None);
        assert_eq!(
            Retry::new(&limits).next(&Fault::lasting(ErrorKind::Denied, String::new()), &limits),
            None
        );
    }

    #[test]
    fn a_named_time_is_kept_unless_it_is_unbearable() {
        let limits = Limits::default();
        let asks = |seconds| {
            let mut fault = Fault::passing(ErrorKind::Throttled, String::new());
            fault.set_retry_after(Duration::from_secs(seconds));
            Retry::new(&limits).next(&fault, &limits)
        };
        assert!(asks(7).unwrap() >= Duration::from_secs(7));
        assert_eq!(asks(3600), None);
        // the bound is for all of one request's waits together
        let mut retry = Retry::new(&limits);
        let mut fault = Fault::passing(ErrorKind::Throttled, String::new());
        fault.set_retry_after(limits.retry_after_max / 10);
        for _ in 0..10 {
            assert!(retry.next(&fault, &limits).is_some());
        }
        assert_eq!(retry.next(&fault, &limits), None);
    }
}
