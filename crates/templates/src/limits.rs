//! Every bound of the language, by name.

/// What a template may be, and what it may cost. Where Azure publishes a number, the default is Azure's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a document: Azure takes templates of 4 MB.
    pub document_bytes_max: usize,
    /// How deep objects and arrays of a document may lie in each other.
    pub document_depth_max: usize,
    /// Values of a document, those inside others counted too.
    pub document_nodes_max: usize,
    /// Characters of one expression: Azure's 24,576.
    pub expression_chars_max: usize,
    /// How deep calls, indexes and properties may lie in each other in one expression.
    pub expression_depth_max: usize,
    /// How deep the evaluation may go altogether: through variables that name variables, through functions.
    pub evaluation_depth_max: usize,
    /// Steps of an evaluation, the strings of a tree and the calls of a lambda all counted.
    pub steps_max: u64,
    /// Bytes of one value that a function makes.
    pub value_bytes_max: usize,
    /// How deep objects and arrays of a value may lie in each other.
    pub value_depth_max: usize,
    /// Bytes of all values that an evaluation makes.
    pub work_bytes_max: u64,
    /// Bytes of the values that an evaluation holds at a time: those that it is making, and those of variables.
    pub held_bytes_max: u64,
    /// How many evaluations' worth of steps and bytes it may take to look at a whole template.
    pub plan_evaluations_max: u32,
    /// Parameters of a template: Azure's 256.
    pub parameters_max: usize,
    /// Bytes of the strings in the values of secure parameters: each is looked for in whatever is shown.
    pub secret_bytes_max: usize,
    /// Variables of a template: Azure's 512.
    pub variables_max: usize,
    /// Resources of a template, copies counted one by one: Azure's 800.
    pub resources_max: usize,
    /// Characters of a resource's id, and of its location and version.
    pub id_chars_max: usize,
    /// Rounds of one `copy` loop: Azure's 800.
    pub copy_max: usize,
    /// Outputs of a template: Azure's 64.
    pub outputs_max: usize,
    /// Deployments inside deployments.
    pub nested_depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes_max: 4 << 20,
            document_depth_max: 100,
            document_nodes_max: 500_000,
            expression_chars_max: 24_576,
            expression_depth_max: 64,
            evaluation_depth_max: 256,
            steps_max: 1_000_000,
            value_bytes_max: 4 << 20,
            value_depth_max: 100,
            work_bytes_max: 256 << 20,
            held_bytes_max: 64 << 20,
            plan_evaluations_max: 16,
            parameters_max: 256,
            secret_bytes_max: 1 << 20,
            variables_max: 512,
            resources_max: 800,
            id_chars_max: 2048,
            copy_max: 800,
            outputs_max: 64,
            nested_depth_max: 5,
        }
    }
}

impl Limits {
    /// The same bounds for an evaluator that looks at a whole template: steps and bytes for
    /// [`plan_evaluations_max`](Self::plan_evaluations_max) evaluations.
    #[must_use]
    pub fn of_a_plan(&self) -> Self {
        let times = u64::from(self.plan_evaluations_max);
        Self {
            steps_max: self.steps_max.saturating_mul(times),
            work_bytes_max: self.work_bytes_max.saturating_mul(times),
            ..*self
        }
    }
}
