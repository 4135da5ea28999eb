use serde_json::json;

use super::{are, evaluate, fail};

#[test]
fn objects_are_made_and_taken_apart() {
    are(&[
        (
            "createObject('intProp', 1, 'arrayProp', createArray('a'))",
            json!({"intProp": 1, "arrayProp": ["a"]}),
        ),
        ("createObject()", json!({})),
        ("length(createObject('a', 1, 'b', 2))", json!(2)),
        ("empty(createObject())", json!(true)),
        ("contains(createObject('one', 'a'), 'ONE')", json!(true)),
        ("contains(createObject('one', 'a'), 'a')", json!(false)),
        (
            "items(createObject('item002', 2, 'Item001', 1))",
            json!([{"key": "Item001", "value": 1}, {"key": "item002", "value": 2}]),
        ),
        ("objectKeys(createObject('b', 2, 'a', 1))", json!(["a", "b"])),
        ("null()", json!(null)),
    ]);
    fail(&[
        ("createObject('a')", "even number"),
        ("createObject(1, 2)", "argument 1 has to be of type 'String'"),
        ("createObject('a', 1, 'a', 2)", "there twice"),
        ("items(createArray())", "of type 'Object'"),
    ]);
}

#[test]
fn objects_are_laid_over_each_other() {
    let first =
        "createObject('property', createObject('one', 'a', 'three', 'c1'), 'nestedArray', createArray(1, 2))";
    let second = "createObject('Property', createObject('THREE', 'c2', 'four', 'd'), 'nestedArray', createArray(3, 4))";
    are(&[
        (
            &format!("union({first}, {second})"),
            json!({"property": {"one": "a", "three": "c2", "four": "d"}, "nestedArray": [3, 4]}),
        ),
        (
            &format!("shallowMerge(createArray({first}, {second}))"),
            json!({"property": {"THREE": "c2", "four": "d"}, "nestedArray": [3, 4]}),
        ),
        (
            "intersection(createObject('one', 'a', 'two', 'b', 'three', 'c'), createObject('one', 'a', 'two', 'z', 'Three', 'c'))",
            json!({"one": "a", "three": "c"}),
        ),
        ("shallowMerge(createArray())", json!({})),
    ]);
    fail(&[
        ("shallowMerge(createArray(1))", "of type 'Object'"),
        ("shallowMerge(createObject())", "of type 'Array'"),
    ]);
}

#[test]
fn members_stay_in_their_order() {
    let written = evaluate("string(union(createObject('z', 1, 'a', 2), createObject('m', 3, 'z', 4)))");
    assert_eq!(written, Ok(json!("{\"z\":4,\"a\":2,\"m\":3}")));
}
