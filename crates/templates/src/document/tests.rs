use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{Node, Position};
use crate::{ErrorKind, Limits};

fn parse(text: &str) -> Result<Json, String> {
    Node::parse(text, &Limits::default()).map(|node| node.to_json()).map_err(|error| error.message)
}

#[test]
fn what_strict_json_takes_is_taken() {
    for (text, wanted) in [
        ("null", json!(null)),
        (" true ", json!(true)),
        ("-0", json!(-0.0)),
        ("[0, -1, 1.5, 1e3, 1E-2, 9223372036854775807]", json!([0, -1, 1.5, 1000.0, 0.01, i64::MAX])),
        ("9223372036854775808", json!(9223372036854775808.0)),
        ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud83d\\ude00\"", json!("\"\\/\u{8}\u{c}\n\r\tä😀")),
        ("{\"a\":{},\"b\":[],\"A\":1}", json!({"a": {}, "b": [], "A": 1})),
    ] {
        assert_eq!(parse(text), Ok(wanted), "{text}");
    }
}

#[test]
fn what_templates_and_clients_make_of_json_is_taken_too() {
    for (text, wanted) in [
        (
            "\u{feff}// first\n{ /* key */ \"a\" /* : */ : // value\r 1 /**/, \"b\": 2 } // end",
            json!({"a": 1, "b": 2}),
        ),
        ("{\"a\": \"one\n  two\tthree\r\nfour\"}", json!({"a": "one\n  two\tthree\r\nfour"})),
        ("{template:{$schema:1, _a9: 2, été: 3}}", json!({"template": {"$schema": 1, "_a9": 2, "été": 3}})),
        ("{\"a\": \"http://x /* no comment */\"}", json!({"a": "http://x /* no comment */"})),
    ] {
        assert_eq!(parse(text), Ok(wanted), "{text}");
    }
}

/// The body that Microsoft's client sends: contract § 0.1.
#[test]
fn a_clients_whole_body_is_a_document() {
    let body = "{\"properties\": {\"parameters\": {\"a\": {\"value\": \"x\"}}, \"mode\": \"Incremental\", template:{\n  // the file\n  \"resources\": []\n}}}";
    let node = Node::parse(body, &Limits::default()).expect("a document");
    let resources = node
        .get("PROPERTIES")
        .and_then(|node| node.get("template"))
        .and_then(|node| node.member("resources"));
    assert_eq!(resources.map(|member| member.key_at), Some(Position { line: 3, column: 3 }));
    assert_eq!(resources.map(|member| member.value.at), Some(Position { line: 3, column: 16 }));
}

#[test]
fn what_is_no_document_is_refused_with_its_place() {
    for (text, wanted) in [
        ("", "Unexpected end of the text: a value was expected. Line 1, position 1."),
        (
            "{\n  \"a\": 1\n  \"b\": 2\n}",
            "Unexpected character '\\\"': ',' or '}' was expected. Line 3, position 3.",
        ),
        ("[1, ]", "Unexpected character ']': a value was expected. Line 1, position 5."),
        ("{\"a\": 1, }", "Unexpected character '}': a key was expected. Line 1, position 10."),
        ("{\"a\" 1}", "':' was expected"),
        ("{1: 2}", "a key was expected"),
        ("[1 2]", "',' or ']' was expected. Line 1, position 4."),
        ("{} {}", "the end of the text was expected. Line 1, position 4."),
        (
            "{\"a\": \"open\n}",
            "The string that begins here does not end: '\"' was expected. Line 1, position 7.",
        ),
        ("/* open", "The comment that begins here does not end: '*/' was expected. Line 1, position 1."),
        ("01", "leading zero"),
        ("-", "a digit was expected"),
        ("1.", "a digit was expected"),
        ("1e", "a digit was expected"),
        ("1e999", "The number is out of range."),
        ("+1", "a value was expected"),
        ("nul", "Unexpected word"),
        ("{\"a\": secret}", "Unexpected word: a value was expected"),
        ("'a'", "a value was expected"),
        ("\"\\x\"", "an escape"),
        ("\"\\u12g4\"", "one of four hexadecimal digits was expected. Line 1, position 6."),
        ("\"\\ud800\"", "Half of a character"),
        ("\"\\ud800\\u0041\"", "Half of a character"),
        ("\"\\udc00\"", "Half of a character"),
        ("\"\u{1}\"", "control character"),
        ("{\"a\": 1, \"a\": 2}", "The key 'a' is there twice in one object. Line 1, position 10."),
        ("\r\n\r\r\n@", "Line 4, position 1."),
    ] {
        let message = parse(text).expect_err(text);
        assert!(message.contains(wanted), "{text}: {message}");
    }
}

