//! A plan that is kept: shown to whoever must approve it, and exported just so.

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::contents::Contents;
use crate::diff::Diff;
use crate::engine::Engine;
use crate::error::Error;
use crate::export::{plan_id, totals};
use crate::report::{ArtifactStatus, Operation, Report, refuse_failures};
use crate::select::{ForeignLayers, Platforms, Selection, Wanted};
use crate::walk::{Sources, Walk, refuse_name_conflicts, total, walk};

/// What marks the document.
const KIND: &str = "transload.plan";
/// Version of the document.
const SCHEMA: u32 = 1;

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFile {
    /// `transload.plan`.
    pub kind: String,
    /// Version of this shape.
    pub schema: u32,
    /// Names the plan: the same content under the same names makes the same id.
    pub plan_id: String,
    /// The program that made it.
    pub tool: String,
    /// What was asked for, as it was asked for.
    pub selection: Vec<String>,
    /// How it was asked for.
    pub options: PlanOptions,
    /// What it comes to.
    #[serde(flatten)]
    pub contents: Contents,
    /// Bytes of all manifests and blobs, each once.
    pub bytes: u64,
}

/// What of a selection holds for all artifacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanOptions {
    /// Whether signatures, SBOMs and attestations travel with what they are about.
    pub referrers: bool,
    /// The platforms that travel; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Whether indexes are written anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub platform_rewrite: bool,
    /// Whether layers that need not be in a registry are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub omit_foreign_layers: bool,
}

impl PlanFile {
    /// Walks the selection and plans, and writes nothing anywhere. The report tells what failed; there is a plan only
    /// if nothing did, or if `continue_on_errors` leaves out what failed.
    pub async fn make(
        engine: &Engine,
        sources: &Sources,
        selection: &Selection,
        tool: &str,
        continue_on_errors: bool,
    ) -> (Report, Option<Self>) {
        let started = std::time::Instant::now();
        let hosts: Vec<&str> = sources.keys().map(String::as_str).collect();
        let mut report = Report::new(Operation::Export, hosts.join(", "), String::new()).with_dry_run(true);
        let steps = steps(engine, sources, selection, continue_on_errors, &mut report);
        let plan = match engine.until_cancelled(steps).await {
            Ok(walk) => {
                let mut plan = Self::of(&walk, selection);
                tool.clone_into(&mut plan.tool);
                report.plan_id = Some(plan.plan_id.clone());
                Some(plan)
            }
            Err(error) => {
                report.fail(error);
                None
            }
        };
        (report.finish(engine, started), plan)
    }

    fn of(walk: &Walk, selection: &Selection) -> Self {
        let contents = Contents::of(walk);
        let Platforms { wanted, rewrite } = &selection.platforms;
        Self {
            kind: KIND.to_owned(),
            schema: SCHEMA,
            plan_id: plan_id(walk),
            tool: String::new(),
            selection: selection.texts(),
            options: PlanOptions {
                referrers: selection.referrers,
                platforms: wanted.iter().map(ToString::to_string).collect(),
                platform_rewrite: *rewrite,
                omit_foreign_layers: selection.foreign_layers == ForeignLayers::Omit,
            },
            bytes: total(contents.sizes.values().copied()),
            contents,
        }
    }

    /// Reads a plan. `subject` is where it comes from, for people.
    ///
    /// # Errors
    /// `PlanInvalid` for anything that is no plan, or one of a newer version.
    pub fn parse(bytes: &[u8], subject: &str) -> Result<Self, Error> {
        let invalid = |detail: String| Error::new(Code::PlanInvalid, subject, detail);
        let plan: Self = serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
        if plan.kind != KIND {
            return Err(invalid(format!("its kind is '{}', not '{KIND}'", plan.kind)));
        }
        if plan.schema > SCHEMA {
            return Err(invalid(format!("its schema is {}, and this program knows {SCHEMA}", plan.schema))
                .with_next("update transload here, or make the plan anew with this version"));
        }
        Ok(plan)
    }

    /// The selection that gets just what was planned, whatever became of the tags.
    ///
    /// # Errors
    /// `PlanInvalid` for a platform that is none.
    pub fn to_selection(&self, subject: &str) -> Result<Selection, Error> {
        let invalid = |detail: String| Error::new(Code::PlanInvalid, subject, detail);
        let references = self.contents.artifacts.iter().map(|content| content.reference());
        let platforms = self.options.platforms.iter().map(|text| text.parse());
        let wanted = platforms.collect::<Result<_, _>>().map_err(|error| invalid(format!("{error}")))?;
        Ok(Selection {
            wanted: references.map(Wanted::from).collect(),
            platforms: Platforms { wanted, rewrite: self.options.platform_rewrite },
            foreign_layers: if self.options.omit_foreign_layers {
                ForeignLayers::Omit
            } else {
                ForeignLayers::Carry
            },
            referrers: self.options.referrers,
            ..Selection::of([])
        })
    }

    /// Refuses a walk that comes to anything else than what was planned.
    pub(crate) fn check(&self, walk: &Walk) -> Result<(), Error> {
        if walk.failures() == 0 && plan_id(walk) == self.plan_id {
            return Ok(());
        }
        let diff = Diff::of(&self.contents, &Contents::of(walk));
        let mut differences: Vec<String> = Vec::new();
        for one in &diff.gone {
            differences.push(format!("{} cannot be had any more", one.name));
        }
        for one in diff.moved.iter().chain(&diff.new) {
            differences.push(format!("{} is another", one.name));
        }
        for one in diff.same.iter().chain(&diff.moved) {
            let named = |digest: &transload_oci::Digest| digest.short();
            differences.extend(
                one.referrers_new.iter().map(|d| format!("{} has a new referrer {}", one.name, named(d))),
            );
            differences.extend(
                one.referrers_gone.iter().map(|d| format!("{} has lost its referrer {}", one.name, named(d))),
            );
        }
        if differences.is_empty() {
            differences.push("the same artifacts consist of other blobs".to_owned());
        }
        const SHOWN: usize = 5;
        let more = differences.len().saturating_sub(SHOWN);
        differences.truncate(SHOWN);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        let plan = self.plan_id.get(..12).unwrap_or(&self.plan_id);
        let detail = format!("what would move is not what was planned: {}{more}", differences.join(", "));
        Err(Error::new(Code::PlanDiffers, format!("plan {plan}"), detail))
    }
}

async fn steps(
    engine: &Engine,
    sources: &Sources,
    selection: &Selection,
    continue_on_errors: bool,
    report: &mut Report,
) -> Result<Walk, Error> {
    let mut walk = walk(engine, sources, selection).await?;
    refuse_name_conflicts(&mut walk);
    report.take_selection(&mut walk);
    report.artifacts = walk.artifacts.iter().map(|a| a.report(&walk, ArtifactStatus::Planned)).collect();
    report.totals = totals(&walk);
    refuse_failures(&report.artifacts, continue_on_errors)?;
    Ok(walk)
}
