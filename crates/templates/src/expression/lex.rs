//! Tokens of expressions.

use crate::error::shown;
use crate::{Error, Position};

/// A token. Its name in messages is Azure's.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// `concat`, `true`
    Name(String),
    /// `'it''s'`, undone
    Text(String),
    /// `-5`
    Int(i64),
    LeftParenthesis,
    RightParenthesis,
    LeftSquareBracket,
    RightSquareBracket,
    Comma,
    Dot,
    Question,
    End,
}

impl Token {
    /// The token as Azure's messages name it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Name(_) => "Identifier",
            Self::Text(_) => "StringLiteral",
            Self::Int(_) => "Integer",
            Self::LeftParenthesis => "LeftParenthesis",
            Self::RightParenthesis => "RightParenthesis",
            Self::LeftSquareBracket => "LeftSquareBracket",
            Self::RightSquareBracket => "RightSquareBracket",
            Self::Comma => "Comma",
            Self::Dot => "Dot",
            Self::Question => "QuestionMark",
            Self::End => "EndOfData",
        }
    }
}

/// The text of an expression, and how far it is read.
pub(super) struct Lexer<'a> {
    whole: &'a str,
    rest: &'a str,
    at: Position,
}

impl<'a> Lexer<'a> {
    /// An expression whose first character stands at `at`.
    pub(super) fn new(whole: &'a str, at: Position) -> Self {
        Self { whole, rest: whole, at }
    }

    /// The next token, and where it begins.
    pub(super) fn token(&mut self) -> Result<(Token, Position), Error> {
        self.take_while(char::is_whitespace);
        let at = self.at;
        let Some(char) = self.rest.chars().next() else {
            return Ok((Token::End, at));
        };
        let token = match char {
            '\'' => self.text(at)?,
            '0'..='9' | '-' | '+' => self.int(at)?,
            char if char.is_alphabetic() || matches!(char, '_' | '$') => Token::Name(
                self.take_while(|char| char.is_alphanumeric() || matches!(char, '_' | '$')).to_owned(),
            ),
            _ => self.sign(char, at)?,
        };
        Ok((token, at))
    }

    fn sign(&mut self, char: char, at: Position) -> Result<Token, Error> {
        let token = match char {
            '(' => Token::LeftParenthesis,
            ')' => Token::RightParenthesis,
            '[' => Token::LeftSquareBracket,
            ']' => Token::RightSquareBracket,
            ',' => Token::Comma,
            '.' => Token::Dot,
            '?' => Token::Question,
            other => {
                let what = other.escape_debug();
                return Err(self.fault(&format!("the character '{what}' begins nothing"), at));
            }
        };
        self.advance(char.len_utf8());
        Ok(token)
    }

    fn text(&mut self, at: Position) -> Result<Token, Error> {
        let mut text = String::new();
        self.advance(1);
        loop {
            text.push_str(self.take_while(|char| char != '\''));
            if self.rest.starts_with("''") {
                text.push('\'');
                self.advance(2);
            } else if self.rest.starts_with('\'') {
                self.advance(1);
                return Ok(Token::Text(text));
            } else {
                return Err(self.fault("the string that begins here has no closing quote", at));
            }
        }
    }

    fn int(&mut self, at: Position) -> Result<Token, Error> {
        let from = self.rest;
        if from.starts_with(['-', '+']) {
            self.advance(1);
        }
        self.take_while(|char| char.is_ascii_digit());
        let number = &from[..from.len() - self.rest.len()];
        let is_float = self
            .rest
            .strip_prefix('.')
            .is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()));
        if is_float {
            return Err(self.fault("only whole numbers can be written, others as float('…')", at));
        }
        match number.parse() {
            Ok(number) => Ok(Token::Int(number)),
            Err(_) => Err(self.fault(&format!("'{}' is no integer of 64 bits", shown(number)), at)),
        }
    }

    /// A fault of the expression at a place. Its beginning is shown, as Azure does.
    pub(super) fn fault(&self, what: &str, at: Position) -> Error {
        let shown = shown(self.whole);
        Error::expression(format!("Unable to parse language expression '{shown}': {what}.")).or_at(at)
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|char| !fits(char)).unwrap_or(self.rest.len());
        let taken = &self.rest[..end];
        self.advance(end);
        taken
    }

    fn advance(&mut self, bytes: usize) {
        for char in self.rest[..bytes].chars() {
            if char == '\n' {
                self.at = Position { line: self.at.line + 1, column: 1 };
            } else {
                self.at.column += 1;
            }
        }
        self.rest = &self.rest[bytes..];
    }
}
