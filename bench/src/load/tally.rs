//! Counting what was done, and how long each request took.

use std::time::Duration;

/// What one connection, or all of them, did.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Whole operations: a blob pulled, an image pushed.
    pub(crate) operations: u64,
    /// Bytes of bodies.
    pub(crate) bytes: u64,
    /// Of the requests that are timed, in microseconds.
    latencies: Vec<u32>,
}

impl Tally {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.operations += 1;
        self.bytes += bytes;
    }

    pub(crate) fn took(&mut self, time: Duration) {
        self.latencies.push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    pub(crate) fn join(mut self, other: Self) -> Self {
        self.operations += other.operations;
        self.bytes += other.bytes;
        self.latencies.extend(other.latencies);
        self
    }

    /// Median and 99th percentile in milliseconds, where anything was timed.
    pub(crate) fn percentiles(&mut self) -> Option<(f64, f64)> {
        self.latencies.sort_unstable();
        let at = |percent: usize| -> Option<f64> {
            // nearest rank: the smallest value that so many percent of all are not above
            let rank = (self.latencies.len() * percent).div_ceil(100);
            self.latencies.get(rank.checked_sub(1)?).map(|us| f64::from(*us) / 1000.0)
        };
        Some((at(50)?, at(99)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_ranks() {
        assert_eq!(Tally::default().percentiles(), None);
        let (mut one, mut other) = (Tally::default(), Tally::default());
        for ms in 1..=100 {
            let tally = if ms % 2 == 0 { &mut one } else { &mut other };
            tally.took(Duration::from_millis(ms));
            tally.add(2);
        }
        let mut both = one.join(other);
        assert_eq!((both.operations, both.bytes), (100, 200));
        assert_eq!(both.percentiles(), Some((50.0, 99.0)));
    }
}
