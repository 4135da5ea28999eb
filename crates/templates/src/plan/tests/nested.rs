use super::*;

/// A nested deployment `n` with more members and properties.
fn deployment(more: &str, properties: &str, sections: &str) -> String {
    format!(
        r#"{{"type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "n"{more},
            "properties": {{"mode": "Incremental"{properties}, "template": {}}}}}"#,
        template(sections)
    )
}

const INNER: &str = r#", "expressionEvaluationOptions": {"scope": "Inner"}"#;

/// Deploys the nested template as a server would.
fn deploy(nested: &crate::NestedDeployment) -> Plan {
    let limits = Limits::default();
    let read = Template::read(&nested.template, &limits).unwrap();
    let given = nested.parameters.iter();
    let value = |value: &Value| value.as_object().unwrap().get("value").unwrap().clone();
    let given = given.map(|(name, given)| (name.to_owned(), ParameterGiven::Value(value(given)))).collect();
    plan(Arc::new(read), &given, &Setting { nested_in: 1, ..setting() }, &limits).unwrap()
}

#[test]
fn an_inner_scope_is_the_nested_templates_own() {
    let inner = r#""parameters": {"p": {"type": "string"}}, "variables": {"v": "inner"}, "outputs": {"x": {"type": "string", "value": "[concat(variables('v'), parameters('p'))]"}}"#;
    let given = format!(r#"{INNER}, "parameters": {{"p": {{"value": "[variables('v')]"}}}}"#);
    let sections =
        format!(r#""variables": {{"v": "outer"}}, {}"#, resources(&[deployment("", &given, inner)]));
    let plan = plan_of(&sections).unwrap();
    assert!(plan.resources()[0].is_nested && !plan.resources()[0].is_outer);
    let nested = plan.nested(0, &World::new()).unwrap();
    assert_eq!((nested.name.as_str(), nested.mode.as_str()), ("n", "Incremental"));
    assert_eq!(Value::Object(nested.parameters.clone()).to_json(), json!({"p": {"value": "outer"}}));
    let outputs = deploy(&nested).outputs(&World::new()).unwrap();
    assert_eq!(outputs[0].value, Some(Value::from("innerouter")));
}

#[test]
fn an_outer_scope_is_evaluated_before() {
    let inner = format!(
        r#""variables": {{"v": "inner"}}, "outputs": {{"x": {{"type": "string", "value": "[variables('v')]"}}, "y": {{"type": "string", "value": "[[literal]"}}}}, {}"#,
        resources(&[
            resource(
                "[concat('t', copyIndex())]",
                r#", "copy": {"name": "l", "count": 2}, "properties": {"v": "[variables('v')]", "i": "[copyIndex('l')]"}"#
            ),
            resource("z", r#", "dependsOn": ["l"], "tags": {"[variables('v')]": "[variables('odd')]"}"#),
        ])
    );
    let sections = format!(
        r#""variables": {{"v": "outer", "odd": "[[x]"}}, {}"#,
        resources(&[deployment("", "", &inner)])
    );
    let plan = plan_of(&sections).unwrap();
    assert!(plan.resources()[0].is_outer);
    let inner = deploy(&plan.nested(0, &World::new()).unwrap());
    assert_eq!(needs(&inner)[2].1, ["t0", "t1"]);
    let world = World::new();
    assert_eq!(inner.body(1, &world).unwrap(), json!({"properties": {"v": "outer", "i": 1}}));
    assert_eq!(inner.body(2, &world).unwrap(), json!({"tags": {"outer": "[x]"}}));
    let values: Vec<Json> =
        inner.outputs(&world).unwrap().iter().map(|one| one.value.as_ref().unwrap().to_json()).collect();
    assert_eq!(values, [json!("outer"), json!("[literal]")]);
}

#[test]
fn secrets_do_not_get_into_the_text_of_an_outer_template() {
    let inner = resources(&[resource(
        "a",
        r#", "properties": {"s": "[concat('x-', parameters('s'))]", "o": "[createArray(variables('of'))]", "plain": "[parameters('p')]",
            "copy": [{"name": "many", "count": 2, "input": "[concat(parameters('s'), copyIndex('many'))]"}]}"#,
    )]);
    let sections = format!(
        r#""parameters": {{"s": {{"type": "securestring"}}, "p": {{"type": "string"}}}}, "variables": {{"of": {{"deep": "[parameters('s')]"}}}}, {}"#,
        resources(&[deployment("", "", &inner)])
    );
    let plan = plan_given(&sections, &json!({"s": "hunter2", "p": "plain"})).unwrap();
    let nested = plan.nested(0, &World::new()).unwrap();
    let text = nested.template.to_json().to_string();
    assert!(!text.contains("hunter2") && text.contains("plain"), "{text}");
    assert!(!format!("{nested:?}").contains("hunter2"));
    let inner = deploy(&nested);
    assert!(inner.parameters().iter().all(|one| one.value.is_none()));
    assert_eq!(
        inner.body(0, &World::new()).unwrap()["properties"],
        json!({"s": "x-hunter2", "o": [{"deep": "hunter2"}], "plain": "plain", "many": ["hunter20", "hunter21"]})
    );
}

#[test]
fn an_inner_template_inside_an_outer_one_stays_as_it_is() {
    let innermost = deployment(
        "",
        &format!(r#"{INNER}, "parameters": {{"p": {{"value": "[variables('v')]"}}}}"#),
        r#""parameters": {"p": {"type": "string"}}, "outputs": {"x": {"type": "string", "value": "[parameters('p')]"}}"#,
    );
    let sections = format!(
        r#""variables": {{"v": "outer"}}, {}"#,
        resources(&[deployment("", "", &resources(&[innermost]))])
    );
    let middle = deploy(&plan_of(&sections).unwrap().nested(0, &World::new()).unwrap());
    let inner = deploy(&middle.nested(0, &World::new()).unwrap());
    assert_eq!(inner.outputs(&World::new()).unwrap()[0].value, Some(Value::from("outer")));
}

#[test]
fn what_a_nested_deployment_says_is_waited_for_and_referred_to() {
    let sections = resources(&[
        resource("a", r#", "properties": {"p": "[reference('n').outputs.x.value]"}"#),
        deployment("", INNER, r#""outputs": {"x": {"type": "string", "value": "y"}}"#),
        resource("b", ""),
    ]);
    let plan = plan_of(&sections).unwrap();
    assert_eq!(plan.resources()[0].needs, [1]);
    let lookup = plan.body(0, &World::new()).unwrap_err().lookup().cloned().unwrap();
    assert_eq!(lookup.id(), format!("{GROUP}/providers/Microsoft.Resources/deployments/n"));
    let mut world = World::new();
    world.insert(lookup, json!({"properties": {"outputs": {"x": {"type": "String", "value": "y"}}}}));
    assert_eq!(plan.body(0, &world).unwrap(), json!({"properties": {"p": "y"}}));
}

#[test]
fn an_outer_template_waits_for_what_it_refers_to_and_an_inner_one_for_its_parameters() {
    let refers = r#""outputs": {"x": {"type": "string", "value": "[reference('b').x]"}}"#;
    let outer = resources(&[deployment("", "", refers), resource("b", "")]);
    assert_eq!(plan_of(&outer).unwrap().resources()[0].needs, [1]);
    let parameters = format!(r#"{INNER}, "parameters": {{"p": {{"value": "[reference('b').x]"}}}}"#);
    let inner = resources(&[
        deployment("", &parameters, r#""parameters": {"p": {"type": "string"}}"#),
        resource("b", ""),
    ]);
    assert_eq!(plan_of(&inner).unwrap().resources()[0].needs, [1]);
}

#[test]
fn parameters_from_a_vault_are_handed_on() {
    let given = format!(
        r#"{INNER}, "parameters": {{"p": {{"reference": {{"keyVault": {{"id": "[resourceId('Microsoft.KeyVault/vaults', 'v')]"}}, "secretName": "s"}}}}}}"#
    );
    let plan =
        plan_of(&resources(&[deployment("", &given, r#""parameters": {"p": {"type": "securestring"}}"#)]))
            .unwrap();
    let id = format!("{GROUP}/providers/Microsoft.KeyVault/vaults/v");
    assert_eq!(
        Value::Object(plan.nested(0, &World::new()).unwrap().parameters).to_json(),
        json!({"p": {"reference": {"keyVault": {"id": id}, "secretName": "s"}}})
    );
}

#[test]
fn what_nested_deployments_cannot_do_is_refused() {
    let link = r#"{"type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "n", "properties": {"mode": "Incremental", "templateLink": {"uri": "https://x"}}}"#;
    let broken = r#""outputs": {"x": {"type": "string", "value": "[nothing()]"}}"#;
    let rows = [
        (link.to_owned(), "This server fetches nothing from elsewhere: put its content into 'template'."),
        (
            deployment("", INNER, "").replace("Incremental", "Complete"),
            "The mode of a nested deployment has to be 'Incremental'",
        ),
        (deployment(r#", "resourceGroup": "Other""#, INNER, ""), "The resourceGroup 'Other' is another one"),
        (
            deployment(r#", "subscriptionId": "other""#, INNER, ""),
            "The subscriptionId 'other' is another one",
        ),
        (
            deployment(r#", "scope": "[replace(resourceGroup().id, '/Lab', '/Other')]""#, INNER, ""),
            "/resourceGroups/Other' is another one than the deployment's, which is '/subscriptions/",
        ),
        (deployment(r#", "scope": "/""#, INNER, ""), "The scope '/' is another one"),
        (deployment(r#", "scope": "A.B/c/n""#, INNER, ""), "/providers/A.B/c/n' is another one"),
        (
            deployment("", &INNER.replace("Inner", "between"), ""),
            "The expression evaluation scope 'between' is not valid",
        ),
        (deployment("", INNER, broken), "The template function 'nothing' is not valid."),
        (deployment("", "", broken), "The template function 'nothing' is not valid."),
        (
            deployment("", INNER, r#""outputs": {"x": {"type": "string", "value": "[variables('outer')]"}}"#),
            "The template variable 'outer' is not found.",
        ),
    ];
    for (resource, words) in rows {
        let error =
            plan_of(&format!(r#""variables": {{"outer": 1}}, {}"#, resources(&[resource]))).unwrap_err();
        assert!(error.message.contains(words), "{error}");
        assert!(error.path.as_deref().unwrap().starts_with("properties.template.resources[0]"), "{error:?}");
    }
    for own in [r#", "resourceGroup": "lab""#, r#", "scope": "[toUpper(resourceGroup().id)]""#] {
        assert!(plan_of(&resources(&[deployment(own, INNER, "")])).is_ok());
    }
}

#[test]
fn deployments_nest_as_deep_as_the_bound() {
    let nest =
        |depth: usize| (0..depth).fold(String::new(), |inner, _| resources(&[deployment("", INNER, &inner)]));
    let max = Limits::default().nested_depth_max;
    assert!(plan_of(&nest(max)).is_ok());
    let error = plan_of(&nest(max + 1)).unwrap_err();
    assert_eq!(error.kind, crate::ErrorKind::Limit);
}

#[test]
fn what_a_secret_went_into_is_named_as_one_and_members_keep_their_order() {
    let inner =
        r#""parameters": {"p": {"type": "string"}, "q": {"type": "string"}, "o": {"type": "object"}}"#;
    let given = format!(
        r#"{INNER}, "parameters": {{"p": {{"value": "[base64(parameters('s'))]"}}, "q": {{"value": "open"}}, "o": {{"value": {{"b": 1, "a": 2}}}}}}"#
    );
    let sections = format!(
        r#""parameters": {{"s": {{"type": "securestring", "defaultValue": "hidden"}}}}, {}"#,
        resources(&[deployment("", &given, inner)])
    );
    let nested = plan_of(&sections).unwrap().nested(0, &World::new()).unwrap();
    assert_eq!(nested.secret_parameters, ["p"]);
    let order = Value::Object(nested.parameters).json_text();
    assert!(order.contains(r#"{"b":1,"a":2}"#), "{order}");
}

#[test]
fn the_place_of_a_member_is_found_as_far_as_it_is_written() {
    let plan = plan_of(&resources(&[resource("a", r#", "properties": {"list": [1, {"b": 2}]}"#)])).unwrap();
    let (at, path) = plan.place_of(0, "properties.list[1].b.c").unwrap();
    assert_eq!((at.line, path.as_str()), (1, "properties.template.resources[0].properties.list[1].b"));
    let (version, path) = plan.place_of(0, "apiVersion").unwrap();
    assert!(version < at && path.ends_with("[0].apiVersion"));
}

#[test]
fn all_answers_that_an_outer_template_wants_are_asked_for_at_once() {
    let id = |name: &str| format!("resourceId('Microsoft.KeyVault/vaults', '{name}')");
    let uri = |name: &str| format!("[reference({}, '2023-07-01').vaultUri]", id(name));
    let names = "createArray('d', 'e', 'f')";
    let each = "lambda('n', reference(resourceId('Microsoft.KeyVault/vaults', lambdaVariables('n')), '2023-07-01').vaultUri)".to_string();
    let first = resource(
        "a",
        &format!(
            r#", "tags": {{"a": "{}", "b": "{}"}}, "properties": {{"list": ["{}"]}}"#,
            uri("a"),
            uri("b"),
            uri("c")
        ),
    );
    let second = resource(
        "b",
        &format!(
            r#", "properties": {{"o": "[toObject({names}, lambda('n', lambdaVariables('n')), {each})]",
                "g": "[groupBy(createArray('g', 'h'), {each})]"}}"#
        ),
    );
    let inner = format!(
        r#"{}, "outputs": {{"o": {{"type": "string", "value": "{}"}}}}"#,
        resources(&[first, second]),
        uri("i")
    );
    let plan = plan_of(&resources(&[deployment("", "", &inner)])).unwrap();
    let error = plan.nested(0, &World::new()).unwrap_err();
    let mut asked: Vec<&str> =
        error.lookups().iter().map(|one| one.id().rsplit('/').next().unwrap()).collect();
    asked.sort_unstable();
    assert_eq!(asked, ["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
}
