//! Files of templates and of parameters, and what stands where in them.

use std::path::{Path, PathBuf};

use transload_templates::{Limits, Node, NodeValue};
use transload_transfer::{Code, Error};

use crate::registries::read_bounded;

/// Of a long line so many characters are shown around the place.
const SHOWN_CHARS_MAX: usize = 90;

/// A file that is a document.
#[derive(Debug)]
pub(super) struct Template {
    path: PathBuf,
    text: String,
    node: Node,
}

/// A parameter that a template has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) name: String,
    /// In lower case.
    pub(super) kind: String,
    pub(super) has_default: bool,
    pub(super) description: Option<String>,
}

impl Declared {
    pub(super) fn is_secure(&self) -> bool {
        self.kind.starts_with("secure")
    }

    pub(super) fn is_text(&self) -> bool {
        ["string", "securestring"].contains(&self.kind.as_str())
    }
}

impl Template {
    /// # Errors
    /// `Usage` for a file that cannot be read or understood, with the line.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let limits = Limits::default();
        let bytes = read_bounded("--template-file", path, limits.document_bytes_max as u64)?;
        let (text, node) = parse(path, bytes, &limits)?;
        Ok(Self { path: path.to_owned(), text, node })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// That of the file, without what is behind its dots.
    pub(super) fn name(&self) -> String {
        let stem = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        stem.split('.').next().unwrap_or_default().to_owned()
    }

    /// Its parameters, in their order. What is none of the language is left to the server to refuse.
    pub(super) fn parameters(&self) -> Vec<Declared> {
        let Some(NodeValue::Object(members)) = self.node.get("parameters").map(|node| &node.value) else {
            return Vec::new();
        };
        let text = |node: Option<&Node>| match node.map(|node| &node.value) {
            Some(NodeValue::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let declared = members.iter().map(|member| Declared {
            name: member.key.clone(),
            kind: text(member.value.get("type")).unwrap_or_default().to_ascii_lowercase(),
            has_default: member.value.get("defaultValue").is_some(),
            description: text(member.value.get("metadata").and_then(|about| about.get("description"))),
        });
        declared.collect()
    }

    /// An error at a place of it.
    pub(super) fn at(&self, code: Code, line: u32, column: u32, detail: &str) -> Error {
        at(&self.path, &self.text, code, line, column, detail)
    }
}

/// A text and its document.
///
/// # Errors
/// `Usage`, with the line.
pub(super) fn parse(path: &Path, bytes: Vec<u8>, limits: &Limits) -> Result<(String, Node), Error> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        Error::new(Code::Usage, format!("{}, line {line}", path.display()), "it is no UTF-8")
    })?;
    match Node::parse(&text, limits) {
        Ok(node) => Ok((text, node)),
        Err(error) => Err(match error.at {
            Some(place) => at(path, &text, Code::Usage, place.line, place.column, &error.message),
            None => Error::new(Code::Usage, path.display().to_string(), error.message),
        }),
    }
}

fn at(path: &Path, text: &str, code: Code, line: u32, column: u32, detail: &str) -> Error {
    let subject = format!("{}, line {line}, column {column}", path.display());
    match excerpt(text, line, column) {
        Some(shown) => Error::new(code, subject, detail).with_next(format!("mend it here:\n{shown}")),
        None => Error::new(code, subject, detail),
    }
}

/// A line with a mark beneath the place.
fn excerpt(text: &str, line: u32, column: u32) -> Option<String> {
    let whole: Vec<char> = text.lines().nth(line.checked_sub(1)? as usize)?.chars().collect();
    let column = (column.max(1) as usize - 1).min(whole.len());
    let from = if whole.len() <= SHOWN_CHARS_MAX { 0 } else { column.saturating_sub(SHOWN_CHARS_MAX / 2) };
    let to = whole.len().min(from + SHOWN_CHARS_MAX);
    // a tab is as wide as one character here, and so the mark is where it belongs
    let visible = |c: &char| if c.is_control() { ' ' } else { *c };
    let shown: String = whole[from..to].iter().map(visible).collect();
    let number = line.to_string();
    let blank = " ".repeat(number.len());
    Some(format!("    {number} | {shown}\n    {blank} | {}^", " ".repeat(column - from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_shown() {
        let text = "{\n\t\"name\": [x,\n}";
        assert_eq!(excerpt(text, 2, 10).unwrap(), "    2 |  \"name\": [x,\n      |          ^");
        assert_eq!(excerpt("a", 1, 70).unwrap(), "    1 | a\n      |  ^");
        assert_eq!(excerpt("a", 3, 1), None);
        let long = "x".repeat(500);
        let shown = excerpt(&long, 1, 400).unwrap();
        let (line, mark) = shown.split_once('\n').unwrap();
        assert!(line.len() < 110 && mark.ends_with("^") && mark.len() < 60, "{shown}");
    }

    #[test]
    fn a_template_knows_its_parameters() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("main.bundle.json");
        std::fs::write(
            &path,
            "{ // a comment\n parameters: {\"A\": {\"type\": \"SecureString\", metadata: {\"description\": \"why\"}}, \
             \"b\": {\"type\": \"array\", \"defaultValue\": []}}}",
        )
        .unwrap();
        let template = Template::read(&path).unwrap();
        assert_eq!(template.name(), "main");
        let [a, b] = &template.parameters()[..] else { panic!("not two") };
        assert!(a.is_secure() && a.is_text() && !a.has_default && a.description.as_deref() == Some("why"));
        assert!(!b.is_secure() && !b.is_text() && b.has_default);
        std::fs::write(&path, "{\n \"a\": 1,,\n}").unwrap();
        let wrong = Template::read(&path).unwrap_err();
        assert!(wrong.subject().contains("line 2") && wrong.next_step().contains("2 |"), "{wrong}");
    }
}
