use serde_json::json;

use super::{are, fail};

#[test]
fn strings_are_taken_apart_and_put_together() {
    are(&[
        ("concat('a', 'b', 'c')", json!("abc")),
        ("concat('vm', 3, true())", json!("vm3True")),
        ("concat('it''s')", json!("it's")),
        ("substring('one two three', 4, 3)", json!("two")),
        ("substring('one two three', 4)", json!("two three")),
        ("substring('one', 3, 0)", json!("")),
        ("replace('123-123-1234', '-', '')", json!("1231231234")),
        ("replace('123-123-1234', '1234', 'xxxx')", json!("123-123-xxxx")),
        ("split('one,two,three', ',')", json!(["one", "two", "three"])),
        ("split('one;two,three', createArray(',', ';'))", json!(["one", "two", "three"])),
        ("split(',a,', ',')", json!(["", "a", ""])),
        ("split('abc', '')", json!(["abc"])),
        ("split('aXXb', createArray('XX', 'X'))", json!(["a", "b"])),
        ("join(createArray('a', 'b', 1), ', ')", json!("a, b, 1")),
        ("join(createArray(), ',')", json!("")),
        ("padLeft('123', 10, '0')", json!("0000000123")),
        ("padLeft(123, 5)", json!("  123")),
        ("padLeft('12345', 3, '0')", json!("12345")),
        ("trim('    one two three   ')", json!("one two three")),
        ("toLower('One Two Three')", json!("one two three")),
        ("toUpper('One Two Three')", json!("ONE TWO THREE")),
        ("toUpper('straße')", json!("STRAßE")),
        ("first('One Two Three')", json!("O")),
        ("last('One Two Three')", json!("e")),
        ("first('')", json!("")),
        ("skip('one two three', 4)", json!("two three")),
        ("skip('abc', -1)", json!("abc")),
        ("take('one two three', 2)", json!("on")),
        ("take('abc', 9)", json!("abc")),
        ("take('abc', -9)", json!("")),
        ("length('One Two Three')", json!(13)),
        ("length('日本')", json!(2)),
    ]);
    fail(&[
        (
            "substring('1234567890', 0, 11)",
            "The index and length parameters must refer to a location within the string. The index parameter: '0', the length parameter: '11', the length of the string parameter: '10'",
        ),
        ("substring('abc', -1, 1)", "must refer to a location"),
        ("substring('abc', 9223372036854775807, 9223372036854775807)", "must refer to a location"),
        ("replace('abc', '', 'x')", "is empty"),
        ("concat('a', createArray())", "Either all or none of the parameters must be an array."),
        (
            "concat('a', createObject())",
            "argument 2 has to be of type 'String or Array', and it is of type 'Object'",
        ),
        (
            "concat()",
            "Unable to evaluate template language function 'concat': function requires at least 1 argument(s) while 0 were provided. Please see https://aka.ms/arm-resource-functions/#concat for usage details.",
        ),
        ("padLeft('a', 3, '00')", "single character"),
        ("padLeft('a', -3)", "negative"),
        ("toLower(1)", "argument 1 has to be of type 'String', and it is of type 'Integer'"),
        ("split('a', 1)", "String or Array of String"),
        ("trim('a', 'b')", "function requires 1 argument(s) while 2 were provided"),
        ("substring()", "between 1 and 3 argument(s) while 0"),
    ]);
}

#[test]
fn strings_are_searched_without_regard_to_case_but_by_contains() {
    are(&[
        ("startsWith('abcdef', 'ab')", json!(true)),
        ("startsWith('abcdef', 'A')", json!(true)),
        ("startsWith('abcdef', 'e')", json!(false)),
        ("endsWith('abcdef', 'ef')", json!(true)),
        ("endsWith('abcdef', 'F')", json!(true)),
        ("endsWith('abcdef', 'e')", json!(false)),
        ("indexOf('test', 't')", json!(0)),
        ("lastIndexOf('test', 't')", json!(3)),
        ("indexOf('abcdef', 'CD')", json!(2)),
        ("lastIndexOf('abcdef', 'AB')", json!(0)),
        ("indexOf('abcdef', 'z')", json!(-1)),
        ("indexOf('日本x', 'X')", json!(2)),
        ("contains('OneTwoThree', 'e')", json!(true)),
        ("contains('OneTwoThree', 'z')", json!(false)),
        ("contains('OneTwoThree', 'ONE')", json!(false)),
        ("contains('a1', 1)", json!(true)),
        ("empty('')", json!(true)),
        ("empty(' ')", json!(false)),
    ]);
}

