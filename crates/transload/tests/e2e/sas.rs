//! Every way in which a SAS token or a container can be wrong: the exit code, the error code, useful advice, and
//! never the signature.

use tempfile::TempDir;
use time::Duration;
use transload_testkit::images::{image, layer};
use transload_testkit::peers::sas::Sas;
use transload_testkit::peers::{Azurite, DockerRegistry};

use crate::support::{Said, azurite, catalog, folder, only, path, push, read_json, transload};

/// One container with a bundle `there.tar` in it.
struct Storage {
    azurite: std::sync::Arc<Azurite>,
    container: String,
    source: DockerRegistry,
    target: DockerRegistry,
    reports: TempDir,
}

impl Storage {
    fn new(container: &str) -> Self {
        let azurite = azurite();
        azurite.create_container(container);
        let source = DockerRegistry::start();
        push(&source.host(), &only("app", "v1", image(&[layer(300, 300_000)])));
        let storage = Self {
            azurite,
            container: container.to_owned(),
            source,
            target: DockerRegistry::start(),
            reports: folder(),
        };
        let url = storage.url("there.tar", &Sas::container(container).permissions("racwdl"));
        transload().run(["export", &storage.artifact(), "--to", &url]).ok();
        storage
    }

    fn artifact(&self) -> String {
        format!("{}/app:v1", self.source.host())
    }

    fn url(&self, blob: &str, sas: &Sas) -> String {
        self.azurite.url_with(&format!("{}/{blob}", self.container), sas)
    }

    fn sas(&self, permissions: &str) -> Sas {
        Sas::container(&self.container).permissions(permissions)
    }

    /// An export with this token fails so, says it the same in every form, and writes nothing.
    fn export_refused(&self, sas: &Sas, code: &str, exit: i32) -> String {
        let (artifact, url) = (self.artifact(), self.url("new.tar", sas));
        let advice = self.refused(&["export", &artifact, "--to", &url], sas, code, exit);
        assert!(self.azurite.get_blob(&self.container, "new.tar").is_none(), "nothing is written");
        advice
    }

    /// An import with this token fails so, and pushes nothing.
    fn import_refused(&self, sas: &Sas, code: &str, exit: i32) -> String {
        let (url, target) = (self.url("there.tar", sas), self.target.host());
        let advice = self.refused(&["import", &url, "--to", &target], sas, code, exit);
        assert!(catalog(&target).is_empty(), "nothing is pushed");
        advice
    }

    fn refused(&self, arguments: &[&str], sas: &Sas, code: &str, exit: i32) -> String {
        let plain = transload().run(arguments);
        let advice = plain.refused(exit, code);
        plain.keeps_secret(&sas.signature());
        assert!(plain.all().contains(&self.container), "the place is named: {}", plain.all());
        let report = path(&self.reports, "report.json");
        let json = transload().run(arguments.iter().chain(&["--json", "--report", report.as_str()]));
        json.keeps_secret(&sas.signature());
        assert_eq!(json.report()["error"]["code"], code, "{}", json.all());
        assert_eq!(json.report()["error"]["next"], advice, "{}", json.all());
        assert_eq!(read_json(&report)["error"]["code"], code);
        let filed = std::fs::read_to_string(&report).unwrap();
        assert!(!filed.contains(&sas.signature()) && !filed.contains("sig="), "{filed}");
        advice
    }
}

#[test]
fn times_are_read_from_the_token_and_named() {
    let storage = Storage::new("times");
    let expired = storage.sas("racwdl").expires_in(-Duration::HOUR);
    let advice = storage.export_refused(&expired, "SasExpired", 5);
    assert!(advice.contains("token"), "{advice}");
    storage.import_refused(&expired, "SasExpired", 5);
    let dated = storage.sas("racwdl").expiry("2026-01-31");
    let url = storage.url("there.tar", &dated);
    let said = transload().run(["inspect", &url]);
    said.refused(5, "SasExpired");
    assert!(said.stderr.contains("2026-01-31"), "the date is named: {}", said.stderr);
    let early = storage.sas("racwdl").starts_in(Duration::HOUR);
    storage.export_refused(&early, "SasNotYetValid", 5);
    storage.import_refused(&early, "SasNotYetValid", 5);
}

#[test]
fn missing_permissions_are_named_before_anything_moves() {
    let storage = Storage::new("letters");
    for letters in ["rl", "r", "l", "d"] {
        let advice = storage.export_refused(&storage.sas(letters), "SasPermission", 5);
        assert!(advice.contains('w') || advice.contains("write"), "{letters}: {advice}");
    }
    for letters in ["w", "cw", "l", "a"] {
        let advice = storage.import_refused(&storage.sas(letters), "SasPermission", 5);
        assert!(advice.contains('r'), "{letters}: {advice}");
    }
    // what deletes needs d, and that is known before the import
    let (sas, host) = (storage.sas("rl"), storage.target.host());
    let url = storage.url("there.tar", &sas);
    let arguments = ["import", &url, "--to", &host, "--delete-source-blob-on-success"];
    let advice = storage.refused(&arguments, &sas, "SasPermission", 5);
    assert!(advice.contains('d'), "{advice}");
    assert!(catalog(&host).is_empty(), "known before anything is pushed");
    assert!(storage.azurite.get_blob("letters", "there.tar").is_some());
    // creating is not replacing
    let create_only = storage.sas("rcl");
    let (artifact, url) = (storage.artifact(), storage.url("there.tar", &create_only));
    let overwriting = ["export", &artifact, "--to", &url, "--overwrite-blobs"];
    storage.refused(&overwriting, &create_only, "SasPermission", 5);
    // a writer alone is enough for writing
    let url = storage.url("written.tar", &storage.sas("rw"));
    transload().run(["export", &artifact, "--to", &url]).ok();
}

