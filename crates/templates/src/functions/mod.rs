//! The pure functions, a file for each family. What a deployment, a clock or the world is asked for is the scope's.

mod call;
mod logical;
mod time;

pub(crate) use call::{Call, Function, Lazy, Plain};
pub use time::format_time;

use crate::Error;

/// The pure function of this name, whatever its case.
pub(crate) fn find(name: &str) -> Option<Function> {
    let name = name.to_ascii_lowercase();
    let families = [logical::find];
    families.iter().find_map(|find| find(&name))
}

/// Whether there is a pure function of this name, whatever its case.
pub fn is_function(name: &str) -> bool {
    find(name).is_some()
}

/// The fault of a name that is no function's.
pub(crate) fn unknown(name: &str) -> Error {
    Error::expression(format!(
        "The template function '{name}' is not valid. Please see https://aka.ms/arm-functions for usage details."
    ))
}
