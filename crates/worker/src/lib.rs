//! Claims runs, performs them, and watches containers for bundles that arrive.
//!
//! A [`Worker`] takes runs from the ledger's queue as long as it runs. For each it opens both ends, lets the engine do the
//! work, and keeps the ledger told ([`fold`]); it says that it is still there with every heartbeat, and is told there when
//! the run is to be stopped, or is another's by now. A worker that is gone without a word loses nothing: when its lease has
//! run out another goes on from what it staged or pushed.
//!
//! Any number of workers share a ledger. None knows of the others.

mod attempt;
mod checkpoint;
mod fault;
mod limits;
mod options;
mod outside;
mod perform;
mod progress;
mod reach;
mod record;
mod trigger;
mod words;
mod worker;

pub use limits::{Limits, TriggerLimits};
pub use options::WorkerOptions;
pub use outside::{Hosted, Refusal, SecretRequest, Secrets};
pub use record::fold;
pub use words::Task;
pub use worker::Worker;
