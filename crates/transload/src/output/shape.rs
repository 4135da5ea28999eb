//! `--output` and `--query`: results in the shape that whoever reads them wants.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jmespath::{ErrorReason, Expression, JmespathError, Rcvar, Variable};
use serde::Serialize;
use transload_transfer::{Code, Error};

use super::page::{Cell, Page, Screen, Table, tsv_cell};

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// JSON, laid out.
    Json,
    /// YAML.
    Yaml,
    /// A line for each row, tabs between the values, exact numbers, no header.
    Tsv,
}

/// A JMESPath expression that has been understood.
#[derive(Clone)]
pub(crate) struct Query(Arc<Expression<'static>>);

impl FromStr for Query {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        jmespath::compile(text).map(|expression| Self(Arc::new(expression))).map_err(|error| explain(&error))
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Query({})", self.0.as_str())
    }
}

/// A result as text. `page` is how people see it; programs get `value` itself.
pub(super) fn render<T: Serialize>(
    format: Option<Format>,
    query: Option<&Query>,
    value: &T,
    page: impl FnOnce() -> Page,
    screen: Screen,
) -> Result<String, Error> {
    let Some(query) = query else {
        return match format.unwrap_or(Format::Table) {
            Format::Table => Ok(page().render(screen)),
            Format::Tsv => Ok(page().tsv()),
            Format::Json => json(value),
            Format::Yaml => yaml(value),
        };
    };
    let found = query.search(value)?;
    match format.unwrap_or(Format::Json) {
        Format::Table => Ok(table_of(&found, screen)),
        Format::Tsv => Ok(tsv_of(&found)),
        Format::Json => json(&found),
        Format::Yaml => yaml(&found),
    }
}

impl Query {
    fn search(&self, value: &impl Serialize) -> Result<Rcvar, Error> {
        let value = Variable::from_serializable(value).map_err(|error| unwritable(&error))?;
        self.0.search(value).map_err(|error| {
            Error::new(Code::Usage, format!("--query {}", self.0.as_str()), explain(&error))
                .with_next("look at the whole result with --output json, then query that")
        })
    }
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(|error| unwritable(&error))
}

fn yaml(value: &impl Serialize) -> Result<String, Error> {
    yaml_serde::to_string(value).map_err(|error| unwritable(&error))
}

fn unwritable(error: &dyn fmt::Display) -> Error {
    Error::new(Code::Internal, "", format!("the result cannot be written: {error}"))
}

/// What is wrong with an expression, and where in it.
fn explain(error: &JmespathError) -> String {
    let reason = match &error.reason {
        ErrorReason::Parse(reason) => reason.trim().to_owned(),
        ErrorReason::Runtime(reason) => reason.to_string(),
    };
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    // the parser names what it found as its own code calls it
    let reason = match reason.split_once("-- found ") {
        Some((_, "Eof")) => "the expression ends too early".to_owned(),
        Some((_, found)) => format!("{found} is out of place here"),
        None => reason,
    };
    format!("at character {}: {reason}", error.offset + 1)
}

/// Lists of records and of lists are tables; everything else is a line for each value.
fn table_of(value: &Variable, screen: Screen) -> String {
    let Some(rows) = value.as_array().filter(|rows| rows.iter().any(|row| row.is_object())) else {
        return tsv_of(value);
    };
    let mut names: Vec<&String> =
        rows.iter().filter_map(|row| row.as_object()).flat_map(|row| row.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let numbers: Vec<usize> = names
        .iter()
        .enumerate()
        .filter(|(_, name)| rows.iter().any(|row| row.get_field(name).is_number()))
        .map(|(at, _)| at)
        .collect();
    let mut table = Table::new(names.iter().map(|name| name.to_uppercase())).right(&numbers);
    for row in rows {
        table.row(names.iter().map(|name| Cell::from(plain(&row.get_field(name)))));
    }
    Page::new().table(table).render(screen)
}

/// A line for each element of a list, the cells of inner lists and records between tabs.
fn tsv_of(value: &Variable) -> String {
    let line = |row: &Variable| {
        let cells: Vec<String> = match (row.as_array(), row.as_object()) {
            (Some(cells), _) => cells.iter().map(|cell| tsv_cell(&plain(cell))).collect(),
            (_, Some(fields)) => fields.values().map(|cell| tsv_cell(&plain(cell))).collect(),
            _ => vec![tsv_cell(&plain(row))],
        };
        cells.join("\t") + "\n"
    };
    match value.as_array() {
        Some(rows) => rows.iter().map(|row| line(row)).collect(),
        None if value.is_null() => String::new(),
        None => line(value),
    }
}

/// A value in a cell: texts without quotes, nothing for null.
fn plain(value: &Variable) -> String {
    match value {
        Variable::Null => String::new(),
        Variable::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(format: Option<Format>, query: &str) -> String {
        let value = json!({"items": [{"name": "a", "size": 18446744073709551615_u64}, {"name": "b\tc", "size": 2}], "no": null});
        let query = (!query.is_empty()).then(|| query.parse::<Query>().unwrap());
        let page = || Page::new().text("for people\n");
        render(format, query.as_ref(), &value, page, Screen::default()).unwrap()
    }

    #[test]
    fn a_query_is_answered_in_json_unless_another_shape_is_wanted() {
        assert_eq!(shown(None, ""), "for people\n");
        assert_eq!(shown(None, "items[0].name"), "\"a\"\n");
        assert_eq!(shown(None, "items[0].size"), "18446744073709551615\n", "no digit is lost");
        assert_eq!(shown(Some(Format::Yaml), "items[].name"), "- a\n- \"b\\tc\"\n");
        assert_eq!(shown(Some(Format::Tsv), "items[].[size, name]"), "18446744073709551615\ta\n2\tb\\tc\n");
        assert_eq!(shown(Some(Format::Tsv), "items[].name"), "a\nb\\tc\n");
        assert_eq!(shown(Some(Format::Tsv), "no"), "");
        let table = shown(Some(Format::Table), "items[]");
        assert!(table.starts_with("NAME"), "{table}");
        assert_eq!(table.lines().count(), 3, "{table}");
    }

    #[test]
    fn a_faulty_query_says_where() {
        let error = "items[?name=='a'".parse::<Query>().unwrap_err();
        assert!(error.starts_with("at character 17: "), "{error}");
        assert!(!error.contains('\n'), "{error}");
        let wrong: Query = "items[0] | length(size)".parse().unwrap();
        let error = wrong.search(&json!({"items": [{"size": 1}]})).unwrap_err();
        assert_eq!(error.code(), Code::Usage);
        assert!(error.to_string().contains("at character "), "{error}");
    }
}
