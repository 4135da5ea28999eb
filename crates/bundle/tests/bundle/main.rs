//! The format from outside: written and read back, and against other programs.

mod arbitrary;
mod round_trip;
mod support;
