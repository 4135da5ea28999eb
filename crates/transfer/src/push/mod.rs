//! Filling a target registry from any source: plan what it lacks, push just that, tags last.

mod act;
mod feed;
mod origin;
mod plan;

pub(crate) use act::act;
pub(crate) use plan::{PushOptions, PushPlan, tags};
