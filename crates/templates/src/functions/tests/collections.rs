use serde_json::json;

use super::{are, evaluate_with, fail};

#[test]
fn arrays_are_made_and_cut() {
    are(&[
        ("array(1)", json!([1])),
        ("array('efgh')", json!(["efgh"])),
        ("array(createObject('a', 'b'))", json!([{"a": "b"}])),
        ("array(createArray(1, 2))", json!([1, 2])),
        ("createArray()", json!([])),
        ("createArray(createArray('one'), 2, null())", json!([["one"], 2, null])),
        ("concat(createArray('1-1', '1-2'), createArray('2-1'))", json!(["1-1", "1-2", "2-1"])),
        ("first(createArray('one', 'two'))", json!("one")),
        ("last(createArray('one', 'two'))", json!("two")),
        ("first(createArray())", json!(null)),
        ("skip(createArray('one', 'two', 'three'), 2)", json!(["three"])),
        ("take(createArray('one', 'two', 'three'), 2)", json!(["one", "two"])),
        ("skip(createArray(1), 5)", json!([])),
        ("length(createArray('one', 'two', 'three'))", json!(3)),
        ("empty(createArray())", json!(true)),
        ("empty(null())", json!(true)),
        ("range(5, 3)", json!([5, 6, 7])),
        ("range(5, 0)", json!([])),
        ("range(-1, 2)", json!([-1, 0])),
        ("length(range(0, 10000))", json!(10000)),
        (
            "flatten(createArray(createArray(1, 2), createArray(), createArray(createArray(3))))",
            json!([1, 2, [3]]),
        ),
        ("indexFromEnd(createArray('a', 'b', 'c'), 1)", json!("c")),
        ("indexFromEnd(createArray('a', 'b', 'c'), 3)", json!("a")),
        ("tryIndexFromEnd(createArray('a'), 2)", json!(null)),
        ("tryIndexFromEnd(createArray('a'), 1)", json!("a")),
        ("indexOf(createArray('a', 'B', 'b'), 'b')", json!(2)),
        ("lastIndexOf(createArray(1, 2, 1), 1)", json!(2)),
        ("indexOf(createArray(1), 7)", json!(-1)),
        ("contains(createArray('one', 'two', 'three'), 'three')", json!(true)),
        ("contains(createArray('one', 'two', 'three'), 'four')", json!(false)),
        ("contains(createArray('one'), 'ONE')", json!(false)),
    ]);
    fail(&[
        ("range(0, 10001)", "between 0 and 10000"),
        ("range(0, -1)", "between 0 and 10000"),
        ("range(2147483647, 1)", "2147483647 at most"),
        ("range(9223372036854775807, 1)", "2147483647 at most"),
        ("flatten(createArray(1))", "of type 'Array'"),
        ("indexFromEnd(createArray('a'), 0)", "out of bounds of an array of 1 item(s)"),
        ("indexFromEnd(createArray('a'), 2)", "out of bounds"),
        ("length(1)", "Array, Object or String"),
        ("empty(1)", "Array, Object or String"),
        ("skip(1, 1)", "Array or String"),
        ("first(1)", "Array or String"),
        ("contains(1, 1)", "Array, Object or String"),
    ]);
}

#[test]
fn arrays_are_compared_as_sets_in_their_order() {
    are(&[
        (
            "union(createArray('one', 'two', 'three'), createArray('three', 'four'))",
            json!(["one", "two", "three", "four"]),
        ),
        (
            "union(createArray(createArray('one', 'two'), createArray('three')), createArray(createArray('three'), createArray('four', 'two')))",
            json!([["one", "two"], ["three"], ["four", "two"]]),
        ),
        (
            "intersection(createArray('one', 'two', 'three'), createArray('two', 'three'))",
            json!(["two", "three"]),
        ),
        ("intersection(createArray(1, 1, '1'), createArray(1))", json!([1])),
        ("intersection(createArray(1), createArray(1), createArray())", json!([])),
        (
            "union(createArray(createObject('a', 1, 'b', 2)), createArray(createObject('b', 2, 'a', 1)))",
            json!([{"a": 1, "b": 2}]),
        ),
    ]);
    fail(&[
        (
            "union(createArray(), createObject())",
            "argument 2 has to be of type 'Array', and it is of type 'Object'",
        ),
        ("union(createObject(), 'a')", "argument 2 has to be of type 'Object'"),
        ("intersection('a', 'b')", "argument 1 has to be of type 'Array'"),
        ("union(createArray())", "at least 2"),
    ]);
}

#[test]
fn members_and_items_are_selected() {
    let given = json!({"o": {"Name": {"list": [1, {"x": null}]}}, "n": null});
    let table = [
        ("parameters('o').name.LIST[1].x", json!(null)),
        ("parameters('o')['Name']['list'][0]", json!(1)),
        ("parameters('o').?other", json!(null)),
        ("parameters('o').?other.?more[?0]", json!(null)),
        ("parameters('o').Name.list[?7]", json!(null)),
        ("parameters('n').?x", json!(null)),
        ("tryGet(parameters('o'), 'Name', 'list', 0)", json!(1)),
        ("tryGet(parameters('o'), 'Name', 'list', 9, 'x')", json!(null)),
        ("tryGet(parameters('n'), 'x')", json!(null)),
        ("contains(parameters('o'), 'NAME')", json!(true)),
    ];
    for (expression, wanted) in table {
        assert_eq!(evaluate_with(expression, &given), Ok(wanted), "{expression}");
    }
    let table = [
        (
            "parameters('o').foo",
            "The language expression property 'foo' doesn't exist, available properties are 'Name'.",
        ),
        ("parameters('o')['foo']", "property 'foo' doesn't exist"),
        (
            "parameters('o').Name.list[2]",
            "The language expression property array index '2' is out of bounds.",
        ),
        ("parameters('o').Name.list[-1]", "array index '-1' is out of bounds"),
        ("parameters('o').Name.list['a']", "the index of an array has to be an integer"),
        ("parameters('o').Name.list.x", "it is selected from a value of type 'Array'"),
        ("parameters('o')[0]", "selected from a value of type 'Object'"),
        ("parameters('n').x", "selected from a value of type 'Null'"),
        ("tryGet(parameters('o'), 1)", "argument 2 has to be of type 'String'"),
        ("tryGet('text', 1)", "only objects and arrays"),
    ];
    for (expression, wanted) in table {
        let message = evaluate_with(expression, &given).expect_err(expression);
        assert!(message.contains(wanted), "{expression}: {message}");
    }
}

#[test]
fn a_name_that_was_computed_is_not_shown() {
    let given = json!({"o": {"a": 1}, "password": "hunter2"});
    let message =
        evaluate_with("parameters('o')[parameters('password')]", &given).expect_err("no such member");
    assert!(!message.contains("hunter2") && message.contains("available properties are 'a'"), "{message}");
}
