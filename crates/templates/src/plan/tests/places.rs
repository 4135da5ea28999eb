//! Which function may stand where.

use super::*;

const REFERENCE: &str = "The template function 'reference' is not expected at this location.";

#[test]
fn functions_that_ask_the_world_stand_in_what_is_sent_and_in_outputs_only() {
    let call = "[reference('x', '2023-01-01').a]";
    let rows = [
        format!(r#""variables": {{"v": "{call}"}}"#),
        format!(r#""parameters": {{"p": {{"type": "string", "defaultValue": "{call}"}}}}"#),
        resources(&[resource(call, "")]),
        resources(&[resource("a", &format!(r#", "condition": "{call}""#))]),
        resources(&[resource("a", &format!(r#", "dependsOn": ["{call}"]"#))]),
        resources(&[resource("a", &format!(r#", "location": "{call}""#))]),
        resources(&[resource("a", &format!(r#", "sku": {{"name": "{call}"}}"#))]),
        format!(r#""outputs": {{"x": {{"type": "string", "condition": "{call}", "value": ""}}}}"#),
    ];
    for sections in rows {
        let error = plan_of(&sections).unwrap_err();
        assert!(error.message.contains(REFERENCE), "{sections}: {error}");
        assert!(
            error.path.as_deref().is_some_and(|path| path.starts_with("properties.template.")),
            "{error:?}"
        );
        assert!(error.at.is_some());
    }
    let keys = r#""variables": {"v": "[listKeys('x', '2023-01-01')]"}"#;
    assert!(fault(plan_of(keys)).contains(
        "The template variable 'v' is not valid: The template function 'listKeys' is not expected"
    ));
}

#[test]
fn the_hour_and_guids_stand_in_defaults_only() {
    for call in ["utcNow()", "newGuid()"] {
        let fault = fault(output("string", &format!("[{call}]"), ""));
        let words =
            format!("The template function '{}' is not expected at this location.", &call[..call.len() - 2]);
        assert!(fault.contains(&words) && fault.contains("default values of parameters only"), "{fault}");
    }
}

#[test]
fn defaults_know_no_variables_and_no_loops() {
    for call in ["variables('v')", "copyIndex()"] {
        let sections = format!(
            r#""variables": {{"v": 1}}, "parameters": {{"p": {{"type": "int", "defaultValue": "[{call}]"}}}}"#
        );
        assert!(fault(plan_of(&sections)).contains("is not expected at this location."), "{call}");
    }
}

#[test]
fn faults_of_expressions_are_found_though_nothing_uses_them() {
    let rows = [
        (r#""variables": {"v": "[concat('a'"}"#, None),
        (r#""variables": {"v": "[concat('a']"}"#, Some("The template variable 'v' is not valid: ")),
        (r#""variables": {"v": "[conct('a')]"}"#, Some("The template function 'conct' is not valid.")),
        (r#""variables": {"v": {"[conct('a')]": 1}}"#, Some("The template function 'conct' is not valid.")),
        (r#""variables": {"v": "[parameters('p')]"}"#, Some("The template parameter 'p' is not found.")),
        (
            r#""outputs": {"x": {"type": "string", "value": "[variables('w')]"}}"#,
            Some("The template variable 'w' is not found."),
        ),
    ];
    for (sections, words) in rows {
        let plan = plan_of(sections);
        match words {
            None => assert!(plan.is_ok(), "{sections}"),
            Some(words) => {
                let fault = fault(plan);
                assert!(fault.contains(words), "{sections}: {fault}");
            }
        }
    }
}

#[test]
fn variables_are_evaluated_when_they_are_used() {
    // as Microsoft's own templates have it: with an empty parameter the branch is never chosen
    let sections = |identity: &str| {
        format!(
            r#""parameters": {{"id": {{"type": "string", "defaultValue": "{identity}"}}}},
            "variables": {{
                "system": {{"type": "SystemAssigned"}},
                "user": {{"type": "UserAssigned", "userAssignedIdentities": {{"[parameters('id')]": {{}}}}}},
                "broken": "[createArray()[1]]"}}, {}"#,
            resources(&[resource(
                "a",
                r#", "identity": "[if(not(empty(parameters('id'))), variables('user'), variables('system'))]""#
            )])
        )
    };
    let body = |identity: &str| plan_of(&sections(identity)).unwrap().body(0, &World::new()).unwrap();
    assert_eq!(body(""), json!({"identity": {"type": "SystemAssigned"}}));
    assert_eq!(
        body("/x"),
        json!({"identity": {"type": "UserAssigned", "userAssignedIdentities": {"/x": {}}}})
    );
}

#[test]
fn variables_in_a_circle_are_refused() {
    let variables = r#""variables": {"a": "[variables('b')]", "b": {"c": "[variables('A')]"}}"#;
    let error = output("object", "[variables('b')]", variables).unwrap_err();
    assert!(
        error.message.contains("Circular dependency detected on template variable: 'b' -> 'a' -> 'b'"),
        "{error}"
    );
}

#[test]
fn functions_of_the_template_see_their_own_parameters_only() {
    let functions = |value: &str| {
        format!(
            r#""parameters": {{"p": {{"type": "string", "defaultValue": "outer"}}}}, "functions": [{{"namespace": "my", "members": {{
                "f": {{"parameters": [{{"name": "a", "type": "string"}}, {{"name": "n", "type": "int"}}], "output": {{"type": "string", "value": "{value}"}}}}}}}}]"#
        )
    };
    let good = functions("[concat(parameters('A'), string(parameters('n')), resourceGroup().name)]");
    assert_eq!(output("string", "[my.f('x', 5)]", &good).unwrap(), json!("x5Lab"));
    assert_eq!(output("string", "[MY.F('x', 5)]", &good).unwrap(), json!("x5Lab"));
    let default = good.replace("\"outer\"", "\"[my.f('y', 6)]\"");
    assert_eq!(output("string", "[parameters('p')]", &default).unwrap(), json!("y6Lab"));
    let rows = [
        ("[my.f('x')]", good.clone(), "function requires 2 argument(s) while 1 were provided"),
        (
            "[my.f(5, 5)]",
            good.clone(),
            "Expected a value of type 'String, Uri', but received a value of type 'Integer'",
        ),
        ("[my.g('x', 5)]", good, "The template function 'my.g' is not valid."),
        ("[my.f('x', 5)]", functions("[parameters('p')]"), "The template parameter 'p' is not found."),
        (
            "[my.f('x', 5)]",
            functions("[variables('v')]"),
            "The template function 'variables' is not expected at this location.",
        ),
        ("[my.f('x', 5)]", functions("[reference('v').x]"), REFERENCE),
        ("[my.f('x', 5)]", functions("[parameters('n')]"), "Expected 'String, Uri'. Actual 'Integer'."),
        ("[my.f('x', 5)]", functions("[my.f('x', 5)]"), "deep"),
    ];
    for (call, sections, words) in rows {
        let fault = fault(output("string", call, &sections));
        assert!(fault.contains(words), "{call} {sections}: {fault}");
    }
}

#[test]
fn the_documents_name_every_function_of_the_deployment() {
    let page = include_str!("../../../../../docs/TEMPLATES.md");
    let (_, rest) = page.split_once("## Functions of the deployment").expect("a chapter of them");
    let (chapter, _) = rest.split_once("\n## ").expect("a chapter behind it");
    let cells = chapter.lines().filter_map(|line| line.strip_prefix("| ")?.split('|').nth(1));
    let cells: String = cells.collect();
    let named: Vec<&str> = cells.split('`').skip(1).step_by(2).collect();
    let empty = Template::read(&Node::from_json(&json!({"resources": []})), &Limits::default()).unwrap();
    for name in &named {
        assert!(super::super::scope::is_known(&empty, name.trim_end_matches('*')), "{name} is no function");
    }
    for name in [
        "parameters",
        "variables",
        "copyIndex",
        "deployment",
        "utcNow",
        "newGuid",
        "reference",
        "list*",
        "resourceId",
    ] {
        assert!(named.contains(&name), "{name} is not in the table");
    }
}
