//! Bytes: export, import, copy and verify against floors and skopeo.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use transload_testkit::peers::DockerRegistry;

use super::{Bench, Stand, text};
use crate::corpora::CorpusName;
use crate::floor::{self, BLOBS_AT_ONCE, Shape};
use crate::program::Timed;
use crate::report::Figures;
use crate::sink::Sink;

const FETCH_FILES: &str = "floor: curl to files, then openssl";
const FETCH_PIPED: &str = "floor: curl | tee file | openssl";
const FETCH_ALONE: &str = "floor: the same, one blob after the other";
const SYNC: &str = "floor: sync of those files";
const PUSH: &str = "floor: curl POST and PUT";
const EXPORT: &str = "export to a file";
const IMPORT: &str = "import";
const AGAIN: &str = "second import";
const VERIFY: &str = "verify";
const HASH: &str = "floor: openssl over the bundle";
const COPY: &str = "copy";
const SINK: &str = "export into the sink";
const SINK_FETCH: &str = "floor: curl to /dev/null";
const SINK_PUT: &str = "floor: curl PUT into the sink";
const SKOPEO_OUT: &str = "skopeo docker:// to oci-archive:";
const SKOPEO_IN: &str = "skopeo oci-archive: to docker://";

/// What a second import of the same bundle may take.
const AGAIN_SECONDS_MAX: f64 = 0.3;

impl Bench {
    pub(super) fn moving(&self, stand: &Stand) -> Result<Figures> {
        let mut figures = Figures::new(stand.name, &stand.corpus);
        for n in 0..self.repetitions(stand.name) {
            crate::note(&format!("{:?}: repetition {}", stand.name, n + 1));
            self.out(stand, &mut figures)?;
            self.back(stand, &mut figures, n == 0)?;
            self.beside(stand, &mut figures)?;
            self.to_sink(stand, &mut figures)?;
            fs::remove_dir_all(stand.path("blobs"))?;
            fs::remove_file(stand.path("bundle.tar"))?;
            if stand.name != CorpusName::Multi {
                self.by_skopeo(stand, &mut figures)?;
            }
        }
        ratios(&mut figures, stand.name);
        Ok(figures)
    }

    /// Source to files.
    fn out(&self, stand: &Stand, figures: &mut Figures) -> Result<()> {
        let host = stand.source.host();
        let fetch = |at_once, shape| -> Result<(f64, f64)> {
            let folder = stand.path("blobs");
            fresh(&folder)?;
            let items = stand.items(&folder);
            Ok((floor::fetch(&host, &items, at_once, shape)?, floor::sync(&items)?))
        };
        figures.add_floor(FETCH_PIPED, fetch(BLOBS_AT_ONCE, Shape::Piped)?.0);
        let references = stand.references(&host)?;
        let bundle = stand.path("bundle.tar");
        let arguments = ["export", "--artifacts-file", &text(&references), "--to", &text(&bundle)];
        let (timed, told) = self.transload.run(&arguments)?;
        ensure!(told.totals.bytes_moved > 0, "an export moved nothing");
        figures.add(EXPORT, &timed);
        if stand.name != CorpusName::Large {
            figures.add_floor(FETCH_ALONE, fetch(1, Shape::Files)?.0);
        }
        // last, for its files are what the next floors send
        let (seconds, synced) = fetch(BLOBS_AT_ONCE, Shape::Files)?;
        figures.add_floor(FETCH_FILES, seconds);
        figures.add_floor(SYNC, synced);
        Ok(())
    }

    /// Files to a target, each time a fresh one.
    fn back(&self, stand: &Stand, figures: &mut Figures, check: bool) -> Result<()> {
        let items = stand.items(&stand.path("blobs"));
        let target = DockerRegistry::start();
        figures.add_floor(PUSH, floor::push(&target.host(), &items)?);
        drop(target);
        let target = DockerRegistry::start();
        let bundle = text(&stand.path("bundle.tar"));
        let arguments = ["import", &bundle, "--to", &target.host()];
        let (timed, told) = self.transload.run(&arguments)?;
        ensure!(told.outcome == "succeeded", "an import ended as {}", told.outcome);
        figures.add(IMPORT, &timed);
        let (timed, told) = self.transload.run(&arguments)?;
        ensure!(told.outcome == "unchanged", "a second import ended as {}", told.outcome);
        ensure!(told.totals.bytes_moved == 0, "a second import moved {} bytes", told.totals.bytes_moved);
        figures.add(AGAIN, &timed);
        if check { self.check(stand, &target) } else { Ok(()) }
    }

