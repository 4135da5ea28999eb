//! Doubles, fault proxy and real peers for tests of every crate.
