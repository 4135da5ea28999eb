//! The format from outside: written and read back, and against other programs.

mod arbitrary;
mod foreign;
mod listing;
mod round_trip;
mod skopeo;
mod support;
