//! The floors: a crate may know those below it that its line names, and nobody else.

use std::collections::BTreeSet;

use crate::house::House;

/// One line of the table: a crate, its floor, and which of ours it may need for building and running.
struct Line(&'static str, u8, &'static [&'static str]);

/// The table of `docs/ARCHITECTURE.md`, with the crates that are still to come.
const FLOORS: &[Line] = &[
    Line("oci", 1, &[]),
    Line("blobstore", 1, &[]),
    Line("resource-id", 0, &[]),
    Line("api", 1, &["resource-id"]),
    Line("vault", 1, &[]),
    Line("bundle", 2, &["oci"]),
    Line("registry", 2, &["oci"]),
    Line("templates", 2, &[]),
    Line("control", 2, &["oci", "resource-id", "vault"]),
    Line("client", 2, &["api"]),
    Line("transfer", 3, &["oci", "bundle", "registry", "blobstore"]),
    Line("endpoints", 3, &["registry", "blobstore", "vault"]),
    Line("depot", 3, &["oci", "bundle", "blobstore"]),
    Line("server", 3, &["api", "control", "templates", "vault"]),
    Line("worker", 4, &["control", "transfer", "endpoints"]),
];

/// They stand on top of everything, or beside the house: what they need is their own affair.
const FREE: &[&str] = &["transload", "testkit", "xtask", "bench"];

/// Where nobody looks for anything.
const NAMES_OF_NOTHING: &[&str] =
    &["core", "common", "shared", "utils", "util", "helpers", "types", "models", "misc"];

fn broken(house: &House) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, found) in &house.crates {
        if NAMES_OF_NOTHING.contains(&name.as_str()) {
            broken.push(format!("{name}: a crate is named for what it holds"));
        }
        if FREE.contains(&name.as_str()) {
            continue;
        }
        let Some(Line(_, _, allowed)) = FLOORS.iter().find(|line| line.0 == name) else {
            broken.push(format!("{name}: no floor has it; give it a line of the table"));
            continue;
        };
        for other in &found.ours {
            if !allowed.contains(&other.as_str()) {
                broken.push(format!("{name}: may not need {other}"));
            }
        }
    }
    broken
}

#[test]
fn every_crate_knows_only_those_below_it() {
    let broken = broken(&House::read());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_table_leads_downwards() {
    let floor = |name: &str| FLOORS.iter().find(|line| line.0 == name).map(|line| line.1);
    for Line(name, own, allowed) in FLOORS {
        for other in *allowed {
            assert!(floor(other).is_some_and(|other| other < *own), "{name} looks up or sideways at {other}");
        }
    }
    let names: BTreeSet<_> = FLOORS.iter().map(|line| line.0).collect();
    assert_eq!(names.len(), FLOORS.len(), "a crate has one line");
}

#[test]
fn a_broken_floor_is_seen() {
    let seen = |crates: &[(&str, &str)]| broken(&House::made_up(crates));
    assert_eq!(seen(&[("oci", ""), ("bundle", "oci"), ("transload", "oci bundle")]), [""; 0]);
    assert_eq!(seen(&[("bundle", "oci"), ("oci", "bundle")]), ["oci: may not need bundle"]);
    assert_eq!(seen(&[("transfer", "testkit")]), ["transfer: may not need testkit"]);
    assert_eq!(seen(&[("attic", "")]), ["attic: no floor has it; give it a line of the table"]);
    assert_eq!(seen(&[("utils", "")]).len(), 2);
}