#[test]
fn values_are_encoded_and_decoded() {
    are(&[
        ("base64('one, two, three')", json!("b25lLCB0d28sIHRocmVl")),
        ("base64ToString('b25lLCB0d28sIHRocmVl')", json!("one, two, three")),
        ("base64ToJson(base64('{\"one\": \"a\", \"two\": \"b\"}'))", json!({"one": "a", "two": "b"})),
        ("base64('ab')", json!("YWI=")),
        ("base64ToString('YWI')", json!("ab")),
        ("dataUri('Hello')", json!("data:text/plain;charset=utf8;base64,SGVsbG8=")),
        ("dataUriToString('data:;base64,SGVsbG8sIFdvcmxkIQ==')", json!("Hello, World!")),
        ("dataUriToString('data:text/plain,a%20b')", json!("a b")),
        ("dataUriToString(dataUri('ä'))", json!("ä")),
        (
            "uriComponent('http://contoso.com/resources/nested/azuredeploy.json')",
            json!("http%3A%2F%2Fcontoso.com%2Fresources%2Fnested%2Fazuredeploy.json"),
        ),
        (
            "uriComponentToString('http%3A%2F%2Fcontoso.com%2Fresources')",
            json!("http://contoso.com/resources"),
        ),
        ("uriComponent('a b+ü~')", json!("a%20b%2B%C3%BC~")),
        (
            "string(createObject('valueA', 10, 'valueB', 'Example Text'))",
            json!("{\"valueA\":10,\"valueB\":\"Example Text\"}"),
        ),
        ("string(createArray('a', 'b', 'c'))", json!("[\"a\",\"b\",\"c\"]")),
        ("string(5)", json!("5")),
        ("string(true())", json!("True")),
        ("string(null())", json!("")),
        ("string(createArray(null(), true(), float('1.5'), 'a\"b'))", json!("[null,true,1.5,\"a\\\"b\"]")),
        ("json('null')", json!(null)),
        ("json('[1, 2, 3]')", json!([1, 2, 3])),
        ("json('{\"a\":\"b\"}').A", json!("b")),
        ("json(concat('{\"a\": \"', 'demo value', '\"}'))", json!({"a": "demo value"})),
        ("json('\"test\"')", json!("test")),
    ]);
    fail(&[
        (
            "base64ToString('*')",
            "The template language function 'base64ToString' was invoked with a parameter that is not valid. The value cannot be decoded from base64 representation.",
        ),
        ("base64ToString('/w==')", "not text in UTF-8"),
        ("json('{\"hunter2\"')", "the string is not valid JSON at line 1, position 11"),
        ("base64ToJson('e30x')", "not valid JSON"),
        ("dataUriToString('x')", "formatted as a valid data URI"),
        ("dataUriToString('dätä:')", "formatted as a valid data URI"),
        ("uriComponentToString('%ff')", "not text in UTF-8"),
    ]);
}

#[test]
fn a_reference_is_resolved_against_a_base() {
    are(&[
        ("uri('http://contoso.org/firstpath', 'myscript.sh')", json!("http://contoso.org/myscript.sh")),
        (
            "uri('http://contoso.org/firstpath/', 'myscript.sh')",
            json!("http://contoso.org/firstpath/myscript.sh"),
        ),
        (
            "uri('http://contoso.org/firstpath/azuredeploy.json', 'myscript.sh')",
            json!("http://contoso.org/firstpath/myscript.sh"),
        ),
        (
            "uri('http://contoso.org/firstpath/azuredeploy.json/', 'myscript.sh')",
            json!("http://contoso.org/firstpath/azuredeploy.json/myscript.sh"),
        ),
        (
            "uri('http://contoso.com/resources/', 'nested/azuredeploy.json')",
            json!("http://contoso.com/resources/nested/azuredeploy.json"),
        ),
        ("uri('https://host', 'a')", json!("https://host/a")),
        // RFC 3986, section 5.4
        ("uri('http://a/b/c/d;p?q', 'g?y#s')", json!("http://a/b/c/g?y#s")),
        ("uri('http://a/b/c/d;p?q', '../../g')", json!("http://a/g")),
        ("uri('http://a/b/c/d;p?q', '../../../g')", json!("http://a/g")),
        ("uri('http://a/b/c/d;p?q', '.')", json!("http://a/b/c/")),
        ("uri('http://a/b/c/d;p?q', '..')", json!("http://a/b/")),
        ("uri('http://a/b/c/d;p?q', '?y')", json!("http://a/b/c/d;p?y")),
        ("uri('http://a/b/c/d;p?q', '')", json!("http://a/b/c/d;p?q")),
        ("uri('http://a/b/c/d;p?q', '/g')", json!("http://a/g")),
        ("uri('http://a/b/c/d;p?q', '//g')", json!("http://g")),
        ("uri('http://a/b/c/d;p?q', './g/../h')", json!("http://a/b/c/h")),
        ("uri('http://a/b/c/d;p?q', 'https://other/x')", json!("https://other/x")),
    ]);
    fail(&[(
        "uri('relative/', 'x')",
        "The template language function 'uri' expects its first argument to be a uri string",
    )]);
}

