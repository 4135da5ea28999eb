//! Evaluates expressions within bounds.

mod budget;
mod select;
#[cfg(test)]
pub(crate) mod tests;

use std::rc::Rc;

use budget::{Budget, Levels};

use crate::error::Waiting;
use crate::functions::{self, Call, Function};
use crate::{Error, Expression, Limits, Member, Node, NodeValue, Object, Position, Term, Value, Written};

/// What a part of a document takes as a value, besides its text.
const NODE_BYTES: u64 = 64;

/// Whatever an expression can call and is not pure: `parameters()`, `resourceGroup()`, `reference()`, the functions of the
/// template itself.
pub trait Scope {
    /// Calls a function with values. The name is as it is written, with its namespace; case says nothing. None: there is
    /// no such function.
    ///
    /// The evaluator that is handed in is for whatever has to be evaluated on the way (a variable, a default): with it,
    /// that counts against the same bounds. [`Evaluator::within`] gives it another scope.
    fn call(
        &self,
        name: &str,
        arguments: &[Value],
        evaluator: &Evaluator<'_>,
    ) -> Option<Result<Value, Error>>;

    /// Calls a function that looks at its arguments before they are evaluated. None: there is no such function of this
    /// sort, and [`call`](Self::call) is asked.
    fn call_unevaluated(
        &self,
        _name: &str,
        _arguments: &[Expression],
        _evaluator: &Evaluator<'_>,
    ) -> Option<Result<Value, Error>> {
        None
    }
}

/// Evaluates, in a scope, and counts what it costs. One for each question: its bounds are for all that it is asked.
pub struct Evaluator<'a> {
    scope: &'a dyn Scope,
    limits: &'a Limits,
    budget: Rc<Budget>,
    names: Option<&'a Names<'a>>,
}

/// Variables of the lambdas around, the innermost first.
struct Names<'a> {
    outer: Option<&'a Names<'a>>,
    named: &'a [(&'a str, &'a Value)],
}

/// All of them; where some wait for answers, what all of those wait for.
pub(crate) fn all<T>(made: impl Iterator<Item = Result<T, Error>>) -> Result<Vec<T>, Error> {
    let (mut all, mut waiting) = (Vec::new(), Waiting::default());
    for one in made {
        all.extend(waiting.take(one)?);
    }
    waiting.done(all)
}

impl<'a> Evaluator<'a> {
    /// An evaluator that has its whole budget.
    pub fn new(scope: &'a dyn Scope, limits: &'a Limits) -> Self {
        Self { scope, limits, budget: Rc::new(Budget::new(limits)), names: None }
    }

    /// The same budget in another scope. Variables of lambdas are not seen there.
    pub fn within<'b>(&'b self, scope: &'b dyn Scope) -> Evaluator<'b> {
        Evaluator { scope, limits: self.limits, budget: Rc::clone(&self.budget), names: None }
    }

    /// The bounds that it keeps.
    pub fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Takes steps from the budget: for work of whoever evaluates (rounds of a loop).
    ///
    /// # Errors
    /// `Limit` when there are none left.
    pub fn spend(&self, steps: u64) -> Result<(), Error> {
        self.budget.spend(steps)
    }

    /// Takes work from the budget that is counted in bytes.
    pub(crate) fn spend_bytes(&self, bytes: u64) -> Result<(), Error> {
        self.budget.spend_bytes(bytes)
    }

    /// Runs something of which the values are dropped when it is done: they are not held any longer then.
    pub(crate) fn passing<T>(&self, run: impl FnOnce() -> T) -> T {
        let live = self.budget.live();
        let done = run();
        self.budget.dropped(live);
        done
    }

    /// A part of a document became a value, which takes memory besides its text.
    pub(crate) fn hold_node(&self) -> Result<(), Error> {
        self.budget.hold(NODE_BYTES)
    }

    /// A value is kept until the evaluator is dropped.
    pub(crate) fn keep(&self, value: &Value) -> Result<(), Error> {
        self.budget.keep(value)
    }

