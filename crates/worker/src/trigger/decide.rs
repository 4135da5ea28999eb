//! What to do about a blob that was listed.

use time::OffsetDateTime;
use transload_control::ledger::{Seen, Verdict};
use transload_control::run::RunState;

use crate::limits::TriggerLimits;

/// A blob, or a row of parts, as it was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listed<'a> {
    /// Changes whenever it does.
    pub(crate) etag: &'a str,
    /// Length in bytes.
    pub(crate) size: u64,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Read its front: it is new, or another than it was.
    Look,
    /// It is a bundle whose run was not made yet: make it.
    Start,
    /// Its import failed: note that it is tried again at that time.
    Defer(OffsetDateTime),
    /// The time has come: have the run done again.
    Again,
    /// Its import failed for the last time: say so, once.
    Report,
    /// Nothing more will come of it: note that.
    Settle,
    /// Nothing now.
    Leave,
}

/// Decides. `run` is where the run stands that was made for it, if one was made and is still there. Total, and asks nobody.
pub(crate) fn decide(
    seen: Option<&Seen>,
    listed: Listed<'_>,
    run: Option<RunState>,
    now: OffsetDateTime,
    limits: &TriggerLimits,
) -> Decision {
    let Some(seen) = seen else { return Decision::Look };
    if seen.etag != listed.etag || seen.size != listed.size {
        return Decision::Look;
    }
    if seen.verdict != Verdict::Bundle || seen.reported {
        return Decision::Leave;
    }
    match (&seen.run, run) {
        (None, _) => Decision::Start,
        (Some(_), Some(RunState::Succeeded | RunState::Canceled)) => Decision::Settle,
        // somebody removed the record of a run that is not known to have failed: it was handled
        (Some(_), None) if seen.next_at.is_none() => Decision::Settle,
        (Some(_), Some(RunState::Queued | RunState::Running | RunState::Canceling)) => Decision::Leave,
        // that it failed stays true when its record goes
        (Some(_), None | Some(RunState::Failed)) => match seen.next_at {
            _ if seen.attempts >= limits.imports_max => Decision::Report,
            None => Decision::Defer(now + again_in(seen.attempts, limits)),
            Some(at) if at <= now => Decision::Again,
            Some(_) => Decision::Leave,
        },
    }
}

/// How long to wait after so many tries.
fn again_in(attempts: u32, limits: &TriggerLimits) -> std::time::Duration {
    let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1).min(16));
    limits.import_again_first.saturating_mul(doubled).min(limits.import_again_max)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ETAG: &str = "one";

    fn limits() -> TriggerLimits {
        TriggerLimits {
            imports_max: 3,
            import_again_first: Duration::from_secs(10),
            import_again_max: Duration::from_secs(15),
            ..TriggerLimits::default()
        }
    }

    fn now() -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_000)
    }

    fn seen(verdict: Verdict, has_run: bool, attempts: u32, next_in: Option<i64>) -> Seen {
        let run = transload_control::ResourceId::parse("/subscriptions/s/resourceGroups/g").unwrap();
        Seen {
            name: "a.tar".to_owned(),
            etag: ETAG.to_owned(),
            size: 7,
            bundle_id: None,
            verdict,
            run: has_run.then_some(run),
            attempts,
            next_at: next_in.map(|seconds| now() + time::Duration::seconds(seconds)),
            reported: false,
        }
    }

    fn decided(seen: Option<&Seen>, run: Option<RunState>) -> Decision {
        decide(seen, Listed { etag: ETAG, size: 7 }, run, now(), &limits())
    }

    #[test]
    fn what_is_new_or_changed_is_looked_at_whatever_was_known() {
        assert_eq!(decided(None, None), Decision::Look);
        for verdict in [Verdict::Bundle, Verdict::Other, Verdict::Partial] {
            for reported in [false, true] {
                let seen = Seen { reported, ..seen(verdict, true, 9, Some(5)) };
                for (etag, size) in [("two", 7), (ETAG, 8)] {
                    let listed = Listed { etag, size };
                    for run in RunState::ALL.map(Some).into_iter().chain([None]) {
                        assert_eq!(decide(Some(&seen), listed, run, now(), &limits()), Decision::Look);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_bundle_or_said_already_is_left_alone() {
        for run in RunState::ALL.map(Some).into_iter().chain([None]) {
            assert_eq!(decided(Some(&seen(Verdict::Other, false, 0, None)), run), Decision::Leave);
            assert_eq!(decided(Some(&seen(Verdict::Partial, false, 0, None)), run), Decision::Leave);
            let said = Seen { reported: true, ..seen(Verdict::Bundle, true, 1, None) };
            assert_eq!(decided(Some(&said), run), Decision::Leave);
        }
    }

    #[test]
    fn a_bundle_goes_through_its_runs() {
        use Decision as D;
        use RunState as S;
        let at = |seconds| D::Defer(now() + time::Duration::seconds(seconds));
        let table = [
            (seen(Verdict::Bundle, false, 0, None), None, D::Start),
            (seen(Verdict::Bundle, true, 1, None), Some(S::Queued), D::Leave),
            (seen(Verdict::Bundle, true, 1, None), Some(S::Running), D::Leave),
            (seen(Verdict::Bundle, true, 1, None), Some(S::Canceling), D::Leave),
            (seen(Verdict::Bundle, true, 1, None), Some(S::Succeeded), D::Settle),
            (seen(Verdict::Bundle, true, 1, None), Some(S::Canceled), D::Settle),
            (seen(Verdict::Bundle, true, 1, None), None, D::Settle),
            (seen(Verdict::Bundle, true, 1, Some(1)), None, D::Leave),
            (seen(Verdict::Bundle, true, 1, Some(0)), None, D::Again),
            (seen(Verdict::Bundle, true, 3, Some(0)), None, D::Report),
            (seen(Verdict::Bundle, true, 1, None), Some(S::Failed), at(10)),
            (seen(Verdict::Bundle, true, 2, None), Some(S::Failed), at(15)),
            (seen(Verdict::Bundle, true, 1, Some(1)), Some(S::Failed), D::Leave),
            (seen(Verdict::Bundle, true, 1, Some(0)), Some(S::Failed), D::Again),
            (seen(Verdict::Bundle, true, 2, Some(-5)), Some(S::Failed), D::Again),
            (seen(Verdict::Bundle, true, 3, None), Some(S::Failed), D::Report),
            (seen(Verdict::Bundle, true, 3, Some(-5)), Some(S::Failed), D::Report),
        ];
        for (seen, run, expected) in table {
            assert_eq!(decided(Some(&seen), run), expected, "{run:?} {seen:?}");
        }
    }

    #[test]
    fn no_number_of_tries_is_too_many_to_reckon_with() {
        let limits = limits();
        assert_eq!(again_in(0, &limits), Duration::from_secs(10));
        assert_eq!(again_in(u32::MAX, &limits), Duration::from_secs(15));
    }
}
