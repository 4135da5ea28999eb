use super::*;

#[test]
fn a_loop_makes_resources() {
    let plan = plan_of(&resources(&[
        resource(
            "[concat('t', copyIndex(), '-', copyIndex('l', 10), '-', copyIndex(1))]",
            r#", "copy": {"name": "l", "count": 3}, "properties": {"i": "[copyIndex()]"}"#,
        ),
        resource("after", r#", "dependsOn": ["l"]"#),
    ]))
    .unwrap();
    let names: Vec<&str> = plan.resources().iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["t0-10-1", "t1-11-2", "t2-12-3", "after"]);
    assert_eq!(plan.resources()[3].needs, [0, 1, 2]);
    assert_eq!(plan.body(2, &World::new()).unwrap(), json!({"properties": {"i": 2}}));
}

#[test]
fn serial_loops_go_batch_by_batch() {
    let plan = plan_of(&resources(&[
        resource("x", ""),
        resource(
            "[concat('t', copyIndex())]",
            r#", "copy": {"name": "l", "count": 5, "mode": "Serial", "batchSize": 2}"#,
        ),
    ]))
    .unwrap();
    let needs: Vec<&[usize]> = plan.resources().iter().map(|one| one.needs.as_slice()).collect();
    assert_eq!(needs, [&[] as &[usize], &[], &[], &[1, 2], &[1, 2], &[3, 4]]);
}

#[test]
fn children_go_through_the_rounds_of_their_parents() {
    let child = r#", "copy": {"name": "l", "count": 2}, "resources": [{"type": "parts", "apiVersion": "2023-01-01", "name": "[concat('p', copyIndex('l'))]"}]"#;
    let plan = plan_of(&resources(&[resource("[concat('t', copyIndex())]", child)])).unwrap();
    let names: Vec<&str> = plan.resources().iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["t0", "t0/p0", "t1", "t1/p1"]);
    assert_eq!(plan.resources()[3].needs, [2]);
}

#[test]
fn loops_make_properties_and_variables() {
    let sections = format!(
        r#""variables": {{
            "copy": [{{"name": "names", "count": 2, "input": "[concat('n', copyIndex('names'))]"}}],
            "o": {{"a": 1, "copy": [{{"name": "list", "count": "[length(variables('names'))]", "input": {{"i": "[copyIndex('list', 1)]"}}}}]}}}},
            "outputs": {{"names": {{"type": "array", "value": "[variables('names')]"}}, "o": {{"type": "object", "value": "[variables('o')]"}}}}, {}"#,
        resources(&[resource(
            "[concat('t', copyIndex())]",
            r#", "copy": {"name": "l", "count": 2}, "properties": {"copy": [
                {"name": "disks", "count": 2, "input": {"lun": "[copyIndex('disks')]", "of": "[copyIndex()]",
                    "copy": [{"name": "inner", "count": 1, "input": "[concat(copyIndex('disks'), copyIndex('inner'), copyIndex('l'))]"}]}},
                {"name": "none", "count": 0, "input": "x"}]}"#,
        )])
    );
    let plan = plan_of(&sections).unwrap();
    let outputs = plan.outputs(&World::new()).unwrap();
    assert_eq!(outputs[0].value.as_ref().unwrap().to_json(), json!(["n0", "n1"]));
    assert_eq!(outputs[1].value.as_ref().unwrap().to_json(), json!({"a": 1, "list": [{"i": 1}, {"i": 2}]}));
    let disk = |lun: i64, of: i64| json!({"lun": lun, "of": of, "inner": [format!("{lun}0{of}")]});
    assert_eq!(
        plan.body(1, &World::new()).unwrap(),
        json!({"properties": {"disks": [disk(0, 1), disk(1, 1)], "none": []}})
    );
}

#[test]
fn a_member_that_is_called_copy_may_be_something_else() {
    let plan = plan_of(&resources(&[resource(
        "a",
        r#", "properties": {"copy": ["x"], "b": {"copy": {"count": 1}}, "c": {"copy": []}}"#,
    )]))
    .unwrap();
    assert_eq!(
        plan.body(0, &World::new()).unwrap(),
        json!({"properties": {"copy": ["x"], "b": {"copy": {"count": 1}}, "c": {"copy": []}}})
    );
}

