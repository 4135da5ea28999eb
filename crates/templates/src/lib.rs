//! Deployment templates: the language in which Azure's deployments say what is to be there. Pure: a text, parameters and
//! answers go in; a plan, bodies of resources and outputs come out. Nothing here asks anybody, reads a clock or draws a
//! number: whoever deploys does that and hands in what came of it.

mod document;
mod error;
mod evaluate;
mod expression;
mod functions;
mod limits;
mod lookup;
mod plan;
mod template;
mod value;

pub use document::{Member, Node, NodeValue, Position};
pub use error::{Error, ErrorKind};
pub use evaluate::{Evaluator, Scope};
pub use expression::{Expression, Term, Written};
pub use functions::{format_time, is_function};
pub use limits::Limits;
pub use lookup::Lookup;
pub use plan::{Named, NestedDeployment, ParameterGiven, Plan, Planned, Setting, World, plan};
pub use template::{Template, ValueKind};
pub use value::{Object, Value, same_name};
