//! Round trips: hundreds of small artifacts, where no byte counts and every request does.

use std::time::Duration;

use anyhow::{Result, ensure};
use transload_testkit::fault::{Exchange, FaultProxy, Rule};
use transload_testkit::peers::DockerRegistry;

use super::{Bench, Stand, text};
use crate::program::Timed;
use crate::report::Figures;
use crate::trivial::{self, REQUESTS_AT_ONCE};

const EXPORT: &str = "export";
const EXPORT_PLAIN: &str = "the same requests, trivial client";
const IMPORT: &str = "import";
const IMPORT_PLAIN: &str = "as many requests, trivial client";
const AGAIN: &str = "second import";
const AGAIN_PLAIN: &str = "the second import's requests, trivial client";
const FAR_EXPORT: &str = "export, 5 ms away";
const FAR_EXPORT_PLAIN: &str = "the same requests, 5 ms away, trivial client";
const FAR_IMPORT: &str = "import, 5 ms away";
const FAR_IMPORT_PLAIN: &str = "as many requests, 5 ms away, trivial client";
const FAR_AGAIN: &str = "second import, 5 ms away";

const LATENCY: Duration = Duration::from_millis(5);
/// What a second import of the same bundle may take.
const AGAIN_SECONDS_MAX: f64 = 0.3;

/// The requests of one export and one import.
struct Seen {
    export: Vec<Exchange>,
    import: usize,
    again: Vec<Exchange>,
}

impl Bench {
    pub(super) fn many(&self, stand: &Stand) -> Result<Figures> {
        let mut figures = Figures::new(stand.name, &stand.corpus);
        let seen = self.count(stand, &mut figures)?;
        for n in 0..self.repetitions(stand.name) {
            crate::note(&format!("{:?}: repetition {}", stand.name, n + 1));
            self.near(stand, &seen, &mut figures)?;
            self.far(stand, &seen, &mut figures)?;
        }
        let round_trips =
            |requests: usize| requests.div_ceil(REQUESTS_AT_ONCE) as f64 * LATENCY.as_secs_f64();
        for _ in 0..self.repetitions(stand.name) {
            figures.add_floor("arithmetic: export's round trips, 5 ms each", round_trips(seen.export.len()));
            figures.add_floor("arithmetic: import's round trips, 5 ms each", round_trips(seen.import));
        }
        figures.ratio("export / trivial client", &[EXPORT], &[EXPORT_PLAIN], None);
        figures.ratio("import / trivial client", &[IMPORT], &[IMPORT_PLAIN], None);
        figures.ratio("export / trivial client, 5 ms away", &[FAR_EXPORT], &[FAR_EXPORT_PLAIN], None);
        figures.ratio("import / trivial client, 5 ms away", &[FAR_IMPORT], &[FAR_IMPORT_PLAIN], None);
        figures.ratio("second import / trivial client", &[AGAIN], &[AGAIN_PLAIN], None);
        figures.bound("second import, seconds", AGAIN, AGAIN_SECONDS_MAX);
        Ok(figures)
    }

    fn export(&self, stand: &Stand, registry: &str) -> Result<Timed> {
        let (references, bundle) = (stand.references(registry)?, stand.path("bundle.tar"));
        let to = text(&bundle);
        let arguments = ["export", "--artifacts-file", &text(&references), "--to", &to, "--overwrite-blobs"];
        Ok(self.transload.run(&arguments)?.0)
    }

    fn import(&self, stand: &Stand, registry: &str, outcome: &str) -> Result<Timed> {
        let (timed, told) =
            self.transload.run(&["import", &text(&stand.path("bundle.tar")), "--to", registry])?;
        ensure!(told.outcome == outcome, "an import ended as {} and not {outcome}", told.outcome);
        ensure!((told.totals.bytes_moved == 0) == (outcome == "unchanged"), "{:?}", told.totals);
        Ok(timed)
    }

    /// Counts requests through a proxy that changes nothing.
    fn count(&self, stand: &Stand, figures: &mut Figures) -> Result<Seen> {
        let proxy = FaultProxy::start(stand.source.addr());
        self.export(stand, &proxy.host())?;
        let export = proxy.log();
        let target = DockerRegistry::start();
        let proxy = FaultProxy::start(target.addr());
        self.import(stand, &proxy.host(), "succeeded")?;
        let import = proxy.log();
        proxy.forget();
        self.check(stand, &target)?;
        self.import(stand, &proxy.host(), "unchanged")?;
        for (what, log) in [("export", &export), ("import", &import), ("second import", &proxy.log())] {
            figures.facts.push((format!("{what}: all"), log.len() as u64));
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH"] {
                let count = log.iter().filter(|exchange| exchange.method == method).count() as u64;
                if count > 0 {
                    figures.facts.push((method.to_owned(), count));
                }
            }
        }
        Ok(Seen { export, import: import.len(), again: proxy.log() })
    }

    fn plain_push(&self, stand: &Stand, registry: &str, requests: usize) -> Result<f64> {
        self.runtime.block_on(trivial::push(registry, &stand.corpus, requests))
    }

    fn near(&self, stand: &Stand, seen: &Seen, figures: &mut Figures) -> Result<()> {
        let host = stand.source.host();
        figures.add_floor(EXPORT_PLAIN, self.runtime.block_on(trivial::replay(&host, &seen.export))?);
        figures.add(EXPORT, &self.export(stand, &host)?);
        let target = DockerRegistry::start();
        figures.add_floor(IMPORT_PLAIN, self.plain_push(stand, &target.host(), seen.import)?);
        let target = DockerRegistry::start();
        figures.add(IMPORT, &self.import(stand, &target.host(), "succeeded")?);
        let host = target.host();
        let replay = trivial::replay(&host, &seen.again);
        figures.add_floor(AGAIN_PLAIN, self.runtime.block_on(replay)?);
        figures.add(AGAIN, &self.import(stand, &host, "unchanged")?);
        Ok(())
    }

    fn far(&self, stand: &Stand, seen: &Seen, figures: &mut Figures) -> Result<()> {
        let away = |registry: &DockerRegistry| {
            let proxy = FaultProxy::start(registry.addr());
            proxy.add(Rule::on("*", "").delay(LATENCY));
            proxy
        };
        let source = away(&stand.source);
        figures.add_floor(
            FAR_EXPORT_PLAIN,
            self.runtime.block_on(trivial::replay(&source.host(), &seen.export))?,
        );
        figures.add(FAR_EXPORT, &self.export(stand, &source.host())?);
        let registry = DockerRegistry::start();
        let target = away(&registry);
        figures.add_floor(FAR_IMPORT_PLAIN, self.plain_push(stand, &target.host(), seen.import)?);
        let registry = DockerRegistry::start();
        let target = away(&registry);
        figures.add(FAR_IMPORT, &self.import(stand, &target.host(), "succeeded")?);
        figures.add(FAR_AGAIN, &self.import(stand, &target.host(), "unchanged")?);
        Ok(())
    }
}
