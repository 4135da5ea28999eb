use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{Evaluator, Scope};
use crate::functions::tests::Given;
use crate::{Error, ErrorKind, Limits, Node, Position, Value};

fn node(text: &str, limits: &Limits) -> Result<Json, Error> {
    let scope = Given(json!({"name": "x", "list": [1, 2]}));
    let node = Node::parse(text, &Limits::default()).expect("a document");
    Evaluator::new(&scope, limits).node(&node).map(|value| value.to_json())
}

fn kind(expression: &str, limits: &Limits) -> Option<ErrorKind> {
    let scope = Given(json!({"long": "x".repeat(1000)}));
    let evaluator = Evaluator::new(&scope, limits);
    evaluator.text(&format!("[{expression}]"), Position::default()).err().map(|error| error.kind)
}

#[test]
fn every_string_of_a_tree_is_evaluated_keys_too() {
    let text = "{\"a\": [\"[parameters('list')]\", \"[[x]\", 1.5, null], \"[concat('k-', parameters('name'))]\": {\"b\": \"plain\"}}";
    assert_eq!(
        node(text, &Limits::default()),
        Ok(json!({"a": [[1, 2], "[x]", 1.5, null], "k-x": {"b": "plain"}}))
    );
}

#[test]
fn a_fault_has_its_path_and_its_place() {
    let text = "{\n  \"resources\": [{}, {\n    \"name\": \"[concat('a', foo('b'))]\"\n  }]\n}";
    let error = node(text, &Limits::default()).expect_err("no such function");
    assert_eq!(
        error.message,
        "The template function 'foo' is not valid. Please see https://aka.ms/arm-functions for usage details."
    );
    assert_eq!(error.at, Some(Position { line: 3, column: 27 }));
    assert_eq!(error.path.as_deref(), Some("resources[1].name"));
}

#[test]
fn a_message_shows_the_beginning_of_what_others_wrote() {
    let limits = Limits::default();
    let long = "x".repeat(20_000);
    for text in [
        format!("[{long}()]"),
        format!("[parameters('o').{long}]"),
        format!("[parameters('o')['{long}']]"),
        format!("[lambdaVariables('{long}')]"),
        format!("[a({}]", "9".repeat(20_000)),
        format!("[a('{long}' 1)]"),
    ] {
        let scope = Given(json!({"o": {}}));
        let error = Evaluator::new(&scope, &limits).text(&text, Position::default()).expect_err("a fault");
        assert!(error.message.len() < 500, "{}", error.message);
    }
    let twice = format!("{{\"{long}\": 1, \"{long}\": 2}}");
    assert!(Node::parse(&twice, &limits).is_err_and(|error| error.message.len() < 500));
}

#[test]
fn keys_have_to_be_strings_and_to_differ() {
    let error = node("{\"[parameters('list')]\": 1}", &Limits::default()).expect_err("no string");
    assert!(error.message.contains("A key has to be of type 'String'"), "{error}");
    let error = node("{\"x\": 1, \"[parameters('name')]\": 2}", &Limits::default()).expect_err("twice");
    assert!(error.message.contains("is there already"), "{error}");
}

#[test]
fn whoever_is_asked_for_a_value_is_named_as_it_is_written() {
    /// Gives back the name it is called by, and counts arguments that it does not evaluate.
    struct Echo;
    impl Scope for Echo {
        fn call(
            &self,
            name: &str,
            arguments: &[Value],
            _evaluator: &Evaluator<'_>,
        ) -> Option<Result<Value, Error>> {
            Some(Ok(format!("{name}/{}", arguments.len()).into()))
        }

        fn call_unevaluated(
            &self,
            name: &str,
            arguments: &[crate::Expression],
            _evaluator: &Evaluator<'_>,
        ) -> Option<Result<Value, Error>> {
            (name == "quote").then(|| Ok(Value::Int(arguments.len() as i64)))
        }
    }
    let limits = Limits::default();
    let evaluator = Evaluator::new(&Echo, &limits);
    let text = |text| evaluator.text(text, Position::default()).map(|value| value.to_json());
    assert_eq!(text("[Contoso.uniqueName(1, 2)]"), Ok(json!("Contoso.uniqueName/2")));
    assert_eq!(text("[quote(div(1, 0))]"), Ok(json!(1)));
    // a lambda's variables are its own: another string does not see them
    assert!(text("[lambdaVariables('x')]").is_err());
}

#[test]
fn another_scope_counts_against_the_same_bounds() {
    /// A variable that leads to itself.
    struct Endless;
    impl Scope for Endless {
        fn call(
            &self,
            _name: &str,
            _arguments: &[Value],
            evaluator: &Evaluator<'_>,
        ) -> Option<Result<Value, Error>> {
            Some(evaluator.within(self).text("[variables('x')]", Position::default()))
        }
    }
    let limits = Limits::default();
    let error = Evaluator::new(&Endless, &limits).text("[variables('x')]", Position::default());
    assert_eq!(error.map_err(|error| error.kind), Err(ErrorKind::Limit));
}

