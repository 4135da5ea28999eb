//! From tokens to an expression, by descent. The depth of what comes out is bounded, so that whoever walks it may recurse.

use super::lex::{Lexer, Token};
use super::{Expression, Term};
use crate::{Error, Limits, Position, Value};

/// Parses what stands between the brackets of a string whose opening quote stands at `quote`.
pub(super) fn expression(text: &str, quote: Position, limits: &Limits) -> Result<Expression, Error> {
    let at = Position { line: quote.line, column: quote.column.saturating_add(2) };
    let may = limits.expression_chars_max;
    if text.len() > may && text.chars().count() > may {
        return Err(Error::limit(format!(
            "The template language expression limit of '{may}' characters is exceeded."
        ))
        .or_at(at));
    }
    let mut lexer = Lexer::new(text, at);
    let next = lexer.token()?;
    let mut parser = Parser { lexer, next, limits };
    let (expression, _) = parser.expression(0)?;
    match parser.next.0 {
        Token::End => Ok(expression),
        _ => Err(parser.expected(&Token::End)),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    next: (Token, Position),
    limits: &'a Limits,
}

/// An expression, and how deep it goes beneath itself.
type Deep = (Expression, usize);

impl Parser<'_> {
    fn expression(&mut self, above: usize) -> Result<Deep, Error> {
        let mut found = self.primary(above)?;
        loop {
            self.bounded(above, found.1)?;
            let at = self.next.1;
            match self.next.0 {
                Token::Dot => {
                    self.take()?;
                    let safe = self.take_if(&Token::Question)?;
                    found = self.property(found, safe, at)?;
                }
                Token::Question => {
                    self.take()?;
                    if self.next.0 == Token::Dot {
                        self.take()?;
                        found = self.property(found, true, at)?;
                    } else {
                        self.expect(&Token::LeftSquareBracket)?;
                        found = self.index(found, true, above, at)?;
                    }
                }
                Token::LeftSquareBracket => {
                    self.take()?;
                    let safe = self.take_if(&Token::Question)?;
                    found = self.index(found, safe, above, at)?;
                }
                _ => return Ok(found),
            }
        }
    }

    fn primary(&mut self, above: usize) -> Result<Deep, Error> {
        self.bounded(above, 1)?;
        let (token, at) = self.take()?;
        let value = match token {
            Token::Text(text) => Value::Text(text),
            Token::Int(number) => Value::Int(number),
            Token::Name(name) => return self.named(name, above, at),
            other => {
                self.next = (other, at);
                return Err(self.expected(&Token::Name(String::new())));
            }
        };
        Ok((Expression { term: Term::Literal(value), at }, 1))
    }

    /// A call, or one of the three words that are values.
    fn named(&mut self, mut name: String, above: usize, at: Position) -> Result<Deep, Error> {
        if self.next.0 != Token::LeftParenthesis
            && let Some(value) = word(&name)
        {
            return Ok((Expression { term: Term::Literal(value), at }, 1));
        }
        if self.take_if(&Token::Dot)? {
            name.push('.');
            name.push_str(&self.name()?);
        }
        self.expect(&Token::LeftParenthesis)?;
        let (arguments, depth) = self.arguments(above + 1)?;
        Ok((Expression { term: Term::Call { name, arguments }, at }, depth + 1))
    }

    fn arguments(&mut self, above: usize) -> Result<(Vec<Expression>, usize), Error> {
        let mut arguments = Vec::new();
        let mut depth = 0;
        if self.take_if(&Token::RightParenthesis)? {
            return Ok((arguments, depth));
        }
        loop {
            let (argument, deep) = self.expression(above)?;
            arguments.push(argument);
            depth = depth.max(deep);
            if self.take_if(&Token::RightParenthesis)? {
                return Ok((arguments, depth));
            }
            if !self.take_if(&Token::Comma)? {
                return Err(self.expected(&Token::RightParenthesis));
            }
        }
    }

    fn property(&mut self, (of, depth): Deep, safe: bool, at: Position) -> Result<Deep, Error> {
        let name = self.name()?;
        Ok((Expression { term: Term::Property { of: Box::new(of), name, safe }, at }, depth + 1))
    }

    fn index(&mut self, (of, depth): Deep, safe: bool, above: usize, at: Position) -> Result<Deep, Error> {
        let (index, deep) = self.expression(above + 1)?;
        self.expect(&Token::RightSquareBracket)?;
        let term = Term::Index { of: Box::new(of), index: Box::new(index), safe };
        Ok((Expression { term, at }, depth.max(deep) + 1))
    }

    fn name(&mut self) -> Result<String, Error> {
        match self.take()? {
            (Token::Name(name), _) => Ok(name),
            other => {
                self.next = other;
                Err(self.expected(&Token::Name(String::new())))
            }
        }
    }

    fn take(&mut self) -> Result<(Token, Position), Error> {
        // What follows the end is the end again
        let next = self.lexer.token()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    fn take_if(&mut self, wanted: &Token) -> Result<bool, Error> {
        let is = self.next.0 == *wanted;
        if is {
            self.take()?;
        }
        Ok(is)
    }

    fn expect(&mut self, wanted: &Token) -> Result<(), Error> {
        if self.take_if(wanted)? { Ok(()) } else { Err(self.expected(wanted)) }
    }

    fn expected(&self, wanted: &Token) -> Error {
        let (token, at) = &self.next;
        let what = format!("expected token '{}' and actual '{}'", wanted.name(), token.name());
        self.lexer.fault(&what, *at)
    }

    fn bounded(&self, above: usize, depth: usize) -> Result<(), Error> {
        let may = self.limits.expression_depth_max;
        if above + depth <= may {
            return Ok(());
        }
        Err(Error::limit(format!("The expression is nested more than {may} deep.")).or_at(self.next.1))
    }
}

fn word(name: &str) -> Option<Value> {
    Some(match name.to_ascii_lowercase().as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        _ => return None,
    })
}