    /// Goes deeper until what it gives back is dropped. Whoever evaluates on behalf of an expression (a variable, a
    /// function of the template) takes as many levels as that costs stack, and an object or an array takes one.
    pub(crate) fn deeper(&self, levels: usize) -> Result<Levels<'_>, Error> {
        self.budget.deeper(levels)
    }

    /// What a string of a template is: an expression's value, or the string itself.
    ///
    /// # Errors
    /// `Expression` with its place; whatever the scope says; `Limit`.
    pub fn text(&self, text: &str, at: Position) -> Result<Value, Error> {
        let evaluator = self.within(self.scope);
        evaluator.budget.spend(1)?;
        match Written::read(text, at, self.limits).map_err(|error| error.or_at(at))? {
            Written::Literal(literal) => evaluator.budget.made(Value::Text(literal)),
            Written::Expression(expression) => evaluator.expression(&expression),
        }
        .map_err(|error| error.or_at(at))
    }

    /// What a part of a template is: every string of the tree is evaluated, keys too.
    ///
    /// # Errors
    /// As [`text`](Self::text), with the path inside the tree.
    pub fn node(&self, node: &Node) -> Result<Value, Error> {
        self.budget.spend(1).map_err(|error| error.or_at(node.at))?;
        self.hold_node().map_err(|error| error.or_at(node.at))?;
        Ok(match &node.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(value) => Value::Bool(*value),
            NodeValue::Int(number) => Value::Int(*number),
            NodeValue::Float(number) => Value::Float(*number),
            NodeValue::Text(text) => self.text(text, node.at)?,
            NodeValue::Array(items) => {
                let _level = self.deeper(1)?;
                let item =
                    |(place, item)| self.node(item).map_err(|error| error.within(&format!("[{place}]")));
                Value::Array(all(items.iter().enumerate().map(item))?)
            }
            NodeValue::Object(members) => Value::Object(self.object(members)?),
        })
    }

    fn object(&self, members: &[Member]) -> Result<Object, Error> {
        let _level = self.deeper(1)?;
        let (mut object, mut waiting) = (Object::new(), Waiting::default());
        for member in members {
            let made = self.member(member).map_err(|error| error.within(&member.key));
            let Some((key, value)) = waiting.take(made)? else { continue };
            if object.insert(key, value).is_some() {
                let message = "The keys of an object have to differ, and this one is there already.";
                return Err(Error::expression(message).or_at(member.key_at).within(&member.key));
            }
        }
        waiting.done(object)
    }

    fn member(&self, member: &Member) -> Result<(String, Value), Error> {
        let key = match self.text(&member.key, member.key_at)? {
            Value::Text(key) => key,
            other => {
                let kind = other.kind();
                let message =
                    format!("A key has to be of type 'String', and this expression is of type '{kind}'.");
                return Err(Error::expression(message).or_at(member.key_at));
            }
        };
        Ok((key, self.node(&member.value)?))
    }

    /// What an expression is.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn expression(&self, expression: &Expression) -> Result<Value, Error> {
        let _level = self.budget.deeper(1).map_err(|error| error.or_at(expression.at))?;
        let live = self.budget.live();
        let value = match &expression.term {
            Term::Literal(value) => Ok(value.clone()),
            Term::Call { name, arguments } => self.call(name, arguments),
            Term::Property { of, name, safe } => {
                self.expression(of).and_then(|of| select::property(of, name, *safe, true, self))
            }
            Term::Index { of, index, safe } => self.index(of, index, *safe),
        };
        // of what it was made of nothing is left
        self.budget.dropped(live);
        value.and_then(|value| self.budget.made(value)).map_err(|error| error.or_at(expression.at))
    }

    fn index(&self, of: &Expression, index: &Expression, safe: bool) -> Result<Value, Error> {
        let is_written = matches!(index.term, Term::Literal(_));
        let of = self.expression(of)?;
        select::index(of, &self.expression(index)?, safe, is_written, self)
    }

    fn call(&self, name: &str, arguments: &[Expression]) -> Result<Value, Error> {
        match functions::find(name) {
            Some(Function::Plain(plain)) => {
                plain.check_count(name, arguments.len())?;
                let values = self.values(arguments)?;
                (plain.run)(&mut Call { name, values, evaluator: self })
            }
            Some(Function::Lazy(lazy)) => {
                lazy.check_count(name, arguments.len())?;
                (lazy.run)(name, arguments, self)
            }
            None => self.call_scope(name, arguments),
        }
    }

    fn call_scope(&self, name: &str, arguments: &[Expression]) -> Result<Value, Error> {
        if let Some(result) = self.scope.call_unevaluated(name, arguments, self) {
            return result;
        }
        let values = self.values(arguments)?;
        let inner = self.within(self.scope);
        self.scope.call(name, &values, &inner).unwrap_or_else(|| Err(functions::unknown(name)))
    }

    fn values(&self, arguments: &[Expression]) -> Result<Vec<Value>, Error> {
        all(arguments.iter().map(|argument| self.expression(argument)))
    }

    /// The value of a lambda's variable.
    pub(crate) fn named(&self, name: &str) -> Option<Value> {
        let mut names = self.names;
        while let Some(frame) = names {
            if let Some((_, value)) = frame.named.iter().find(|(other, _)| crate::same_name(other, name)) {
                return Some((*value).clone());
            }
            names = frame.outer;
        }
        None
    }

    /// Evaluates the body of a lambda, with its variables.
    pub(crate) fn with_named(&self, named: &[(&str, &Value)], body: &Expression) -> Result<Value, Error> {
        let names = Names { outer: self.names, named };
        let inner = Evaluator {
            scope: self.scope,
            limits: self.limits,
            budget: Rc::clone(&self.budget),
            names: Some(&names),
        };
        inner.expression(body)
    }
}
