//! Parameters that have no default and were not given are asked for on a terminal.

use std::io::{BufRead as _, IsTerminal as _};

use serde_json::{Map, Value, json};
use transload_transfer::{Code, Error};

use super::file::{Declared, Template};
use super::given::value_of;
use crate::output::error_text;

/// Asks for what is missing.
///
/// # Errors
/// `Usage` where there is no terminal, with all that is missing.
pub(super) fn missing(template: &Template, values: &mut Map<String, Value>) -> Result<(), Error> {
    let is_given = |declared: &Declared| values.keys().any(|name| name.eq_ignore_ascii_case(&declared.name));
    let missing: Vec<Declared> =
        template.parameters().into_iter().filter(|one| !one.has_default && !is_given(one)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let names: Vec<String> =
            missing.iter().map(|declared| format!("{} ({})", declared.name, declared.kind)).collect();
        let text = format!("the template wants {}, and there is no terminal to ask on", names.join(", "));
        return Err(Error::new(Code::Usage, "--parameters", text)
            .with_next(format!("give them: --parameters {}=…, or a file of parameters", missing[0].name)));
    }
    for declared in missing {
        let value = ask(&declared)?;
        values.insert(declared.name, json!({"value": value}));
    }
    Ok(())
}

fn ask(declared: &Declared) -> Result<Value, Error> {
    let failed = |error: std::io::Error| Error::new(Code::Usage, declared.name.clone(), error.to_string());
    if let Some(description) = &declared.description {
        error_text(&format!("{description}\n"));
    }
    let prompt = format!("{} ({}): ", declared.name, declared.kind);
    let text = if declared.is_secure() {
        rpassword::prompt_password(prompt).map_err(failed)?
    } else {
        error_text(&prompt);
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
        line
    };
    value_of(declared, text.trim_end_matches(['\r', '\n']))
}
