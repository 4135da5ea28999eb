//! The real programs start, answer, restart and go away; the signatures that tests make are good.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

use time::Duration;
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::peers::sas::Sas;
use transload_testkit::peers::{
    ACCOUNT, ACCOUNT_KEY, Azurite, AzuriteOptions, DockerRegistry, DockerRegistryOptions, NameProxy, Pki,
    Postgres, Venv, skopeo, skopeo_ok,
};

#[test]
fn the_registry_keeps_its_data_over_a_restart() {
    let mut registry = DockerRegistry::start();
    assert_eq!(registry.request("GET", "/v2/", &[], b"").status, 200);
    let digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let upload = registry.request("POST", "/v2/a/blobs/uploads/", &[], b"");
    let location = upload.header("location").unwrap();
    let path = location.strip_prefix(&registry.endpoint().url()).unwrap();
    let done = registry.request("PUT", &format!("{path}&digest={digest}"), &[], b"hello");
    assert_eq!(done.status, 201, "{}", done.text());
    assert!(registry.data_dir().join("docker/registry/v2/blobs").is_dir());
    registry.stop();
    registry.restart();
    let blob = registry.request("GET", &format!("/v2/a/blobs/{digest}"), &[], b"");
    assert_eq!(blob.body, b"hello");
    assert_eq!(registry.request("DELETE", &format!("/v2/a/blobs/{digest}"), &[], b"").status, 202);
    assert!(registry.log().contains("listening on"), "{}", registry.log());
    let addr = registry.addr();
    drop(registry);
    assert!(std::net::TcpStream::connect(addr).is_err());
}

#[test]
fn the_registry_asks_for_a_password_and_speaks_tls() {
    let pki = Pki::new();
    let registry = DockerRegistry::start_with(DockerRegistryOptions {
        auth: true,
        tls: Some((pki.loopback(), pki.ca_pem())),
        read_only: true,
        relative_urls: true,
        ..DockerRegistryOptions::default()
    });
    let refused = registry.endpoint().request("GET", "/v2/", &[], b"").unwrap();
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").unwrap().starts_with("Basic realm="));
    assert_eq!(registry.request("GET", "/v2/", &[], b"").status, 200);
    assert_eq!(registry.request("POST", "/v2/a/blobs/uploads/", &[], b"").status, 405);
    let mut other = registry.endpoint().clone();
    other.ca_pem = Some(Pki::new().ca_pem());
    assert!(other.request("GET", "/v2/", &[], b"").is_err());
}

#[test]
fn the_registry_wants_client_certificates() {
    let pki = Pki::new();
    let registry = DockerRegistry::start_with(DockerRegistryOptions {
        tls: Some((pki.loopback(), pki.ca_pem())),
        client_ca_pem: Some(pki.ca_pem()),
        ..DockerRegistryOptions::default()
    });
    let answer = registry.endpoint().request("GET", "/v2/", &[], b"");
    assert!(answer.is_err(), "{answer:?}");
    assert!(pki.client("somebody").cert_pem.contains("BEGIN CERTIFICATE"));
    assert!(pki.expired().key_pem.contains("PRIVATE KEY"));
}

#[test]
fn azurite_takes_the_signatures_that_are_good() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    azurite.put_blob("transfer", "a/b.tar", b"bytes");
    assert_eq!(azurite.get_blob("transfer", "a/b.tar").unwrap(), b"bytes");
    assert_eq!(azurite.get_blob("transfer", "none"), None);
    let ask = |method: &str, sas: &Sas, extra: &str| {
        let path = format!("/{ACCOUNT}/transfer/a/b.tar?{}{extra}", sas.token());
        let headers = [("x-ms-version", "2022-11-02"), ("x-ms-blob-type", "BlockBlob")];
        let answer = azurite.endpoint().request(method, &path, &headers, b"").unwrap();
        let code = answer.header("x-ms-error-code").unwrap_or_default().to_owned();
        (answer.status, code)
    };
    let container = || Sas::container("transfer").permissions("racwdl");
    let fine = (200, String::new());
    assert_eq!(ask("GET", &container(), ""), fine);
    assert_eq!(ask("GET", &Sas::blob("transfer", "a/b.tar"), ""), fine);
    assert_eq!(ask("GET", &Sas::account(), ""), fine);
    assert_eq!(ask("GET", &container().starts_in(Duration::hours(-1)).ip("127.0.0.1"), ""), fine);
    assert_eq!(ask("GET", &container().expiry("2099-01-01"), ""), fine);
    let refused = |sas: &Sas| ask("GET", sas, "").1;
    assert_eq!(refused(&container().expires_in(Duration::hours(-1))), "AuthorizationFailure");
    assert_eq!(refused(&container().starts_in(Duration::hours(1))), "AuthorizationFailure");
    assert_eq!(refused(&container().wrong_key()), "AuthorizationFailure");
    assert_eq!(refused(&container().https_only()), "AuthorizationProtocolMismatch");
    // the emulator reads an address range and does not hold anybody to it
    assert_eq!(refused(&container().ip("10.9.8.7")), "");
    assert_eq!(refused(&container().permissions("l")), "AuthorizationPermissionMismatch");
    assert_eq!(refused(&Sas::account().resource_types("c")), "AuthorizationResourceTypeMismatch");
    assert_eq!(ask("PUT", &container().permissions("r"), "").1, "AuthorizationPermissionMismatch");
    assert!(azurite.full_url("transfer").contains("/devstoreaccount1/transfer?sv="));
    assert!(azurite.data_dir().is_dir());
}

