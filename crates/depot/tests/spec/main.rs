//! The specification of distribution, 1.1, clause by clause. A test's comment names the section that it holds, and the
//! paths in its asserts are those of the table of endpoints there.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

mod base;
mod blobs;
mod chunks;
mod deleting;
mod lists;
mod manifests;
mod mounting;
mod pulling;
mod referrers;
mod support;
