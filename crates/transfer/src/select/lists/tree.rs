//! YAML and JSON as trees of texts with their lines.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser};
use serde_json::Value;

use super::ListError;

/// How deep documents may be nested.
const DEPTH_MAX: usize = 200;
/// Nodes that a text may have, those that aliases repeat included.
const NODES_MAX: usize = 2_000_000;
/// Stands for a key that is no text, as `{{ … }}` makes one.
pub(super) const NO_KEY: &str = "{{";

/// A value. Numbers and the like are texts too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Text { text: String, line: Option<usize> },
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Node {
    /// The value of a key, from what is merged into the map (`<<`) if it has none of its own.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        let own = entries.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        own.or_else(|| {
            let merged = entries.iter().filter(|(name, _)| name == "<<").map(|(_, value)| value);
            merged
                .flat_map(
                    |value| if let Self::List(all) = value { all.iter().collect() } else { vec![value] },
                )
                .find_map(|value| value.get(key))
        })
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(super) fn line(&self) -> Option<usize> {
        match self {
            Self::Text { line, .. } => *line,
            Self::List(items) => items.first().and_then(Self::line),
            Self::Map(entries) => entries.first().and_then(|(_, value)| value.line()),
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }
}

/// The documents of a JSON text: one, or one a line, as `--json` writes them.
pub(super) fn json(text: &str) -> Result<Vec<Node>, ListError> {
    let whole = match serde_json::from_str::<Value>(text) {
        Ok(value) => return Ok(vec![of_json(&value)]),
        Err(error) => error,
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let values: Result<Vec<Value>, _> = lines.map(serde_json::from_str).collect();
    match values {
        // events come before the report, which has it all
        Ok(values) if values.len() > 1 => {
            let reports: Vec<Node> = values.iter().filter(|v| v["event"] == "report").map(of_json).collect();
            Ok(if reports.is_empty() { values.iter().map(of_json).collect() } else { reports })
        }
        _ => Err(ListError::new(Some(whole.line()), format!("it is no JSON: {whole}"))),
    }
}

fn of_json(value: &Value) -> Node {
    match value {
        Value::Array(items) => Node::List(items.iter().map(of_json).collect()),
        Value::Object(map) => {
            Node::Map(map.iter().map(|(key, value)| (key.clone(), of_json(value))).collect())
        }
        Value::Null => Node::Text { text: String::new(), line: None },
        Value::String(text) => Node::Text { text: text.clone(), line: None },
        other => Node::Text { text: other.to_string(), line: None },
    }
}

/// The documents of a YAML text.
pub(super) fn yaml(text: &str) -> Result<Vec<Node>, ListError> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let detail = format!("it is no YAML: {}", error.info());
            let failed = ListError::new(Some(error.marker().line()), detail);
            if text.contains(NO_KEY) {
                failed
                    .with_next("render templates first: helm template CHART | transload … --artifacts-file -")
            } else {
                failed
            }
        })?;
        builder.take(event, span.start.line())?;
    }
    Ok(builder.documents)
}

/// Documents while they are read.
#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

/// A list or map that is not at its end.
struct Open {
    node: Node,
    key: Option<String>,
    anchor: usize,
    /// Nodes before it.
    before: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), ListError> {
        match event {
            Event::Scalar(text, _, anchor, _) => {
                self.nodes += 1;
                let node = Node::Text { text: text.into_owned(), line: Some(line) };
                self.close(node, anchor, 1, line)
            }
            Event::SequenceStart(anchor, _) => self.begin(Node::List(Vec::new()), anchor, line),
            Event::MappingStart(anchor, _) => self.begin(Node::Map(Vec::new()), anchor, line),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    let size = self.nodes - open.before;
                    self.close(open.node, open.anchor, size, line)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let unknown = || ListError::new(Some(line), "an alias of something that is not there");
                let (node, size) = self.anchors.get(&anchor).cloned().ok_or_else(unknown)?;
                self.nodes += size;
                self.close(node, 0, size, line)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, node: Node, anchor: usize, line: usize) -> Result<(), ListError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(ListError::new(Some(line), format!("it is nested more than {DEPTH_MAX} deep")));
        }
        self.open.push(Open { node, key: None, anchor, before: self.nodes });
        self.nodes += 1;
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn close(&mut self, node: Node, anchor: usize, size: usize, line: usize) -> Result<(), ListError> {
        if self.nodes > NODES_MAX {
            return Err(ListError::new(Some(line), format!("it has more than {NODES_MAX} values")));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open { node: Node::List(items), .. }) => items.push(node),
            Some(Open { node: Node::Map(entries), key, .. }) => match key.take() {
                Some(name) => entries.push((name, node)),
                None => *key = Some(node.text().unwrap_or(NO_KEY).to_owned()),
            },
            Some(Open { node: Node::Text { .. }, .. }) => {}
        }
        Ok(())
    }
}
