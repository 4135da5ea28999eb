//! What a server takes while it is under load: memory and processor time, as proc(5) tells them.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

const SAMPLE: Duration = Duration::from_millis(25);
/// Fields of /proc/<pid>/stat behind the name, up to `utime`.
const BEFORE_UTIME: usize = 11;

/// Memory of a process over some time, bytes.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Memory {
    /// Largest resident set (`VmHWM`, set back before).
    pub(crate) peak_rss: u64,
    /// Mean of the resident set.
    pub(crate) mean_rss: u64,
    /// Largest part of it that is the process's own and no file's (`RssAnon`).
    pub(crate) peak_anon: u64,
}

/// A process that is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched(pub(crate) u32);

impl Watched {
    /// Runs `work` while another thread looks at the process.
    pub(crate) fn during<T>(self, work: impl FnOnce() -> Result<T>) -> Result<(T, Memory)> {
        self.forget_peak()?;
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sampler = scope.spawn(|| self.sample(&done));
            let result = work();
            done.store(true, Ordering::Relaxed);
            let memory =
                sampler.join().map_err(|_| anyhow::anyhow!("the thread that samples memory died"))?;
            Ok((result?, memory?))
        })
    }

    /// Processor time of all its threads so far, in seconds. In steps of a hundredth.
    pub(crate) fn cpu_seconds(self) -> Result<f64> {
        let text = self.read("stat")?;
        let fields = text.rsplit_once(')').map(|(_, rest)| rest).context("stat without a name")?;
        let ticks = fields.split_whitespace().skip(BEFORE_UTIME).take(2);
        let ticks: u64 = ticks.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// What it has resident now, and of that its own.
    pub(crate) fn resident(self) -> Result<(u64, u64)> {
        let status = self.read("status")?;
        Ok((field(&status, "VmRSS:")?, field(&status, "RssAnon:")?))
    }

    fn sample(self, done: &AtomicBool) -> Result<Memory> {
        let (mut sum, mut count, mut peak_anon) = (0, 0, 0);
        loop {
            // the last sample is one of after the end, so that there is one at all
            let last = done.load(Ordering::Relaxed);
            let (rss, anon) = self.resident()?;
            sum += rss;
            count += 1;
            peak_anon = peak_anon.max(anon);
            if last {
                let peak_rss = field(&self.read("status")?, "VmHWM:")?;
                return Ok(Memory { peak_rss, mean_rss: sum / count, peak_anon });
            }
            std::thread::sleep(SAMPLE);
        }
    }

    fn forget_peak(self) -> Result<()> {
        let file = format!("/proc/{}/clear_refs", self.0);
        fs::write(&file, "5").with_context(|| format!("writing {file}"))
    }

    fn read(self, name: &str) -> Result<String> {
        let file = format!("/proc/{}/{name}", self.0);
        fs::read_to_string(&file).with_context(|| format!("reading {file}: has the server ended?"))
    }
}

/// Processor time of the calling thread in seconds.
pub(crate) fn thread_cpu_seconds() -> Result<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: u64 = text.split(' ').next().context("schedstat is empty")?.parse()?;
    Ok(nanoseconds as f64 / 1e9)
}

/// A line of a status file, in bytes.
fn field(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
    let kib: u64 = kib.with_context(|| format!("no {name} in status"))?.trim().parse()?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_this_process_is_seen() {
        let this = Watched(std::process::id());
        let (held, memory) = this.during(|| Ok(vec![1_u8; 64 << 20])).unwrap();
        assert_eq!(held.len(), 64 << 20);
        assert!(memory.peak_rss >= 64 << 20 && memory.peak_anon >= 64 << 20, "{memory:?}");
        assert!(memory.mean_rss > 1 << 20 && memory.mean_rss <= memory.peak_rss, "{memory:?}");
        assert!(this.cpu_seconds().unwrap() >= 0.0);
        assert!(thread_cpu_seconds().unwrap() > 0.0);
    }
}
