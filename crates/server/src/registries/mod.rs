//! Registries and what is beneath them (contract, §§ 1 to 3).

pub(crate) mod log;
pub(crate) mod operations;
pub(crate) mod pipelines;
pub(crate) mod registry;
pub(crate) mod runs;
