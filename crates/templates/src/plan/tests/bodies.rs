use super::*;

const VERSION: &str = "2019-09-01";

fn vault() -> String {
    format!("{GROUP}/providers/Microsoft.KeyVault/vaults/v")
}

#[test]
fn a_body_is_what_is_sent() {
    let plan = plan_of(&resources(&[resource(
        "a",
        r#", "location": "[resourceGroup().location]", "comments": "[no(", "metadata": {"x": "[no("}, "tags": {"t": "[[x]", "u": "[x"},
            "sku": {"name": "Premium"}, "kind": "k", "zones": ["1"], "dependsOn": [], "condition": true, "scope": null, "resources": [],
            "properties": {"list": [1, 2.5, true, null], "text": "[toUpper('x')]", "[concat('k', 'ey')]": "v"}"#,
    )]))
    .unwrap();
    assert_eq!(
        plan.body(0, &World::new()).unwrap(),
        json!({"location": "here", "tags": {"t": "[x]", "u": "[x"}, "sku": {"name": "Premium"}, "kind": "k", "zones": ["1"],
            "properties": {"list": [1, 2.5, true, null], "text": "X", "key": "v"}})
    );
}

#[test]
fn references_are_asked_for_one_by_one() {
    let plan = plan_of(&resources(&[
        resource("a", ""),
        resource(
            "b",
            r#", "properties": {
                "uri": "[concat(reference(resourceId('Microsoft.KeyVault/vaults', 'v'), '2019-09-01').vaultUri, 'secrets/s')]",
                "who": "[reference(resourceId('Microsoft.Test/things', 'a'), '2023-01-01', 'Full').identity.principalId]",
                "own": "[reference('a').x]",
                "key": "[listKeys(resourceId('Microsoft.KeyVault/vaults', 'v'), '2019-09-01', createObject('n', 1)).keys[0].value]"}"#,
        ),
    ]))
    .unwrap();
    let mut world = World::new();
    let mut asked = Vec::new();
    let body = loop {
        let lookup = match plan.body(1, &world) {
            Ok(body) => break body,
            Err(error) => error.lookup().cloned().expect("an answer is missing and nothing else"),
        };
        let answer = match &lookup {
            Lookup::Reference { id, .. } if *id == vault() => {
                json!({"id": id, "properties": {"vaultUri": "https://v/"}})
            }
            Lookup::Reference { .. } => json!({"identity": {"principalId": "p"}, "properties": {"x": 5}}),
            Lookup::List { function, body, .. } => {
                assert_eq!(
                    (function.as_str(), body.as_ref().unwrap().to_json()),
                    ("listKeys", json!({"n": 1}))
                );
                json!({"keys": [{"value": "k"}]})
            }
        };
        asked.push(lookup.id().to_owned());
        world.insert(lookup, answer);
    };
    assert_eq!(asked, [vault(), plan.resources()[0].id.clone(), vault()]);
    assert_eq!(body, json!({"properties": {"uri": "https://v/secrets/s", "who": "p", "own": 5, "key": "k"}}));
}

#[test]
fn the_whole_resource_tells_its_version_and_id() {
    let plan = plan_of(r#""outputs": {"x": {"type": "array", "value": "[createArray(reference(resourceId('Microsoft.KeyVault/vaults', 'v'), '2019-09-01', 'full').apiVersion, reference(resourceId('Microsoft.KeyVault/vaults', 'v'), '2019-09-01', 'full').resourceId)]"}}"#).unwrap();
    let mut world = World::new();
    world.insert(reference(&vault(), VERSION), json!({"properties": {}}));
    let outputs = plan.outputs(&world).unwrap();
    assert_eq!(outputs[0].value.as_ref().unwrap().to_json(), json!([VERSION, vault()]));
}

#[test]
fn references_that_mean_nothing_are_refused() {
    let rows = [
        (
            "reference('nothing')",
            "The template reference 'nothing' is not valid: could not find template resource or resource copy with this name.",
        ),
        ("reference(resourceId('A.B/c', 'n'))", "an API version is required"),
        (
            "reference(resourceId('A.B/c', 'n'), '2023-01-01', 'Half')",
            "the last argument may be 'Full', and is 'Half'",
        ),
        ("reference()", "it takes a resource"),
        ("reference(5)", "one is of type 'Integer'"),
        ("listKeys('nothing', '2023-01-01')", "could not find template resource"),
        ("listKeys('nothing')", "it takes a resource, an API version"),
        ("references('nothing')", "could not find template resource"),
        ("resourceInfo('nothing')", "could not find template resource"),
    ];
    for (call, words) in rows {
        let fault = fault(output("object", &format!("[{call}]"), ""));
        assert!(fault.contains(words), "{call}: {fault}");
    }
}

#[test]
fn providers_are_asked_for_as_a_whole() {
    let plan =
        plan_of(r#""outputs": {"x": {"type": "array", "value": "[providers('A.B', 'c').apiVersions]"}}"#)
            .unwrap();
    let mut world = World::new();
    let lookup = plan.outputs(&world).unwrap_err().lookup().cloned().unwrap();
    assert_eq!(lookup.id(), format!("/subscriptions/{SUBSCRIPTION}/providers/A.B"));
    world.insert(lookup, json!({"resourceTypes": [{"resourceType": "C", "apiVersions": ["1"]}]}));
    assert_eq!(plan.outputs(&world).unwrap()[0].value.as_ref().unwrap().to_json(), json!(["1"]));
}

#[test]
fn faults_that_only_the_world_shows_name_the_resource() {
    let plan = plan_of(&resources(&[resource("b", r#", "properties": {"p": "[reference(resourceId('Microsoft.KeyVault/vaults', 'v'), '2019-09-01').gone]"}"#)])).unwrap();
    let mut world = World::new();
    world.insert(reference(&vault(), VERSION), json!({"properties": {"vaultUri": "x"}}));
    let error = plan.body(0, &world).unwrap_err();
    let words = format!(
        "Unable to process template language expressions for resource '{GROUP}/providers/Microsoft.Test/things/b' at line '1' and column '"
    );
    assert!(error.message.starts_with(&words), "{error}");
    assert!(error.message.contains("'gone'"), "{error}");
    assert_eq!(error.path.as_deref(), Some("properties.template.resources[0].properties.p"));
    assert!(plan.check(&world).is_err() && plan.check(&World::new()).is_ok());
}

#[test]
fn there_is_no_body_beyond_the_plan() {
    assert!(plan_of("").unwrap().body(0, &World::new()).is_err());
}
