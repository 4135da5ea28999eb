//! The engine over doubles: what is moved, what is not, and what happens when it breaks.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod failures;
mod foreign;
mod pace;
mod plan;
mod platforms;
mod relay;
mod resume;
mod roundtrip;
mod seams;
mod selection;
mod shelf;
mod stream;
mod support;
