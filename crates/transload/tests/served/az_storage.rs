//! `az storage` and pipelines with a storage account that is registered: its name leads to where it is, and its key comes out
//! of the vault.

use serde_json::{Value, json};
use transload_testkit::images::{Corpus, gzip_like_layer, image};
use transload_testkit::peers::{ACCOUNT, ACCOUNT_KEY, Az, AzLogin};
use transload_testkit::site::SiteOptions;

use crate::support::world::{CONTAINER, GROUP, VAULT};
use crate::support::{World, assert_whole, export_pipeline, import_pipeline, push};

fn az(world: &World) -> Az {
    let admin = world.site.admin();
    let login = AzLogin { tenant: &admin.tenant, client_id: &admin.client_id, secret: &admin.secret };
    Az::sign_in(&world.site.url(), &world.proxy.url(), &world.site.ca_file(), login)
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Registers the store's account, with its key in the vault; its own identity may read that.
fn register(world: &World) {
    let secret = world.site.set_secret(VAULT, "store-key", ACCOUNT_KEY);
    let path = format!("{}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}", world.site.group(GROUP));
    let endpoint = format!("{}/{ACCOUNT}", world.to_store.url());
    let made = world.site.put(
        &path,
        &json!({"location": "westus", "identity": {"type": "SystemAssigned"},
            "properties": {"transload": {"endpoint": endpoint, "keySecretUri": secret}}}),
    );
    world.permit(&made);
}

#[test]
fn a_registered_account_is_listed_and_gives_keys_and_tokens() {
    let world = World::new(SiteOptions { workers: 0, ..SiteOptions::default() });
    let az = az(&world);
    let told = |arguments: &[&str]| json_of(&az.ok(arguments));
    let refused = az.run(&["storage", "account", "create", "-g", GROUP, "-n", ACCOUNT, "-l", "westus"]);
    assert_ne!(refused.code(), 0);
    assert!(refused.stderr.contains("transload storage create"), "{}", refused.stderr);
    register(&world);
    let shown = told(&["storage", "account", "show", "-n", ACCOUNT]);
    assert_eq!(shown["primaryEndpoints"]["blob"], format!("{}/", world.site.account_url(ACCOUNT)));
    assert_eq!(told(&["storage", "account", "list"])[0]["name"], ACCOUNT);
    let table = az.ok(&["storage", "account", "list", "-o", "table"]);
    assert!(table.contains(ACCOUNT) && table.contains(GROUP), "{table}");
    assert_eq!(told(&["storage", "account", "keys", "list", "-n", ACCOUNT])[0]["value"], ACCOUNT_KEY);
    let listed = told(&["resource", "list", "--resource-type", "Microsoft.Storage/storageAccounts"]);
    assert_eq!((&listed[0]["name"], &listed[0]["kind"]), (&json!(ACCOUNT), &json!("StorageV2")));
    // as the article does it: without a key
    let token = az.ok(&[
        "storage",
        "container",
        "generate-sas",
        "--account-name",
        ACCOUNT,
        "--name",
        CONTAINER,
        "--expiry",
        "2099-01-01",
        "--permissions",
        "alrw",
        "--https-only",
        "-o",
        "tsv",
    ]);
    assert!(token.contains("spr=https") && token.contains("sig="), "{token}");
    az.ok(&["storage", "account", "delete", "-n", ACCOUNT, "-g", GROUP, "--yes"]);
    assert_eq!(told(&["storage", "account", "list"]), json!([]));
}

#[test]
fn bundles_go_through_an_account_by_its_name() {
    let world = World::new(SiteOptions::default());
    let mut images = Corpus::default();
    images.add("team/web", "v1", image(&[gzip_like_layer(1, 100_000)]));
    push(&world.near.host(), &images);
    // clients write it in lower case, with the port of the suffix
    let container = format!("{}/{CONTAINER}", world.site.account_url(ACCOUNT));
    let exporter = world.near_path("/exportPipelines/exporter");
    let (status, refused) =
        world.site.ask("PUT", &exporter, &export_pipeline(&container, &world.secret_uri, &[]));
    assert_eq!(
        (status, &refused["error"]["code"]),
        (400, &json!("StorageAccountNotRegistered")),
        "{refused}"
    );
    register(&world);
    // the vault by its path is as good as by its host
    let by_path = format!("{}/vaults/{VAULT}/secrets/transfer-sas", world.site.url());
    let made = world.site.put(&exporter, &export_pipeline(&container, &by_path, &[]));
    world.permit(&made);
    let run = world.begin_export(&exporter, "exportrun", &["team/web:v1"], "bundle");
    let ended = world.succeeded(&run);
    // what people see is what they wrote
    assert_eq!(ended["properties"]["response"]["target"]["uri"], format!("{container}/bundle"));
    assert!(world.azurite.get_blob(CONTAINER, "bundle").is_some());
    let again = world.ended(&world.begin_export(&exporter, "missingrun", &["team/wbe:v1"], "bundle2"));
    assert_eq!(again["properties"]["provisioningState"], "Failed");
    let importer = world.far_path("/importPipelines/importer");
    let made = world.site.put(&importer, &import_pipeline(&container, &world.secret_uri, &[], false));
    world.permit(&made);
    let missing = world.ended(&world.begin_import(&importer, "absentrun", "nosuchblob"));
    let why = missing["properties"]["response"]["pipelineRunErrorMessage"].as_str().unwrap().to_owned();
    assert!(why.contains(&format!("{container}/nosuchblob")), "{why}");
    // a copy by the store itself is as good as the bundle
    let az = az(&world);
    let blob = |words: &[&str]| {
        let at = ["--account-name", ACCOUNT, "--account-key", ACCOUNT_KEY, "--blob-endpoint"];
        let endpoint = format!("http://{}/{ACCOUNT}", world.azurite.addr());
        json_of(&az.ok(&[&["storage", "blob"], words, &at, &[endpoint.as_str()]].concat()))
    };
    let from = ["--source-container", CONTAINER, "--source-blob", "bundle", "-c", CONTAINER, "-b", "copy"];
    let copied = blob(&[&["copy", "start"][..], &from].concat());
    assert_eq!(copied["copy_status"], "success", "{copied}");
    assert_eq!(blob(&["list", "-c", CONTAINER, "--query", "[].name"]), json!(["bundle", "copy"]));
    world.succeeded(&world.begin_import(&importer, "importrun", "copy"));
    assert_whole(&world.far.host(), &images);
}