#[test]
fn a_document_is_bounded() {
    let limits =
        Limits { document_bytes_max: 100, document_depth_max: 3, document_nodes_max: 5, ..Limits::default() };
    for (text, within) in [
        ("[[[]]]", true),
        ("[[[[]]]]", false),
        ("[1,2,3,4]", true),
        ("[1,2,3,4,5]", false),
        (&format!("\"{}\"", "a".repeat(98)), true),
        (&format!("\"{}\"", "a".repeat(99)), false),
    ] {
        let kind = Node::parse(text, &limits).map_err(|error| error.kind).err();
        assert_eq!(kind, (!within).then_some(ErrorKind::Limit), "{text}");
    }
    assert!(Node::parse(&"[".repeat(1 << 20), &Limits::default()).is_err());
    assert!(Node::parse(&"{a:".repeat(1 << 20), &Limits::default()).is_err());
}

#[test]
fn what_a_document_holds_is_not_shown() {
    let node = Node::parse("{\"value\": [\"hunter2\", {\"x\": \"hunter2\"}]}", &Limits::default())
        .expect("a document");
    let shown = format!("{node:?} {:?} {:?}", node.get("value"), node.member("value"));
    assert!(!shown.contains("hunter2") && shown.contains("value"), "{shown}");
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        // serde_json reads digits beyond a float's precision only roughly
        any::<i32>().prop_map(|number| Json::from(f64::from(number) / 8.0)),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Json::from),
            prop::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// Text made of pieces that mean something.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "b", "1", "-", "0", ".5", "e9", "true", "null", "\\u00",
        "\\", "//", "/*", "*/", "\n", " ", "\u{feff}", "é",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// What serde_json says of a text, as far as the two can agree: it reads keys that are there twice as the last one, whole
/// numbers beyond 64 bits with a sign as such without.
fn strict(text: &str) -> Option<Json> {
    fn plain(json: Json) -> Json {
        match json {
            Json::Number(number) if number.as_i64().is_none() => {
                number.as_f64().map_or(Json::Null, Json::from)
            }
            Json::Array(items) => items.into_iter().map(plain).collect(),
            Json::Object(members) => members.into_iter().map(|(key, value)| (key, plain(value))).collect(),
            other => other,
        }
    }
    serde_json::from_str(text).ok().map(plain)
}

proptest! {
    #[test]
    fn what_was_written_is_read(json in any_json()) {
        for text in [json.to_string(), format!("{json:#}")] {
            prop_assert_eq!(parse(&text).ok(), strict(&text));
        }
        prop_assert_eq!(Node::from_json(&json).to_json(), json);
    }

    #[test]
    fn strict_json_is_read_as_strict_parsers_read_it(text in nearly_json()) {
        let read = parse(&text);
        if let Some(strict) = strict(&text) {
            let is_twice = read.as_ref().is_err_and(|message| message.contains("is there twice"));
            prop_assert!(is_twice || read == Ok(strict), "{:?}", read);
        }
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_place_in_it(text in any::<String>()) {
        if let Err(error) = Node::parse(&text, &Limits::default()) {
            let at = error.at.expect("a place");
            prop_assert!(at.line as usize <= text.chars().filter(|char| matches!(char, '\n' | '\r')).count() + 1);
        }
    }
}
