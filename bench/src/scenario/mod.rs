//! What is timed, corpus by corpus.

mod many;
mod moving;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use transload_registry::{Client, ClientOptions};
use transload_testkit::images::Corpus;
use transload_testkit::peers::DockerRegistry;

use crate::corpora::{self, CorpusName, Scale};
use crate::floor::Item;
use crate::machine::{self, Machine};
use crate::program::{Skopeo, Transload};
use crate::report::{Figures, Report};

/// How to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) scale: Scale,
    pub(crate) repeat: usize,
    pub(crate) no_skopeo: bool,
}

/// Everything that scenarios need.
pub(crate) struct Bench {
    settings: Settings,
    transload: Transload,
    skopeo: Option<Skopeo>,
    runtime: Runtime,
}

/// A corpus in its registry, with a folder for what is made of it.
struct Stand {
    name: CorpusName,
    corpus: Corpus,
    source: DockerRegistry,
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new(settings: Settings, transload: &Path) -> Result<Self> {
        Ok(Self {
            settings,
            transload: Transload::new(transload),
            // it says nothing about what is right here, and takes longest
            skopeo: if settings.no_skopeo || settings.scale == Scale::Smoke {
                None
            } else {
                Some(Skopeo::new()?)
            },
            runtime: crate::runtime()?,
        })
    }

    /// Runs these corpora, or all.
    pub(crate) fn run(&self, names: &[CorpusName]) -> Result<Report> {
        if let Some(load) = machine::noise() {
            crate::note(&format!("the machine is busy (load {load}): times will be noise, ratios less so"));
        }
        let all = [CorpusName::Images, CorpusName::Large, CorpusName::Multi, CorpusName::Small];
        let names = if names.is_empty() { &all } else { names };
        let mut report = Report { machine: Machine::this(), scale: self.settings.scale, corpora: Vec::new() };
        for name in names {
            report.corpora.push(self.one(*name).with_context(|| format!("corpus {name:?}"))?);
        }
        Ok(if self.settings.scale == Scale::Smoke { report.without_goals() } else { report })
    }

    fn one(&self, name: CorpusName) -> Result<Figures> {
        crate::note(&format!("{name:?}: making it"));
        let corpus = corpora::make(name, self.settings.scale);
        let source = DockerRegistry::start();
        self.runtime.block_on(corpus.push(&client(&source.host())?))?;
        let stand = Stand { name, corpus, source, folder: tempfile::tempdir()? };
        match name {
            CorpusName::Small => self.many(&stand),
            CorpusName::Images | CorpusName::Large | CorpusName::Multi => self.moving(&stand),
        }
    }

    /// The large one moves so many bytes that once has to do.
    fn repetitions(&self, name: CorpusName) -> usize {
        if name == CorpusName::Large { 1 } else { self.settings.repeat }
    }

    /// That a registry has the whole corpus, byte for byte.
    fn check(&self, stand: &Stand, target: &DockerRegistry) -> Result<()> {
        let client = client(&target.host())?;
        self.runtime.block_on(stand.corpus.check(&client, "")).map_err(|faults| anyhow!("{faults}"))
    }
}

impl Stand {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file with every reference, as `registry` has them.
    fn references(&self, registry: &str) -> Result<PathBuf> {
        let path = self.path("artifacts.txt");
        std::fs::write(&path, self.corpus.references(registry).join("\n"))?;
        Ok(path)
    }

    /// Every blob once, in the first repository that has it, to be written below `folder`.
    fn items(&self, folder: &Path) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for entry in &self.corpus.entries {
            for blob in entry.artifact.all_blobs() {
                let digest = blob.descriptor.digest;
                if seen.insert(digest) {
                    let (repository, size) = (entry.repository.clone(), blob.descriptor.size);
                    items.push(Item { repository, digest, size, path: folder.join(digest.hex()) });
                }
            }
        }
        items
    }
}

fn client(host: &str) -> Result<Client> {
    Ok(Client::new(host, ClientOptions::default())?)
}

/// A path as an argument.
fn text(path: &Path) -> String {
    path.display().to_string()
}