    /// What needs no bundle, or only a bundle.
    fn beside(&self, stand: &Stand, figures: &mut Figures) -> Result<()> {
        let bundle = stand.path("bundle.tar");
        figures.add_floor(HASH, floor::hash(&bundle)?);
        let (timed, _) = self.transload.run(&["verify", &text(&bundle)])?;
        figures.add(VERIFY, &timed);
        let target = DockerRegistry::start();
        let references = stand.references(&stand.source.host())?;
        let arguments = ["copy", "--artifacts-file", &text(&references), "--to", &target.host()];
        let (timed, told) = self.transload.run(&arguments)?;
        ensure!(told.outcome == "succeeded", "a copy ended as {}", told.outcome);
        figures.add(COPY, &timed);
        Ok(())
    }

    /// Source to a store that is no bottleneck.
    fn to_sink(&self, stand: &Stand, figures: &mut Figures) -> Result<()> {
        let host = stand.source.host();
        let items = stand.items(&stand.path("blobs"));
        let sink = Sink::start(SocketAddr::from(([127, 0, 0, 1], 0)), Duration::ZERO)?;
        let url = sink.account_url();
        figures.add_floor(SINK_FETCH, floor::fetch_away(&host, &items)?);
        figures.add_floor(SINK_PUT, floor::put(&format!("{url}/floor"), &items)?);
        let before = sink.bytes();
        let references = stand.references(&host)?;
        let to = format!("{url}/container/bundle.tar");
        let (timed, _) =
            self.transload.run(&["export", "--artifacts-file", &text(&references), "--to", &to])?;
        let arrived = sink.bytes() - before;
        ensure!(arrived >= figures.bytes, "{arrived} bytes arrived of {}", figures.bytes);
        figures.add(SINK, &timed);
        Ok(())
    }

    /// As people do it with skopeo: image by image, an archive for each.
    fn by_skopeo(&self, stand: &Stand, figures: &mut Figures) -> Result<()> {
        let Some(skopeo) = &self.skopeo else { return Ok(()) };
        let target = DockerRegistry::start();
        let (mut out, mut back) = (Timed::default(), Timed::default());
        let add = |sum: &mut Timed, one: &Timed| {
            sum.seconds += one.seconds;
            sum.peak_rss_bytes = sum.peak_rss_bytes.max(one.peak_rss_bytes);
        };
        let archive = stand.path("archive.tar");
        for entry in &stand.corpus.entries {
            let name = format!("{}:{}", entry.repository, entry.tag);
            let between = format!("oci-archive:{}:{}", archive.display(), entry.tag);
            add(&mut out, &skopeo.copy(&format!("docker://{}/{name}", stand.source.host()), &between)?);
            add(&mut back, &skopeo.copy(&between, &format!("docker://{}/{name}", target.host()))?);
            fs::remove_file(&archive)?;
        }
        figures.add(SKOPEO_OUT, &out);
        figures.add(SKOPEO_IN, &back);
        Ok(())
    }
}

fn ratios(figures: &mut Figures, name: CorpusName) {
    let fetch = figures.quickest(&[FETCH_FILES, FETCH_PIPED]);
    // goals are about bytes: with many small manifests, round trips that the floors do without are most of the time
    let goal = |goal: f64| (name != CorpusName::Multi).then_some(goal);
    figures.ratio("export / quickest parallel floor", &[EXPORT], &[fetch], goal(1.4));
    figures.ratio("export / floor with sync", &[EXPORT], &[FETCH_FILES, SYNC], None);
    figures.ratio("export / sequential floor", &[EXPORT], &[FETCH_ALONE], None);
    figures.ratio("import / floor", &[IMPORT], &[PUSH], None);
    figures.ratio("export and import / both floors", &[EXPORT, IMPORT], &[fetch, PUSH], goal(1.3));
    figures.ratio("export and import / skopeo", &[EXPORT, IMPORT], &[SKOPEO_OUT, SKOPEO_IN], goal(0.35));
    figures.ratio("both floors / skopeo", &[fetch, PUSH], &[SKOPEO_OUT, SKOPEO_IN], None);
    figures.bound("second import, seconds", AGAIN, AGAIN_SECONDS_MAX);
    figures.ratio("export into the sink / floors", &[SINK], &[SINK_FETCH, SINK_PUT], None);
    figures.ratio("copy / export and import", &[COPY], &[EXPORT, IMPORT], None);
    figures.ratio("verify / openssl", &[VERIFY], &[HASH], None);
}

/// An empty folder.
fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    Ok(())
}
