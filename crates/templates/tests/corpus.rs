//! The seeds of the fuzzer mean something: a seed that is refused leads nowhere.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use time::OffsetDateTime;
use transload_templates::{
    Evaluator, Limits, Node, ParameterGiven, Position, Scope, Setting, Template, Value, plan,
};

/// Every seed of a target, with its name.
fn seeds(target: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut seeds = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of seeds") {
        let path = entry.expect("a seed").path();
        let text = std::fs::read_to_string(&path).expect("a text");
        seeds.push((path.display().to_string(), text));
    }
    assert!(!seeds.is_empty());
    seeds
}

/// Answers what the fuzzer's scope does, as far as seeds ask it.
struct Given;

impl Scope for Given {
    fn call(
        &self,
        _name: &str,
        arguments: &[Value],
        _evaluator: &Evaluator<'_>,
    ) -> Option<Result<Value, transload_templates::Error>> {
        let value = match arguments.first()?.as_text()? {
            "a" => json!(["a", 1, null, true]),
            "o" => json!({"a": 1, "B": {"c": "d"}}),
            _ => return None,
        };
        Some(Ok(Value::from_json(&value)))
    }
}

#[test]
fn documents_are_read() {
    for (name, text) in seeds("template_document") {
        Node::parse(&text, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn expressions_are_evaluated() {
    let limits = Limits::default();
    for (name, text) in seeds("template_expression") {
        let value = Evaluator::new(&Given, &limits).text(&format!("[{text}]"), Position::default());
        // the one that leads to itself is there to be stopped
        assert!(value.is_ok() || name.ends_with("endless"), "{name}: {value:?}");
    }
}

#[test]
fn templates_are_planned() {
    let setting = Setting {
        subscription: "00000000-0000-0000-0000-000000000001".into(),
        group: "group".into(),
        deployment: "deployment".into(),
        mode: "Incremental".into(),
        subscription_answer: json!({"tenantId": "t"}),
        group_answer: json!({"location": "here"}),
        tenant_answer: json!({}),
        environment_answer: json!({}),
        deployer_answer: json!({}),
        now: OffsetDateTime::UNIX_EPOCH,
        seed: Default::default(),
        nested_in: 0,
    };
    let limits = Limits::default();
    for (name, text) in seeds("template_plan") {
        let root = Node::parse(&text, &limits).unwrap_or_else(|error| panic!("{name}: {error}"));
        let template = Template::read(&root, &limits).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut given = BTreeMap::new();
        if template.parameters().any(|(parameter, ..)| parameter == "p") {
            given.insert("p".to_owned(), ParameterGiven::Value(Value::from("x")));
        }
        let plan = plan(Arc::new(template), &given, &setting, &limits);
        let plan = plan.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!plan.resources().is_empty(), "{name}");
    }
}
