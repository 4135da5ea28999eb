//! `transload quickstart`: the whole way on one machine, with nothing installed.

mod compare;
mod samples;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use transload_blobstore::{BlobStore, Credential, Location, StoreOptions};
use transload_depot::{Depot, Server};
use transload_oci::Reference;
use transload_registry::{Client, ClientOptions, Source, Target};
use transload_transfer::{
    Code, Engine, Error, Export, ExportOptions, Import, Outcome, Report, Selection, TargetOptions, Verify,
    inspect,
};

use crate::cli::QuickstartArgs;
use crate::commands::{TOOL, engine};
use crate::exit::Exit;
use crate::output::{Output, human};

/// What the tour works with.
struct Tour<'a> {
    output: &'a Output,
    engine: Engine,
    here: String,
    there: String,
    source: Arc<Client>,
    target: Arc<Client>,
    store: Arc<dyn BlobStore>,
}

pub(crate) async fn run(args: QuickstartArgs, output: &Output) -> Result<Exit, Error> {
    let temporary =
        tempfile::Builder::new().prefix("transload-quickstart-").tempdir().map_err(|e| cannot(&e))?;
    let folder: PathBuf = args.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).map_err(|error| cannot(&error))?;
    let (here, there) = (start().await?, start().await?);
    let client =
        |server: &Server| Client::new(&server.addr().to_string(), ClientOptions::default()).map(Arc::new);
    let location = Location::parse(&format!("{}/", folder.display()))?;
    let (store, _) = transload_blobstore::open(&location, Credential::None, &StoreOptions::default())?;
    let tour = Tour {
        output,
        engine: engine(None, &output.silent()),
        here: here.addr().to_string(),
        there: there.addr().to_string(),
        source: client(&here)?,
        target: client(&there)?,
        store,
    };
    let exit = tour.walk(args.keep.is_some()).await?;
    here.shutdown().await;
    there.shutdown().await;
    Ok(exit)
}

async fn start() -> Result<Server, Error> {
    let listen = ([127, 0, 0, 1], 0).into();
    let cannot = |error: transload_depot::Error| {
        Error::new(Code::Internal, "quickstart", format!("cannot start a registry: {error}"))
    };
    Server::start(listen, Depot::temporary().map_err(cannot)?).await.map_err(cannot)
}

fn cannot(error: &std::io::Error) -> Error {
    Error::new(Code::StoreIo, "quickstart", error.to_string())
        .with_next("name a folder that can be written with --keep")
}

impl Tour<'_> {
    async fn walk(&self, kept: bool) -> Result<Exit, Error> {
        let Self { output, here, there, .. } = self;
        output.say(&format!("1. two registries run in this process: here {here}, there {there}"));
        let samples = samples::fill(self.source.as_ref()).await?;
        output.say("2. here now has samples:");
        for sample in &samples {
            output.say(&format!("     {here}/{:18} {}", sample.name, sample.what));
        }
        let references: Vec<String> =
            samples.iter().map(|sample| format!("{here}/{}", sample.name)).collect();
        output.say(&format!("\n3. transload export {} --to ./", references.join(" ")));
        let exported = self.export(&references).await?;
        let Some(bundle) = exported.bundle.as_ref().filter(|_| exported.outcome == Outcome::Succeeded) else {
            return Ok(Exit::of_report(&exported));
        };
        let name = bundle.location.rsplit('/').next().unwrap_or_default().to_owned();
        output.say(&format!("\n4. transload inspect {name}"));
        let inspection = inspect(&self.engine, &self.store, &name).await?;
        output.inspection_indented(&inspection);
        output.say(&format!("\n5. transload verify {name}"));
        let verified = Verify { store: Arc::clone(&self.store), name: name.clone() }.run(&self.engine).await;
        if self.ended_badly(&verified) {
            return Ok(Exit::of_report(&verified));
        }
        output.say(&format!(
            "     every digest holds: {} in {} blobs and {} manifests",
            human(verified.totals.bytes_moved),
            verified.totals.blobs,
            verified.totals.manifests
        ));
        output.say(&format!("\n6. transload import {name} --to {there}"));
        let imported = self.import(&name).await;
        if self.ended_badly(&imported) {
            return Ok(Exit::of_report(&imported));
        }
        let compared = compare::compare(self.source.as_ref(), self.target.as_ref(), &exported).await?;
        output.say("\n7. both sides, read back and compared:");
        for line in &compared {
            output.say(&format!("     {line}"));
        }
        let again = self.import(&name).await;
        if again.outcome != Outcome::Unchanged {
            return Err(Error::new(Code::Internal, "quickstart", "a second import found something to do"));
        }
        if output.is_json() {
            output.report(&exported)?;
            output.report(&imported)?;
        }
        output.say(&format!("\nA second import moved nothing ({:.2} s). ", again.seconds));
        if kept {
            output.say(&format!("The bundle is {}.", bundle.location));
        }
        output.say(
            "Next: the same with your own registries: transload export REGISTRY/REPOSITORY:TAG --to FILE",
        );
        Ok(Exit::Success)
    }

    async fn export(&self, references: &[String]) -> Result<Report, Error> {
        let references = references.iter().map(|text| {
            Reference::from_str(text)
                .map_err(|error| Error::new(Code::Internal, "quickstart", error.to_string()))
        });
        let export = Export {
            sources: [(self.here.clone(), Arc::clone(&self.source) as Arc<dyn Source>)].into(),
            selection: Selection::of(references.collect::<Result<Vec<_>, _>>()?),
            approved: None,
            store: Arc::clone(&self.store),
            name: None,
            // a kept folder may have the bundle of the last tour
            options: ExportOptions {
                overwrite_blobs: true,
                tool: TOOL.to_owned(),
                ..ExportOptions::default()
            },
        };
        let report = export.run(&self.engine).await;
        self.ended_badly(&report);
        Ok(report)
    }

    async fn import(&self, name: &str) -> Report {
        let import = Import {
            store: Arc::clone(&self.store),
            name: name.to_owned(),
            only: Vec::new(),
            target: Arc::clone(&self.target) as Arc<dyn Target>,
            options: TargetOptions::default(),
            delete_source_blob_on_success: false,
        };
        import.run(&self.engine).await
    }

    /// Shows what there is to show; whether it failed.
    fn ended_badly(&self, report: &Report) -> bool {
        let failed = !matches!(report.outcome, Outcome::Succeeded | Outcome::Unchanged);
        if failed || report.operation != transload_transfer::Operation::Verify {
            self.output.report_indented(report);
        }
        failed
    }
}
