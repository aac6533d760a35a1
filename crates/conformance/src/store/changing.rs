//! Changing runs by compare-and-set. In: an opened run. Out: a panic where two changes could both win.
//!
//! Never: assumes what a version looks like, only that it rises.

use std::sync::Arc;

use domain::{
    consent::ConsentChange,
    message::{Message, MessageEvent},
    provider::{FailureClass, Refusal, SubmitOutcome},
    run::Run,
    timeline::TimelineEvent,
};
use jiff::Timestamp;
use ports::{Change, Changed, Opened, Store, store::DeadLetterFilter};

use crate::fixture::{
    Opening, acknowledged, at, at_once, change, entry, letter, load, number, open, open_new, sid, submitted,
};

fn stored(changed: &Changed) -> bool {
    matches!(changed, Changed::Stored { .. })
}

/// A change replaces the run and adds to what belongs to it.
pub async fn a_change_at_the_current_version_is_stored(store: Arc<dyn Store>) {
    let case = "current_version";
    let first = Opening::new(case, 1).change();
    open_new(&*store, &first).await;
    let version = load(&*store, &first.run).await.version;
    let next = submitted(&first.run, &sid(case, 1), at(1));
    assert!(stored(&store.change_run(next.clone(), version).await.unwrap()));
    assert_eq!(load(&*store, &first.run).await.value, next.run);
    assert_eq!(store.message_of_sid(&sid(case, 1)).await.unwrap(), Some(first.run.message_id(1)));
}

/// The changes that were too late left nothing behind.
pub async fn a_change_at_an_old_version_leaves_no_trace(store: Arc<dyn Store>) {
    let case = "old_version";
    let first = Opening::new(case, 1).change();
    open_new(&*store, &first).await;
    let version = load(&*store, &first.run).await.version;
    let winner = acknowledged(&first.run, at(1));
    store.change_run(winner.clone(), version).await.unwrap();
    let outcomes = store.outcomes(0, 10).await.unwrap();

    let mut loser = submitted(&first.run, &sid(case, 1), at(2));
    loser.due = Some(at(-1_000));
    loser.effects.dead_letters.push(letter(case, 1, 2));
    loser.effects.consent.push(entry(&number(case, 1), ConsentChange::OptOut, 2));
    loser.effects.outcomes.extend(winner.effects.outcomes.clone());
    loser.effects.reply_routes.extend(first.effects.reply_routes.clone());
    assert_eq!(store.change_run(loser, version).await.unwrap(), Changed::Conflict);

    assert_eq!(load(&*store, &first.run).await.value, winner.run);
    let lines = [first.effects.timeline, winner.effects.timeline].concat();
    assert_eq!(store.timeline(first.run.id()).await.unwrap(), lines);
    assert_eq!(store.message_of_sid(&sid(case, 1)).await.unwrap(), None);
    assert_eq!(store.consent_log(&number(case, 1)).await.unwrap(), []);
    assert_eq!(store.dead_letters(&DeadLetterFilter::default(), 10).await.unwrap(), []);
    assert_eq!(store.outcomes(0, 10).await.unwrap(), outcomes);
    assert_eq!(store.reply_routes(&number(case, 1), at(3)).await.unwrap().len(), 1);
    assert_eq!(store.take_due(None, at(-1), at(0), 10).await.unwrap(), []);
}

/// There is nothing to compare with.
pub async fn a_change_of_an_unknown_run_is_a_conflict(store: Arc<dyn Store>) {
    let change = Opening::new("unknown_run", 1).change();
    for version in [0, 1, 7] {
        assert_eq!(store.change_run(change.clone(), version).await.unwrap(), Changed::Conflict);
    }
    assert_eq!(store.load_run(change.run.id()).await.unwrap(), None);
    assert_eq!(store.timeline(change.run.id()).await.unwrap(), []);
}

/// A caller that heard nothing asks again and learns that it is done.
pub async fn a_repeated_change_is_a_conflict_and_does_nothing_twice(store: Arc<dyn Store>) {
    let first = Opening::new("repeated_change", 1).change();
    open_new(&*store, &first).await;
    let version = load(&*store, &first.run).await.version;
    let next = acknowledged(&first.run, at(1));
    assert!(stored(&store.change_run(next.clone(), version).await.unwrap()));
    assert_eq!(store.change_run(next.clone(), version).await.unwrap(), Changed::Conflict);
    let lines = [first.effects.timeline, next.effects.timeline].concat();
    assert_eq!(store.timeline(first.run.id()).await.unwrap(), lines);
    assert_eq!(store.outcomes(0, 10).await.unwrap().len(), 1);
    assert_eq!(load(&*store, &first.run).await.version, version + 1);
}

/// One version, one winner, and the run is the winner's.
pub async fn of_concurrent_changes_at_one_version_one_wins(store: Arc<dyn Store>) {
    let case = "one_wins";
    let first = Opening::new(case, 1).change();
    open_new(&*store, &first).await;
    let version = load(&*store, &first.run).await.version;
    let results = at_once(32, |n| {
        let (store, run) = (store.clone(), first.run.clone());
        async move {
            let next = submitted(&run, &sid(case, n), at(1));
            (n, store.change_run(next, version).await.unwrap())
        }
    })
    .await;
    let winners: Vec<u32> = results.iter().filter(|(_, changed)| stored(changed)).map(|(n, _)| *n).collect();
    let [winner] = winners[..] else { panic!("{winners:?} won") };
    let stored_run = load(&*store, &first.run).await.value;
    assert_eq!(stored_run.message(1).and_then(Message::sid), Some(&sid(case, winner)));
}

