//! The rules of the house that no compiler knows: which crate may know which, who may read and print what, and that
//! the documents say what the manifests do. Each rule is a line of one test, and each is shown to be able to fail.

mod bans;
mod floors;
mod house;
mod nevers;
mod papers;
mod sources;