#[test]
fn azurite_speaks_tls_and_keeps_its_data_over_a_restart() {
    let pki = Pki::new();
    let mut azurite = Azurite::start_tls(&pki);
    azurite.create_container("ccc");
    azurite.put_blob("ccc", "x", b"1");
    azurite.restart();
    assert_eq!(azurite.get_blob("ccc", "x").unwrap(), b"1");
    let path = format!("/{ACCOUNT}/ccc/x?{}", Sas::blob("ccc", "x").https_only().token());
    assert_eq!(azurite.endpoint().request("GET", &path, &[], b"").unwrap().status, 200);
}

#[test]
fn the_registry_works_through_the_fault_proxy() {
    let registry = DockerRegistry::start();
    let proxy = FaultProxy::start(registry.addr());
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    make_layout(&layout);
    let source = format!("oci:{}:v1", layout.display());
    let target = format!("docker://{}/team/app:v1", proxy.host());
    skopeo_ok(&["copy", "--dest-tls-verify=false", &source, &target]);
    assert!(skopeo_ok(&["inspect", "--tls-verify=false", &target]).contains("team/app"));
    assert!(proxy.count("PATCH", "/blobs/uploads/") >= 1);
    proxy.add(Rule::on("GET", "/manifests/").status(404));
    assert!(!skopeo(&["inspect", "--tls-verify=false", &target]).status.success());
}

/// The smallest image that skopeo takes: an empty layer.
fn make_layout(folder: &std::path::Path) {
    let write = |text: &str| {
        let digest = sha256(text.as_bytes());
        let path = folder.join("blobs/sha256").join(&digest);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        format!(r#""digest":"sha256:{digest}","size":{}"#, text.len())
    };
    let config = write(r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#);
    let manifest = write(&format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json",{config}}},"layers":[]}}"#
    ));
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json",{manifest},"annotations":{{"org.opencontainers.image.ref.name":"v1"}}}}]}}"#
    );
    std::fs::write(folder.join("index.json"), index).unwrap();
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn the_clients_in_python_find_names_that_no_resolver_knows() {
    let pki = Pki::new();
    let azurite = Azurite::start_with(&AzuriteOptions {
        tls: Some((pki.server(&["127.0.0.1", "*.blob.transload.test"]), pki.ca_pem())),
        ..AzuriteOptions::default()
    });
    azurite.create_container("ccc");
    azurite.put_blob("ccc", "x", b"found");
    let addr = azurite.addr();
    let proxy = NameProxy::start(move |name| name.ends_with(".blob.transload.test:443").then_some(addr));
    let folder = tempfile::tempdir().unwrap();
    let (ca, script) = (folder.path().join("ca.pem"), folder.path().join("get.py"));
    std::fs::write(&ca, pki.ca_pem()).unwrap();
    std::fs::write(&script, "import requests, sys\nprint(requests.get(sys.stdin.read()).text)\n").unwrap();
    let venv = Venv::named("mgmt10").behind(&proxy.url(), &ca);
    let get = |host: &str| {
        let url = format!("https://{host}/ccc/x?{}", Sas::blob("ccc", "x").token());
        venv.script(&script, [""; 0], url.as_bytes())
    };
    assert_eq!(get(&format!("{ACCOUNT}.blob.transload.test")).ok().stdout.trim(), "found");
    assert!(get("elsewhere.test").stderr.contains("502"));
    assert_eq!(proxy.asked()[0], format!("{ACCOUNT}.blob.transload.test:443"));
}

#[test]
fn postgresql_keeps_its_data_over_a_restart() {
    let mut postgres = Postgres::start();
    let url = postgres.database();
    let name = url.rsplit('/').next().unwrap().to_owned();
    assert!(!url.contains(postgres.password()), "a password is encoded in {url}");
    postgres.sql(&name, "CREATE TABLE t (n BIGINT); INSERT INTO t VALUES (1), (2)");
    postgres.stop();
    assert!(!postgres.try_sql(&name, "SELECT 1").status.success());
    postgres.restart();
    assert_eq!(postgres.sql(&name, "SELECT n, n + 1 FROM t ORDER BY n"), "1|2\n2|3");
    assert_ne!(postgres.database(), url);
}

#[test]
fn an_account_of_the_tests_own_has_a_place_of_its_own_in_the_emulator() {
    let accounts = vec![("nearstore".to_owned(), ACCOUNT_KEY.to_owned())];
    let azurite = Azurite::start_with(&AzuriteOptions { accounts, ..AzuriteOptions::default() });
    azurite.create_container("ccc");
    let answer =
        azurite.endpoint().request("GET", "/nearstore/ccc?restype=container&comp=list", &[], &[]).unwrap();
    // who is not let in is known; who is not known is a bad request
    assert!([403, 404].contains(&answer.status), "{}", answer.text());
    let unknown =
        azurite.endpoint().request("GET", "/otherstore/ccc?restype=container&comp=list", &[], &[]).unwrap();
    assert_ne!(unknown.status, answer.status, "{}", unknown.text());
}
