//! Rules: which requests, and what happens to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::pump::{Shape, Stall};
use super::wire::Head;

/// Which requests are hit, and by what. Positions and counts of bytes are those of the body, transfer coding not
/// counted.
#[derive(Debug, Clone)]
pub struct Rule {
    method: String,
    path_parts: Vec<String>,
    with_header: Option<String>,
    /// First and last match (from 1) on which the rule fires.
    matches: (u64, u64),
    effects: Effects,
}

/// Everything that can happen to one exchange.
#[derive(Debug, Clone, Default)]
pub(super) struct Effects {
    /// Whether a rule fired at all.
    pub(super) any: bool,
    pub(super) delay: Option<Duration>,
    pub(super) end: Option<End>,
    pub(super) answer: Option<Canned>,
    pub(super) request: Shape,
    pub(super) response: Shape,
    pub(super) request_headers: Vec<(String, Option<String>)>,
    pub(super) response_headers: Vec<(String, Option<String>)>,
}

/// The connection ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Without asking the upstream.
    Unasked,
    /// When the upstream has done its work and answers.
    Unanswered,
}

/// An answer that the upstream knows nothing of.
#[derive(Debug, Clone)]
pub(super) struct Canned {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Rule {
    /// Requests of this method (`*`: any) whose path and query contain `path_part`.
    pub fn on(method: &str, path_part: &str) -> Self {
        Self {
            method: method.to_owned(),
            path_parts: vec![path_part.to_owned()],
            with_header: None,
            matches: (1, u64::MAX),
            effects: Effects { any: true, ..Effects::default() },
        }
    }

    /// … and also contain this.
    #[must_use]
    pub fn and_path(mut self, part: &str) -> Self {
        self.path_parts.push(part.to_owned());
        self
    }

    /// … and have a header of this name.
    #[must_use]
    pub fn and_header(mut self, name: &str) -> Self {
        self.with_header = Some(name.to_owned());
        self
    }

    /// Only the `n`th such request, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.matches = (n, n);
        self
    }

    /// Only the first `n` such requests.
    #[must_use]
    pub fn first(mut self, n: u64) -> Self {
        self.matches = (1, n);
        self
    }

    /// Only the `n`th such request and all behind it.
    #[must_use]
    pub fn from_nth(mut self, n: u64) -> Self {
        self.matches = (n, u64::MAX);
        self
    }

    /// Closes the client's connection when `bytes` of the answer's body have been sent. `Content-Length` stays.
    #[must_use]
    pub fn cut_response_after(mut self, bytes: u64) -> Self {
        self.effects.response.cut_after = Some(bytes);
        self
    }

    /// Closes both connections when `bytes` of the request's body have reached the upstream.
    #[must_use]
    pub fn cut_request_after(mut self, bytes: u64) -> Self {
        self.effects.request.cut_after = Some(bytes);
        self
    }

    /// Ends the answer in good form after `bytes` of the body: `Content-Length` and chunks fit what is sent.
    #[must_use]
    pub fn truncate_response_at(mut self, bytes: u64) -> Self {
        self.effects.response.truncate_at = Some(bytes);
        self
    }

    /// Sends no more of the answer's body after `bytes` for this long (`None`: for ever).
    #[must_use]
    pub fn stall_response_after(mut self, bytes: u64, duration: Option<Duration>) -> Self {
        self.effects.response.stall = Some(Stall { after: bytes, duration });
        self
    }

    /// Passes no more of the request's body after `bytes` for this long (`None`: for ever).
    #[must_use]
    pub fn stall_request_after(mut self, bytes: u64, duration: Option<Duration>) -> Self {
        self.effects.request.stall = Some(Stall { after: bytes, duration });
        self
    }

    /// Inverts the byte at this position of the answer's body.
    #[must_use]
    pub fn flip_response_byte(mut self, position: u64) -> Self {
        self.effects.response.flip_at = Some(position);
        self
    }

    /// Inverts the byte at this position of the request's body.
    #[must_use]
    pub fn flip_request_byte(mut self, position: u64) -> Self {
        self.effects.request.flip_at = Some(position);
        self
    }

    /// Lets this many bytes a second pass in each direction of each exchange.
    #[must_use]
    pub fn throttle(mut self, bytes_per_second: u64) -> Self {
        self.effects.request.bytes_per_second = Some(bytes_per_second);
        self.effects.response.bytes_per_second = Some(bytes_per_second);
        self
    }

