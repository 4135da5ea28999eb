//! What Microsoft's command line sends, step by step, and what it needs of the answers. `fixtures/clients.jsonl` was made of
//! requests that were recorded: a line a request, with the status and the members that its client goes on with.

use http::{Method, Request};
use serde::Deserialize;
use serde_json::Value;

use crate::lab::{HOST, Lab};

#[derive(Debug, Deserialize)]
struct Step {
    client: String,
    method: String,
    path: String,
    status: u16,
    host: Option<String>,
    #[serde(default = "yes")]
    token: bool,
    body: Option<Value>,
    /// Members of the answer: names and places with dots between. `tags.file-encoding` is one of a map.
    #[serde(default)]
    has: Vec<String>,
    /// Members of the answer and what they are.
    #[serde(default)]
    is: serde_json::Map<String, Value>,
    /// Headers of the answer.
    #[serde(default)]
    headers: Vec<String>,
}

fn yes() -> bool {
    true
}

fn member<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |at, word| match at {
        Value::Array(items) => items.get(word.parse::<usize>().ok()?),
        _ => at.get(word),
    })
}

#[tokio::test]
async fn every_step_of_the_clients_gets_what_it_goes_on_with() {
    let lab = Lab::new().await;
    let steps: Vec<Step> = include_str!("../fixtures/clients.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(steps.len() > 30);
    for step in &steps {
        let method: Method = step.method.parse().unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(&step.path)
            .header("host", step.host.as_deref().unwrap_or(HOST));
        if step.token {
            request = request.header("authorization", format!("Bearer {}", lab.token));
        }
        let body = step.body.as_ref().map_or_else(String::new, Value::to_string);
        let answer = lab.send(request.body(body.into()).unwrap()).await;
        let what = format!("{}: {} {}", step.client, step.method, step.path);
        assert_eq!(answer.status, step.status, "{what}: {}", answer.text);
        for name in &step.headers {
            assert!(!answer.header(name).is_empty(), "{what}: no header {name}");
        }
        if answer.text.is_empty() {
            assert!(step.has.is_empty() && step.is.is_empty(), "{what}: an empty answer");
            continue;
        }
        let shown = answer.json();
        for path in &step.has {
            let found = member(&shown, path).is_some_and(|found| !found.is_null());
            assert!(found, "{what}: no {path} in {}", answer.text);
        }
        for (path, wanted) in &step.is {
            assert_eq!(member(&shown, path), Some(wanted), "{what}: {path} in {}", answer.text);
        }
    }
}
