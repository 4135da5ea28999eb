use proptest::prelude::*;

use super::{Expression, Term, Written};
use crate::{ErrorKind, Limits, Position, Value};

fn read(text: &str) -> Written {
    Written::read(text, Position::default(), &Limits::default())
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// An expression as it could have been written.
fn written(expression: &Expression) -> String {
    match &expression.term {
        Term::Literal(Value::Text(text)) => format!("'{}'", text.replace('\'', "''")),
        Term::Literal(value) => value.to_json().to_string(),
        Term::Call { name, arguments } => {
            format!("{name}({})", arguments.iter().map(written).collect::<Vec<_>>().join(", "))
        }
        Term::Property { of, name, safe } => {
            format!("{}.{}{name}", written(of), if *safe { "?" } else { "" })
        }
        Term::Index { of, index, safe } => {
            format!("{}[{}{}]", written(of), if *safe { "?" } else { "" }, written(index))
        }
    }
}

#[test]
fn only_a_string_in_brackets_is_an_expression() {
    for (text, wanted) in [
        ("plain", "plain"),
        ("[test] value", "[test] value"),
        (" [concat('a')]", " [concat('a')]"),
        ("[concat('a')] ", "[concat('a')] "),
        ("[[test value]", "[test value]"),
        ("[[[x]]", "[[x]]"),
        ("[[test] value", "[[test] value"),
        ("[", "["),
        ("]", "]"),
        ("", ""),
    ] {
        assert_eq!(read(text), Written::Literal(wanted.to_owned()), "{text}");
    }
}

#[test]
fn expressions_are_read_as_they_are_written() {
    for (text, wanted) in [
        ("[ concat ( 'a' , 'it''s' ) ]", "concat('a', 'it''s')"),
        ("[a()\n\t.b\r\n.c]", "a().b.c"),
        ("[a(-5, +7, 0)]", "a(-5, 7, 0)"),
        ("[contoso.uniqueName('x').y[0]['z'].w]", "contoso.uniqueName('x').y[0]['z'].w"),
        ("[a().?b[?c(1)]?.d?[2]]", "a().?b[?c(1)].?d[?2]"),
        ("[true]", "true"),
        ("[a(True, NULL)]", "a(true, null)"),
        ("['text']", "'text'"),
        ("[true()]", "true()"),
        ("['a[b]c']", "'a[b]c'"),
    ] {
        match read(text) {
            Written::Expression(expression) => assert_eq!(written(&expression), wanted, "{text}"),
            Written::Literal(_) => panic!("{text} is no expression"),
        }
    }
}

#[test]
fn what_does_not_parse_says_what_was_expected_and_where() {
    for (text, wanted, column) in [
        (
            "[concat('a''']",
            "Unable to parse language expression 'concat('a'''': expected token 'RightParenthesis' and actual 'EndOfData'.",
            15,
        ),
        ("[concat('a']", "expected token 'RightParenthesis' and actual 'EndOfData'", 13),
        ("[if(not(empty('x')), 'a', '']", "expected token 'RightParenthesis' and actual 'EndOfData'", 30),
        ("[concat]", "expected token 'LeftParenthesis' and actual 'EndOfData'", 9),
        ("[]", "expected token 'Identifier' and actual 'EndOfData'", 3),
        ("[a(,)]", "expected token 'Identifier' and actual 'Comma'", 5),
        ("[a() b()]", "expected token 'EndOfData' and actual 'Identifier'", 7),
        ("[a().]", "expected token 'Identifier' and actual 'EndOfData'", 7),
        ("[a().1]", "expected token 'Identifier' and actual 'Integer'", 7),
        ("[a()[1]", "expected token 'RightSquareBracket' and actual 'EndOfData'", 8),
        ("[a()?1]", "expected token 'LeftSquareBracket' and actual 'Integer'", 7),
        ("['open]", "the string that begins here has no closing quote", 3),
        ("[a(1.5)]", "only whole numbers can be written", 5),
        ("[a(99999999999999999999)]", "'99999999999999999999' is no integer of 64 bits", 5),
        ("[a(-)]", "'-' is no integer", 5),
        ("[a(\"x\")]", "the character '\\\"' begins nothing", 5),
        ("[a()]]", "expected token 'EndOfData' and actual 'RightSquareBracket'", 6),
    ] {
        let error = Written::read(text, Position::default(), &Limits::default()).expect_err(text);
        assert!(error.message.contains(wanted), "{text}: {error}");
        assert_eq!(error.at, Some(Position { line: 1, column }), "{text}");
        assert_eq!(error.kind, ErrorKind::Expression);
    }
}

#[test]
fn a_place_is_counted_from_the_string_on_through_its_lines() {
    let at = Position { line: 10, column: 20 };
    let read = |text| Written::read(text, at, &Limits::default()).map_err(|error| error.at);
    assert_eq!(read("[a(,)]"), Err(Some(Position { line: 10, column: 24 })));
    assert_eq!(read("[a(\n  b(),\n  ,)]"), Err(Some(Position { line: 12, column: 3 })));
}

#[test]
fn an_expression_is_bounded() {
    let deep = |count: usize| format!("[{}1{}]", "a(".repeat(count), ")".repeat(count));
    let chain = |count: usize| format!("[a(){}]", ".b".repeat(count));
    let index = |count: usize| format!("[a(){}1{}]", "[a()".repeat(count), "]".repeat(count));
    let limits = Limits::default();
    let kind = |text: &str| Written::read(text, Position::default(), &limits).err().map(|error| error.kind);
    for text in [deep(63), chain(63)] {
        assert_eq!(kind(&text), None);
    }
    for text in
        [deep(64), chain(64), deep(8_000), chain(8_000), index(4_000), format!("[{}]", "a(".repeat(12_000))]
    {
        assert_eq!(kind(&text), Some(ErrorKind::Limit));
    }
    assert_eq!(kind(&format!("['{}']", "é".repeat(24_574))), None);
    assert_eq!(kind(&format!("['{}']", "é".repeat(24_575))), Some(ErrorKind::Limit));
}

#[test]
fn every_call_is_shown() {
    let Written::Expression(expression) = read("[a(b().c, 1)[d(e())].f]") else { panic!("no expression") };
    let mut names = Vec::new();
    expression.calls(&mut |name, arguments, at| names.push((name.to_owned(), arguments.len(), at.column)));
    assert_eq!(
        names,
        [("a".to_owned(), 2, 3), ("b".to_owned(), 0, 5), ("d".to_owned(), 1, 15), ("e".to_owned(), 0, 17)]
    );
}

fn any_expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        "[^']{0,5}".prop_map(|text| format!("'{text}'")),
        Just("true".to_owned()),
        "[a-z]{1,4}\\(\\)",
    ];
    leaf.prop_recursive(5, 30, 4, |inner| {
        prop_oneof![
            ("([a-z]{1,3}\\.)?[a-z]{1,4}", prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(name, arguments)| format!("{name}({})", arguments.join(", "))),
            ("[a-z]{1,3}", inner.clone()).prop_map(|(name, of)| format!("f({of}).{name}")),
            (inner.clone(), inner).prop_map(|(of, index)| format!("f({of})[?{index}]")),
        ]
    })
}

proptest! {
    #[test]
    fn what_was_read_is_read_again_from_what_is_written_of_it(text in any_expression()) {
        if let Written::Expression(first) = read(&format!("[{text}]")) {
            let again = written(&first);
            match read(&format!("[{again}]")) {
                Written::Expression(second) => prop_assert_eq!(written(&second), again),
                Written::Literal(_) => prop_assert!(false, "{} is no expression", again),
            }
        }
    }

    #[test]
    fn any_text_is_an_expression_a_literal_or_a_fault(text in any::<String>()) {
        let _ = Written::read(&format!("[{text}]"), Position::default(), &Limits::default());
    }
}
