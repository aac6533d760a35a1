//! The log of outcome events. In: events. Out: a panic where a reader would miss one, or see it twice.
//!
//! Never: reads from a log that others write to: positions are those of the whole log.

use std::sync::Arc;

use domain::effect::{OutcomeEvent, OutcomeKind};
use ports::Store;

use crate::fixture::{Opening, at};

const MOST: u32 = 100;

fn event(n: u32) -> OutcomeEvent {
    let run = Opening::new("outcome_log", n).change().run;
    OutcomeEvent {
        id: format!("event-{n}"),
        kind: OutcomeKind::RunOpened,
        at: at(i64::from(n)),
        run: Some(run.id().clone()),
        workflow: Some("paging".to_owned()),
        source: Some("monitor".to_owned()),
        event_id: Some(format!("e-{n}")),
        subject: Some("db-1".to_owned()),
        phase: Some(run.phase()),
        step: Some(0),
        message: None,
        by: None,
        detail: None,
        ticket: None,
        approval: None,
    }
}

async fn read(store: &dyn Store, after: u64, max: u16) -> Vec<(u64, String)> {
    let events = store.logged_outcomes(after, max).await.unwrap();
    events.into_iter().map(|(position, event)| (position, event.id)).collect()
}

/// A writer that heard nothing writes it again.
pub async fn events_are_logged_once_in_one_order(store: Arc<dyn Store>) {
    assert_eq!(store.last_logged().await.unwrap(), 0);
    for n in [3, 1, 3, 2, 1] {
        store.log_outcome(&event(n), MOST).await.unwrap();
    }
    let logged = store.logged_outcomes(0, 10).await.unwrap();
    assert_eq!(logged.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>(), [3, 1, 2].map(event));
    assert!(logged.is_sorted_by(|one, other| one.0 < other.0), "{logged:?}");
    assert_eq!(store.last_logged().await.unwrap(), logged.last().unwrap().0);
}

/// Page by page, without gaps.
pub async fn a_reader_goes_on_after_its_position(store: Arc<dyn Store>) {
    for n in 1..=5 {
        store.log_outcome(&event(n), MOST).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = read(&*store, after, 2).await;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        assert!(page.len() <= 2);
        seen.extend(page.into_iter().map(|(_, id)| id));
    }
    assert_eq!(seen, (1..=5).map(|n| format!("event-{n}")).collect::<Vec<_>>());
    assert_eq!(read(&*store, u64::from(u32::MAX), 10).await, []);
}

/// A position names one event for good, so that a reader may come back after any time.
pub async fn the_oldest_events_go_and_no_position_comes_twice(store: Arc<dyn Store>) {
    let mut positions = Vec::new();
    for n in 1..=6 {
        store.log_outcome(&event(n), 2).await.unwrap();
        positions.push(store.last_logged().await.unwrap());
    }
    assert!(positions.is_sorted_by(|one, other| one < other), "{positions:?}");
    let left: Vec<String> = read(&*store, 0, 10).await.into_iter().map(|(_, id)| id).collect();
    assert_eq!(left, ["event-5", "event-6"]);
}

/// What may tell of a person goes, and readers keep their places.
pub async fn an_event_that_is_replaced_keeps_its_position(store: Arc<dyn Store>) {
    for n in [1, 2] {
        store.log_outcome(&event(n), MOST).await.unwrap();
    }
    let before = store.logged_outcomes(0, 10).await.unwrap();
    for n in [2, 3, 2] {
        store.replace_logged(&event(n).without_person()).await.unwrap();
    }
    let after = store.logged_outcomes(0, 10).await.unwrap();
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1], (before[1].0, event(2).without_person()));
    assert_eq!((after.len(), &after[1].1.subject, &after[1].1.event_id), (2, &None, &None));
}
