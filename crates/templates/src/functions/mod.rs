//! The pure functions, a file for each family. What a deployment, a clock or the world is asked for is the scope's.

mod array;
mod call;
mod cidr;
mod collection;
mod comparison;
mod date;
mod encoding;
mod format;
mod hash;
mod lambda;
mod logical;
mod merge;
mod numeric;
mod object;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod uri;
mod written;

pub(crate) use call::{Call, Function};
pub use date::format_time;
pub(crate) use written::json_text;

use crate::Error;
use crate::error::shown;

/// The pure function of this name, whatever its case.
pub(crate) fn find(name: &str) -> Option<Function> {
    let name = name.to_ascii_lowercase();
    let families = [
        array::find,
        cidr::find,
        collection::find,
        comparison::find,
        date::find,
        encoding::find,
        format::find,
        hash::find,
        lambda::find,
        logical::find,
        numeric::find,
        object::find,
        text::find,
        uri::find,
    ];
    families.iter().find_map(|find| find(&name))
}

/// Whether there is a pure function of this name, whatever its case.
pub fn is_function(name: &str) -> bool {
    find(name).is_some()
}

/// The fault of a name that is no function's.
pub(crate) fn unknown(name: &str) -> Error {
    let name = shown(name);
    Error::expression(format!(
        "The template function '{name}' is not valid. Please see https://aka.ms/arm-functions for usage details."
    ))
}