#[test]
fn counts_and_indexes_that_cannot_be_are_refused() {
    let looped = |copy: &str| {
        plan_of(&resources(&[resource("[concat('t', copyIndex())]", &format!(r#", "copy": {copy}"#))]))
    };
    let rows = [
        (looped(r#"{"name": "l", "count": -1}"#), "The copy count '-1' is less than zero."),
        (
            looped(r#"{"name": "l", "count": 801}"#),
            "The copy count '801' is greater than the limit of '800'.",
        ),
        (
            looped(r#"{"name": "l", "count": "2"}"#),
            "The copy count has to be of type 'Integer', and it is of type 'String'.",
        ),
        (
            looped(r#"{"name": "l", "count": "[reference('x').n]"}"#),
            "The template function 'reference' is not expected at this location.",
        ),
        (
            looped(r#"{"name": "l", "count": 2, "mode": "serial", "batchSize": 0}"#),
            "The copy batch size has to be greater than zero.",
        ),
        (looped(r#"{"count": 2}"#), "Required property 'name' not found in the copy loop."),
        (
            plan_of(&resources(&[resource("[concat('t', copyIndex())]", "")])),
            "The template function 'copyIndex' is not expected at this location.",
        ),
        (
            plan_of(&resources(&[resource("a", r#", "properties": {"p": "[copyIndex('m')]"}"#)])),
            "There is no loop 'm' around it.",
        ),
    ];
    for (plan, words) in rows {
        let fault = fault(plan);
        assert!(fault.contains(words), "{fault}");
    }
}

#[test]
fn copies_count_one_by_one_against_the_bound() {
    let copy = r#", "copy": {"name": "NAME", "count": 500}"#;
    let sections = resources(&[
        resource("[concat('a', copyIndex())]", &copy.replace("NAME", "l")),
        resource("[concat('b', copyIndex())]", &copy.replace("NAME", "m")),
    ]);
    let error = plan_of(&sections).unwrap_err();
    assert_eq!(error.kind, crate::ErrorKind::Limit);
    assert!(error.message.contains("Limit: 800"), "{error}");
}

#[test]
fn a_symbolic_loop_is_named_as_a_whole_and_round_by_round() {
    let plan = plan_of(
        r#""languageVersion": "2.0", "resources": {
            "all": {"type": "A.B/c", "apiVersion": "2023-01-01", "name": "[format('n{0}', copyIndex())]", "copy": {"name": "l", "count": 2}},
            "one": {"type": "A.B/c", "apiVersion": "2023-01-01", "name": "one", "dependsOn": ["all[1]"]},
            "both": {"type": "A.B/c", "apiVersion": "2023-01-01", "name": "both", "dependsOn": ["all"]},
            "states": {"type": "A.B/c", "apiVersion": "2023-01-01", "name": "states", "properties": {"p": "[references('all')]", "q": "[reference('all[0]').x]"}}}"#,
    )
    .unwrap();
    let needs: Vec<&[usize]> = plan.resources().iter().map(|one| one.needs.as_slice()).collect();
    assert_eq!(needs, [&[] as &[usize], &[], &[1], &[0, 1], &[0, 1]]);
    let mut world = World::new();
    for index in 0..2 {
        world.insert(
            reference(&plan.resources()[index].id, "2023-01-01"),
            json!({"properties": {"x": index}}),
        );
    }
    assert_eq!(plan.body(4, &world).unwrap(), json!({"properties": {"p": [{"x": 0}, {"x": 1}], "q": 0}}));
}

#[test]
fn a_loop_without_rounds_is_there_as_well() {
    let plan = plan_of(
        r#""languageVersion": "2.0", "resources": {
            "none": {"type": "A.B/c", "apiVersion": "2023-01-01", "name": "[format('n{0}', copyIndex())]", "copy": {"name": "l", "count": 0}},
            "after": {"type": "A.B/c", "apiVersion": "2023-01-01", "name": "after", "dependsOn": ["none", "l"], "properties": {"p": "[references('none')]"}}}"#,
    )
    .unwrap();
    assert_eq!(needs(&plan), [("after".to_owned(), vec![])]);
    assert_eq!(plan.body(0, &World::new()).unwrap(), json!({"properties": {"p": []}}));
}
