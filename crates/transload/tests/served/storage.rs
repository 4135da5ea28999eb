//! `transload storage`, and the CONNECT listener's way to registered storage accounts.

use serde_json::Value;
use transload_testkit::cli::Cli;
use transload_testkit::peers::{Azurite, AzuriteOptions};
use transload_testkit::site::{DOMAIN, Site, SiteOptions};

use crate::support::{site, transload};

const ACCOUNT: &str = "outerstore";
/// A key as long as those of real accounts, in Base64.
const KEY: &str = "c3RvcmFnZS1rZXktZm9yLXRlc3RzLW9ubHktc3RvcmFnZS1rZXktZm9yLXRlc3RzLW9ubHktc3RvcmFnZS1rZXk=";

/// A store with TLS by the site's authority, and the program of a person who has a context.
fn set_up() -> (Site, Azurite, Cli) {
    let site = site(SiteOptions { workers: 0, connect: true, ..SiteOptions::default() });
    let domain = format!("*.blob.storage.{DOMAIN}");
    let identity = site.pki().server(&["127.0.0.1", "localhost", &domain]);
    let azurite = Azurite::start_with(&AzuriteOptions {
        tls: Some((identity, site.pki().ca_pem())),
        accounts: vec![(ACCOUNT.to_owned(), KEY.to_owned())],
    });
    site.make_group("lab");
    site.make_vault("lab", "storevault");
    let me = site.get("/api/whoami")["principalId"].as_str().unwrap().to_owned();
    site.permit("lab", "storevault", &me, &["all"]);
    site.set_secret("storevault", "key", KEY);
    let cli = transload();
    let (file, ca) = (site.data().join("administrator.json"), site.ca_file());
    let add = ["context", "add", "lab", "--file", file.to_str().unwrap(), "--ca-file", ca.to_str().unwrap()];
    cli.run([&add[..], &["--group", "lab"]].concat()).ok();
    (site, azurite, cli)
}

#[test]
fn an_account_is_registered_reached_by_its_name_and_forgotten() {
    let (site, azurite, cli) = set_up();
    let endpoint = format!("{}/{ACCOUNT}", azurite.endpoint().url());
    let create = ["storage", "create", ACCOUNT, "--endpoint", &endpoint, "--key-secret", "storevault/key"];
    let said = cli.run([&create[..], &["--output", "json"]].concat()).ok();
    let made: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(made["properties"]["transload"]["endpoint"], endpoint.as_str(), "{made}");
    // the account's own identity may read the key, and whoever may have it is given it
    let keys = format!("{}/listKeys", made["id"].as_str().unwrap());
    let (status, keys) = site.ask("POST", &keys, &Value::Null);
    assert_eq!((status, &keys["keys"][0]["value"]), (200, &Value::from(KEY)), "{keys}");
    assert!(!said.stdout.contains(KEY));

    let ca = site.ca_file();
    let url = format!("{}/?comp=list", site.account_url(ACCOUNT));
    let asked = ["-sS", "-i", "--proxy", &site.connect_url(), "--cacert", ca.to_str().unwrap(), &url];
    let answer = Cli::new("curl").run(asked).ok().stdout;
    assert!(answer.contains("x-ms-request-id"), "no store answered: {answer}");
    let other = format!("{}/", site.account_url("nosuchstore"));
    let refused = Cli::new("curl").run(["-sS", "-v", "--proxy", &site.connect_url(), &other]);
    assert!(refused.stderr.contains("no storage account is registered as nosuchstore"), "{}", refused.stderr);

    assert!(cli.run(["storage", "list"]).ok().stdout.contains(ACCOUNT));
    assert!(cli.run(["storage", "show", ACCOUNT]).ok().stdout.contains("storevault"));
    assert_eq!(cli.run(["storage", "delete", ACCOUNT]).code(), 2, "it is not asked");
    cli.run(["storage", "delete", ACCOUNT, "--yes"]).ok();
    assert!(cli.run(["storage", "list"]).ok().stdout.contains("no storage account yet"));
}

#[test]
fn an_account_without_tls_is_not_tunnelled_to() {
    let (site, _azurite, cli) = set_up();
    let plain = Azurite::start();
    let name = transload_testkit::peers::ACCOUNT;
    let endpoint = plain.account_url();
    let said = cli.run(["storage", "create", name, "--endpoint", &endpoint, "--query", "properties"]).ok();
    assert!(said.stdout.contains("blob.storage"), "{}", said.stdout);
    let url = format!("{}/", site.account_url(name));
    let refused = Cli::new("curl").run(["-sS", "-v", "--proxy", &site.connect_url(), &url]);
    assert!(refused.stderr.contains("registered without TLS"), "{}", refused.stderr);
}
