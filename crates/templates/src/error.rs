//! What is wrong with a template, and where.

use crate::{Lookup, Position};

/// Of which sort a fault is: what whoever gets it can do.
#[derive(Debug, Clone, PartialEq)]
pub enum ErrorKind {
    /// The text is no document: a bracket is missing, a string does not end.
    Document,
    /// The document is no template: a member is missing, of the wrong type, or contradicts another.
    InvalidTemplate,
    /// An expression does not parse, or does not evaluate.
    Expression,
    /// A value that was given for a parameter does not fit the parameter.
    Parameter,
    /// A bound of [`Limits`](crate::Limits) is passed.
    Limit,
    /// Nothing is wrong: answers are wanted first, one at least. Put them into the world and ask again.
    Pending(Vec<Lookup>),
}

/// A fault with its place. The text follows Azure's, because that is what people search the web for; values never stand
/// in it, because they may be secret.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Of which sort it is.
    pub kind: ErrorKind,
    /// A whole sentence.
    pub message: String,
    /// Where in the text.
    pub at: Option<Position>,
    /// Where in the document: `properties.template.resources[0].name`.
    pub path: Option<String>,
    rooted: bool,
}

impl Error {
    /// A fault of which the place is not known yet.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), at: None, path: None, rooted: false }
    }

    /// A fault of an expression.
    pub fn expression(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Expression, message)
    }

    /// A fault of the template.
    pub fn template(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidTemplate, message)
    }

    /// A bound that was passed.
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, message)
    }

    /// An answer that is wanted.
    pub fn pending(lookup: Lookup) -> Self {
        let message = match &lookup {
            Lookup::Reference { id, .. } => format!("The resource '{id}' has to be read first."),
            Lookup::List { function, id, .. } => {
                format!("The function '{function}' of the resource '{id}' has to be called first.")
            }
        };
        Self::new(ErrorKind::Pending(vec![lookup]), message)
    }

    /// The same at a place of the text, unless a more exact one is known.
    #[must_use]
    pub fn or_at(mut self, at: Position) -> Self {
        self.at.get_or_insert(at);
        self
    }

    /// The same inside a member or an item, `segment` being `name` or `[3]`: put before the path that is known, unless
    /// that one is whole already.
    #[must_use]
    pub fn within(mut self, segment: &str) -> Self {
        if !self.rooted {
            self.path = Some(match self.path.take() {
                None => segment.to_owned(),
                Some(path) if path.starts_with('[') => format!("{segment}{path}"),
                Some(path) => format!("{segment}.{path}"),
            });
        }
        self
    }

    /// The same inside a member, and the path is whole: nothing is put before it any more. For places that are
    /// evaluated because another one asks for them (a variable, a parameter's default).
    #[must_use]
    pub fn rooted(mut self, segment: &str) -> Self {
        self = self.within(segment);
        self.rooted = true;
        self
    }

    /// The same without these texts, if it is one that is shown. What is shorter than four characters would take half of the
    /// sentence with it: it stays.
    #[must_use]
    pub(crate) fn without(mut self, secrets: &[String]) -> Self {
        if self.lookup().is_none() {
            for secret in secrets.iter().filter(|secret| secret.chars().count() >= 4) {
                self.message = self.message.replace(secret.as_str(), "*****");
                self.path = self.path.map(|path| path.replace(secret.as_str(), "*****"));
            }
        }
        self
    }

    /// What is asked for first, if nothing is wrong but an answer missing.
    pub fn lookup(&self) -> Option<&Lookup> {
        self.lookups().first()
    }

    /// All that is asked for, if nothing is wrong but answers missing: none of them needs the answer to another.
    pub fn lookups(&self) -> &[Lookup] {
        match &self.kind {
            ErrorKind::Pending(lookups) => lookups,
            _ => &[],
        }
    }

    /// Asks for what another asks for as well. What is large is asked for by itself: nothing counts what is held here.
    fn and_wait_for(&mut self, other: Self) {
        /// Questions that are asked at a time.
        const LOOKUPS_MAX: usize = 1000;
        if let (ErrorKind::Pending(lookups), ErrorKind::Pending(more)) = (&mut self.kind, other.kind) {
            let new = more.into_iter().filter(Lookup::is_small);
            let room = LOOKUPS_MAX.saturating_sub(lookups.len());
            lookups.extend(new.take(room));
        }
    }
}

/// Goes on where nothing but answers is missing, so that all of those are asked for at once: otherwise each would cost an
/// evaluation of the whole.
#[derive(Default)]
pub(crate) struct Waiting(Option<Error>);

impl Waiting {
    /// What came of a part; none where it waits for answers.
    ///
    /// # Errors
    /// All else that is wrong.
    pub(crate) fn take<T>(&mut self, made: Result<T, Error>) -> Result<Option<T>, Error> {
        match made {
            Ok(made) => Ok(Some(made)),
            Err(error) if error.lookup().is_some() => {
                match &mut self.0 {
                    Some(first) => first.and_wait_for(error),
                    None => self.0 = Some(error),
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The whole, if no part of it waits.
    ///
    /// # Errors
    /// `Pending`.
    pub(crate) fn done<T>(self, whole: T) -> Result<T, Error> {
        self.0.map_or(Ok(whole), Err)
    }
}

/// What of a text that others wrote a message shows: its beginning.
pub(crate) fn shown(text: &str) -> String {
    /// How many characters.
    const SHOWN_CHARS_MAX: usize = 80;
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_grows_to_the_front_until_it_is_whole() {
        let error = Error::expression("x").within("name").within("[0]").within("resources");
        assert_eq!(error.path.as_deref(), Some("resources[0].name"));
        let error = Error::expression("x").within("a").rooted("variables").within("[3]").within("resources");
        assert_eq!(error.path.as_deref(), Some("variables.a"));
    }

    #[test]
    fn what_is_hidden_is_not_in_it() {
        let error = Error::expression("'hunter2' is abc")
            .within("hunter2")
            .without(&["hunter2".into(), "abc".into()]);
        assert_eq!((error.message.as_str(), error.path.as_deref()), ("'*****' is abc", Some("*****")));
    }

    #[test]
    fn the_first_place_is_the_exact_one() {
        let inner = Position { line: 3, column: 4 };
        let error = Error::expression("x").or_at(inner).or_at(Position { line: 1, column: 1 });
        assert_eq!(error.at, Some(inner));
    }
}