/// A backend may make them as one; a change that is too late spoils no other, and all are counted once.
pub async fn changes_that_come_together_succeed_or_fail_each_for_itself(store: Arc<dyn Store>) {
    const RUNS: u32 = 40;
    let case = "together";
    let mut openings: Vec<_> = (0..RUNS).map(|n| Opening::new(case, n).change()).collect();
    // Every other one is of texts that nobody can reply to.
    openings.iter_mut().step_by(2).for_each(|opening| opening.effects.reply_routes.clear());
    let opened = at_once(2 * RUNS, |n| {
        // Each comes twice.
        let (store, opening) = (store.clone(), openings[(n / 2) as usize].clone());
        async move { open(&*store, &opening).await }
    })
    .await;
    let new = opened.iter().filter(|opened| matches!(opened, Opened::New { .. })).count();
    assert_eq!((new, opened.len()), (RUNS as usize, 2 * RUNS as usize));

    let late = |n: u32| n.is_multiple_of(5);
    for first in openings.iter().step_by(5) {
        let winner = acknowledged(&first.run, at(1));
        assert!(stored(&store.change_run(winner, 1).await.unwrap()));
    }
    let changed = at_once(RUNS, |n| {
        let (store, run) = (store.clone(), openings[n as usize].run.clone());
        async move { store.change_run(submitted(&run, &sid(case, n), at(2)), 1).await.unwrap() }
    })
    .await;
    for (n, (changed, first)) in (0..).zip(changed.iter().zip(&openings)) {
        assert_eq!(stored(changed), !late(n), "{n}");
        let run = load(&*store, &first.run).await;
        assert_eq!(
            (run.version, run.value.message(1).and_then(Message::sid).is_some()),
            (2, !late(n)),
            "{n}"
        );
        assert!(!store.timeline(first.run.id()).await.unwrap().is_empty());
    }
    let audit = store.audit_counts().await.unwrap();
    let (few, most) = (u64::from(RUNS / 5), u64::from(RUNS - RUNS / 5));
    let [active, acknowledged] = ["active", "acknowledged"].map(|phase| audit.runs[phase]);
    let [dispatching, submitted] = ["dispatching", "submitted"].map(|phase| audit.messages[phase]);
    assert_eq!([active, acknowledged, dispatching, submitted], [most, few, few, most]);
    assert_eq!(audit.forgotten, 0);
}

/// Read, change, write, again on conflict: every increment counts.
pub async fn concurrent_changes_lose_no_update(store: Arc<dyn Store>) {
    const CHANGERS: u32 = 8;
    const EACH: u32 = 10;
    let first = Opening::new("no_update_lost", 1).change();
    open_new(&*store, &first).await;
    let version = load(&*store, &first.run).await.version;
    let waiting = refused(&first.run, at(1));
    store.change_run(waiting.clone(), version).await.unwrap();
    at_once(CHANGERS, |_| {
        let (store, run) = (store.clone(), first.run.clone());
        async move {
            for _ in 0..EACH {
                while !increment(&*store, &run).await {}
            }
        }
    })
    .await;
    let run = load(&*store, &first.run).await;
    assert_eq!(epoch(&run.value), epoch(&waiting.run) + CHANGERS * EACH);
    let lines = store.timeline(first.run.id()).await.unwrap();
    let before = first.effects.timeline.len() + waiting.effects.timeline.len();
    assert_eq!(lines.len(), before + (CHANGERS * EACH) as usize);
}

/// The run while its message waits for another attempt. Each deferral raises the message's epoch by one.
fn refused(run: &Run, now: Timestamp) -> Change {
    let refusal = Refusal {
        code: None,
        class: FailureClass::RetrySoon,
        of_originator: false,
        retry_after_ms: None,
        reason: "busy".to_owned(),
    };
    let outcome = SubmitOutcome::NotSent(refusal);
    change(run, now, |run, ctx| {
        let event = MessageEvent::Answered { attempt: 1, outcome: &outcome, in_outage: false };
        run.apply_to_message(1, &event, ctx);
    })
}

fn epoch(run: &Run) -> u32 {
    run.message(1).map_or(0, Message::epoch)
}

async fn increment(store: &dyn Store, run: &Run) -> bool {
    let stored_run = load(store, run).await;
    let next = change(&stored_run.value, at(1), |run, ctx| {
        run.apply_to_message(1, &MessageEvent::Defer(at(100)), ctx);
        ctx.note_run(TimelineEvent::ReplyUnclear { reason: format!("epoch {}", epoch(run)) });
    });
    stored(&store.change_run(next, stored_run.version).await.unwrap())
}

/// A timeline reads as it happened.
pub async fn lines_of_later_changes_follow_earlier_ones(store: Arc<dyn Store>) {
    let case = "lines_in_order";
    let first = Opening::new(case, 1).change();
    open_new(&*store, &first).await;
    let second = submitted(&first.run, &sid(case, 1), at(1));
    let third = acknowledged(&second.run, at(2));
    let version = load(&*store, &first.run).await.version;
    store.change_run(second.clone(), version).await.unwrap();
    store.change_run(third.clone(), version + 1).await.unwrap();
    let lines = [first.effects.timeline, second.effects.timeline, third.effects.timeline].concat();
    assert_eq!(store.timeline(first.run.id()).await.unwrap(), lines);
}
