//! What no crate does, whoever would find it handy. The list is in `docs/ARCHITECTURE.md`.

use std::collections::BTreeSet;

use crate::house::{Crate, House};

/// Talks to the world: sockets, files, processes, a runtime to wait on them.
const DOES_IO: &[&str] = &[
    "async-std",
    "axum",
    "azure_core",
    "azure_identity",
    "azure_storage_blob",
    "hyper",
    "hyper-util",
    "mio",
    "object_store",
    "reqwest",
    "rustix",
    "rustls",
    "tempfile",
    "tokio",
    "tokio-util",
    "ureq",
];
/// Reads a command line or a settings file.
const READS_SETTINGS: &[&str] = &["clap", "config", "dotenvy", "figment", "toml"];
/// Speaks to a database.
const SQL: &[&str] = &["diesel", "postgres", "rusqlite", "sqlx", "tokio-postgres"];
/// Keeps secrets.
const SECRETS: &[&str] =
    &["azure_identity", "azure_security_keyvault_secrets", "docker_credential", "secrecy"];
/// The one place each where a registry and a store meet; the binary composes them.
const MEETING_PLACES: &[&str] = &["transfer", "endpoints", "depot", "transload", "testkit", "xtask", "bench"];

/// One rule: what it says, and how it is looked after.
struct Never(&'static str, fn(&House) -> Vec<String>);

const NEVERS: &[Never] = &[
    Never("a web request cannot move bytes", |house| {
        reaches(house, "server", &["transfer", "registry", "blobstore", "endpoints"])
    }),
    Never("the engine knows no command line, SQL, secret, resource id or retry of a run", |house| {
        let mut seen = needs(house, "transfer", &[READS_SETTINGS, SQL, SECRETS].concat());
        seen.extend(reaches(
            house,
            "transfer",
            &["api", "vault", "control", "endpoints", "server", "worker"],
        ));
        seen
    }),
    Never("values and format do no I/O", |house| {
        ["oci", "bundle"].into_iter().flat_map(|name| needs(house, name, DOES_IO)).collect()
    }),
    Never("registry and store meet only where bytes go from one to the other", |house| {
        let meets = |found: &Crate| found.ours.contains("registry") && found.ours.contains("blobstore");
        let elsewhere = |name: &str| !MEETING_PLACES.contains(&name);
        let meeting = house.crates.iter().filter(|(name, found)| elsewhere(name) && meets(found));
        meeting.map(|(name, _)| format!("{name} needs registry and blobstore")).collect()
    }),
    Never("wire types know no table, and tables no wire type", |house| {
        let speaks_sql = |found: &Crate| SQL.iter().any(|sql| found.foreign.contains(*sql));
        let both = house
            .crates
            .iter()
            .filter(|(name, found)| speaks_sql(found) && (*name == "api" || found.ours.contains("api")));
        both.map(|(name, _)| format!("{name} has wire types and SQL")).collect()
    }),
    Never("the testkit is for tests", |house| {
        let needing = house.crates.iter().filter(|(_, found)| found.ours.contains("testkit"));
        // a benchmark is no test, and needs the same peers
        let needing = needing.filter(|(name, _)| *name != "bench");
        needing.map(|(name, _)| format!("{name} needs the testkit outside tests")).collect()
    }),
    Never("nobody needs the binary", |house| {
        let needing = house.crates.iter().filter(|(_, found)| found.ours.contains("transload"));
        needing.map(|(name, _)| format!("{name} needs the binary")).collect()
    }),
    Never("errors of libraries have a type", |house| {
        let libraries =
            house.crates.keys().filter(|name| !["transload", "xtask", "bench"].contains(&name.as_str()));
        libraries.flat_map(|name| needs(house, name, &["anyhow", "eyre"])).collect()
    }),
];

/// Which of these others' crates a crate needs itself.
fn needs(house: &House, name: &str, forbidden: &[&str]) -> Vec<String> {
    let Some(found) = house.crates.get(name) else { return Vec::new() };
    let needed: BTreeSet<_> = forbidden.iter().filter(|other| found.foreign.contains(**other)).collect();
    needed.into_iter().map(|other| format!("{name} needs {other}")).collect()
}

/// Which of these of ours a crate needs, directly or through others.
fn reaches(house: &House, name: &str, forbidden: &[&str]) -> Vec<String> {
    let reached = house.reach(name);
    forbidden
        .iter()
        .filter(|other| reached.contains(**other))
        .map(|other| format!("{name} reaches {other}"))
        .collect()
}

fn broken(house: &House) -> Vec<String> {
    let mut broken = Vec::new();
    for Never(rule, check) in NEVERS {
        broken.extend(check(house).into_iter().map(|what| format!("{rule}: {what}")));
    }
    broken
}

#[test]
fn no_never_is_broken() {
    let broken = broken(&House::read());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn each_broken_never_is_seen() {
    let houses: &[&[(&str, &str)]] = &[
        &[("server", "control"), ("control", "registry"), ("registry", "")],
        &[("transfer", "oci clap!")],
        &[("bundle", "oci tokio!")],
        &[("control", "registry blobstore")],
        &[("control", "api sqlx!")],
        &[("registry", "testkit")],
        &[("registry", "transload")],
        &[("oci", "anyhow!")],
    ];
    assert_eq!(houses.len(), NEVERS.len(), "each rule has a house that breaks it");
    for (Never(rule, _), crates) in NEVERS.iter().zip(houses) {
        let broken = broken(&House::made_up(crates));
        let of_this: Vec<_> = broken.iter().filter(|what| what.starts_with(rule)).collect();
        assert_eq!(of_this.len(), 1, "{rule}: {broken:?}");
    }
    let sound =
        House::made_up(&[("oci", "bytes!"), ("bundle", "oci"), ("transload", "bundle clap! anyhow!")]);
    assert_eq!(broken(&sound), [""; 0]);
}
