use super::*;

#[test]
fn outputs_have_their_types() {
    let rows = [
        ("string", "[concat('a', 'b')]", Ok(json!("ab"))),
        ("STRING", "x", Ok(json!("x"))),
        ("int", "[add(1, 2)]", Ok(json!(3))),
        ("bool", "[equals(1, 1)]", Ok(json!(true))),
        ("array", "[createArray(1)]", Ok(json!([1]))),
        ("object", "[createObject('a', 1)]", Ok(json!({"a": 1}))),
        (
            "int",
            "3",
            Err(
                "The template output 'x' is not valid: Template output JToken type is not valid. Expected 'Integer'. Actual 'String'.",
            ),
        ),
        ("string", "[null()]", Err("Expected 'String, Uri'. Actual 'Null'.")),
        ("text", "x", Err("The template output 'x' has the type 'text', which there is not.")),
    ];
    for (kind, value, wanted) in rows {
        match (output(kind, value, ""), wanted) {
            (Ok(is), Ok(wanted)) => assert_eq!(is, wanted),
            (is, Err(words)) => {
                let fault = fault(is);
                assert!(fault.contains(words), "{kind} {value}: {fault}");
            }
            (Err(error), _) => panic!("{kind} {value}: {error}"),
        }
    }
}

#[test]
fn outputs_have_conditions_and_loops_and_secrets() {
    let plan = plan_of(
        r#""outputs": {
            "no": {"type": "string", "condition": "[equals(1, 2)]", "value": "[createArray()[2]]"},
            "many": {"type": "array", "copy": {"count": 3, "input": "[copyIndex(1)]"}},
            "secret": {"type": "securestring", "value": "hunter2"},
            "null": {"type": "string", "nullable": true, "value": null}}"#,
    )
    .unwrap();
    let outputs = plan.outputs(&World::new()).unwrap();
    let names: Vec<&str> = outputs.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["many", "secret", "null"]);
    assert_eq!(outputs[0].value.as_ref().unwrap().to_json(), json!([1, 2, 3]));
    assert_eq!((outputs[1].kind.as_str(), &outputs[1].value), ("SecureString", &None));
    assert_eq!(outputs[2].value, Some(Value::Null));
}

#[test]
fn a_fault_of_an_output_has_its_place() {
    let error =
        plan_of("\n\"outputs\": {\n  \"x\": {\"type\": \"string\", \"value\": \"[createArray()[2]]\"}}")
            .unwrap_err();
    assert_eq!(error.path.as_deref(), Some("properties.template.outputs.x.value"));
    assert_eq!(error.at.unwrap().line, 3);
    assert!(
        error
            .message
            .starts_with("Deployment template validation failed: 'The template output 'x' is not valid: "),
        "{error}"
    );
}

#[test]
fn what_a_secret_went_into_is_hidden_whatever_its_type() {
    let shown = |value: &str| {
        let sections = format!(
            r#""parameters": {{"s": {{"type": "securestring", "defaultValue": "hunter2"}}, "n": {{"type": "string", "defaultValue": "a"}}}},
               "variables": {{"v": "[concat('x', parameters('s'))]"}}, "outputs": {{"x": {value}}}"#
        );
        plan_of(&sections).unwrap().outputs(&World::new()).unwrap()[0].value.clone()
    };
    for value in [
        r#"{"type": "string", "value": "[parameters('s')]"}"#,
        r#"{"type": "string", "value": "[base64(variables('v'))]"}"#,
        r#"{"type": "object", "value": {"a": ["[parameters('s')]"]}}"#,
        r#"{"type": "int", "value": "[length(parameters('s'))]"}"#,
        r#"{"type": "array", "copy": {"count": 1, "input": "[variables('v')]"}}"#,
    ] {
        assert_eq!(shown(value), None, "{value}");
    }
    assert_eq!(shown(r#"{"type": "bool", "value": "[empty(parameters('s'))]"}"#), Some(Value::Bool(false)));
    assert_eq!(shown(r#"{"type": "string", "value": "[parameters('n')]"}"#), Some(Value::from("a")));
}

#[test]
fn all_answers_that_are_missing_are_asked_for_at_once() {
    let of = |name: &str| format!("reference('{GROUP}/providers/A.B/c/{name}', '2023-01-01').x");
    let sections = format!(
        r#""outputs": {{"x": {{"type": "array", "value": ["[{}]", "[concat({}, {})]"]}}, "y": {{"type": "object", "value": {{"a": "[{}]"}}}}}}"#,
        of("a"),
        of("b"),
        of("c"),
        of("d")
    );
    let plan = plan_of(&sections).unwrap();
    let error = plan.outputs(&World::new()).unwrap_err();
    let asked: Vec<&str> = error.lookups().iter().map(|one| one.id().rsplit('/').next().unwrap()).collect();
    assert_eq!(asked, ["a", "b", "c", "d"]);
    let mut world = World::new();
    for lookup in error.lookups() {
        world.insert(lookup.clone(), json!({"properties": {"x": "1"}}));
    }
    assert!(error.lookups().iter().all(|lookup| world.answers(lookup)));
    assert_eq!(plan.outputs(&world).unwrap()[0].value.as_ref().unwrap().to_json(), json!(["1", "11"]));
    let each = format!(
        "[map(range(0, 3), lambda('i', reference(format('{GROUP}/providers/A.B/c/m{{0}}', lambdaVariables('i')), '2023-01-01').x))]"
    );
    let mapped = plan_of(&format!(r#""outputs": {{"x": {{"type": "array", "value": "{each}"}}}}"#)).unwrap();
    assert_eq!(mapped.outputs(&World::new()).unwrap_err().lookups().len(), 3);
    // what is wrong with one part is not hidden by what another waits for
    let wrong =
        format!(r#""outputs": {{"x": {{"type": "array", "value": ["[{}]", "[int('no')]"]}}}}"#, of("a"));
    assert!(plan_of(&wrong).is_err());
}
