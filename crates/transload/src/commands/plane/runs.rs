//! `transload run`.

use std::path::Path;

use transload_client::Direction;
use transload_client::api::run::{Blob, LogLine, RunProperties, RunRequest};
use transload_client::api::{PipelineRun, ResourceId};
use transload_transfer::{Code, Error};

use super::run_page::{has_ended, one, state, table};
use super::{Plane, follow, moment, segment, trouble};
use crate::cli::plane::{
    ConnectArgs, InRegistryArgs, RunArgs, RunCleanArgs, RunCommand, RunCreateArgs, RunListArgs, RunLogsArgs,
    RunStateArg,
};
use crate::commands::until_signal;
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page, Table};
use crate::registries::read_bounded;

/// Lists of artifacts are some KiB long.
const ARTIFACTS_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// So long the server is asked to wait for the next line of a log.
const LOG_WAIT_SECONDS: u32 = 10;

pub(crate) async fn run(args: RunArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    match args.command {
        RunCommand::Create(args) => create(*args, environment, output).await,
        RunCommand::List(args) => list(&args, environment, output).await,
        RunCommand::Show(args) => {
            let (plane, id) = named(&args.connect, &args.within, &args.name, environment).await?;
            let run: PipelineRun = plane.client.get(&id).await.map_err(trouble::error)?;
            output.show("run", &run, || one(&run))?;
            Ok(Exit::Success)
        }
        RunCommand::Cancel(args) => {
            let (plane, id) = named(&args.connect, &args.within, &args.name, environment).await?;
            let mut run = plane.client.cancel_run(&id).await.map_err(trouble::error)?;
            if args.wait {
                run = follow::run(&plane, &id, output).await?;
            }
            output.announce("run", &run, || one(&run))?;
            Ok(Exit::Success)
        }
        RunCommand::Delete(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let registry = plane.registry(&args.within).await?;
            for name in &args.names {
                plane.remove(&registry.child("pipelineRuns", &segment(name)?), "run", output).await?;
            }
            Ok(Exit::Success)
        }
        RunCommand::Logs(args) => logs(&args, environment, output).await,
        RunCommand::Watch(args) => {
            let (plane, id) = named(&args.connect, &args.within, &args.name, environment).await?;
            follow::run_to_end(&plane, &id, output).await
        }
        RunCommand::Clean(args) => clean(&args, environment, output).await,
    }
}

async fn named(
    connect: &ConnectArgs,
    within: &InRegistryArgs,
    name: &str,
    environment: &Environment,
) -> Result<(Plane, ResourceId), Error> {
    let plane = Plane::open(connect, environment)?;
    let registry = plane.registry(within).await?;
    Ok((plane, registry.child("pipelineRuns", &segment(name)?)))
}

async fn create(args: RunCreateArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let registry = plane.registry(&args.within).await?;
    let name = args.name.clone().unwrap_or_else(name_of_now);
    let id = registry.child("pipelineRuns", &segment(&name)?);
    let (pipeline, direction, _) = plane.pipeline(&registry, &args.pipeline).await?;
    let run = PipelineRun {
        properties: RunProperties {
            force_update_tag: args.force.then(|| now().to_string()),
            request: Some(request(&args, &pipeline, direction, &name)?),
            ..RunProperties::default()
        },
        ..PipelineRun::default()
    };
    let put = plane.client.put::<PipelineRun>(&id, &run).await.map_err(trouble::error)?;
    if args.wait {
        return follow::run_to_end(&plane, &id, output).await;
    }
    output.show("run", &put.value, || one(&put.value))?;
    Ok(Exit::Success)
}

/// What is asked for, as far as it can be seen from here.
fn request(
    args: &RunCreateArgs,
    pipeline: &ResourceId,
    direction: Direction,
    name: &str,
) -> Result<RunRequest, Error> {
    let refused =
        |option: &str, why: &str, next: &str| Err(Error::new(Code::Usage, option, why).with_next(next));
    let artifacts = artifacts(args)?;
    let kind = Some("AzureStorageBlob".to_owned());
    let mut request = RunRequest {
        pipeline_resource_id: Some(pipeline.as_str().to_owned()),
        catalog_digest: args.catalog_digest.clone(),
        ..RunRequest::default()
    };
    match direction {
        Direction::Export if artifacts.is_empty() => {
            return refused(
                "--artifacts",
                "it is not said what to export",
                "name artifacts: --artifacts team/web:v1",
            );
        }
        Direction::Export if args.catalog_digest.is_some() => {
            return refused("--catalog-digest", "it is for imports", "leave it out");
        }
        Direction::Import if !artifacts.is_empty() => {
            return refused("--artifacts", "an import takes all that is in the bundle", "leave it out");
        }
        Direction::Export => {
            let blob = args.blob.clone().unwrap_or_else(|| format!("{name}.tar"));
            request.target = Some(Blob { kind, name: Some(blob) });
            request.artifacts = artifacts;
        }
        Direction::Import => {
            let Some(blob) = args.blob.clone() else {
                return refused(
                    "--blob",
                    "it is not said which bundle to import",
                    "name the blob: --blob release.tar",
                );
            };
            request.source = Some(Blob { kind, name: Some(blob) });
        }
    }
    Ok(request)
}

