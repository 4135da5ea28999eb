//! Runs from the queue to their ends, over real registries and folders, and the trigger.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod azure;
mod ends;
mod identity;
mod options;
mod support;
mod takeover;
mod trigger;
mod window;
