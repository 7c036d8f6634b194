//! What the device did, for people and metrics: slices by their time, traffic, jobs.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Buckets of the histogram: each is a fifth wider than the one before, from one microsecond.
const N_BUCKETS: usize = 100;
const GROWTH: f64 = 1.2;

/// Times by number, in buckets that grow: bounded memory for any number of slices.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    buckets: [u64; N_BUCKETS],
    n: u64,
    most: Duration,
    over: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [0; N_BUCKETS], n: 0, most: Duration::ZERO, over: 0 }
    }
}

/// Upper end of a bucket, in nanoseconds.
fn end(bucket: usize) -> f64 {
    1_000.0 * GROWTH.powi(bucket as i32)
}

impl Histogram {
    /// Counts a slice that took `time`.
    pub(crate) fn add(&mut self, time: Duration, limit: Duration) {
        let nanos = time.as_nanos() as f64;
        let bucket = (0..N_BUCKETS - 1).find(|&b| nanos <= end(b)).unwrap_or(N_BUCKETS - 1);
        self.buckets[bucket] += 1;
        self.n += 1;
        self.most = self.most.max(time);
        self.over += u64::from(time > limit);
    }

    /// How many slices were counted.
    pub(crate) fn count(&self) -> u64 {
        self.n
    }

    /// The time that `share` of the slices stay below: the end of its bucket, at most a fifth too high.
    fn quantile(&self, share: f64) -> Duration {
        let wanted = (share * self.n as f64).ceil().max(1.0) as u64;
        let mut counted = 0;
        // The last bucket has no end but the longest time.
        for (bucket, n) in self.buckets[..N_BUCKETS - 1].iter().enumerate() {
            counted += n;
            if counted >= wanted {
                return Duration::from_nanos(end(bucket) as u64).min(self.most);
            }
        }
        self.most
    }
}

/// Slices of work by the time they held the device. Times are in microseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SliceReport {
    /// The limit that each should stay under.
    pub limit_us: f64,
    /// How many there were.
    pub n: u64,
    /// Half took no longer.
    pub p50_us: f64,
    /// 99 of 100 took no longer.
    pub p99_us: f64,
    /// The longest.
    pub max_us: f64,
    /// How many were over the limit.
    pub over_limit: u64,
    /// `timestamps` of the device, or `fences`: waiting included.
    pub measured_by: &'static str,
}

/// What a device did since it was opened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GpuReport {
    /// The adapter's name.
    pub adapter: String,
    /// `f32` or `f16`.
    pub element: &'static str,
    /// Pictures answered.
    pub jobs: u64,
    /// Bytes that went up, pictures and parameters.
    pub bytes_up: u64,
    /// Bytes that came back.
    pub bytes_down: u64,
    /// Bytes of the largest arena.
    pub arena_bytes: u64,
    /// The slices.
    pub slices: SliceReport,
}

/// Counters behind a [`GpuReport`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    pub(crate) jobs: u64,
    pub(crate) bytes_up: u64,
    pub(crate) bytes_down: u64,
    pub(crate) arena_bytes: u64,
    pub(crate) slices: Histogram,
}

impl Counters {
    pub(crate) fn slices(&self, limit: Duration, timestamps: bool) -> SliceReport {
        let us = |time: Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
        SliceReport {
            limit_us: us(limit),
            n: self.slices.n,
            p50_us: us(self.slices.quantile(0.5)),
            p99_us: us(self.slices.quantile(0.99)),
            max_us: us(self.slices.most),
            over_limit: self.slices.over,
            measured_by: if timestamps { "timestamps" } else { "fences" },
        }
    }
}

impl fmt::Display for GpuReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { adapter, element, jobs, bytes_up, bytes_down, arena_bytes, slices } = self;
        writeln!(f, "Device   {adapter}, {element}, {jobs} jobs, arena {:.1} MB", *arena_bytes as f64 / 1e6)?;
        writeln!(f, "Traffic  {:.2} MB up, {:.3} MB back", *bytes_up as f64 / 1e6, *bytes_down as f64 / 1e6)?;
        let SliceReport { limit_us, n, p50_us, p99_us, max_us, over_limit, measured_by } = slices;
        writeln!(
            f,
            "Slices   {n} by {measured_by}: p50 {p50_us} µs, p99 {p99_us} µs, max {max_us} µs; {over_limit} over {limit_us} µs"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_quantiles_are_those_of_the_times_within_a_bucket() {
        let mut histogram = Histogram::default();
        let limit = Duration::from_micros(900);
        (1..=1_000).for_each(|us| histogram.add(Duration::from_micros(us), limit));
        let close = |share: f64, us: f64| {
            let found = histogram.quantile(share).as_secs_f64() * 1e6;
            assert!(found >= us && found <= us * GROWTH, "{found} {us}");
        };
        close(0.5, 500.0);
        close(0.99, 990.0);
        assert_eq!((histogram.n, histogram.over, histogram.most), (1_000, 100, Duration::from_millis(1)));
    }

    #[test]
    fn test_extremes_have_a_bucket() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.99), Duration::ZERO);
        histogram.add(Duration::ZERO, Duration::ZERO);
        histogram.add(Duration::from_secs(1 << 40), Duration::ZERO);
        assert_eq!(histogram.quantile(1.0), histogram.most);
    }
}