fn artifacts(args: &RunCreateArgs) -> Result<Vec<String>, Error> {
    let mut all = args.artifacts.clone();
    for file in &args.artifacts_file {
        all.extend(lines(file)?);
    }
    Ok(all)
}

fn lines(file: &Path) -> Result<Vec<String>, Error> {
    let bytes = read_bounded("--artifacts-file", file, ARTIFACTS_BYTES_MAX)?;
    let text = String::from_utf8_lossy(&bytes);
    let bare = text.lines().map(|line| line.split_once(" #").map_or(line, |(front, _)| front).trim());
    Ok(bare.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Letters and digits, in the order of time, and not the same twice in a second: `run20261122T093005x4f1a`.
fn name_of_now() -> String {
    let chance: u16 = rand::random();
    format!("run{}x{chance:04x}", now().strftime("%Y%m%dT%H%M%S"))
}

async fn list(args: &RunListArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let registry = plane.registry(&args.within).await?;
    let mut runs: Vec<PipelineRun> =
        plane.client.list(&registry, "pipelineRuns").await.map_err(trouble::error)?;
    if let Some(text) = &args.pipeline {
        let (pipeline, ..) = plane.pipeline(&registry, text).await?;
        runs.retain(|run| {
            let request = run.properties.request.as_ref();
            let id = request.and_then(|request| request.pipeline_resource_id.as_deref()).unwrap_or_default();
            id.eq_ignore_ascii_case(pipeline.as_str())
        });
    }
    if let Some(top) = args.top {
        runs.drain(..runs.len().saturating_sub(top as usize));
    }
    output.list("runs", &runs, || table(&runs))?;
    Ok(Exit::Success)
}

async fn clean(args: &RunCleanArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let registry = plane.registry(&args.within).await?;
    let runs: Vec<PipelineRun> =
        plane.client.list(&registry, "pipelineRuns").await.map_err(trouble::error)?;
    let words: Vec<&str> = args.state.iter().map(|state| word(*state)).collect();
    let ended = runs.iter().filter(|run| words.iter().any(|word| state(run).eq_ignore_ascii_case(word)));
    let mut removed = 0;
    for name in ended.filter_map(|run| run.name.as_deref()) {
        plane.client.delete(&registry.child("pipelineRuns", name)).await.map_err(trouble::error)?;
        removed += 1;
    }
    follow::fine(&format!("removed {}", crate::output::counted(removed, "run")), output)
}

fn word(state: RunStateArg) -> &'static str {
    match state {
        RunStateArg::Failed => "Failed",
        RunStateArg::Canceled => "Canceled",
        RunStateArg::Succeeded => "Succeeded",
    }
}

async fn logs(args: &RunLogsArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let (plane, id) = named(&args.connect, &args.within, &args.name, environment).await?;
    if !args.follow {
        let lines = plane.client.run_log(&id, 0, 0).await.map_err(trouble::error)?;
        output.list("run_log", &lines, || log_page(&lines))?;
        return Ok(Exit::Success);
    }
    let stop = until_signal();
    let mut after = 0;
    loop {
        // its end is looked at first: lines that came before it are read after it
        let run: PipelineRun = plane.client.get(&id).await.map_err(trouble::error)?;
        let wait = if has_ended(&run) { 0 } else { LOG_WAIT_SECONDS };
        let lines = tokio::select! {
            lines = plane.client.run_log(&id, after, wait) => lines.map_err(trouble::error)?,
            () = stop.cancelled() => return Ok(Exit::Success),
        };
        after = lines.iter().map(|line| line.sequence).fold(after, i64::max);
        for line in &lines {
            output.show("run_log_line", line, || Page::new().text(log_line(line)))?;
        }
        if wait == 0 {
            return Ok(Exit::Success);
        }
    }
}

fn log_page(lines: &[LogLine]) -> Page {
    let mut rows = Table::new(["AT", "MESSAGE"]);
    lines.iter().for_each(|line| rows.row([line.at.as_str().into(), line.message.as_str().into()]));
    Page::new().text(lines.iter().map(log_line).collect::<String>()).rows(rows)
}

fn log_line(line: &LogLine) -> String {
    format!("{}  {}\n", moment(&line.at), line.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_names_keep_to_the_rules_of_names() {
        let name = name_of_now();
        assert!((5..=50).contains(&name.len()), "{name}");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
        assert!(!name.contains('_'), "an underscore says that a trigger made it");
    }
}
