//! What the documents say that the repository can answer for.

use std::collections::{BTreeMap, BTreeSet};

use crate::house::{House, read, root};

const PAPERS: &[&str] = &[
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/ARCHITECTURE.md",
    "docs/FORMAT.md",
    "docs/ERRORS.md",
    "docs/cli.md",
    "docs/performance.md",
    "docs/selection.md",
];

/// The first cells in backticks of the table below a heading.
fn table(paper: &str, heading: &str) -> BTreeSet<String> {
    let section = paper.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.map(str::to_owned).collect()
}

/// The names below `[workspace.dependencies]`.
fn of_workspace(manifest: &str) -> BTreeSet<String> {
    let section = manifest.split("\n[").find(|section| section.starts_with("workspace.dependencies]"));
    let lines = section.unwrap_or_default().lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect()
}

fn foreign(house: &House) -> BTreeSet<String> {
    let of = |found: &crate::house::Crate| found.foreign.union(&found.foreign_in_tests).cloned().collect();
    house.crates.values().flat_map(|found| -> BTreeSet<String> { of(found) }).collect()
}

fn missing(from: &BTreeSet<String>, all: &BTreeSet<String>) -> Vec<String> {
    all.difference(from).cloned().collect()
}

#[test]
fn every_dependency_has_its_reason_and_no_other_has() {
    let reasons = table(&read("docs/ARCHITECTURE.md"), "Dependencies");
    let needed = foreign(&House::read());
    assert_eq!(missing(&reasons, &needed), [""; 0], "needed, and docs/ARCHITECTURE.md does not say why");
    assert_eq!(missing(&needed, &reasons), [""; 0], "docs/ARCHITECTURE.md says why, and nobody needs it");
}

#[test]
fn every_dependency_of_the_workspace_is_needed() {
    let house = House::read();
    let listed = of_workspace(&read("Cargo.toml"));
    assert!(listed.contains("tokio"), "Cargo.toml is not understood");
    let ours: BTreeSet<String> = house.crates.keys().map(|name| format!("transload-{name}")).collect();
    let needed = foreign(&house).union(&ours).cloned().collect();
    assert_eq!(missing(&needed, &listed), [""; 0], "nobody needs these lines of Cargo.toml");
}

#[test]
fn every_crate_is_in_the_picture() {
    let floors = table(&read("docs/ARCHITECTURE.md"), "Floors");
    let crates: BTreeSet<String> = House::read().crates.keys().cloned().collect();
    assert_eq!(missing(&floors, &crates), [""; 0], "docs/ARCHITECTURE.md does not name these crates");
}

#[test]
fn links_between_the_papers_lead_somewhere() {
    let mut dead = Vec::new();
    for paper in PAPERS {
        let folder = root().join(paper).parent().expect("a file lies in a folder").to_owned();
        let text = read(paper);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let file = target.split('#').next().unwrap_or_default();
            if !folder.join(file).exists() {
                dead.push(format!("{paper}: {target}"));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn a_table_that_lacks_a_line_is_seen() {
    let paper = "# A\n\n## Dependencies\n\n| crate | why |\n|---|---|\n| `bytes` | … |\n| `http` | … |\n\n## B\n| `x` | |\n";
    let reasons = table(paper, "Dependencies");
    let house = House::made_up(&[("oci", "bytes! serde!")]);
    assert_eq!(missing(&reasons, &foreign(&house)), ["serde"]);
    assert_eq!(missing(&foreign(&house), &reasons), ["http"]);
    let manifest = "[workspace]\n\n[workspace.dependencies]\n# why\nbytes = \"1\"\n\n[profile.dev]\nx = 1\n";
    assert_eq!(of_workspace(manifest), BTreeMap::from([("bytes".to_owned(), ())]).into_keys().collect());
}
