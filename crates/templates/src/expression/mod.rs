//! Expressions: what stands between the brackets of `"[concat(parameters('name'), '-x')]"`.

mod lex;
mod parse;
#[cfg(test)]
mod tests;

use crate::{Error, Limits, Position, Value};

/// An expression that was parsed, with its place in the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// What it is.
    pub term: Term,
    /// Where it begins: exact for strings of the document without escapes.
    pub at: Position,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// `'text'`, `42`, `true`, `false`, `null`
    Literal(Value),
    /// `name(arguments)`, `namespace.name(arguments)`
    Call {
        /// The name as it is written, with its namespace.
        name: String,
        /// What stands in the parentheses.
        arguments: Vec<Expression>,
    },
    /// `of.name`, and `of.?name`, which is null where there is no such member
    Property {
        /// Whose member.
        of: Box<Expression>,
        /// The member's name as it is written.
        name: String,
        /// Whether its absence is null.
        safe: bool,
    },
    /// `of[index]`, and `of[?index]`
    Index {
        /// Whose item or member.
        of: Box<Expression>,
        /// Which one.
        index: Box<Expression>,
        /// Whether its absence is null.
        safe: bool,
    },
}

/// A string of a template: what it says itself, or an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// A string that is meant as it is; `[[` at the front of one in brackets has become `[`.
    Literal(String),
    /// What the brackets around the whole string hold.
    Expression(Expression),
}

impl Written {
    /// Reads a string of a template that stands at this place. Only a string that begins with `[` and ends with `]` is
    /// an expression; if it begins with `[[`, it is a string with the second bracket at its front.
    ///
    /// # Errors
    /// `Expression` when what is in the brackets does not parse, `Limit` when it is too long or too deep.
    pub fn read(text: &str, at: Position, limits: &Limits) -> Result<Self, Error> {
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match inner {
            None => Ok(Self::Literal(text.to_owned())),
            Some(_) if text.starts_with("[[") => Ok(Self::Literal(text[1..].to_owned())),
            Some(inner) => parse::expression(inner, at, limits).map(Self::Expression),
        }
    }
}

impl Expression {
    /// The expression that a string of a template is; none if it is a string that is meant as it is.
    ///
    /// # Errors
    /// As [`Written::read`].
    pub fn parse(text: &str, at: Position, limits: &Limits) -> Result<Option<Self>, Error> {
        match Written::read(text, at, limits)? {
            Written::Literal(_) => Ok(None),
            Written::Expression(expression) => Ok(Some(expression)),
        }
    }

    /// Shows every call in it, those in arguments too, the outer one first.
    pub fn calls(&self, visit: &mut dyn FnMut(&str, &[Expression], Position)) {
        match &self.term {
            Term::Literal(_) => {}
            Term::Call { name, arguments } => {
                visit(name, arguments, self.at);
                for argument in arguments {
                    argument.calls(visit);
                }
            }
            Term::Property { of, .. } => of.calls(visit),
            Term::Index { of, index, .. } => {
                of.calls(visit);
                index.calls(visit);
            }
        }
    }

    /// The string, if it is a literal one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.term {
            Term::Literal(value) => value.as_text(),
            _ => None,
        }
    }
}
