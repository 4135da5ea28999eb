//! Floors: what curl and openssl need for the same bytes, with as few processes as they can be made to use.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use transload_oci::Digest;

/// Blobs that transload moves at a time unless it is told otherwise.
pub(crate) const BLOBS_AT_ONCE: usize = 4;

/// A blob to fetch from one place and to put to another.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) repository: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) path: PathBuf,
}

/// How blobs are fetched and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// curl into files, then openssl over the files.
    Files,
    /// curl into tee into openssl: fetched and hashed at once.
    Piped,
}

/// Fetches, hashes and writes every blob; checks the digests. Seconds.
pub(crate) fn fetch(host: &str, items: &[Item], at_once: usize, shape: Shape) -> Result<f64> {
    let url = |item: &Item| format!("http://{host}/v2/{}/blobs/{}", item.repository, item.digest);
    timed(items, at_once, |share| match shape {
        Shape::Files => {
            let config = share.iter().map(|item| {
                format!("url = \"{}\"\noutput = \"{}\"\n{COMMON}", url(item), item.path.display())
            });
            curl(&config.collect::<Vec<_>>())?;
            let mut openssl = Command::new("openssl");
            openssl.args(["dgst", "-sha256"]).args(share.iter().map(|item| &item.path));
            let said = output(&mut openssl)?;
            share.iter().zip(said.lines()).try_for_each(|(item, line)| check(item, line))
        }
        Shape::Piped => share.iter().try_for_each(|item| {
            let line = "curl -q -sf --noproxy '*' \"$0\" | tee \"$1\" | openssl dgst -sha256";
            let mut shell = Command::new("sh");
            shell.args(["-c", line, &url(item)]).arg(&item.path);
            check(item, output(&mut shell)?.trim())
        }),
    })
}

/// Fetches every blob and throws it away. Seconds.
pub(crate) fn fetch_away(host: &str, items: &[Item]) -> Result<f64> {
    timed(items, BLOBS_AT_ONCE, |share| {
        let config = share.iter().map(|item| {
            let url = format!("http://{host}/v2/{}/blobs/{}", item.repository, item.digest);
            format!("url = \"{url}\"\noutput = \"/dev/null\"\n{COMMON}")
        });
        curl(&config.collect::<Vec<_>>()).map(drop)
    })
}

/// Waits until what was fetched is on the disk. Seconds.
pub(crate) fn sync(items: &[Item]) -> Result<f64> {
    let started = Instant::now();
    output(Command::new("sync").args(items.iter().map(|item| &item.path)))?;
    Ok(started.elapsed().as_secs_f64())
}

/// Uploads every blob: POST for a place, PUT with the digest. Seconds.
pub(crate) fn push(host: &str, items: &[Item]) -> Result<f64> {
    timed(items, BLOBS_AT_ONCE, |share| {
        let opening = share.iter().map(|item| {
            let url = format!("http://{host}/v2/{}/blobs/uploads/", item.repository);
            format!("url = \"{url}\"\nrequest = \"POST\"\noutput = \"/dev/null\"\nwrite-out = \"%header{{location}}\\n\"\n{COMMON}")
        });
        let said = curl(&opening.collect::<Vec<_>>())?;
        let places: Vec<&str> = said.lines().collect();
        if places.len() != share.len() {
            bail!("{} uploads were opened for {} blobs", places.len(), share.len());
        }
        let closing = share.iter().zip(places).map(|(item, place)| {
            let joint = if place.contains('?') { '&' } else { '?' };
            let url = format!("{place}{joint}digest={}", item.digest);
            upload(&url, &item.path, "Content-Type: application/octet-stream")
        });
        curl(&closing.collect::<Vec<_>>()).map(drop)
    })
}

/// Puts every blob into a store below `url`. Seconds.
pub(crate) fn put(url: &str, items: &[Item]) -> Result<f64> {
    timed(items, BLOBS_AT_ONCE, |share| {
        let config = share.iter().map(|item| {
            upload(&format!("{url}/{}", item.digest.hex()), &item.path, "x-ms-blob-type: BlockBlob")
        });
        curl(&config.collect::<Vec<_>>()).map(drop)
    })
}

/// Hashes a file. Seconds.
pub(crate) fn hash(path: &Path) -> Result<f64> {
    let started = Instant::now();
    output(Command::new("openssl").args(["dgst", "-sha256"]).arg(path))?;
    Ok(started.elapsed().as_secs_f64())
}

const COMMON: &str = "silent\nshow-error\nfail\nfail-early\nnoproxy = \"*\"\n";

fn upload(url: &str, path: &Path, header: &str) -> String {
    // without Expect a registry need not be asked before the bytes are sent
    format!(
        "url = \"{url}\"\nupload-file = \"{}\"\noutput = \"/dev/null\"\nheader = \"{header}\"\nheader = \"Expect:\"\n{COMMON}",
        path.display()
    )
}

/// One curl process for many requests, one after the other over one connection.
fn curl(requests: &[String]) -> Result<String> {
    if requests.is_empty() {
        return Ok(String::new());
    }
    let config = tempfile::NamedTempFile::new()?;
    std::fs::write(config.path(), requests.join("next\n"))?;
    output(Command::new("curl").arg("-q").arg("-K").arg(config.path()))
}

fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("starting {name}"))?;
    if !output.status.success() {
        bail!("{name}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn check(item: &Item, line: &str) -> Result<()> {
    let mut wanted = String::from("= ");
    write!(wanted, "{}", item.digest.hex())?;
    if line.ends_with(&wanted) { Ok(()) } else { bail!("openssl says '{line}' of {}", item.digest) }
}

/// Spreads the items over `at_once` threads, the longest first, and times them all.
fn timed(items: &[Item], at_once: usize, work: impl Fn(&[Item]) -> Result<()> + Sync) -> Result<f64> {
    let mut sorted = items.to_vec();
    sorted.sort_by_key(|item| std::cmp::Reverse(item.size));
    let mut shares: Vec<(u64, Vec<Item>)> = vec![(0, Vec::new()); at_once.max(1)];
    for item in sorted {
        if let Some((bytes, share)) = shares.iter_mut().min_by_key(|(bytes, _)| *bytes) {
            *bytes += item.size;
            share.push(item);
        }
    }
    let started = Instant::now();
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = shares.iter().map(|(_, share)| scope.spawn(move || work(share))).collect();
        threads.into_iter().try_for_each(|t| t.join().map_err(|_| anyhow!("a floor's thread died"))?)
    })?;
    Ok(started.elapsed().as_secs_f64())
}
