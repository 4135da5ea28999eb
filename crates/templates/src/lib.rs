//! Deployment templates: the language in which Azure's deployments say what is to be there. Pure: a text, parameters and
//! answers go in; a plan, bodies of resources and outputs come out. Nothing here asks anybody, reads a clock or draws a
//! number: whoever deploys does that and hands in what came of it.
