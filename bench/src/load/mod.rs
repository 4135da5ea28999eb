//! The depot and Debian's docker-registry under the same load, in turns, with a generator that costs little itself.

mod content;
mod figures;
mod hand;
mod server;
pub(crate) mod tally;
mod trivial;
pub(crate) mod watch;
mod wire;
mod work;

use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use futures_util::stream::{FuturesUnordered, TryStreamExt as _};

use crate::corpora::Scale;
use crate::machine::{self, Machine};
use content::Content;
pub(crate) use figures::Report;
use figures::{Idle, Line, Sample};
use hand::Hand;
use server::Server;
use tally::Tally;
pub(crate) use work::Work;
use work::{Phase, phases};

/// Connections that fill a registry.
const FILLERS: usize = 8;

/// How to run.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) scale: Scale,
    pub(crate) repeat: usize,
    /// These kinds of load, or all.
    pub(crate) only: Vec<Work>,
}

/// Runs it: in each repetition two fresh servers, and each phase on one and then on the other.
pub(crate) fn run(program: &Path, settings: &Settings) -> Result<Report> {
    if let Some(load) = machine::noise() {
        crate::note(&format!("the machine is busy (load {load}): rates will be noise, ratios less so"));
    }
    let content = Content::new(settings.scale);
    let phases = phases(&content, settings.scale, &settings.only);
    let lines = phases.iter().map(|phase| Line::new(phase.work, phase.connections)).collect();
    let mut report = Report { machine: Machine::this(), scale: settings.scale, idle: Idle::default(), lines };
    let exactly = settings.scale == Scale::Smoke;
    trivial(&content, &phases, &mut report)?;
    for repetition in 0..settings.repeat {
        crate::note(&format!("repetition {}: filling both registries", repetition + 1));
        let (docker, depot) = (Server::docker(), Server::depot(program)?);
        report.idle.add(docker.process().resident()?, depot.process().resident()?);
        for server in [&docker, &depot] {
            block_on(fill(server, &content))?.with_context(|| format!("filling {}", server.name()))?;
        }
        for (phase, line) in phases.iter().zip(&mut report.lines) {
            crate::note(&format!("{}, {} connections", phase.work.text(), phase.connections));
            let mut order = [(&docker, &mut line.docker), (&depot, &mut line.depot)];
            if repetition % 2 == 1 {
                order.reverse();
            }
            for (server, samples) in order {
                let sample = one(server, &content, phase, exactly);
                samples.push(sample.with_context(|| format!("{}: {:?}", server.name(), phase.work))?);
            }
        }
    }
    Ok(report)
}

/// What the generator does against a server that is nothing, once.
fn trivial(content: &Content, phases: &[Phase], report: &mut Report) -> Result<()> {
    crate::note("the generator against a server that does nothing");
    let server = trivial::Trivial::start(content)?;
    for (phase, line) in phases.iter().zip(&mut report.lines) {
        let host = server.host();
        let (sample, _) = block_on(generate(&host, content, phase, false))??;
        line.trivial.push(sample);
    }
    Ok(())
}

fn one(server: &Server, content: &Content, phase: &Phase, exactly: bool) -> Result<Sample> {
    // so that nobody pays for what another left behind
    ensure!(Command::new("sync").status()?.success(), "sync failed");
    let (process, host) = (server.process(), server.host());
    let before = process.cpu_seconds()?;
    let ((mut sample, done), memory) =
        process.during(|| block_on(generate(&host, content, phase, exactly))?)?;
    sample.server_cpu_seconds = process.cpu_seconds()? - before;
    sample.memory = memory;
    block_on(confirm(&host, content, phase, done, exactly))??;
    Ok(sample)
}

/// Everything on this thread, whose processor time is the generator's.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}

async fn fill(server: &Server, content: &Content) -> Result<()> {
    let host = server.host();
    let mut hand = Hand::new(&host, content, true).await?;
    for blob in &content.large {
        hand.push(blob, false).await?;
        hand.get_blob(blob).await?;
    }
    for (n, image) in content.images.iter().enumerate() {
        hand.push_image(image, &format!("t{n}")).await?;
        hand.manifest(&format!("t{n}"), &image.manifest, false).await?;
    }
    let share = content.sizes.tags.div_ceil(FILLERS);
    // an image each: docker-registry answers 400 where one manifest is put twice at once
    let ranges = (0..content.sizes.tags).step_by(share).zip(&content.images);
    let filling: FuturesUnordered<_> = ranges
        .map(|(from, image)| {
            let (to, host) = ((from + share).min(content.sizes.tags), &host);
            async move { Hand::new(host, content, true).await?.push_many(image, from..to).await }
        })
        .collect();
    filling.try_collect().await
}

/// Puts a server under load. Also gives the number of operations that were begun; they were the first.
async fn generate(host: &str, content: &Content, phase: &Phase, exactly: bool) -> Result<(Sample, usize)> {
    let mut hands = Vec::new();
    for _ in 0..phase.connections {
        hands.push(Hand::new(host, content, exactly).await?);
    }
    let next = Cell::new(0);
    let (started, cpu) = (Instant::now(), watch::thread_cpu_seconds()?);
    let working: FuturesUnordered<_> =
        hands.into_iter().map(|hand| work_off(hand, phase, &next, started)).collect();
    let tally = working.try_fold(Tally::default(), async |sum, one| Ok(sum.join(one))).await?;
    let seconds = started.elapsed().as_secs_f64();
    let generator_cpu_seconds = watch::thread_cpu_seconds()? - cpu;
    Ok((Sample::new(tally, phase.work, seconds, generator_cpu_seconds), next.get()))
}

async fn work_off(mut hand: Hand<'_>, phase: &Phase, next: &Cell<usize>, started: Instant) -> Result<Tally> {
    let mut tally = Tally::default();
    while let Some(operation) = phase.operations.get(next.get())
        && started.elapsed().as_secs_f64() < phase.seconds
    {
        next.set(next.get() + 1);
        let begun = Instant::now();
        tally.add(hand.perform(operation).await?);
        if phase.work.times(operation) {
            tally.took(begun.elapsed());
        }
    }
    Ok(tally)
}

/// That everything that was pushed is there.
async fn confirm(host: &str, content: &Content, phase: &Phase, done: usize, exactly: bool) -> Result<()> {
    let mut hand = Hand::new(host, content, exactly).await?;
    for operation in phase.operations.iter().take(done) {
        hand.confirm(operation).await?;
    }
    Ok(())
}
