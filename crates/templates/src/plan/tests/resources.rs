use super::*;

fn one(members: &str) -> Result<Plan, Error> {
    plan_of(&format!(r#""resources": [{{{members}}}]"#))
}

#[test]
fn a_resource_has_its_whole_id() {
    let plan = one(r#""type": "Microsoft.Test/things/parts/", "apiVersion": "2023-01-01", "name": "A/b", "location": "[resourceGroup().location]""#).unwrap();
    let it = &plan.resources()[0];
    assert_eq!(it.id, format!("{GROUP}/providers/Microsoft.Test/things/A/parts/b"));
    assert_eq!((it.kind.as_str(), it.name.as_str()), ("Microsoft.Test/things/parts", "A/b"));
    assert_eq!((it.api_version.as_str(), it.location.as_deref()), ("2023-01-01", Some("here")));
    assert!(it.condition && !it.existing && !it.is_nested && it.needs.is_empty());
    assert_eq!(it.path, "properties.template.resources[0]");
}

#[test]
fn names_and_types_have_matching_segments() {
    for (kind, name) in
        [("A.B/c", "n/m"), ("A.B/c/d", "n"), ("A.B/c/d", "n/"), ("A.B", "n"), ("A.B/c/d", "/m")]
    {
        let fault = fault(one(&format!(r#""type": "{kind}", "apiVersion": "2023-01-01", "name": "{name}""#)));
        let words = format!("The template resource '{name}' for type '{kind}' at line '1' and column '");
        assert!(fault.starts_with(&words), "{fault}");
        assert!(
            fault.contains("has incorrect segment lengths. A nested resource type must have identical"),
            "{fault}"
        );
    }
}

#[test]
fn resources_that_lie_in_others_take_their_names_and_wait_for_them() {
    let plan = one(r#""type": "A.B/c", "apiVersion": "2023-01-01", "name": "n", "resources": [
            {"type": "d", "apiVersion": "2023-01-01", "name": "m", "resources": [
                {"type": "e", "apiVersion": "2023-01-01", "name": "o"}]}]"#)
    .unwrap();
    let ids: Vec<&str> = plan.resources().iter().map(|one| one.id.strip_prefix(GROUP).unwrap()).collect();
    assert_eq!(ids, ["/providers/A.B/c/n", "/providers/A.B/c/n/d/m", "/providers/A.B/c/n/d/m/e/o"]);
    assert_eq!(plan.resources()[2].needs, [1]);
    assert_eq!(plan.resources()[2].path, "properties.template.resources[0].resources[0].resources[0]");
}

#[test]
fn what_a_resource_lacks_is_told_with_its_place() {
    let rows = [
        (
            r#""apiVersion": "2023-01-01", "name": "n""#,
            "Required property 'type' not found in the template resource.",
        ),
        (r#""type": "A.B/c", "apiVersion": "2023-01-01""#, "Required property 'name' not found"),
        (
            r#""type": "A.B/c", "apiVersion": "2023-01-01", "name": """#,
            "The name property cannot be null or empty.",
        ),
        (
            r#""type": "A.B/c", "apiVersion": "2023-01-01", "name": "[string('')]""#,
            "The name property cannot be null or empty.",
        ),
        (r#""type": "A.B/c", "name": "n""#, "The apiVersion property cannot be null or empty."),
        (
            r#""type": "A.B/c", "apiVersion": "2023-01-01", "name": "n", "condition": "yes""#,
            "The condition has to be of type 'Boolean', and it is of type 'String'.",
        ),
        (
            r#""type": "A.B/c", "apiVersion": "2023-01-01", "name": "[variables('v')]""#,
            "The template variable 'v' is not found",
        ),
        (
            r#""type": "A.B/c", "apiVersion": "2023-01-01", "name": "[nothing('v')]""#,
            "The template function 'nothing' is not valid.",
        ),
        (
            r#""type": "A.B/c", "apiVersion": "2023-01-01", "name": "n", "location": "[createArray()]""#,
            "The location has to be of type 'String'",
        ),
        (
            r#""type": "A.B/c", "apiVersion": "2023-01-01", "name": "n", "resourceGroup": "Other""#,
            "The resourceGroup 'Other' is another one than the deployment's, which is 'Lab'.",
        ),
        (
            r#""type": "A.B/c", "apiVersion": "2023-01-01", "name": "n", "scope": "[concat(resourceGroup().id, 'x/providers/A.B/c/o')]""#,
            "is another one than the deployment's, which is '/subscriptions/",
        ),
        (r#""type": "A.B/c", "apiVersion": "2023-01-01", "name": "n", "extension": "x""#, "of an extension"),
        (
            r#""type": "A.B/c", "apiVersion": "2023-01-01", "name": "n", "copy": {"name": "l", "count": 1, "mode": "both"}"#,
            "The copy mode 'both' is not valid",
        ),
    ];
    for (members, words) in rows {
        let error = one(members).unwrap_err();
        assert!(error.message.contains(words), "{members}: {error}");
        assert!(
            error.path.as_deref().is_some_and(|path| path.starts_with("properties.template.resources[0]")),
            "{error:?}"
        );
        assert!(error.at.is_some_and(|at| at.line == 1 && at.column > 1), "{error:?}");
    }
}

#[test]
fn an_error_names_the_resource_and_the_exact_place() {
    let text = "{\n\"resources\": [\n  {\n    \"type\": \"A.B/c\",\n    \"apiVersion\": \"2023-01-01\",\n    \"name\": \"n\",\n    \"properties\": {\"a\": [\"x\", \"[parameters('gone')]\"]}\n  }\n]}";
    let error = plan_text(text, &json!({})).unwrap_err();
    assert!(
        error.message.starts_with("Deployment template validation failed: 'The template resource 'n' at line '3' and column '3' is not valid: The template parameter 'gone' is not found."),
        "{error}"
    );
    assert_eq!(error.path.as_deref(), Some("properties.template.resources[0].properties.a[1]"));
    let at = error.at.unwrap();
    assert_eq!(at.line, 7);
}

#[test]
fn conditions_leave_the_resource_in_the_plan() {
    let sections = resources(&[
        resource("a", r#", "condition": "[equals(resourceGroup().location, 'elsewhere')]""#),
        resource("b", r#", "dependsOn": ["a"], "condition": true"#),
        resource("c", r#", "dependsOn": ["b"]"#),
    ]);
    let plan = plan_of(&sections).unwrap();
    let conditions: Vec<bool> = plan.resources().iter().map(|one| one.condition).collect();
    assert_eq!(conditions, [false, true, true]);
    assert_eq!(plan.resources()[1].needs, [] as [usize; 0]);
    assert_eq!(plan.resources()[2].needs, [1]);
}

#[test]
fn what_is_not_deployed_is_not_evaluated() {
    let broken = r#", "condition": false, "properties": {"a": "[createArray()[3]]"}"#;
    assert!(plan_of(&resources(&[resource("a", broken)])).is_ok());
    let deployed = broken.replace("false", "true");
    assert!(plan_of(&resources(&[resource("a", &deployed)])).is_err());
}

#[test]
fn a_resource_is_there_once() {
    let twice = resources(&[resource("a", ""), resource("A", "")]);
    let fault = fault(plan_of(&twice));
    assert!(fault.starts_with("The resource 'Microsoft.Test/things/A' at line '1' and column '"), "{fault}");
    assert!(fault.contains("is defined multiple times in a template."), "{fault}");
    let either =
        resources(&[resource("a", r#", "condition": true"#), resource("a", r#", "condition": false"#)]);
    assert_eq!(plan_of(&either).unwrap().resources().len(), 2);
}

#[test]
fn symbolic_names_name_resources() {
    let plan = plan_of(
        r#""languageVersion": "2.0", "resources": {
            "store": {"type": "A.B/c", "apiVersion": "2023-01-01", "name": "n"},
            "old": {"existing": true, "type": "A.B/c", "apiVersion": "2022-01-01", "name": "o", "resourceGroup": "Other"},
            "user": {"type": "A.B/c", "apiVersion": "2023-01-01", "name": "m", "dependsOn": ["store"],
                "properties": {"of": "[reference('old').x]", "id": "[resourceInfo('store').id]"}}}"#,
    )
    .unwrap();
    let symbols: Vec<_> = plan.resources().iter().map(|one| one.symbolic_name.as_deref().unwrap()).collect();
    assert_eq!(symbols, ["store", "old", "user"]);
    assert_eq!(plan.resources()[2].needs, [0, 1]);
    let old = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/Other/providers/A.B/c/o");
    assert!(plan.resources()[1].existing);
    assert_eq!(plan.resources()[1].id, old);
    let mut world = World::new();
    assert_eq!(plan.body(2, &world).unwrap_err().lookup().unwrap().id(), old);
    world.insert(reference(&old, "2022-01-01"), json!({"properties": {"x": 5}}));
    let body = plan.body(2, &world).unwrap();
    assert_eq!(body, json!({"properties": {"of": 5, "id": format!("{GROUP}/providers/A.B/c/n")}}));
}

#[test]
fn extensions_of_resources_have_their_scope_in_the_id() {
    for scope in ["[resourceId('A.B/c', 'n')]", "A.B/c/n"] {
        let plan = plan_of(&resources(&[
            r#"{"type": "A.B/c", "apiVersion": "2023-01-01", "name": "n"}"#.to_owned(),
            format!(r#"{{"type": "E.F/g", "apiVersion": "2023-01-01", "name": "m", "scope": "{scope}"}}"#),
        ]))
        .unwrap();
        assert_eq!(plan.resources()[1].id, format!("{GROUP}/providers/A.B/c/n/providers/E.F/g/m"));
        assert_eq!(plan.resources()[1].needs, [0]);
    }
}