#[test]
fn account_tokens_must_reach_objects() {
    let storage = Storage::new("account");
    let no_objects = Sas::account().permissions("rwdlac").resource_types("sc");
    let advice = storage.export_refused(&no_objects, "SasResource", 5);
    assert!(advice.contains("srt"), "{advice}");
    storage.import_refused(&no_objects, "SasResource", 5);
    let whole = Sas::account().permissions("rwdlac").resource_types("sco");
    let url = storage.url("by-account.tar", &whole);
    transload().run(["export", &storage.artifact(), "--to", &url]).ok().keeps_secret(&whole.signature());
    let objects_only = Sas::account().permissions("rwdlac").resource_types("o");
    let url = storage.url("by-account.tar", &objects_only);
    transload().run(["import", &url, "--to", &storage.target.host()]).ok();
}

#[test]
fn a_token_for_https_is_not_sent_over_http() {
    let storage = Storage::new("https");
    let https = storage.sas("racwdl").https_only();
    let advice = storage.export_refused(&https, "SasHttpsOnly", 5);
    assert!(advice.contains("https"), "{advice}");
    storage.import_refused(&https, "SasHttpsOnly", 5);
}

#[test]
fn signatures_that_do_not_fit_are_told_from_times_and_permissions() {
    let storage = Storage::new("signatures");
    let forged = storage.sas("racwdl").wrong_key();
    storage.export_refused(&forged, "StoreUnauthenticated", 5);
    storage.import_refused(&forged, "StoreUnauthenticated", 5);
    // signed for another container
    let other = Sas::container("elsewhere").permissions("racwdl");
    storage.export_refused(&other, "StoreUnauthenticated", 5);
    let elsewhere = storage.sas("racwdl").ip("192.0.2.1");
    let (artifact, url) = (storage.artifact(), storage.url("new.tar", &elsewhere));
    let refused = transload().run(["export", &artifact, "--to", &url]);
    assert!(matches!(refused.code(), 0 | 5), "{}", refused.all());
    refused.keeps_secret(&elsewhere.signature());

    let naked = storage.azurite.url("signatures/there.tar");
    let advice = transload().run(["inspect", &naked]).refused(5, "StoreCredentialMissing");
    assert!(advice.contains("--sas-token-env"), "{advice}");
}

#[test]
fn what_is_not_there_is_named() {
    let storage = Storage::new("missing");
    let token = Sas::account().permissions("rwdlac");
    let artifact = storage.artifact();
    let nowhere = storage.azurite.url_with("nosuchcontainer/a.tar", &token);
    let refused = transload().run(["export", &artifact, "--to", &nowhere]);
    refused.refused(4, "ContainerNotFound");
    refused.keeps_secret(&token.signature());
    assert!(refused.stderr.contains("nosuchcontainer"), "{}", refused.stderr);
    let target = storage.target.host();
    transload().run(["import", &nowhere, "--to", &target]).refused(4, "ContainerNotFound");

    let near = storage.url("thera.tar", &storage.sas("rl"));
    let refused = transload().run(["import", &near, "--to", &target]);
    let advice = refused.refused(4, "BundleNotFound");
    assert!(advice.contains("there.tar"), "the nearest name: {advice}");
    // without the right to list there is no nearest name, and the same error
    let near = storage.url("thera.tar", &storage.sas("r"));
    transload().run(["import", &near, "--to", &target]).refused(4, "BundleNotFound");

    let container = storage.azurite.url_with("missing", &storage.sas("rl"));
    let vague = transload().run(["import", &container, "--to", &target]);
    vague.refused(2, "Usage");
    vague.keeps_secret(&storage.sas("rl").signature());
    assert!(catalog(&target).is_empty());
}

#[test]
fn a_blob_that_is_no_bundle_is_told_apart() {
    let storage = Storage::new("nobundle");
    storage.azurite.put_blob("nobundle", "notes.txt", b"just some notes");
    storage.azurite.put_blob("nobundle", "empty.tar", b"");
    let target = storage.target.host();
    for blob in ["notes.txt", "empty.tar"] {
        let url = storage.url(blob, &storage.sas("rl"));
        for command in [vec!["import", &url, "--to", &target], vec!["verify", &url], vec!["inspect", &url]] {
            let refused = transload().run(&command);
            assert!(["NotABundle", "BundleDamaged"].iter().any(|c| refused.stderr.contains(c)));
            assert_eq!(refused.code(), 7, "{}", refused.all());
        }
    }
    let url = storage.url("notes.txt", &storage.sas("racwdl"));
    let refused = transload().run(["export", &storage.artifact(), "--to", &url]);
    refused.refused(6, "BundleExists");
    assert!(catalog(&target).is_empty());
}
