//! Reads a document by descent. Own code, because the syntax is part of the contract and no library has all of it.

use std::collections::HashSet;

use super::scan::{Scanner, fault};
use super::{Member, Node, NodeValue, Position};
use crate::error::shown;
use crate::{Error, Limits};

/// Reads the one value of a text.
pub(super) fn document(text: &str, limits: &Limits) -> Result<Node, Error> {
    if text.len() > limits.document_bytes_max {
        let (is, may) = (text.len(), limits.document_bytes_max);
        return Err(Error::limit(format!("The document has {is} bytes; at most {may} are taken.")));
    }
    let mut reader = Reader { text: Scanner::new(text), limits, nodes: 0 };
    reader.text.skip_blanks()?;
    let node = reader.value(0)?;
    reader.text.skip_blanks()?;
    match reader.text.peek() {
        None => Ok(node),
        Some(_) => Err(reader.text.unexpected("the end of the text")),
    }
}

struct Reader<'a> {
    text: Scanner<'a>,
    limits: &'a Limits,
    nodes: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Node, Error> {
        let at = self.text.at();
        self.nodes += 1;
        if self.nodes > self.limits.document_nodes_max {
            let may = self.limits.document_nodes_max;
            return Err(Error::limit(format!("The document has more than {may} values.")).or_at(at));
        }
        let value = match self.text.peek() {
            Some('{') => NodeValue::Object(self.object(self.deeper(depth)?)?),
            Some('[') => NodeValue::Array(self.array(self.deeper(depth)?)?),
            Some('"') => NodeValue::Text(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            Some('a'..='z' | 'A'..='Z') => self.word()?,
            _ => return Err(self.text.unexpected("a value")),
        };
        Ok(Node { value, at })
    }

    fn deeper(&self, depth: usize) -> Result<usize, Error> {
        let may = self.limits.document_depth_max;
        if depth < may {
            return Ok(depth + 1);
        }
        let message = format!("Objects and arrays lie more than {may} deep in each other.");
        Err(Error::limit(message).or_at(self.text.at()))
    }

    fn object(&mut self, depth: usize) -> Result<Vec<Member>, Error> {
        self.text.take();
        let mut members = Vec::new();
        let mut keys = HashSet::new();
        self.text.skip_blanks()?;
        if self.text.take_if('}') {
            return Ok(members);
        }
        loop {
            self.text.skip_blanks()?;
            let member = self.member(depth)?;
            if !keys.insert(member.key.clone()) {
                return Err(duplicate(&member));
            }
            members.push(member);
            self.text.skip_blanks()?;
            if self.text.take_if('}') {
                return Ok(members);
            }
            if !self.text.take_if(',') {
                return Err(self.text.unexpected("',' or '}'"));
            }
        }
    }

    fn member(&mut self, depth: usize) -> Result<Member, Error> {
        let key_at = self.text.at();
        let key = match self.text.peek() {
            Some('"') => self.string()?,
            Some(char) if begins_name(char) => self.text.take_while(is_of_name).to_owned(),
            _ => return Err(self.text.unexpected("a key")),
        };
        self.text.skip_blanks()?;
        if !self.text.take_if(':') {
            return Err(self.text.unexpected("':'"));
        }
        self.text.skip_blanks()?;
        Ok(Member { key, key_at, value: self.value(depth)? })
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Node>, Error> {
        self.text.take();
        let mut items = Vec::new();
        self.text.skip_blanks()?;
        if self.text.take_if(']') {
            return Ok(items);
        }
        loop {
            self.text.skip_blanks()?;
            items.push(self.value(depth)?);
            self.text.skip_blanks()?;
            if self.text.take_if(']') {
                return Ok(items);
            }
            if !self.text.take_if(',') {
                return Err(self.text.unexpected("',' or ']'"));
            }
        }
    }

    /// A string in double quotes. Line breaks and tabs may stand in it as they are; other control characters not.
    fn string(&mut self) -> Result<String, Error> {
        let begin = self.text.at();
        self.text.take();
        let mut string = String::new();
        loop {
            string.push_str(self.text.take_while(|char| char >= ' ' && char != '"' && char != '\\'));
            match self.text.peek() {
                Some('"') => {
                    self.text.take();
                    return Ok(string);
                }
                Some('\\') => string.push(self.escape()?),
                Some(char @ ('\n' | '\r' | '\t')) => {
                    self.text.take();
                    string.push(char);
                }
                Some(_) => return Err(self.text.unexpected("an escape for this control character")),
                None => {
                    return Err(fault("The string that begins here does not end: '\"' was expected.", begin));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let at = self.text.at();
        self.text.take();
        let escape = self.text.peek();
        let char = match escape {
            Some(char @ ('"' | '\\' | '/')) => char,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                self.text.take();
                return self.unicode(at);
            }
            _ => return Err(self.text.unexpected("an escape (one of \" \\ / b f n r t u)")),
        };
        self.text.take();
        Ok(char)
    }

    /// `\uXXXX`, or two of them that are one character together.
    fn unicode(&mut self, at: Position) -> Result<char, Error> {
        let first = self.four_digits()?;
        let lone = || fault("Half of a character: both halves of a surrogate pair were expected.", at);
        if let Some(char) = char::from_u32(first) {
            return Ok(char);
        }
        if first >= 0xdc00 || !self.text.take_if('\\') || !self.text.take_if('u') {
            return Err(lone());
        }
        let second = self.four_digits()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(lone());
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or_else(lone)
    }

    fn four_digits(&mut self) -> Result<u32, Error> {
        let mut number = 0;
        for _ in 0..4 {
            let digit = self.text.peek().and_then(|char| char.to_digit(16));
            let Some(digit) = digit else {
                return Err(self.text.unexpected("one of four hexadecimal digits"));
            };
            number = number * 16 + digit;
            self.text.take();
        }
        Ok(number)
    }

    /// A number as JSON has it: no leading zeros, digits on both sides of the point.
    fn number(&mut self) -> Result<NodeValue, Error> {
        let at = self.text.at();
        let mut number = String::new();
        if self.text.take_if('-') {
            number.push('-');
        }
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            return Err(fault(
                "A number with a leading zero: another digit or the point was expected first.",
                at,
            ));
        }
        number.push_str(whole);
        let mut is_whole = true;
        if self.text.take_if('.') {
            is_whole = false;
            number.push('.');
            number.push_str(self.digits()?);
        }
        if matches!(self.text.peek(), Some('e' | 'E')) {
            is_whole = false;
            self.text.take();
            number.push('e');
            number.extend(self.text.peek().filter(|char| matches!(char, '+' | '-')));
            self.text.take_if('+');
            self.text.take_if('-');
            number.push_str(self.digits()?);
        }
        // "-0" keeps its sign only as a floating number: JSON libraries do the same
        if is_whole
            && number != "-0"
            && let Ok(number) = number.parse()
        {
            return Ok(NodeValue::Int(number));
        }
        match number.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(NodeValue::Float(number)),
            _ => Err(fault("The number is out of range.", at)),
        }
    }

    fn digits(&mut self) -> Result<&str, Error> {
        if !self.text.peek().is_some_and(|char| char.is_ascii_digit()) {
            return Err(self.text.unexpected("a digit"));
        }
        Ok(self.text.take_while(|char| char.is_ascii_digit()))
    }

    fn word(&mut self) -> Result<NodeValue, Error> {
        let at = self.text.at();
        match self.text.take_while(is_of_name) {
            "null" => Ok(NodeValue::Null),
            "true" => Ok(NodeValue::Bool(true)),
            "false" => Ok(NodeValue::Bool(false)),
            _ => Err(fault("Unexpected word: a value was expected (strings stand in double quotes).", at)),
        }
    }
}

fn begins_name(char: char) -> bool {
    char.is_alphabetic() || matches!(char, '_' | '$')
}

fn is_of_name(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '$')
}

fn duplicate(member: &Member) -> Error {
    fault(
        &format!("The key '{}' is there twice in one object.", shown(&member.key).escape_debug()),
        member.key_at,
    )
}
