//! Parameters as they are given: files, pairs, JSON; each after the other, the last one wins, as az has it.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use transload_templates::{Limits, Node, NodeValue};
use transload_transfer::{Code, Error};

use super::file::{Declared, Template, parse};
use crate::config::named;
use crate::registries::read_bounded;
use crate::settings::Keys;

/// Merges what is given into `{name: {"value": …}}`.
///
/// # Errors
/// `Usage` for what cannot be read, names no parameter, or would show a secret.
pub(super) fn parameters(
    template: &Template,
    given: &[String],
    variables: &[String],
) -> Result<Map<String, Value>, Error> {
    let mut merged = Merged { declared: template.parameters(), values: Map::new() };
    for text in given {
        merged.one(text)?;
    }
    for text in variables {
        merged.variable(text)?;
    }
    Ok(merged.values)
}

struct Merged {
    declared: Vec<Declared>,
    values: Map<String, Value>,
}

impl Merged {
    fn one(&mut self, text: &str) -> Result<(), Error> {
        let start = text.trim_start();
        if start.starts_with('{') {
            let node = Node::parse(text, &Limits::default())
                .map_err(|error| refused("--parameters {…}", error.message))?;
            return self.all(&node, "--parameters {…}", true);
        }
        if let Some(file) = text.strip_prefix('@') {
            return self.file(Path::new(file));
        }
        match text.split_once('=') {
            Some((name, value)) if !Path::new(text).is_file() => self.pair(name.trim(), value),
            _ => self.file(Path::new(text)),
        }
    }

    /// A file of parameters: those of `parameters`, else its members.
    fn file(&mut self, path: &Path) -> Result<(), Error> {
        let limits = Limits::default();
        let bytes = read_bounded("--parameters", path, limits.document_bytes_max as u64)?;
        let (_, node) = parse(path, bytes, &limits)?;
        self.all(&node, &format!("--parameters {}", path.display()), false)
    }

    fn all(&mut self, node: &Node, subject: &str, is_shown: bool) -> Result<(), Error> {
        let inner = node.get("parameters").filter(|_| self.find("parameters").is_none()).unwrap_or(node);
        let NodeValue::Object(members) = &inner.value else {
            return Err(refused(subject, "it is no object of parameters"));
        };
        for member in members {
            let given = member.value.to_json();
            let is_given = |name: &str| given.get(name).is_some();
            if !is_given("value") && !is_given("reference") {
                let why = format!("parameter '{}' has neither 'value' nor 'reference'", member.key);
                return Err(refused(subject, why)
                    .with_next("write it as {\"name\": {\"value\": …}}, as a file of parameters has it"));
            }
            let known = self.find(&member.key);
            if let Some(secure) = known.filter(|known| known.is_secure() && is_shown && is_given("value")) {
                return Err(in_the_open(&secure.name));
            }
            let name = known.map_or_else(|| member.key.clone(), |known| known.name.clone());
            self.put(name, given);
        }
        Ok(())
    }

