//! Logs of runs.

use transload_control::LedgerLimits;
use transload_control::ledger::{Beat, Ending, NewRun};

use crate::sample::*;
use crate::stage::Stage;

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.to_owned()).collect()
}

pub(crate) async fn lines_are_kept_in_order(stage: &Stage) {
    let ledger = &stage.ledger;
    let run = put(ledger, "r", "p").await;
    put(ledger, "other", "p").await;
    let (first, other) = (claim(ledger).await, claim(ledger).await);
    assert_eq!(ledger.log(&first, &lines(&["one", "{\"two\":2}"])).await.unwrap(), Beat::Go);
    ledger.log(&other, &lines(&["of another"])).await.unwrap();
    ledger.log(&first, &lines(&["thr\0ee", "fo\u{fc}r"])).await.unwrap();
    end(ledger, &first, Ending::Succeeded).await;
    let next = NewRun { force_update_tag: Some("2".to_owned()), ..new_run("r", "p") };
    ledger.put_run(&next).await.unwrap();
    let second = claim(ledger).await;
    ledger.log(&second, &lines(&["five"])).await.unwrap();
    let page = ledger.run_log(&run.id, None, 3).await.unwrap();
    let said: Vec<_> = page.items.iter().map(|line| (line.generation, line.line.as_str())).collect();
    assert_eq!(said, [(1, "one"), (1, "{\"two\":2}"), (1, "thr\u{fffd}ee")]);
    let rest = ledger.run_log(&run.id, page.next.as_deref(), 3).await.unwrap();
    let said: Vec<_> = rest.items.iter().map(|line| (line.generation, line.line.as_str())).collect();
    assert_eq!(said, [(1, "fo\u{fc}r"), (2, "five")]);
    assert_eq!(rest.next, None);
    // following: from the last line that was seen
    let mark = &rest.items[1].mark;
    assert!(ledger.run_log(&run.id, Some(mark), 9).await.unwrap().items.is_empty());
    ledger.log(&second, &lines(&["six"])).await.unwrap();
    let new = ledger.run_log(&run.id, Some(mark), 9).await.unwrap();
    assert_eq!(new.items.iter().map(|line| line.line.as_str()).collect::<Vec<_>>(), ["six"]);
}

pub(crate) async fn a_log_has_an_end(stage: &Stage) {
    let few = LedgerLimits { log_lines_max: 3, log_line_bytes_max: 5, ..limits() };
    let ledger = &stage.another(few).await;
    let run = put(ledger, "r", "p").await;
    let claimed = claim(ledger).await;
    for line in ["1", "2\u{20ac}\u{20ac}", "3", "4", "5"] {
        assert_eq!(ledger.log(&claimed, &lines(&[line])).await.unwrap(), Beat::Go);
    }
    let log = ledger.run_log(&run.id, None, 99).await.unwrap();
    let said: Vec<_> = log.items.iter().map(|line| line.line.as_str()).collect();
    assert_eq!(said[..3], ["1", "2\u{20ac}", "3"], "cut between characters");
    assert!(said.len() == 4 && said[3].contains("full"), "{said:?}");
    ledger.close().await;
}