    /// Waits before anything else happens to the request.
    #[must_use]
    pub fn delay(mut self, duration: Duration) -> Self {
        self.effects.delay = Some(duration);
        self
    }

    /// Closes the client's connection; the upstream never hears of the request.
    #[must_use]
    pub fn drop_connection(mut self) -> Self {
        self.effects.end = Some(End::Unasked);
        self
    }

    /// Lets the upstream do its work, then closes the client's connection instead of answering.
    #[must_use]
    pub fn lose_answer(mut self) -> Self {
        self.effects.end = Some(End::Unanswered);
        self
    }

    /// Answers with this status and without a body; the upstream never hears of the request.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        self.answer(status, &[], b"")
    }

    /// Answers with this; the upstream never hears of the request.
    #[must_use]
    pub fn answer(mut self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers = headers.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
        self.effects.answer = Some(Canned { status, headers, body: body.to_vec() });
        self
    }

    /// Answers with this status and `Retry-After` in seconds.
    #[must_use]
    pub fn retry_after(self, status: u16, seconds: u64) -> Self {
        self.answer(status, &[("Retry-After", &seconds.to_string())], b"")
    }

    /// Answers 413 to bodies of more than `bytes`: at once where the length is announced, else when they pass it.
    #[must_use]
    pub fn refuse_body_over(mut self, bytes: u64) -> Self {
        self.effects.request.bytes_max = Some(bytes);
        self
    }

    /// Passes the request without this header.
    #[must_use]
    pub fn without_request_header(mut self, name: &str) -> Self {
        self.effects.request_headers.push((name.to_owned(), None));
        self
    }

    /// Passes the answer without this header.
    #[must_use]
    pub fn without_response_header(mut self, name: &str) -> Self {
        self.effects.response_headers.push((name.to_owned(), None));
        self
    }

    /// Passes the answer with this header, in place of one of the same name.
    #[must_use]
    pub fn with_response_header(mut self, name: &str, value: &str) -> Self {
        self.effects.response_headers.push((name.to_owned(), Some(value.to_owned())));
        self
    }
}

/// A rule as the proxy holds it, with its counts.
#[derive(Debug)]
pub(super) struct Match {
    rule: Rule,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    matched: AtomicU64,
    fired: AtomicU64,
}

/// The counts of a rule that was added.
#[derive(Debug, Clone)]
pub struct RuleHandle(Arc<Counts>);

impl RuleHandle {
    /// Requests that matched, whether or not it was their turn.
    pub fn matched(&self) -> u64 {
        self.0.matched.load(Ordering::Relaxed)
    }

    /// Requests that the rule was applied to. (A cut at byte 1000 of an answer with 10 bytes is applied, and is
    /// not seen.)
    pub fn fired(&self) -> u64 {
        self.0.fired.load(Ordering::Relaxed)
    }
}

impl Match {
    pub(super) fn new(rule: Rule) -> (Self, RuleHandle) {
        let counts = Arc::new(Counts::default());
        (Self { rule, counts: Arc::clone(&counts) }, RuleHandle(counts))
    }

    /// Counts the request when it matches, and adds the effects when it is its turn.
    pub(super) fn apply(&self, head: &Head, effects: &mut Effects) {
        let rule = &self.rule;
        let hit = (rule.method == "*" || rule.method == head.method())
            && rule.path_parts.iter().all(|part| head.target().contains(part.as_str()))
            && rule.with_header.as_deref().is_none_or(|name| head.header(name).is_some());
        if !hit {
            return;
        }
        let turn = self.counts.matched.fetch_add(1, Ordering::Relaxed) + 1;
        let (first, last) = rule.matches;
        if (first..=last).contains(&turn) {
            self.counts.fired.fetch_add(1, Ordering::Relaxed);
            effects.add(&rule.effects);
        }
    }
}

impl Effects {
    fn add(&mut self, other: &Self) {
        self.any = true;
        self.delay = self.delay.or(other.delay);
        self.end = self.end.or(other.end);
        if self.answer.is_none() {
            self.answer.clone_from(&other.answer);
        }
        self.request.add(&other.request);
        self.response.add(&other.response);
        self.request_headers.extend_from_slice(&other.request_headers);
        self.response_headers.extend_from_slice(&other.response_headers);
    }
}
