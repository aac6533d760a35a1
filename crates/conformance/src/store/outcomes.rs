//! Outcomes. In: runs that end. Out: a panic where a reader with a cursor would miss one.
//!
//! Never: assumes that cursors are consecutive.

use std::sync::Arc;

use domain::timeline::Outcome;
use ports::Store;

use crate::fixture::{Opening, at, ended, open_new, sid};

async fn end_runs(store: &dyn Store, case: &'static str, count: u32) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for n in 1..=count {
        let change = ended(&Opening::new(case, n).change().run, &sid(case, n), at(i64::from(n)));
        open_new(store, &change).await;
        outcomes.extend(change.effects.outcomes);
    }
    outcomes
}

/// Not in the order of their times.
pub async fn outcomes_come_in_the_order_they_were_stored(store: Arc<dyn Store>) {
    let case = "outcomes_in_order";
    let expected = end_runs(&*store, case, 5).await;
    let stored = store.outcomes(0, 100).await.unwrap();
    assert!(stored.is_sorted_by(|(one, _), (next, _)| one < next), "cursors rise");
    assert_eq!(stored.into_iter().map(|(_, outcome)| outcome).collect::<Vec<_>>(), expected);
}

/// A reader that stops after any outcome misses none and sees none twice.
pub async fn a_cursor_goes_on_where_it_stopped(store: Arc<dyn Store>) {
    let expected = end_runs(&*store, "cursor", 5).await;
    let (mut seen, mut cursor) = (Vec::new(), 0);
    loop {
        let page = store.outcomes(cursor, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some((last, _)) = page.last() else { break };
        cursor = *last;
        seen.extend(page.into_iter().map(|(_, outcome)| outcome));
    }
    assert_eq!(seen, expected);
    assert_eq!(store.outcomes(cursor, 2).await.unwrap(), []);
}

/// A cursor is not given out again when what it stood for is gone.
pub async fn cursors_hold_after_runs_are_purged(store: Arc<dyn Store>) {
    let case = "cursors_hold";
    end_runs(&*store, case, 3).await;
    let (cursor, _) = store.outcomes(0, 100).await.unwrap()[2];
    assert_eq!(store.purge(at(1_000), 100).await.unwrap(), 3);
    let later = ended(&Opening::new(case, 9).change().run, &sid(case, 9), at(9));
    open_new(&*store, &later).await;
    let stored = store.outcomes(cursor, 100).await.unwrap();
    assert_eq!(stored.into_iter().map(|(_, outcome)| outcome).collect::<Vec<_>>(), later.effects.outcomes);
}
