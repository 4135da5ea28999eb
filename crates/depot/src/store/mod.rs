//! Where bytes lie, and which repository has what.

mod budget;
mod content;
mod index;

pub(crate) use budget::Budget;
pub(crate) use content::{Content, WriteError, Writer};
pub(crate) use index::{Index, Kept, Page};
