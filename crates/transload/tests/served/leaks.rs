//! Planted secrets, searched for wherever anything is written.

use std::path::Path;

use regex::bytes::Regex;
use serde_json::{Value, json};
use transload_testkit::images::{Corpus, gzip_like_layer, image};
use transload_testkit::peers::sas::Sas;
use transload_testkit::peers::{DockerRegistry, DockerRegistryOptions, PASSWORD, Postgres, USER};
use transload_testkit::site::SiteOptions;

use crate::support::world::{CONTAINER, GROUP, TOKEN, VAULT};
use crate::support::{Sdk, Steps, World, push};

/// Secrets and what they are, and what finds each.
struct Planted(Vec<(&'static str, Regex)>);

impl Planted {
    fn of(secrets: &[(&'static str, String)]) -> Self {
        let found_by = |secret: &str| {
            let forms: Vec<String> = forms(secret).iter().map(|form| regex::escape(form)).collect();
            Regex::new(&forms.join("|")).unwrap()
        };
        Self(secrets.iter().map(|(what, secret)| (*what, found_by(secret))).collect())
    }

    /// Panics where one of them is seen, in whatever form a secret of text has on wires and disks.
    fn assert_absent(&self, place: &str, bytes: &[u8]) {
        for (what, finds) in &self.0 {
            assert!(!finds.is_match(bytes), "{what} is in {place}");
        }
    }
}

impl Planted {
    /// What looks for them finds them where they may be: a value in the answer that gives it to whoever may have it.
    fn assert_found(&self, world: &World) {
        let own = world.site.get(&format!("/vaults/{VAULT}/secrets/unused?api-version=7.4")).to_string();
        assert!(self.0.iter().any(|(_, finds)| finds.is_match(own.as_bytes())), "nothing is found in {own}");
    }
}

fn forms(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    let encoded = |text: &str| {
        text.bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect::<String>()
    };
    vec![
        secret.to_owned(),
        encoded(secret),
        encoded(secret).to_ascii_lowercase(),
        base64::engine::general_purpose::STANDARD.encode(secret),
        serde_json::to_string(secret).unwrap().trim_matches('"').to_owned(),
    ]
}

#[test]
fn secrets_are_nowhere_but_where_they_belong() {
    planted_and_searched_for(None);
}

#[test]
fn secrets_are_nowhere_but_where_they_belong_on_postgresql() {
    planted_and_searched_for(Some(&Postgres::start()));
}

fn planted_and_searched_for(postgres: Option<&Postgres>) {
    let ledger = postgres.map(Postgres::database);
    let mut world = World::new(SiteOptions { ledger, ..SiteOptions::default() });
    let locked =
        DockerRegistry::start_with(DockerRegistryOptions { auth: true, ..DockerRegistryOptions::default() });
    let (planted, principal) = plant(&world, &locked);
    use_them(&world, &locked);
    let shown = look_everywhere(&world, &principal);
    planted.assert_absent("an answer", shown.as_bytes());
    processes(&planted, world.site.pid());
    planted.assert_found(&world);
    world.site.kill();
    planted.assert_absent("what a process printed", world.site.told().as_bytes());
    let admin = Regex::new(&regex::escape(&world.site.admin().secret)).unwrap();
    for file in files(&world.site.data()) {
        let bytes = std::fs::read(&file).unwrap();
        planted.assert_absent(&file.display().to_string(), &bytes);
    }
    // that one is in one file, for its owner alone
    let holding: Vec<_> = files(&world.site.data())
        .into_iter()
        .filter(|file| admin.is_match(&std::fs::read(file).unwrap()))
        .collect();
    assert_eq!(holding.len(), 1, "{holding:?}");
    assert_private(&holding[0]);
    if let Some(postgres) = postgres {
        for file in files(&postgres.data_dir()) {
            // files come and go while the server runs
            let Ok(bytes) = std::fs::read(&file) else { continue };
            planted.assert_absent(&file.display().to_string(), &bytes);
        }
    }
}

/// Secrets of every kind, and the object id of a new principal.
fn plant(world: &World, locked: &DockerRegistry) -> (Planted, Value) {
    let sas = Sas::container(CONTAINER).permissions("racwdl");
    world.site.set_secret(VAULT, TOKEN, &format!("?{}", sas.token()));
    let value = "planted-value-0b4f7c91";
    world.site.set_secret(VAULT, "unused", value);
    let password_uri = world.site.set_secret(VAULT, "password", PASSWORD);
    let registry = world.site.registry(GROUP, "lockedregistry");
    let elsewhere = json!({"loginServer": locked.host(), "plainHttp": true,
        "credential": {"type": "Secret", "user": USER, "secretUri": password_uri}});
    let body = json!({"location": "here", "sku": {"name": "Premium"}, "identity": {"type": "SystemAssigned"},
        "properties": {"transload": elsewhere}});
    let made = world.site.put(&registry, &body);
    world.permit(&made);
    let (_, principal) = world.site.ask("POST", "/api/principals", &json!({"name": "planted"}));
    let secret = principal["clientSecret"].as_str().unwrap().to_owned();
    let planted = vec![
        ("a SAS token's signature", sas.signature()),
        ("a secret's value", value.to_owned()),
        ("a registry's password", PASSWORD.to_owned()),
        ("a principal's secret", secret),
    ];
    (Planted::of(&planted), principal)
}

/// Runs that succeed, runs that fail on every seam, and requests that are wrong in ways that invite an echo.
fn use_them(world: &World, locked: &DockerRegistry) {
    let mut images = Corpus::default();
    images.add("team/web", "v1", image(&[gzip_like_layer(1, 50_000)]));
    push(&world.near.host(), &images);
    let exporter = world.make_export("exporter", &[]);
    world.succeeded(&world.begin_export(&exporter, "exportrun", &["team/web:v1"], "bundle"));
    let import = json!({"location": "here", "identity": {"type": "SystemAssigned"}, "properties": {
        "trigger": {"sourceTrigger": {"status": "Disabled"}},
        "source": {"type": "AzureStorageBlobContainer", "uri": world.container(), "keyVaultUri": world.secret_uri}}});
    let registry = world.site.registry(GROUP, "lockedregistry");
    let importer = format!("{registry}/importPipelines/importer");
    let made = world.site.put(&importer, &import);
    world.permit(&made);
    let run = format!("{registry}/pipelineRuns/importrun");
    let body = json!({"properties": {"request": {"pipelineResourceId": importer,
        "source": {"type": "AzureStorageBlob", "name": "bundle"}}}});
    world.site.put(&run, &body);
    world.succeeded(&run);
    // the container is gone, so storage refuses with the token in the request
    world.azurite.request("DELETE", CONTAINER, "restype=container", &[], b"");
    world.ended(&world.begin_export(&exporter, "failingrun", &["team/web:v1"], "other"));
    let credentials = json!({"username": USER, "password": PASSWORD});
    let source =
        json!({"registryUri": locked.host(), "sourceImage": "nosuch/image:v1", "credentials": credentials});
    world.site.ask(
        "POST",
        &format!("{}/importImage", world.far_path("")),
        &json!({"source": source, "mode": "NoForce"}),
    );
    let wrong = json!({"location": "here", "properties": {"target": {"type": "AzureStorageBlobContainer",
        "uri": format!("{}?{}", world.container(), Sas::container(CONTAINER).permissions("racwdl").token())}}});
    world.site.ask("PUT", &world.near_path("/exportPipelines/withtoken"), &wrong);
    let path = format!("/vaults/{VAULT}/secrets/bad_name?api-version=7.4");
    world.site.ask("PUT", &path, &json!({"value": "planted-value-0b4f7c91"}));
}

/// Everything that the API shows, but secrets themselves.
fn look_everywhere(world: &World, principal: &Value) -> String {
    let site = &world.site;
    let mut all = String::new();
    let mut look = |path: &str| {
        for item in site.list(path) {
            all.push_str(&item.to_string());
            if let Some(id) = item["id"].as_str().filter(|id| id.starts_with("/subscriptions/")) {
                all.push_str(&site.ask("GET", id, &Value::Null).1.to_string());
            }
        }
    };
    let subscription = format!("/subscriptions/{}", site.admin().subscription);
    look(&format!("{subscription}/resources"));
    for registry in ["nearregistry", "farregistry", "lockedregistry"] {
        for kind in ["exportPipelines", "importPipelines", "pipelineRuns"] {
            look(&format!("{}/{kind}", site.registry(GROUP, registry)));
        }
    }
    for run in [world.near_path("/pipelineRuns/exportrun"), world.near_path("/pipelineRuns/failingrun")] {
        look(&format!("{run}/log"));
    }
    look(&format!("/vaults/{VAULT}/secrets?api-version=7.4"));
    ["/api/audit", "/api/principals", "/api/grants"].into_iter().for_each(&mut look);
    all.push_str(&site.try_ask("GET", "/metrics", &Value::Null).unwrap().text());
    // signing in with half a secret, and what the client says of it
    let half = &principal["clientSecret"].as_str().unwrap()[..10];
    let who = (principal["clientId"].as_str().unwrap(), half);
    let refused = Sdk::Old.try_as(
        site,
        &world.proxy,
        who,
        &Steps::default().step("list", "registries.list", json!([])),
    );
    all + &refused
}

/// The process list, environments left aside: those are for their owner alone. What this test started, and what that
/// started: others on the machine may have the same words in their mouths.
fn processes(planted: &Planted, server: u32) {
    let parent = |pid: u32| -> Option<u32> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    };
    let is_ours =
        |pid: u32| std::iter::successors(Some(pid), |pid| parent(*pid)).any(|pid| pid == std::process::id());
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let ours: Vec<u32> = all.filter(|pid| is_ours(*pid)).collect();
    assert!(ours.contains(&server), "the server {server} is not among {ours:?}");
    for pid in ours {
        if let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) {
            planted.assert_absent("the process list", &line);
        }
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}

fn assert_private(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
}
