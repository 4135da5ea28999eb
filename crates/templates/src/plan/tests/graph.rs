use super::*;

fn own(pairs: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    pairs
        .iter()
        .map(|(name, needs)| ((*name).to_owned(), needs.iter().map(|need| (*need).to_owned()).collect()))
        .collect()
}

#[test]
fn depends_on_names_in_every_form() {
    let subjects = [
        "a".to_owned(),
        "A".to_owned(),
        "Microsoft.Test/things/a".to_owned(),
        "[resourceId('Microsoft.Test/things', 'a')]".to_owned(),
        "[resourceId('microsoft.test/THINGS/', 'A')]".to_owned(),
        format!("{GROUP}/providers/Microsoft.Test/things/a"),
    ];
    for subject in subjects {
        let sections =
            resources(&[resource("b", &format!(r#", "dependsOn": ["{subject}"]"#)), resource("a", "")]);
        assert_eq!(needs(&plan_of(&sections).unwrap()), own(&[("b", &["a"]), ("a", &[])]), "{subject}");
    }
    let expression = resources(&[resource("b", r#", "dependsOn": "[createArray('a')]""#), resource("a", "")]);
    assert_eq!(needs(&plan_of(&expression).unwrap()), own(&[("b", &["a"]), ("a", &[])]));
}

#[test]
fn what_is_not_in_the_template_cannot_be_depended_on() {
    let rows = [
        (r#"["nothing"]"#, "The resource 'nothing' is not defined in the template."),
        (r#"["[resourceId('A.B/c', 'n')]"]"#, "The resource 'A.B/c/n' is not defined in the template."),
        (r#"[5]"#, "has to be of type 'String', and it is of type 'Integer'"),
        (r#""a""#, "The member 'dependsOn' has to be of type 'Array', and it is of type 'String'."),
    ];
    for (subjects, words) in rows {
        let error =
            plan_of(&resources(&[resource("b", &format!(r#", "dependsOn": {subjects}"#))])).unwrap_err();
        assert!(error.message.contains(words), "{error}");
        assert!(
            error.path.as_deref().unwrap().starts_with("properties.template.resources[0].dependsOn"),
            "{error:?}"
        );
    }
}

#[test]
fn references_are_waited_for() {
    let bodies = [
        r#""[reference('a').x]""#,
        r#""[reference(resourceId('Microsoft.Test/things', 'a'), '2023-01-01', 'Full').y]""#,
        r#""[reference(variables('it')).x]""#,
        r#""[listKeys(variables('it'), '2023-01-01').keys[0].value]""#,
        r#"{"deep": ["[if(equals(1, 2), reference('a').x, 'y')]"]}"#,
        r#"{"copy": [{"name": "l", "count": 2, "input": "[reference(concat('a', substring('', 0, 0)), '2023-01-01')]"}]}"#,
        r#""[concat('x', string(reference(resourceId('Microsoft.Test/things', 'a'), '2023-01-01')))]""#,
        r#"{"[reference('a').x]": 1}"#,
    ];
    for body in bodies {
        let sections = format!(
            r#""variables": {{"it": "[resourceId('Microsoft.Test/things', 'a')]"}}, {}"#,
            resources(&[resource("b", &format!(r#", "properties": {{"p": {body}}}"#)), resource("a", "")])
        );
        assert_eq!(needs(&plan_of(&sections).unwrap()), own(&[("b", &["a"]), ("a", &[])]), "{body}");
    }
}

#[test]
fn references_to_what_exists_make_no_dependency() {
    let sections = resources(&[
        resource("b", r#", "properties": {"p": "[reference(resourceId('A.B/c', 'n'), '2023-01-01').x]"}"#),
        resource("a", ""),
    ]);
    assert_eq!(needs(&plan_of(&sections).unwrap()), own(&[("b", &[]), ("a", &[])]));
}

#[test]
fn circles_are_refused_with_their_members() {
    let depends = |on: &str| format!(r#", "dependsOn": ["{on}"]"#);
    let sections = resources(&[
        resource("outside", &depends("a")),
        resource("a", &depends("b")),
        resource("b", &depends("c")),
        resource("c", r#", "properties": {"p": "[reference('a').x]"}"#),
    ]);
    let error = plan_of(&sections).unwrap_err();
    let fault = fault(Err::<(), _>(error.clone()));
    assert!(fault.starts_with("Circular dependency detected on resource: '/subscriptions/"), "{fault}");
    for name in ["things/a'", "things/b'", "things/c'"] {
        assert!(fault.contains(name), "{fault}");
    }
    assert!(!fault.contains("outside") && error.at.is_some(), "{fault}");
    let own = fault_of_own();
    assert!(own.contains("Circular dependency detected"), "{own}");
}

fn fault_of_own() -> String {
    fault(plan_of(&resources(&[resource("a", r#", "dependsOn": ["a"]"#)])))
}

#[test]
fn a_diamond_is_no_circle() {
    let sections = resources(&[
        resource("a", r#", "dependsOn": ["b", "c"]"#),
        resource("b", ""),
        resource("c", r#", "dependsOn": ["d"]"#),
        resource("d", r#", "dependsOn": ["b"]"#),
    ]);
    assert_eq!(
        needs(&plan_of(&sections).unwrap()),
        own(&[("a", &["b", "c"]), ("b", &[]), ("c", &["d"]), ("d", &["b"])])
    );
}

#[test]
fn a_parent_of_the_template_comes_first_unless_it_waits_itself() {
    let child = |more: &str| {
        format!(
            r#"{{"type": "Microsoft.Test/things/parts", "apiVersion": "2023-01-01", "name": "a/b"{more}}}"#
        )
    };
    let sections = resources(&[child(""), resource("a", "")]);
    assert_eq!(needs(&plan_of(&sections).unwrap()), own(&[("a/b", &["a"]), ("a", &[])]));
    let sections = resources(&[child(""), resource("a", r#", "dependsOn": ["a/b"]"#)]);
    assert_eq!(needs(&plan_of(&sections).unwrap()), own(&[("a/b", &[]), ("a", &["a/b"])]));
}
