//! Whatever a template says, planning it ends.

use proptest::prelude::*;

use super::*;
use crate::ErrorKind;

/// Bounds under which a test of many templates ends soon.
fn small() -> Limits {
    Limits {
        steps_max: 5_000,
        value_bytes_max: 16 << 10,
        work_bytes_max: 256 << 10,
        copy_max: 20,
        resources_max: 60,
        ..Limits::default()
    }
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("'a'".to_owned()),
        Just("'l'".to_owned()),
        Just("3".to_owned()),
        Just("parameters('p')".to_owned()),
        Just("parameters('s')".to_owned()),
        Just("variables('v')".to_owned()),
        Just("variables('w')".to_owned()),
        Just("copyIndex()".to_owned()),
        Just("copyIndex('l', 2)".to_owned()),
        Just("resourceId('A.B/c', 'a')".to_owned()),
        Just("utcNow()".to_owned()),
        Just("newGuid()".to_owned()),
        Just("deployment()".to_owned()),
        Just("resourceGroup().location".to_owned()),
    ];
    let call = |inner: BoxedStrategy<String>| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("concat({a}, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("if(equals({a}, 'a'), {b}, {a})")),
            inner.clone().prop_map(|a| format!("my.f({a})")),
            inner.clone().prop_map(|a| format!("reference({a}, '2023-01-01').x")),
            inner.clone().prop_map(|a| format!("listKeys({a}, '2023-01-01')[0]")),
            inner.clone().prop_map(|a| format!("variables({a})")),
            inner.clone().prop_map(|a| format!("string({a})")),
            inner.clone().prop_map(|a| format!("createArray({a})")),
            inner.prop_map(|a| format!("map(range(0, 5), lambda('x', {a}))")),
        ]
    };
    leaf.prop_recursive(4, 12, 2, move |inner| call(inner.boxed())).prop_map(|text| format!("[{text}]"))
}

fn part() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        3 => expression().prop_map(Json::String),
        1 => Just(json!("a")),
        1 => Just(json!(2)),
        1 => Just(json!(true)),
        1 => Just(Json::Null),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::Array),
            prop::collection::vec((expression(), inner.clone()), 0..3)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
            (inner.clone(), inner)
                .prop_map(|(count, input)| json!({"copy": [{"name": "l", "count": count, "input": input}]})),
        ]
    })
}

fn a_resource() -> impl Strategy<Value = Json> {
    let members = (part(), part(), part(), part(), prop_oneof![Just(json!("a")), part()], any::<u8>());
    members.prop_map(|(condition, count, depends_on, properties, name, shape)| {
        let mut made = json!({"type": "A.B/c", "apiVersion": "2023-01-01", "name": name, "properties": properties});
        if shape & 1 > 0 {
            made["condition"] = condition;
        }
        if shape & 2 > 0 {
            made["copy"] = json!({"name": "l", "count": count, "mode": if shape & 4 > 0 { "serial" } else { "parallel" }});
        }
        if shape & 8 > 0 {
            made["dependsOn"] = json!([depends_on, "a", "l"]);
        }
        made
    })
}

fn a_template() -> impl Strategy<Value = Json> {
    (prop::collection::vec(part(), 4), prop::collection::vec(a_resource(), 0..3), prop::option::of(a_resource()), any::<bool>())
        .prop_map(|(parts, mut resources, nested, inner)| {
            if let Some(nested) = nested {
                resources.push(json!({"type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "n", "properties": {
                    "mode": "Incremental", "expressionEvaluationOptions": {"scope": if inner { "inner" } else { "outer" }},
                    "template": {"resources": [nested], "outputs": {"x": {"type": "object", "value": parts[0].clone()}}}}}));
            }
            json!({
                "parameters": {"p": {"type": "string", "defaultValue": parts[0]}, "s": {"type": "securestring", "defaultValue": "hunter2"}},
                "variables": {"v": parts[1], "w": parts[2]},
                "functions": [{"namespace": "my", "members": {"f": {"parameters": [{"name": "a", "type": "string"}],
                    "output": {"type": "string", "value": "[concat('f', parameters('a'))]"}}}}],
                "resources": resources,
                "outputs": {"x": {"type": "object", "value": parts[3]}},
            })
        })
}

