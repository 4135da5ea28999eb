use serde_json::json;

use super::{evaluate, evaluate_with, fail};

#[test]
fn lambdas_are_called_with_items_and_places() {
    let given = json!({"dogs": [
        {"name": "Evie", "age": 5}, {"name": "Casper", "age": 3}, {"name": "Indy", "age": 2}, {"name": "Kira", "age": 8},
    ]});
    let table = [
        (
            "map(filter(parameters('dogs'), lambda('dog', greaterOrEquals(lambdaVariables('dog').age, 5))), lambda('d', lambdaVariables('d').name))",
            json!(["Evie", "Kira"]),
        ),
        (
            "map(parameters('dogs'), lambda('dog', format('Hello {0}!', lambdaVariables('DOG').name)))[3]",
            json!("Hello Kira!"),
        ),
        (
            "map(range(0, 3), lambda('x', 'i', mul(lambdaVariables('x'), lambdaVariables('i'))))",
            json!([0, 1, 4]),
        ),
        ("filter(range(10, 4), lambda('x', 'i', greater(lambdaVariables('i'), 1)))", json!([12, 13])),
        (
            "reduce(map(parameters('dogs'), lambda('dog', lambdaVariables('dog').age)), 1, lambda('cur', 'next', add(lambdaVariables('cur'), lambdaVariables('next'))))",
            json!(19),
        ),
        (
            "reduce(createArray(createObject('foo', 123), createObject('bar', 456)), createObject(), lambda('cur', 'next', union(lambdaVariables('cur'), lambdaVariables('next'))))",
            json!({"foo": 123, "bar": 456}),
        ),
        ("reduce(range(5, 3), 0, lambda('c', 'n', 'i', lambdaVariables('i')))", json!(2)),
        ("reduce(createArray(), 'none', lambda('a', 'b', 'some'))", json!("none")),
        (
            "map(sort(parameters('dogs'), lambda('a', 'b', less(lambdaVariables('a').age, lambdaVariables('b').age))), lambda('d', lambdaVariables('d').age))",
            json!([2, 3, 5, 8]),
        ),
        (
            "toObject(take(parameters('dogs'), 1), lambda('entry', lambdaVariables('entry').name))",
            json!({"Evie": {"name": "Evie", "age": 5}}),
        ),
        (
            "toObject(take(parameters('dogs'), 2), lambda('entry', lambdaVariables('entry').name), lambda('e', lambdaVariables('e').age))",
            json!({"Evie": 5, "Casper": 3}),
        ),
        (
            "groupBy(createArray('foo', 'bar', 'baz'), lambda('x', substring(lambdaVariables('x'), 0, 1)))",
            json!({"f": ["foo"], "b": ["bar", "baz"]}),
        ),
        (
            "mapValues(createObject('foo', 'foo'), lambda('val', toUpper(lambdaVariables('val'))))",
            json!({"foo": "FOO"}),
        ),
        (
            "map(range(0, 2), lambda('x', map(range(0, 2), lambda('y', add(mul(2, lambdaVariables('x')), lambdaVariables('y'))))))",
            json!([[0, 1], [2, 3]]),
        ),
        ("map(range(0, 1), lambda('x', map(range(7, 1), lambda('x', lambdaVariables('x')))))", json!([[7]])),
    ];
    for (expression, wanted) in table {
        assert_eq!(evaluate_with(expression, &given), Ok(wanted), "{expression}");
    }
}

#[test]
fn sorting_keeps_equals_in_order_and_ends_whatever_the_lambda_says() {
    let sorted = "map(sort(createArray(createArray(1, 'a'), createArray(0, 'b'), createArray(1, 'c'), createArray(0, 'd')), lambda('x', 'y', less(lambdaVariables('x')[0], lambdaVariables('y')[0]))), lambda('i', lambdaVariables('i')[1]))";
    assert_eq!(evaluate(sorted), Ok(json!(["b", "d", "a", "c"])));
    let nonsense = "length(sort(range(0, 100), lambda('x', 'y', true())))";
    assert_eq!(evaluate(nonsense), Ok(json!(100)));
}

#[test]
fn a_lambda_that_does_not_fit_is_told_of() {
    fail(&[
        ("map(range(0, 1), 5)", "argument 2 has to be a lambda of 1 to 2 variables"),
        ("map(range(0, 1), lambda(5))", "has to be a lambda"),
        ("map(range(0, 1), lambda())", "has to be a lambda"),
        ("map(range(0, 1), lambda(1, 2))", "has to be a lambda"),
        ("sort(range(0, 1), lambda('a', true()))", "lambda of 2 to 2 variables"),
        ("map('a', lambda('x', 1))", "argument 1 has to be of type 'Array'"),
        (
            "filter(range(0, 1), lambda('x', 1))",
            "the lambda has to be of type 'Boolean', and it is of type 'Integer'",
        ),
        ("toObject(range(0, 1), lambda('x', 1))", "the lambda has to be of type 'String'"),
        ("lambda('x', 1)", "may only be an argument"),
        ("lambdaVariables('x')", "no lambda around has a variable 'x'"),
        ("lambdaVariables(concat('hun', 'ter2'))", "a variable '…'"),
        ("mapValues(createArray(), lambda('x', 1))", "of type 'Object'"),
        ("map(range(0, 1), lambda('x', lambdaVariables('y')))", "variable 'y'"),
    ]);
}
