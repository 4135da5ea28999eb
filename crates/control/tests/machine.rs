//! The state machine of runs, as one table of all states and all that can happen.

use transload_control::run::{Happening as H, RunState as S, next};

/// What can happen, in the order of the table's columns.
const HAPPENINGS: [H; 8] =
    [H::Requested, H::Claimed, H::Released, H::Retried, H::Succeeded, H::Failed, H::CancelAsked, H::Stopped];

/// A line for each state: what follows from each happening; `-` where it cannot happen.
const TABLE: &str = "
              Requested Claimed  Released  Retried   Succeeded  Failed    CancelAsked  Stopped
    Queued    -         Running  -         -         -          Failed    Canceled     -
    Running   -         Running  Queued    Queued    Succeeded  Failed    Canceling    -
    Canceling -         -        Canceled  Canceled  Succeeded  Canceled  -            Canceled
    Succeeded Queued    -        -         -         -          -         -            -
    Failed    Queued    -        -         -         -          -         -            -
    Canceled  Queued    -        -         -         -          -         -            -
";

fn lines() -> Vec<Vec<&'static str>> {
    TABLE
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|line: &Vec<_>| !line.is_empty())
        .collect()
}

#[test]
fn what_follows_is_what_the_table_says() {
    let lines = lines();
    let [head, lines @ ..] = lines.as_slice() else { panic!("the table has a head") };
    assert_eq!(head.len(), H::ALL.len());
    assert_eq!(lines.len(), S::ALL.len());
    let named: Vec<String> = HAPPENINGS.iter().map(|happening| format!("{happening:?}")).collect();
    assert_eq!(*head, named, "the columns are the happenings");
    for (state, line) in S::ALL.into_iter().zip(lines) {
        assert_eq!(line[0], format!("{state:?}"), "the lines are the states");
        assert_eq!(line.len(), 1 + HAPPENINGS.len(), "{state:?}");
        for (happening, wanted) in HAPPENINGS.into_iter().zip(&line[1..]) {
            let follows = next(state, happening).map_or("-".to_owned(), |state| format!("{state:?}"));
            assert_eq!(follows, *wanted, "{state:?}, {happening:?}");
        }
    }
}

#[test]
fn nothing_but_another_request_leaves_an_end() {
    for state in S::ALL {
        let leaves = H::ALL.into_iter().filter(|happening| next(state, *happening).is_some());
        let leaves: Vec<H> = leaves.collect();
        assert_eq!(state.is_final(), leaves == [H::Requested], "{state:?}: {leaves:?}");
    }
}

#[test]
fn every_state_leads_to_an_end_and_is_reached() {
    let after = |state| H::ALL.into_iter().filter_map(move |happening| next(state, happening));
    let mut reached = vec![S::Queued];
    let mut looked_at = 0;
    while let Some(&state) = reached.get(looked_at) {
        for follows in after(state) {
            if !reached.contains(&follows) {
                reached.push(follows);
            }
        }
        looked_at += 1;
    }
    assert_eq!(reached.len(), S::ALL.len(), "{reached:?}");
    for state in S::ALL {
        assert!(state.is_final() || after(state).any(S::is_final), "{state:?}");
    }
}
