use super::*;

fn declared(one: &str) -> String {
    format!(r#""parameters": {{"p": {one}}}"#)
}

fn settled(one: &str, given: &Json) -> Result<Json, Error> {
    let plan = plan_given(&declared(one), given)?;
    Ok(plan.parameters()[0].value.as_ref().map_or(json!("secure"), Value::to_json))
}

#[test]
fn values_fit_or_are_refused() {
    let rows = [
        (r#"{"type": "string"}"#, json!("x"), Ok(json!("x"))),
        (
            r#"{"type": "String"}"#,
            json!(5),
            Err("Expected a value of type 'String, Uri', but received a value of type 'Integer'"),
        ),
        (r#"{"type": "int"}"#, json!(5), Ok(json!(5))),
        (
            r#"{"type": "int"}"#,
            json!("5"),
            Err("Expected a value of type 'Integer', but received a value of type 'String'"),
        ),
        (r#"{"type": "int"}"#, json!(5.5), Err("but received a value of type 'Float'")),
        (r#"{"type": "bool"}"#, json!(true), Ok(json!(true))),
        (r#"{"type": "bool"}"#, json!("true"), Err("Expected a value of type 'Boolean'")),
        (r#"{"type": "array"}"#, json!([1]), Ok(json!([1]))),
        (
            r#"{"type": "array"}"#,
            json!(""),
            Err("Expected a value of type 'Array', but received a value of type 'String'"),
        ),
        (r#"{"type": "object"}"#, json!({"a": 1}), Ok(json!({"a": 1}))),
        (r#"{"type": "object"}"#, json!(null), Err("but received a value of type 'Null'")),
        (r#"{"type": "object", "nullable": true}"#, json!(null), Ok(json!(null))),
        (r#"{"type": "securestring"}"#, json!("x"), Ok(json!("secure"))),
        (r#"{"type": "secureObject"}"#, json!({}), Ok(json!("secure"))),
        (
            r#"{"type": "string", "minLength": 5}"#,
            json!("abcd"),
            Err("Length of the value should be greater than or equal to '5'"),
        ),
        (
            r#"{"type": "string", "maxLength": 3}"#,
            json!("abcd"),
            Err("Length of the value should be less than or equal to '3'"),
        ),
        (r#"{"type": "string", "minLength": 4, "maxLength": 4}"#, json!("abcd"), Ok(json!("abcd"))),
        (r#"{"type": "array", "maxLength": 1}"#, json!([1, 2]), Err("Length of the value")),
        (
            r#"{"type": "int", "minValue": 3}"#,
            json!(2),
            Err("is not valid. The value should be greater than or equal to '3'"),
        ),
        (r#"{"type": "int", "maxValue": 3}"#, json!(4), Err("less than or equal to '3'")),
        (
            r#"{"type": "string", "allowedValues": ["a", "b"]}"#,
            json!("c"),
            Err("The provided value 'c' for the template parameter 'p' at line '1' and column"),
        ),
        (
            r#"{"type": "string", "allowedValues": ["a", "b"]}"#,
            json!("c"),
            Err("not part of the allowed value(s): 'a,b'."),
        ),
        (r#"{"type": "string", "allowedValues": ["a", "b"]}"#, json!("B"), Ok(json!("B"))),
        (r#"{"type": "array", "allowedValues": ["a", "b"]}"#, json!(["b", "a"]), Ok(json!(["b", "a"]))),
        (r#"{"type": "array", "allowedValues": ["a", "b"]}"#, json!(["c"]), Err("allowed value(s)")),
        (r#"{"type": "array", "allowedValues": [["a"], ["b"]]}"#, json!(["b"]), Ok(json!(["b"]))),
    ];
    for (one, value, wanted) in rows {
        let is = settled(one, &json!({"p": value}));
        match wanted {
            Ok(wanted) => assert_eq!(is.unwrap(), wanted, "{one}"),
            Err(words) => {
                let fault = fault(is);
                assert!(fault.contains(words), "{one}: {fault}");
            }
        }
    }
}

#[test]
fn names_are_the_same_in_any_case() {
    let sections = r#""parameters": {"KeyVaultName": {"type": "string"}}, "outputs": {"x": {"type": "string", "value": "[parameters('keyvaultNAME')]"}}"#;
    let plan = plan_given(sections, &json!({"KEYVAULTNAME": "v"})).unwrap();
    assert_eq!(plan.parameters()[0].name, "KeyVaultName");
    assert_eq!(plan.outputs(&World::new()).unwrap()[0].value, Some(Value::from("v")));
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    let missing = plan_of(&declared(r#"{"type": "string"}"#)).unwrap_err();
    assert!(
        missing.message.contains("The value for the template parameter 'p' at line '1' and column '"),
        "{missing}"
    );
    assert!(
        missing.message.starts_with("Deployment template validation failed: 'The value for"),
        "{missing}"
    );
    assert_eq!(missing.path.as_deref(), Some("properties.template.parameters.p"));
    assert!(missing.at.is_some());
    let unknown =
        fault(plan_given(&declared(r#"{"type": "int", "defaultValue": 1}"#), &json!({"Xx": 1, "y": 2})));
    assert!(
        unknown.starts_with("The following parameters were supplied, but do not correspond to any parameters defined in the template: 'Xx, y'. The parameters defined in the template are: 'p'."),
        "{unknown}"
    );
}

#[test]
fn a_value_is_given_once() {
    let plan = plan_given(&declared(r#"{"type": "int"}"#), &json!({"p": 1, "P": 2}));
    assert!(fault(plan).contains("is supplied twice"));
}

#[test]
fn defaults_are_expressions_and_may_use_other_parameters() {
    let sections = r#""parameters": {
        "b": {"type": "string", "defaultValue": "[parameters('a')]"},
        "a": {"type": "string", "defaultValue": "[resourceGroup().location]"},
        "o": {"type": "object", "defaultValue": {"of": "[parameters('b')]"}},
        "n": {"type": "string", "nullable": true}}"#;
    let plan = plan_of(sections).unwrap();
    let values: Vec<Json> =
        plan.parameters().iter().map(|one| one.value.as_ref().unwrap().to_json()).collect();
    assert_eq!(values, [json!("here"), json!("here"), json!({"of": "here"}), json!(null)]);
    let names: Vec<String> = plan.parameters().into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["b", "a", "o", "n"]);
}

#[test]
fn a_default_of_another_type_is_a_fault_only_when_it_is_used() {
    let one = r#"{"type": "array", "defaultValue": ""}"#;
    assert_eq!(settled(one, &json!({"p": ["x"]})).unwrap(), json!(["x"]));
    assert!(
        fault(settled(one, &json!({})))
            .contains("Expected a value of type 'Array', but received a value of type 'String'")
    );
}

#[test]
fn defaults_that_ask_for_each_other_are_refused() {
    let sections = r#""parameters": {
        "a": {"type": "string", "defaultValue": "[parameters('b')]"},
        "b": {"type": "string", "defaultValue": "[parameters('a')]"}}"#;
    assert!(
        fault(plan_of(sections))
            .contains("Circular dependency detected on template parameter: 'a' -> 'b' -> 'a'")
    );
}

#[test]
fn guids_differ_and_come_again_with_the_same_seed() {
    let sections = r#""parameters": {
        "a": {"type": "string", "defaultValue": "[newGuid()]"},
        "b": {"type": "string", "defaultValue": "[newGuid()]"}}"#;
    let values = || -> Vec<Json> {
        plan_of(sections)
            .unwrap()
            .parameters()
            .iter()
            .map(|one| one.value.as_ref().unwrap().to_json())
            .collect()
    };
    let first = values();
    assert_ne!(first[0], first[1]);
    assert_eq!(first, values());
    assert!(Uuid::parse_str(first[0].as_str().unwrap()).is_ok());
}

#[test]
fn the_hour_is_the_settings() {
    let is = settled(r#"{"type": "string", "defaultValue": "[utcNow('yyyy-MM-dd')]"}"#, &json!({})).unwrap();
    assert_eq!(is, json!("2023-11-14"));
    let is = settled(r#"{"type": "string", "defaultValue": "[utcNow()]"}"#, &json!({})).unwrap();
    assert_eq!(is, json!("20231114T221320Z"));
}

#[test]
fn secrets_are_neither_shown_nor_told() {
    let sections = r#""parameters": {
        "s": {"type": "securestring", "allowedValues": ["hunter2", "hunter3"]},
        "plain": {"type": "string", "defaultValue": "[parameters('s')]"},
        "o": {"type": "secureObject", "defaultValue": {"a": ["deep"]}}}"#;
    let plan = plan_given(sections, &json!({"s": "hunter2"})).unwrap();
    assert!(plan.parameters().iter().all(|one| one.value.is_none()), "{:?}", plan.parameters());
    assert_eq!(plan.secrets(), ["hunter2", "hunter2", "deep"]);
    assert!(!format!("{plan:?}").contains("hunter2"));
    let refused = fault(plan_given(sections, &json!({"s": "hunter4"})));
    assert!(!refused.contains("hunter") && refused.contains("'s'"), "{refused}");
}

#[test]
fn what_came_from_a_vault_is_a_secret_whatever_its_type() {
    let limits = Limits::default();
    let text = template(&declared(r#"{"type": "string"}"#));
    let read = Template::read(&Node::parse(&text, &limits).unwrap(), &limits).unwrap();
    let given = BTreeMap::from([("p".to_owned(), ParameterGiven::Secret(Value::from("hunter2")))]);
    let plan = plan(Arc::new(read), &given, &setting(), &limits).unwrap();
    assert_eq!(plan.parameters()[0].value, None);
    assert!(!format!("{given:?} {plan:?}").contains("hunter2"));
}

#[test]
fn types_have_names_and_members() {
    let types = r##""languageVersion": "2.0", "definitions": {
        "name": {"type": "string", "minLength": 2},
        "person": {"type": "object", "properties": {
            "name": {"$ref": "#/definitions/name"},
            "age": {"type": "int", "nullable": true},
            "friends": {"type": "array", "nullable": true, "items": {"$ref": "#/definitions/person"}}},
            "additionalProperties": false}},
        "parameters": {"p": {"$ref": "#/definitions/person"}}"##;
    let rows = [
        (json!({"name": "ab"}), None),
        (json!({"name": "ab", "friends": [{"name": "cd", "friends": []}]}), None),
        (json!({"name": "a"}), Some("Length of the value")),
        (json!({"age": 4}), Some("The property 'name' is missing")),
        (json!({"name": "ab", "size": 4}), Some("The property 'size' is none that the type has")),
        (json!({"name": "ab", "age": "4"}), Some("Expected a value of type 'Integer'")),
        (json!({"name": "ab", "friends": [{}]}), Some("The property 'name' is missing")),
        (json!("ab"), Some("Expected a value of type 'Object'")),
    ];
    for (value, wanted) in rows {
        let plan = plan_given(types, &json!({"p": value}));
        match wanted {
            None => assert!(plan.is_ok(), "{value}: {plan:?}"),
            Some(words) => assert!(fault(plan).contains(words), "{value}"),
        }
    }
}

#[test]
fn types_that_lead_nowhere_are_refused() {
    let circle = r##""definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}}, "parameters": {"p": {"$ref": "#/definitions/a"}}"##;
    assert!(fault(plan_given(circle, &json!({"p": 1}))).contains("in a circle"));
    let nothing = r##""parameters": {"p": {"$ref": "#/definitions/a"}}"##;
    assert!(fault(plan_given(nothing, &json!({"p": 1}))).contains("The type definition 'a' is not found"));
}