    /// `NAME=VALUE`, `NAME=@FILE`, `NAME=@-`.
    fn pair(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let declared = self.known(name)?.clone();
        let from = text.strip_prefix('@').filter(|file| !file.is_empty());
        let text = match from {
            Some("-") => {
                let mut all = String::new();
                let most = Limits::default().document_bytes_max as u64;
                let read = std::io::stdin().lock().take(most).read_to_string(&mut all);
                read.map_err(|error| refused(&format!("{name}=@-"), error.to_string()))?;
                all.trim_end_matches(['\r', '\n']).to_owned()
            }
            Some(file) => {
                let most = Limits::default().document_bytes_max as u64;
                let bytes = read_bounded("--parameters", Path::new(file), most)?;
                let text = String::from_utf8(bytes)
                    .map_err(|_| refused(&format!("--parameters {name}=@{file}"), "it is no text"))?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
            None if declared.is_secure() => return Err(in_the_open(&declared.name)),
            None => text.to_owned(),
        };
        self.text(&declared, &text)
    }

    /// `NAME=VARIABLE`.
    fn variable(&mut self, text: &str) -> Result<(), Error> {
        let subject = format!("--parameter-env {text}");
        let (name, variable) =
            text.split_once('=').ok_or_else(|| refused(&subject, "write it as NAME=VARIABLE"))?;
        let declared = self.known(name)?.clone();
        let value = named(variable)
            .ok_or_else(|| refused(&subject, "there is no such environment variable, or it is empty"))?;
        self.text(&declared, &value)
    }

    fn text(&mut self, declared: &Declared, text: &str) -> Result<(), Error> {
        let value = value_of(declared, text)?;
        self.put(declared.name.clone(), json!({"value": value}));
        Ok(())
    }

    fn put(&mut self, name: String, given: Value) {
        self.values.retain(|known, _| !known.eq_ignore_ascii_case(&name));
        self.values.insert(name, given);
    }

    fn find(&self, name: &str) -> Option<&Declared> {
        self.declared.iter().find(|declared| declared.name.eq_ignore_ascii_case(name))
    }

    fn known(&self, name: &str) -> Result<&Declared, Error> {
        self.find(name).ok_or_else(|| {
            let names = self.declared.iter().map(|declared| declared.name.as_str());
            let all = names.clone().collect::<Vec<_>>().join(", ");
            let next = match Keys::nearest(name, names) {
                Some(near) => format!("did you mean {near}?"),
                None if all.is_empty() => "leave it out: the template has no parameters".to_owned(),
                None => format!("it has {all}"),
            };
            refused("--parameters", format!("the template has no parameter '{name}'")).with_next(next)
        })
    }
}

/// A text as the parameter's type has it. The text may be a secret, and so it is in no error.
pub(super) fn value_of(declared: &Declared, text: &str) -> Result<Value, Error> {
    if declared.is_text() {
        return Ok(Value::String(text.to_owned()));
    }
    // az takes Python's words too
    let node = match text {
        "True" => Ok(Value::Bool(true)),
        "False" => Ok(Value::Bool(false)),
        _ => Node::parse(text, &Limits::default()).map(|node| node.to_json()),
    };
    node.map_err(|error| {
        let at = error.at.map(|at| format!(" at character {}", at.column)).unwrap_or_default();
        refused(&format!("parameter '{}'", declared.name), format!("it is no {}: no JSON{at}", declared.kind))
            .with_next("write its value as JSON, or put it into a file: NAME=@FILE")
    })
}

fn in_the_open(name: &str) -> Error {
    refused(
        &format!("parameter '{name}'"),
        "it is secure, and on the command line it would show in the process list",
    )
    .with_next(format!(
        "write {name}=@FILE ({name}=@- for standard input), --parameter-env {name}=VARIABLE, or leave it out to be asked"
    ))
}

fn refused(subject: &str, why: impl Into<String>) -> Error {
    Error::new(Code::Usage, subject, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(folder: &tempfile::TempDir) -> Template {
        let path = folder.path().join("t.json");
        let text = r#"{"parameters": {"registryName": {"type": "string"}, "options": {"type": "array"},
            "count": {"type": "int"}, "password": {"type": "securestring"}}}"#;
        std::fs::write(&path, text).unwrap();
        Template::read(&path).unwrap()
    }

    #[test]
    fn what_comes_later_wins_in_whatever_form() {
        let folder = tempfile::tempdir().unwrap();
        let template = template(&folder);
        let file = folder.path().join("p.json");
        std::fs::write(
            &file,
            "{\"$schema\": \"x\", /* c */ \"parameters\": {\"registryname\": {\"value\": \"a\"}, \"password\": {\"value\": \"s\"}}}",
        )
        .unwrap();
        let file = file.to_str().unwrap();
        let merged = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
            parameters(&template, &given, &[]).map(Value::Object)
        };
        let told = merged(&[file, "options=[\"x\", 'y']".replace('\'', "\"").as_str(), "count=3"]).unwrap();
        assert_eq!(
            told,
            json!({"registryName": {"value": "a"}, "password": {"value": "s"}, "options": {"value": ["x", "y"]},
                "count": {"value": 3}})
        );
        let told = merged(&[&format!("@{file}"), "REGISTRYNAME=b=c", r#"{"count": {"value": 4}}"#]).unwrap();
        assert_eq!((&told["registryName"]["value"], &told["count"]["value"]), (&json!("b=c"), &json!(4)));
        assert_eq!(merged(&["registryName=007"]).unwrap()["registryName"]["value"], "007");
    }

    #[test]
    fn a_secret_comes_out_of_a_file_and_stands_in_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let template = template(&folder);
        let file = folder.path().join("s");
        std::fs::write(&file, "geheim\n").unwrap();
        let given = |text: String| parameters(&template, &[text], &[]).map(Value::Object);
        let told = given(format!("password=@{}", file.display())).unwrap();
        assert_eq!(told["password"]["value"], "geheim");
        for open in ["password=geheim", r#"{"password": {"value": "geheim"}}"#] {
            let error = given(open.to_owned()).unwrap_err();
            assert!(error.detail().contains("process list"), "{error}");
            assert!(!format!("{error}{}", error.next_step()).contains("geheim"), "{error}");
        }
        given(r#"{"password": {"reference": {"secretName": "x"}}}"#.to_owned()).unwrap();
    }

    #[test]
    fn what_is_no_parameter_is_refused_with_what_is_near() {
        let folder = tempfile::tempdir().unwrap();
        let template = template(&folder);
        let error = |text: &str| parameters(&template, &[text.to_owned()], &[]).unwrap_err();
        assert!(error("registyName=a").next_step().contains("registryName"));
        assert!(error("count=three").detail().contains("no int"));
        assert!(error(r#"{"count": 3}"#).detail().contains("neither"));
        assert!(error("nosuchfile.json").subject().contains("nosuchfile.json"));
    }
}
