//! Both answer the same, but for what is listed with its reason.

use std::collections::BTreeSet;
use std::path::Path;

use tokio::runtime::Runtime;
use transload_depot::{Depot, Server};
use transload_testkit::peers::{DockerRegistry, Endpoint};

use crate::contents::Contents;
use crate::differences::{DIFFERENCES, page};
use crate::script::SCRIPT;
use crate::side::Side;

/// Where the list stands for people to read.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/registry-conformance.md");

#[test]
fn the_twin_answers_the_same_but_for_what_is_listed() {
    let runtime = Runtime::new().unwrap();
    let depot = Depot::temporary().unwrap();
    let server = runtime.block_on(Server::start(([127, 0, 0, 1], 0).into(), depot)).unwrap();
    let twin = DockerRegistry::start();
    let depot = Endpoint { addr: server.addr(), ca_pem: None };
    let observed = differences(&depot, twin.endpoint());
    let listed: BTreeSet<String> =
        DIFFERENCES.iter().flat_map(|difference| difference.cases).map(|case| (*case).to_owned()).collect();
    let lines = |set: &BTreeSet<String>, other: &BTreeSet<String>| -> String {
        set.difference(other).map(|line| format!("\n  {line:?},")).collect()
    };
    let (unexpected, unused) = (lines(&observed, &listed), lines(&listed, &observed));
    assert!(
        unexpected.is_empty() && unused.is_empty(),
        "differences that are not listed:{unexpected}\nlisted, but no difference:{unused}"
    );
}

/// `<method> <path>: <what>: <twin's> | <depot's>`, for everything that differs.
fn differences(depot: &Endpoint, twin: &Endpoint) -> BTreeSet<String> {
    let contents = Contents::new();
    let (mut depot, mut twin) = (Side::new(depot), Side::new(twin));
    let mut observed = BTreeSet::new();
    for (part, steps) in SCRIPT {
        for (number, step) in steps.iter().enumerate() {
            let (ours, theirs) = (depot.run(step, &contents), twin.run(step, &contents));
            let same_status = ours[0] == theirs[0];
            for (name, value) in &theirs {
                let our = ours.iter().find(|(ours, _)| ours == name).map_or("none", |(_, value)| value);
                // behind another status everything else is another, too
                if our != value && (same_status || *name == "status") {
                    let number = number + 1;
                    observed.insert(format!(
                        "{part} {number}, {} {}: {name}: {value} | {our}",
                        step.method, step.path
                    ));
                }
            }
        }
    }
    observed
}

#[test]
#[expect(clippy::disallowed_methods, reason = "asked for by whoever changed the list")]
fn the_list_stands_in_the_documents() {
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let written = std::fs::read_to_string(Path::new(PAGE)).unwrap();
    assert!(
        written == page,
        "docs/registry-conformance.md is not what the list says: UPDATE_DOCS=1 cargo test -p transload-depot --test twin"
    );
}
