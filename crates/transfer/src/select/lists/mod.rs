//! References in texts that others wrote: lists of lines, Kubernetes manifests and everything that looks like them,
//! Compose files, kustomizations, ImagesLocks, and reports of earlier transfers. Nothing is read here but text.

mod documents;
mod tree;

use std::collections::HashSet;

/// What a text lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// References and patterns in their order, each once.
    pub listed: Vec<Listed>,
    /// Documents of YAML or JSON; none for a list of lines.
    pub documents: usize,
}

/// A reference or pattern in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// As a reference is written.
    pub text: String,
    /// Line that it stands in, the first being 1; unknown in JSON.
    pub line: Option<usize>,
    /// It is left out and not taken.
    pub excluded: bool,
    /// Names without a registry are Docker Hub's, as they are for Kubernetes and Compose.
    pub of_docker: bool,
}

/// Why a text is no list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListError {
    /// Line, the first being 1, when it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub detail: String,
    /// What to do, when there is something particular.
    pub next: Option<String>,
}

impl ListError {
    fn new(line: Option<usize>, detail: impl Into<String>) -> Self {
        Self { line, detail: detail.into(), next: None }
    }

    fn with_next(self, next: &str) -> Self {
        Self { next: Some(next.to_owned()), ..self }
    }
}

/// Finds the references of a text. What kind of text it is, it shows by itself: JSON begins with a bracket, YAML has
/// keys with a colon and a space behind, everything else is a list of lines.
///
/// # Errors
/// YAML or JSON that cannot be read, and images that are no references, with their lines.
pub fn find_references(text: &str) -> Result<List, ListError> {
    let documents = match text.trim_start().chars().next() {
        Some('{' | '[') => tree::json(text)?,
        _ if is_yaml(text) => tree::yaml(text)?,
        _ => return Ok(List { listed: lines(text), documents: 0 }),
    };
    let mut listed = Vec::new();
    for document in &documents {
        documents::find(document, &mut listed)?;
    }
    let mut seen = HashSet::new();
    listed.retain(|found: &Listed| seen.insert(found.text.clone()));
    Ok(List { listed, documents: documents.len() })
}

/// Lines that are neither empty nor comments; `!` stands before what is excluded.
fn lines(text: &str) -> Vec<Listed> {
    let lines = (1..).zip(text.lines()).map(|(number, line)| {
        // a reference has no '#' in it
        let line = line.split('#').next().unwrap_or_default().trim();
        let (excluded, text) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        Listed { text: text.to_owned(), line: Some(number), excluded, of_docker: false }
    });
    lines.filter(|found| !found.text.is_empty()).collect()
}

/// Whether a line is a document's start, an item with a key, or a key: references have no space behind a colon.
fn is_yaml(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        let key = line.trim_start_matches("- ").trim_start();
        let is_key = |name: &str| {
            let name = name.trim_matches(['"', '\'']);
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        };
        line == "---"
            || line.starts_with("--- ")
            || (line.starts_with("- ") && line.len() > 2)
            || key.split_once(": ").is_some_and(|(name, _)| is_key(name))
            || (key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '"')
                && key.strip_suffix(':').is_some_and(is_key))
    })
}

#[cfg(test)]
mod tests;
