//! The engine: export, import and copy as plan, then act.
//!
//! An operation is a value ([`Export`], [`Import`], [`Copy`], [`Verify`]) that is run on an [`Engine`] and ends in
//! a [`Report`]. It first walks the source and plans everything, so that what can be known to fail is known
//! before a byte moves; then it acts on the plan. Import is a copy whose source is a bundle.

mod check;
mod checkpoint;
mod code;
mod contents;
mod diff;
mod engine;
mod error;
mod event;
mod export;
mod import;
mod inspect;
mod limits;
mod list;
mod nearest;
mod open;
mod pace;
mod plan_file;
mod push;
mod relay;
mod report;
mod select;
mod shelf;
mod sight;
mod split;
mod stream;
mod unpack;
mod verify;
mod walk;

pub use checkpoint::{Checkpoint, Intent};
pub use code::Code;
pub use contents::{Content, Contents};
pub use diff::{Diff, DiffTotals, Difference};
pub use engine::Engine;
pub use error::Error;
pub use event::{BlobOutcome, Event, Events, Observer, WaitReason};
pub use export::{Export, ExportOptions};
pub use import::{Copy, Import, Retag, TargetOptions};
pub use inspect::{BlobInfo, Inspection, Missing, inspect};
pub use limits::Limits;
pub use list::{ListedArtifact, ListedBundle, Listing, Other, list};
pub use open::are_parts;
pub use pace::{Closed, Pace, Schedule};
pub use plan_file::{PlanFile, PlanOptions};
pub use relay::Relay;
pub use report::{
    ArtifactReport, ArtifactStatus, BundleReport, ForeignReport, Form, Format, Operation, Outcome,
    REPORT_SCHEMA, ReferrerReport, Report, Totals,
};
pub use select::{
    Chosen, ForeignLayers, List, ListError, Listed, Platforms, Selection, Wanted, find_references,
};
pub use shelf::{Place, Shelf, ShelfBlob, ShelfLimits, ShelfOptions, ShelfPage, ShelfStream};
pub use sight::{Candidate, Sight, candidates, sight};
pub use split::{Cut, Part, Split, SplitReport};
pub use stream::{PipeReader, StreamImport};
pub use verify::Verify;
pub use walk::Sources;