#[test]
fn what_would_grow_without_end_is_stopped() {
    let limits = Limits {
        value_bytes_max: 100_000,
        work_bytes_max: 10_000_000,
        steps_max: 200_000,
        ..Limits::default()
    };
    let doubled = |times| {
        format!(
            "reduce(range(0, {times}), 'x', lambda('a', 'b', concat(lambdaVariables('a'), lambdaVariables('a'))))"
        )
    };
    for expression in [
        doubled(64),
        "padLeft('x', 9223372036854775807)".to_owned(),
        "padLeft('x', 100001, 'é')".to_owned(),
        "replace(parameters('long'), 'x', parameters('long'))".to_owned(),
        "join(range(0, 1000), parameters('long'))".to_owned(),
        "split(replace(parameters('long'), 'x', ',,,,,,,,'), ',')".to_owned(),
        "format('{0,100000}{0,100000}', 1)".to_owned(),
        "reduce(range(0, 10000), createArray(), lambda('a', 'b', createArray(lambdaVariables('a'))))".to_owned(),
        "map(range(0, 1000), lambda('x', map(range(0, 1000), lambda('y', 1))))".to_owned(),
        "map(range(0, 10000), lambda('x', parameters('long')))".to_owned(),
        "length(map(range(0, 100), lambda('x', length(map(range(0, 100), lambda('y', length(range(0, 1000))))))))".to_owned(),
    ] {
        assert_eq!(kind(&expression, &limits), Some(ErrorKind::Limit), "{expression}");
    }
    assert_eq!(kind(&doubled(16), &limits), None);
}

/// The deepest that the bounds allow, on a thread with the stack that threads usually have.
#[test]
fn the_depth_that_is_allowed_fits_on_a_stack() {
    /// `variables('n')` is an expression around `variables('n-1')`.
    struct Chain;
    impl Scope for Chain {
        fn call(
            &self,
            _name: &str,
            arguments: &[Value],
            evaluator: &Evaluator<'_>,
        ) -> Option<Result<Value, Error>> {
            let left = arguments.first().and_then(Value::as_int).unwrap_or_default();
            let text = format!("[concat('', if(true(), variables({}), 1))]", left - 1);
            Some(if left == 0 { Ok("end".into()) } else { evaluator.text(&text, Position::default()) })
        }
    }
    let limits = Limits::default();
    let deepest = |count: i64| {
        Evaluator::new(&Chain, &limits).text(&format!("[variables({count})]"), Position::default())
    };
    assert_eq!(deepest(50).map(|value| value.to_json()), Ok(json!("end")));
    assert_eq!(deepest(5_000).map_err(|error| error.kind), Err(ErrorKind::Limit));
}

fn call() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "1",
            "0",
            "-1",
            "9223372036854775807",
            "''",
            "'a'",
            "'A,b'",
            "'{0:N2}'",
            "'x'",
            "true",
            "null",
            "range(0, 9)",
            "createArray('b', 'a')",
            "createObject('a', 1)",
            "lambdaVariables('x')",
            "parameters('long')",
            "'10.0.0.0/8'",
            "'2020-02-29T00:00:00Z'",
            "'P1Y2M'",
            "float('1.5')",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = prop::sample::select(NAMES);
        let arguments = prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            4 => (name, arguments).prop_map(|(name, arguments)| format!("{name}({})", arguments.join(","))),
            1 => inner.clone().prop_map(|body| format!("lambda('x', {body})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(items, body)| format!("map({items}, lambda('x', {body}))")),
            1 => (inner.clone(), inner).prop_map(|(items, body)| format!("sort({items}, lambda('x', 'y', {body}))")),
        ]
    })
}

pub(crate) const NAMES: &[&str] = &[
    "add",
    "and",
    "array",
    "base64",
    "base64ToJson",
    "base64ToString",
    "bool",
    "cidrHost",
    "cidrSubnet",
    "coalesce",
    "concat",
    "contains",
    "createArray",
    "createObject",
    "dataUri",
    "dataUriToString",
    "dateTimeAdd",
    "dateTimeFromEpoch",
    "dateTimeToEpoch",
    "div",
    "empty",
    "endsWith",
    "equals",
    "filter",
    "first",
    "flatten",
    "float",
    "format",
    "greater",
    "greaterOrEquals",
    "groupBy",
    "guid",
    "if",
    "indexFromEnd",
    "indexOf",
    "int",
    "intersection",
    "items",
    "join",
    "json",
    "last",
    "lastIndexOf",
    "length",
    "less",
    "lessOrEquals",
    "map",
    "mapValues",
    "max",
    "min",
    "mod",
    "mul",
    "not",
    "null",
    "objectKeys",
    "or",
    "padLeft",
    "parseCidr",
    "range",
    "reduce",
    "replace",
    "shallowMerge",
    "skip",
    "sort",
    "split",
    "startsWith",
    "string",
    "sub",
    "substring",
    "take",
    "toLower",
    "toObject",
    "toUpper",
    "trim",
    "true",
    "tryGet",
    "tryIndexFromEnd",
    "union",
    "uniqueString",
    "uri",
    "uriComponent",
    "uriComponentToString",
    "xor",
    "false",
];

#[test]
fn every_name_of_the_property_test_is_a_function() {
    for name in NAMES {
        assert!(crate::is_function(name) && crate::is_function(&name.to_uppercase()), "{name}");
    }
    assert!(!crate::is_function("parameters"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn any_expression_comes_to_an_end_within_its_bounds(expression in call()) {
        let limits = Limits { value_bytes_max: 10_000, work_bytes_max: 1_000_000, steps_max: 10_000, ..Limits::default() };
        let scope = Given(json!({"long": "x".repeat(1000)}));
        let evaluator = Evaluator::new(&scope, &limits);
        if let Ok(value) = evaluator.text(&format!("[{expression}]"), Position::default()) {
            prop_assert!(value.weight(limits.value_depth_max).is_some_and(|weight| weight <= limits.value_bytes_max));
        }
    }

    #[test]
    fn any_text_is_evaluated_or_refused(text in "\\PC{0,40}", name in prop::sample::select(NAMES)) {
        let limits = Limits::default();
        let scope = Given(Json::Null);
        let evaluator = Evaluator::new(&scope, &limits);
        for text in [text.clone(), format!("[{text}]"), format!("[{name}({text})]"), format!("[{name}('{text}', 1)]")] {
            let _ = evaluator.text(&text, Position::default());
        }
    }
}
