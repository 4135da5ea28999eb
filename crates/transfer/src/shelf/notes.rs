//! What whoever opens a shelf should know.

/// Sentences for people, with a bound on how many of one kind there are.
#[derive(Debug, Default)]
pub(super) struct Notes {
    passed_over: Vec<String>,
    told: Vec<String>,
}

impl Notes {
    /// A file that is not served.
    pub(super) fn passed_over(&mut self, note: String) {
        self.passed_over.push(note);
    }

    /// Something worth a sentence of its own.
    pub(super) fn tell(&mut self, note: String) {
        self.told.push(note);
    }

    /// Things of one kind, the first few of them by name.
    pub(super) fn tell_some(&mut self, notes: Vec<String>, most: usize, rest: &str) {
        let more = notes.len().saturating_sub(most);
        self.told.extend(notes.into_iter().take(most));
        if more > 0 {
            self.told.push(format!("{more} more {rest}"));
        }
    }

    pub(super) fn finish(mut self, most: usize) -> Vec<String> {
        let passed_over = std::mem::take(&mut self.passed_over);
        self.tell_some(passed_over, most, "files are passed over");
        self.told
    }
}
