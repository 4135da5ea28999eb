//! What a deployment would change, for people.

use serde_json::Value;
use transload_client::api::deployment::{PropertyChange, WhatIf, WhatIfChange};

use super::page::name_and_type;
use crate::output::{Page, Table, Tone};

/// Members that say which resource it is, and not what it is.
const NAMES: [&str; 4] = ["apiVersion", "id", "name", "type"];

/// A kind of change: its word in the API, its sign, how it is shown, its word for people.
struct Kind {
    word: &'static str,
    sign: char,
    tone: Tone,
    shown: &'static str,
}

/// In the order in which they are shown: what is lost first.
const KINDS: [Kind; 7] = [
    Kind { word: "Delete", sign: '-', tone: Tone::Bad, shown: "delete" },
    Kind { word: "Create", sign: '+', tone: Tone::Good, shown: "create" },
    Kind { word: "Modify", sign: '~', tone: Tone::Changed, shown: "modify" },
    Kind { word: "Deploy", sign: '!', tone: Tone::Changed, shown: "deploy" },
    Kind { word: "Unsupported", sign: 'x', tone: Tone::Faint, shown: "unknown" },
    Kind { word: "NoChange", sign: '=', tone: Tone::Faint, shown: "no change" },
    Kind { word: "Ignore", sign: '*', tone: Tone::Faint, shown: "ignore" },
];

/// All of it: a resource a line, and beneath it what would be different.
pub(super) fn page(answer: &WhatIf) -> Page {
    let changes = answer.properties.as_ref().map_or(&[][..], |properties| &properties.changes);
    let mut lines = Vec::new();
    let mut rows = Table::new(["CHANGE", "RESOURCE"]);
    let mut counts = Vec::new();
    for kind in &KINDS {
        let of_kind: Vec<&WhatIfChange> =
            changes.iter().filter(|change| change.change_type.eq_ignore_ascii_case(kind.word)).collect();
        if of_kind.is_empty() {
            continue;
        }
        counts.push(format!("{} {}", of_kind.len(), kind.shown));
        for change in of_kind {
            rows.row([kind.word.into(), change.resource_id.clone().into()]);
            resource(kind, change, &mut lines);
        }
    }
    let summary = match counts.as_slice() {
        [] => "nothing would change: the template has no resources\n".to_owned(),
        counts => format!("\nresources: {}\n", counts.join(", ")),
    };
    Page::new().lines(lines).text(summary).rows(rows)
}

/// What would be deleted, or perhaps, a line each. Of a resource that is there and of which the server cannot tell, nobody
/// knows that it stays.
pub(super) fn lost(answer: &WhatIf) -> Vec<String> {
    let changes = answer.properties.iter().flat_map(|properties| &properties.changes);
    let deleted = changes.filter(|change| {
        let is_unknown = change.change_type.eq_ignore_ascii_case("Unsupported") && change.before.is_some();
        is_unknown || change.change_type.eq_ignore_ascii_case("Delete")
    });
    deleted
        .map(|change| {
            let (name, kind) = name_and_type(&change.resource_id);
            format!("  - {kind} {name}")
        })
        .collect()
}

fn resource(kind: &Kind, change: &WhatIfChange, lines: &mut Vec<(Tone, String)>) {
    let (name, full_type) = name_and_type(&change.resource_id);
    lines.push((kind.tone, format!("{} {full_type} {name}", kind.sign)));
    if let Some(why) = &change.unsupported_reason {
        lines.push((Tone::Faint, format!("    {why}")));
    }
    match kind.word {
        "Create" => leaves("", change.after.as_ref().unwrap_or(&Value::Null), true, &mut |path, value| {
            lines.push((Tone::Good, format!("    + {path}: {value}")));
        }),
        "Modify" => {
            for delta in change.delta.iter().flatten() {
                property("", delta, lines);
            }
        }
        _ => {}
    }
}

fn property(front: &str, change: &PropertyChange, lines: &mut Vec<(Tone, String)>) {
    let path = joined(front, &change.path);
    let shown = |value: &Option<Value>| value.as_ref().unwrap_or(&Value::Null).to_string();
    match change.property_change_type.to_ascii_lowercase().as_str() {
        "create" => lines.push((Tone::Good, format!("    + {path}: {}", shown(&change.after)))),
        "delete" => lines.push((Tone::Bad, format!("    - {path}: {}", shown(&change.before)))),
        "array" => {
            for child in change.children.iter().flatten() {
                property(&path, child, lines);
            }
        }
        "noeffect" => {}
        _ => {
            let text = format!("    ~ {path}: {} => {}", shown(&change.before), shown(&change.after));
            lines.push((Tone::Changed, text));
        }
    }
}

/// `a.b`, and of an item of a list `a[0]`.
fn joined(front: &str, path: &str) -> String {
    let is_item = !path.is_empty() && path.bytes().all(|b| b.is_ascii_digit());
    match (front, is_item) {
        ("", _) => path.to_owned(),
        (front, true) => format!("{front}[{path}]"),
        (front, false) => format!("{front}.{path}"),
    }
}

/// Every value that has no members.
fn leaves(front: &str, value: &Value, is_outer: bool, seen: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                if !is_outer || !NAMES.contains(&name.as_str()) {
                    leaves(&joined(front, name), value, false, seen);
                }
            }
        }
        Value::Null if is_outer => {}
        value => seen(front, value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::Screen;

    fn answer() -> WhatIf {
        let id = |name: &str| format!("/subscriptions/s/resourceGroups/g/providers/N.X/things/{name}");
        serde_json::from_value(json!({"status": "Succeeded", "properties": {"changes": [
            {"resourceId": id("same"), "changeType": "NoChange", "before": {}, "after": {}},
            {"resourceId": id("new"), "changeType": "Create",
                "after": {"id": id("new"), "name": "new", "location": "here", "properties": {"a": {"b": 1}, "l": ["x"]}}},
            {"resourceId": id("other"), "changeType": "Modify", "delta": [
                {"path": "properties.uri", "propertyChangeType": "Modify", "before": "a", "after": "b"},
                {"path": "tags.x", "propertyChangeType": "Create", "after": 1},
                {"path": "properties.options", "propertyChangeType": "Array", "children": [
                    {"path": "0", "propertyChangeType": "Delete", "before": "old"}]}]},
            {"resourceId": id("gone"), "changeType": "Delete", "before": {}}]}}))
        .unwrap()
    }

    #[test]
    fn a_change_is_shown_with_its_sign_and_what_is_lost_comes_first() {
        let text = page(&answer()).render(Screen::default());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "- N.X/things gone",
                "+ N.X/things new",
                "    + location: \"here\"",
                "    + properties.a.b: 1",
                "    + properties.l: [\"x\"]",
                "~ N.X/things other",
                "    ~ properties.uri: \"a\" => \"b\"",
                "    + tags.x: 1",
                "    - properties.options[0]: \"old\"",
                "= N.X/things same",
                "",
                "resources: 1 delete, 1 create, 1 modify, 1 no change",
            ]
        );
        assert_eq!(lost(&answer()), ["  - N.X/things gone"]);
        assert_eq!(page(&answer()).tsv().lines().count(), 4);
    }

    #[test]
    fn colours_are_for_terminals_alone() {
        let colored = page(&answer()).render(Screen { color: true, width: None });
        assert!(colored.contains("\u{1b}[31m- N.X/things gone\u{1b}["), "{colored}");
        assert!(!page(&answer()).render(Screen::default()).contains('\u{1b}'));
    }
}
