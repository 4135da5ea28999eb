//! "Problems accessing Key Vault", "Problems accessing storage".

use serde_json::{Value, json};
use transload_testkit::peers::Azurite;

use super::{WEB, one};
use crate::support::{Lab, Side, assert_said, push};

/// Where a token that is no good has to be replaced, as the message says it.
const PUT_IT_THERE: &str = "az keyvault secret set --vault-name sourcevault --name transfersas";

#[test]
fn a_token_that_is_no_good_is_said_to_be_and_why() {
    let lab = Lab::new();
    push(&lab.host(Side::Source), &one(1));
    let exporter = lab.pipeline(Side::Source, "exporter", &json!({}));
    let fail = |name: &str, token: &str| {
        lab.keep_token(Side::Source, token);
        let told = lab.failed_run(Side::Source, name, &exporter, &[WEB, "targetName=bundle"]);
        assert_said(&told, &[name]);
        let signature = token.split_once("sig=").map_or(token, |(_, signature)| signature);
        assert!(!told.contains(signature), "the token is in what was printed: {told}");
        told
    };
    let sas = |options: &[&str]| lab.sas(Side::Source, options);
    let old = sas(&["--permissions", "alrw", "--expiry", "2021-01-01"]);
    assert_said(
        &fail("expired", &old),
        &["the SAS token expired 2021-01-01", "a later 'se'", "SasExpired", PUT_IT_THERE],
    );
    let early = sas(&["--permissions", "alrw", "--start", "2098-01-01"]);
    assert_said(&fail("tooearly", &early), &["not valid before 2098-01-01", "earlier 'st'", PUT_IT_THERE]);
    let reading = sas(&["--permissions", "rl"]);
    assert_said(&fail("readonly", &reading), &["allows 'rl'", "'w' (write)", "sp=r", PUT_IT_THERE]);
    let types = lab.account_sas(Side::Source, "c", "alrw");
    assert_said(
        &fail("sometypes", &types),
        &["srt=c", "'o' (blobs)", "or a SAS for the container", PUT_IT_THERE],
    );
    let other = sas(&["--permissions", "alrw", "--name", "elsewhere"]);
    let told = fail("othercontainer", &other);
    assert_said(
        &told,
        &["does not accept the SAS token's signature", "another container or account", PUT_IT_THERE],
    );
    // what the article makes is enough
    lab.keep_token(Side::Source, &sas(&["--permissions", "alrw", "--https-only"]));
    lab.run(Side::Source, "enough", &exporter, &[WEB, "targetName=bundle"]);
}

#[test]
fn a_token_for_https_alone_is_not_sent_in_the_clear() {
    let lab = Lab::new();
    push(&lab.host(Side::Source), &one(1));
    let bare = Azurite::start();
    let uri = format!("{}/{}/transfer", bare.endpoint().url(), Side::Source.account());
    let exporter = lab.pipeline(Side::Source, "exporter", &json!({"uri": uri}));
    lab.keep_token(Side::Source, &lab.sas(Side::Source, &["--permissions", "alrw", "--https-only"]));
    let told = lab.failed_run(Side::Source, "inclear", &exporter, &[WEB, "targetName=bundle"]);
    assert_said(&told, &["HTTPS", "https://"]);

    // an identity that may not read the vault is named, with what it lacks and the command that gives it
    let exporter = lab.unpermitted_pipeline(Side::Source, "unpermitted", &json!({}));
    let made = lab.site.get(&exporter);
    let principal = made["identity"]["principalId"].as_str().unwrap();
    let run = |name: &str| lab.failed_run(Side::Source, name, &exporter, &[WEB, "targetName=bundle"]);
    let grant =
        format!("az keyvault set-policy --name sourcevault --object-id {principal} --secret-permissions get");
    assert_said(&run("denied"), &[principal, "transfersas", "no access policy gives it 'get'", &grant]);
    // the command is good as it stands
    let grant: Vec<&str> = grant.split_whitespace().skip(1).collect();
    lab.az.ok(&grant);
    lab.run(Side::Source, "denied", &exporter, &[WEB, "targetName=bundle", "forceUpdateTag=2"]);

    let wrong = format!("{}/secrets/transfersass", lab.site.vault_url(Side::Source.vault()));
    let exporter = lab.pipeline(Side::Source, "misspelled", &json!({"keyVaultUri": wrong}));
    let told = lab.failed_run(Side::Source, "nosecret", &exporter, &[WEB, "targetName=bundle"]);
    assert_said(&told, &["'transfersass' of vault 'sourcevault'", "no such secret", "--name transfersass"]);
    import_without_delete(&lab);
}

/// A bundle that may not be deleted was imported all the same, and the run says what it lacked.
fn import_without_delete(lab: &Lab) {
    lab.keep_token(Side::Source, &lab.sas(Side::Source, &["--permissions", "alrw"]));
    let exporter = lab.pipeline(Side::Source, "exporter", &json!({}));
    lab.run(Side::Source, "exported", &exporter, &[WEB, "targetName=forth"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("forth");
    let file = file.to_str().unwrap();
    lab.store(Side::Source, &["blob", "download", "-c", "transfer", "-n", "forth", "-f", file]);
    lab.store(Side::Target, &["blob", "upload", "-c", "transfer", "-n", "forth", "-f", file]);
    lab.keep_token(Side::Target, &lab.sas(Side::Target, &["--permissions", "rl"]));
    a_trigger_that_cannot_list(lab);
    let options = json!({"options": ["DeleteSourceBlobOnSuccess"]});
    let importer = lab.pipeline(Side::Target, "importer", &options);
    lab.run(Side::Target, "imported", &importer, &["sourceName=forth"]);
    crate::support::assert_whole(&lab.host(Side::Target), &one(1));
    let run =
        format!("{}/pipelineRuns/imported", lab.site.registry(Side::Target.group(), Side::Target.registry()));
    let shown = lab.az.ok(&["resource", "show", "--ids", &run, "--api-version", "2025-06-01-preview"]);
    let shown: Value = crate::support::json_of(&shown);
    assert_said(
        &shown["properties"]["response"]["transload"]["warnings"].to_string(),
        &["the blob stays", "'d' (delete)", "sp=rdl"],
    );
}

/// "Problems with Source Trigger Imports": what nobody sees in `az` is seen by asking the server to try.
fn a_trigger_that_cannot_list(lab: &Lab) {
    let elsewhere = format!("{}/inbox", lab.container(Side::Target));
    lab.pipeline(Side::Target, "listless", &json!({"uri": elsewhere, "trigger": "Enabled"}));
    let good = lab.check(Side::Target, "listless");
    assert!(good.status.success(), "{}", good.stderr);
    lab.keep_token(Side::Target, &lab.sas(Side::Target, &["--permissions", "r"]));
    let told = lab.check(Side::Target, "listless");
    assert_ne!(told.code(), 0, "{}", told.stdout);
    assert_said(&told.stderr, &["allows 'r'", "'l' (list)"]);
    lab.keep_token(Side::Target, &lab.sas(Side::Target, &["--permissions", "rl"]));
}
