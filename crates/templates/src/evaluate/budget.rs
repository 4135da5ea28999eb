//! What an evaluation may still cost.

use std::cell::Cell;

use crate::{Error, Limits, Value};

/// Steps, bytes and depth that are left.
pub(super) struct Budget {
    steps: Cell<u64>,
    bytes: Cell<u64>,
    levels: Cell<usize>,
    /// Bytes of the values that are being made: each takes its own while what it is a part of is not done.
    live: Cell<u64>,
    /// Bytes of the values that are kept to the end.
    kept: Cell<u64>,
    limits: Limits,
}

/// Levels of depth; given back when they are dropped.
pub(crate) struct Levels<'a>(&'a Cell<usize>, usize);

impl Drop for Levels<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + self.1);
    }
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            steps: Cell::new(limits.steps_max),
            bytes: Cell::new(limits.work_bytes_max),
            levels: Cell::new(limits.evaluation_depth_max),
            live: Cell::new(0),
            kept: Cell::new(0),
            limits: *limits,
        }
    }

    /// Takes steps.
    pub(super) fn spend(&self, steps: u64) -> Result<(), Error> {
        match self.steps.get().checked_sub(steps) {
            Some(left) => {
                self.steps.set(left);
                Ok(())
            }
            None => {
                self.steps.set(0);
                let may = self.limits.steps_max;
                Err(Error::limit(format!("The evaluation takes more than {may} steps.")))
            }
        }
    }

    /// So many levels deeper, and a step.
    pub(super) fn deeper(&self, levels: usize) -> Result<Levels<'_>, Error> {
        self.spend(1)?;
        match self.levels.get().checked_sub(levels) {
            Some(left) => {
                self.levels.set(left);
                Ok(Levels(&self.levels, levels))
            }
            None => {
                let may = self.limits.evaluation_depth_max;
                Err(Error::limit(format!("Expressions lead to each other more than {may} deep.")))
            }
        }
    }

    /// Counts a value that was made.
    pub(super) fn made(&self, value: Value) -> Result<Value, Error> {
        let Limits { value_bytes_max, value_depth_max, .. } = self.limits;
        let Some(weight) = value.weight(value_depth_max) else {
            return Err(Error::limit(format!("A value is nested more than {value_depth_max} deep.")));
        };
        if weight > value_bytes_max {
            return Err(Error::limit(format!("A value has more than {value_bytes_max} bytes.")));
        }
        self.spend_bytes(weight as u64)?;
        self.hold(weight as u64)?;
        Ok(value)
    }

    /// A value takes memory, until [`dropped`](Self::dropped) says otherwise.
    pub(super) fn hold(&self, bytes: u64) -> Result<(), Error> {
        self.live.set(self.live.get().saturating_add(bytes));
        self.within_memory()
    }

    /// A value takes memory until the end.
    pub(super) fn keep(&self, value: &Value) -> Result<(), Error> {
        let weight = value.weight(self.limits.value_depth_max).unwrap_or(self.limits.value_bytes_max);
        self.kept.set(self.kept.get().saturating_add(weight as u64));
        self.within_memory()
    }

    fn within_memory(&self) -> Result<(), Error> {
        let may = self.limits.held_bytes_max;
        if self.live.get().saturating_add(self.kept.get()) <= may {
            return Ok(());
        }
        Err(Error::limit(format!(
            "The values that an evaluation holds at a time have more than {may} bytes."
        )))
    }

    /// How much is held by what is being made.
    pub(super) fn live(&self) -> u64 {
        self.live.get()
    }

    /// What was made since then is there no longer.
    pub(super) fn dropped(&self, live: u64) {
        self.live.set(live);
    }

    /// Takes bytes.
    pub(super) fn spend_bytes(&self, bytes: u64) -> Result<(), Error> {
        match self.bytes.get().checked_sub(bytes) {
            Some(left) => {
                self.bytes.set(left);
                Ok(())
            }
            None => {
                self.bytes.set(0);
                let may = self.limits.work_bytes_max;
                Err(Error::limit(format!(
                    "The values of the evaluation have more than {may} bytes together."
                )))
            }
        }
    }
}