/// Plans and deploys a template in a world that answers everything.
fn deploy(template: &Json) -> Result<(), Error> {
    let limits = small();
    let read = Template::read(&Node::from_json(template), &limits)?;
    let plan = plan(
        Arc::new(read),
        &BTreeMap::from([("p".to_owned(), ParameterGiven::Value(Value::from("a")))]),
        &setting(),
        &limits,
    )?;
    let mut world = World::new();
    for (index, resource) in plan.resources().iter().enumerate() {
        assert!(resource.needs.iter().all(|need| *need < plan.resources().len() && *need != index));
        for _ in 0..20 {
            let made = if resource.is_nested {
                plan.nested(index, &world).map(drop)
            } else {
                plan.body(index, &world).map(drop)
            };
            match made.map_err(|error| error.lookup().cloned()) {
                Err(Some(lookup)) => world.insert(lookup, json!({"properties": {"x": "a"}})),
                _ => break,
            }
        }
    }
    plan.outputs(&world).map(drop)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_template_is_planned_or_refused(template in a_template()) {
        if let Err(error) = deploy(&template) {
            prop_assert!(!error.message.is_empty() && !error.message.contains("hunter2"), "{}", error);
        }
    }
}

/// Runs on a stack as large as threads of a server have.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn chains_end_in_an_error_and_not_in_the_stack() {
    let wrap = |inner: &str| format!("{}{inner}{}", "[".repeat(30), "]".repeat(30));
    let variables = |step: &dyn Fn(&str) -> String| {
        let chain = (0..200)
            .map(|n| format!(r#""v{n}": {}"#, step(&format!("variables('v{}')", n + 1))))
            .collect::<Vec<_>>()
            .join(",");
        format!(
            r#""variables": {{{chain}, "v200": "end"}}, "outputs": {{"x": {{"type": "string", "value": "[string(variables('v0'))]"}}}}"#
        )
    };
    let chains = [
        variables(&|next| format!(r#""[{next}]""#)),
        variables(&|next| wrap(&format!(r#""[{next}]""#))),
        variables(&|next| format!(r#""[{}{next}{}]""#, "if(true(), concat('a', ".repeat(12), "), 'b')".repeat(12))),
        variables(&|next| format!(r#"{{"copy": [{{"name": "l", "count": 1, "input": "[first(map(createArray(1), lambda('x', {next})))]"}}]}}"#)),
        r#""functions": [{"namespace": "my", "members": {"f": {"parameters": [{"name": "a", "type": "string"}],
            "output": {"type": "string", "value": "[if(true(), my.f(concat(parameters('a'))), 'b')]"}}}}],
            "outputs": {"x": {"type": "string", "value": "[my.f('a')]"}}"#.to_owned(),
        format!(
            r#""parameters": {{{}, "p200": {{"type": "string"}}}}"#,
            (0..200).map(|n| format!(r#""p{n}": {{"type": "string", "defaultValue": "[if(true(), parameters('p{}'), 'a')]"}}"#, n + 1)).collect::<Vec<_>>().join(",")
        ),
    ];
    on_a_small_stack(move || {
        for (index, chain) in chains.iter().enumerate() {
            let given = if chain.contains("p200") { json!({"p200": "end"}) } else { json!({}) };
            let error = plan_given(chain, &given).expect_err(chain);
            assert_eq!(error.kind, ErrorKind::Limit, "{index}: {error}");
        }
    });
}

#[test]
fn a_chain_of_some_variables_is_no_fault() {
    let chain =
        (0..20).map(|n| format!(r#""v{n}": "[variables('v{}')]""#, n + 1)).collect::<Vec<_>>().join(",");
    assert_eq!(
        output("string", "[variables('v0')]", &format!(r#""variables": {{{chain}, "v20": "end"}}"#)).unwrap(),
        json!("end")
    );
}

#[test]
fn many_costly_resources_do_not_cost_many_times_what_one_may() {
    let costly = resource(
        "[concat('t', copyIndex())]",
        r#", "copy": {"name": "l", "count": 700}, "properties": {"p": "[length(map(range(0, 900), lambda('x', add(lambdaVariables('x'), 1))))]"}"#,
    );
    let limits = Limits { steps_max: 10_000, ..Limits::default() };
    let planned = |count: &str| {
        let text = template(&resources(&[costly.replace("700", count)]));
        let read = Template::read(&Node::parse(&text, &limits)?, &limits)?;
        plan(Arc::new(read), &BTreeMap::new(), &setting(), &limits)
    };
    assert!(planned("2").is_ok());
    assert_eq!(planned("700").unwrap_err().kind, ErrorKind::Limit);
}

#[test]
fn many_that_wait_for_many_are_planned_or_refused_soon() {
    let waits = |names: usize| {
        let named = vec!["\"l\""; names].join(",");
        resources(&[
            resource("[concat('t', copyIndex())]", r#", "copy": {"name": "l", "count": 400}"#),
            resource(
                "[concat('u', copyIndex())]",
                &format!(r#", "copy": {{"name": "m", "count": 400}}, "dependsOn": [{named}]"#),
            ),
        ])
    };
    let plan = plan_of(&waits(1)).unwrap();
    assert_eq!(plan.resources()[799].needs.len(), 400);
    assert_eq!(plan_of(&waits(1000)).unwrap_err().kind, ErrorKind::Limit);
}

/// Each value is small enough, and so is the work: what is held at a time is bounded by itself.
#[test]
fn what_is_held_at_a_time_is_bounded() {
    let large = "[padLeft('x', 4000000)]";
    let variables: serde_json::Map<String, Json> =
        (0..20).map(|at| (format!("v{at}"), json!(large))).collect();
    let lengths: Vec<String> = (0..20).map(|at| format!("length(variables('v{at}'))")).collect();
    let of_variables = json!({"variables": variables, "resources": [],
        "outputs": {"x": {"type": "array", "value": format!("[createArray({})]", lengths.join(","))}}});
    let defaults: serde_json::Map<String, Json> =
        (0..20).map(|at| (format!("p{at}"), json!({"type": "string", "defaultValue": large}))).collect();
    let of_defaults = json!({"parameters": defaults, "resources": []});
    let of_a_tree = json!({"variables": {"v": large}, "resources": [],
        "outputs": {"x": {"type": "array", "value": vec!["[variables('v')]"; 20]}}});
    let of_arguments = json!({"variables": {"v": large}, "resources": [],
        "outputs": {"x": {"type": "array", "value": format!("[createArray({})]", ["variables('v')"; 20].join(","))}}});
    for template in [of_variables, of_defaults, of_a_tree, of_arguments] {
        let error = plan_text(&template.to_string(), &json!({})).unwrap_err();
        assert!(error.message.contains("holds at a time"), "{}", error.message);
    }
    // one after the other they may be
    let one_by_one = json!({"variables": {"v": large}, "resources": [],
        "outputs": {"x": {"type": "array", "value": vec!["[length(variables('v'))]"; 20]}}});
    assert!(plan_text(&one_by_one.to_string(), &json!({})).is_ok());
    let name = json!({"resources": [{"type": "A.B/c", "apiVersion": "2023-01-01", "name": large}]});
    let error = plan_text(&name.to_string(), &json!({})).unwrap_err();
    assert!(error.message.contains("The name of a resource has more than"), "{}", error.message);
}

#[test]
fn secrets_are_bounded() {
    let template = json!({"parameters": {"s": {"type": "securestring"}}, "resources": []}).to_string();
    let given = |bytes: usize| json!({"s": "x".repeat(bytes)});
    assert!(plan_text(&template, &given(1 << 20)).is_ok());
    let error = plan_text(&template, &given((1 << 20) + 1)).unwrap_err();
    assert!(error.message.contains("The values of secure parameters have more than"), "{}", error.message);
}
