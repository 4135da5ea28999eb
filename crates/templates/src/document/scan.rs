//! The text, character by character, with its place.

use super::Position;
use crate::{Error, ErrorKind};

/// What is left of a text, and where that begins.
pub(super) struct Scanner<'a> {
    rest: &'a str,
    at: Position,
}

impl<'a> Scanner<'a> {
    /// A text from its beginning; a byte order mark is passed over.
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text), at: Position::default() }
    }

    /// Where the next character stands.
    pub(super) fn at(&self) -> Position {
        self.at
    }

    /// The next character.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes the next character. A line ends with `\n`, with `\r`, or with both in this order.
    pub(super) fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let taken = chars.next()?;
        self.rest = chars.as_str();
        let ends_line = taken == '\n' || (taken == '\r' && !self.rest.starts_with('\n'));
        if ends_line {
            self.at = Position { line: self.at.line + 1, column: 1 };
        } else {
            self.at.column += 1;
        }
        Some(taken)
    }

    /// Takes the next character if it is this one.
    pub(super) fn take_if(&mut self, wanted: char) -> bool {
        let is = self.peek() == Some(wanted);
        if is {
            self.take();
        }
        is
    }

    /// Takes characters as long as they fit.
    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let from = self.rest;
        while self.peek().is_some_and(&fits) {
            self.take();
        }
        &from[..from.len() - self.rest.len()]
    }

    /// Passes over blanks and comments.
    pub(super) fn skip_blanks(&mut self) -> Result<(), Error> {
        loop {
            self.take_while(|char| matches!(char, ' ' | '\t' | '\n' | '\r'));
            if self.rest.starts_with("//") {
                self.take_while(|char| char != '\n' && char != '\r');
            } else if self.rest.starts_with("/*") {
                self.skip_comment()?;
            } else {
                return Ok(());
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), Error> {
        let at = self.at;
        let Some(end) = self.rest[2..].find("*/") else {
            return Err(fault("The comment that begins here does not end: '*/' was expected.", at));
        };
        let behind = self.rest.len() - (end + 4);
        while self.rest.len() > behind {
            self.take();
        }
        Ok(())
    }

    /// A fault here: what was expected, and what stands there.
    pub(super) fn unexpected(&self, expected: &str) -> Error {
        match self.peek() {
            None => fault(&format!("Unexpected end of the text: {expected} was expected."), self.at),
            Some(char) => fault(
                &format!("Unexpected character '{}': {expected} was expected.", char.escape_debug()),
                self.at,
            ),
        }
    }
}

/// A fault of the text at a place.
pub(super) fn fault(message: &str, at: Position) -> Error {
    let Position { line, column } = at;
    Error::new(ErrorKind::Document, format!("{message} Line {line}, position {column}.")).or_at(at)
}