/// Values that Azure gave, as its own tools and others recorded them.
#[test]
fn hashes_are_azures() {
    are(&[
        ("uniqueString('test')", json!("rbgf3xv4ufgzg")),
        ("uniqueString('hello', 'world')", json!("a7wkljktk6wne")),
        ("uniqueString('asd', 'asdf', 'asdf')", json!("iizpqit7ih3cc")),
        ("uniqueString('abc')", json!("cgtzqvhu4i23s")),
        ("uniqueString('foo', 'bar', 'baz')", json!("xzi4ioaxtmth4")),
        (
            "uniqueString('/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/my-rg')",
            json!("bmg7c6xu4tw46"),
        ),
        (
            "uniqueString('/subscriptions/00000000-0000-0000-0000-000000000000', 'resource-id')",
            json!("cwvxuqg24sifi"),
        ),
        (
            "uniqueString('/subscriptions/31e9f9a0-9fd2-4294-a0a3-0101246d9700/resourceGroups/rg-modm201-20230913120256/providers/Microsoft.Compute/virtualMachines/bobjacmodm201')",
            json!("yvjxno3je5on2"),
        ),
        ("guid('a', 'b', 'c')", json!("a98fa280-e03f-5afa-8d8e-92d0a9c201e8")),
        ("equals(guid('a-b'), guid('a', 'b'))", json!(true)),
        ("length(uniqueString(''))", json!(13)),
    ]);
    fail(&[("guid(1)", "of type 'String'"), ("uniqueString()", "at least 1")]);
}

#[test]
fn composite_formats_are_dotnets() {
    are(&[
        (
            "format('{0}, {1}. Formatted number: {2:N0}', 'Hello', 'User', 8175133)",
            json!("Hello, User. Formatted number: 8,175,133"),
        ),
        ("format('{0}', true())", json!("True")),
        ("format('{0:D3}|{0:d}', 7)", json!("007|7")),
        ("format('{0:D3}', -7)", json!("-007")),
        ("format('{0:X4} {0:x}', 255)", json!("00FF ff")),
        ("format('{0:X}', -1)", json!("FFFFFFFFFFFFFFFF")),
        ("format('{0:N}', -1234567)", json!("-1,234,567.00")),
        ("format('{0:F1}', float('2.34'))", json!("2.3")),
        ("format('{0:F2}', 3)", json!("3.00")),
        ("format('{0:P1}', float('0.256'))", json!("25.6 %")),
        ("format('{0:E2}', 12345)", json!("1.23E+004")),
        ("format('{0:C}', -5)", json!("(¤5.00)")),
        ("format('{0:G}', 5)", json!("5")),
        ("format('[{0,5}|{0,-5}]', 'ab')", json!("[   ab|ab   ]")),
        ("format('{{0}} {0}', 'x')", json!("{0} x")),
        ("format('{0:000}|{0:0.00}|{0:#,##0}|{0:#}', 42)", json!("042|42.00|42|42")),
        ("format('{0:#,##0.0#}', 1234567)", json!("1,234,567.0")),
        ("format('{0:0.##}', float('1.5'))", json!("1.5")),
        ("format('{0:0%}', float('0.5'))", json!("50%")),
        ("format('{0:00-00}', 12345)", json!("123-45")),
        ("format('{0:0;minus 0;none}{1:0;minus 0;none}{2:0;minus 0;none}', 1, -1, 0)", json!("1minus 1none")),
        ("format('{0:000 \"x\"}', -7)", json!("-007 x")),
        ("format('{0:yyyy}', 'text')", json!("text")),
        ("format('{0} {1}', createArray(1), null())", json!("[1] ")),
        ("format('plain')", json!("plain")),
    ]);
    fail(&[
        (
            "format('{0}')",
            "Unable to evaluate language function 'format': the format is invalid: 'Index (zero based) must be greater than or equal to zero and less than the size of the argument list.'.",
        ),
        ("format('{1}', 1)", "Index (zero based)"),
        ("format('{', 1)", "Input string was not in a correct format."),
        ("format('}', 1)", "Input string was not in a correct format."),
        ("format('{x}', 1)", "not in a correct format"),
        ("format('{99999999999999999999}', 1)", "not in a correct format"),
        ("format(concat('{0:', padLeft('', 100, '0'), '}'), 1)", "99 places for digits at most"),
        ("format('{0:D1000}', 1)", "99 digits at most"),
        ("format('{0:D}', float('1.5'))", "is for integers"),
        ("format('{0,2147483647}', 1)", "more than 4194304 bytes"),
        ("format(1)", "of type 'String'"),
    ]);
}
