//! Dead letters. In: letters. Out: a panic where one is lost, or worked on by two.
//!
//! Never: replays one; that is the caller's.

use std::sync::Arc;

use domain::{
    broker_origin::BrokerOrigin,
    effect::OutcomeKind,
    outbound::{Destinations, Subscription, dead_letter},
    timeline::DeadLetter,
};
use ports::{
    Changed, EffectEnd, Store,
    store::{DeadLetterFilter, readable},
};

use crate::fixture::{Opening, at, at_once, change, letter, load, open_new};

async fn list(store: &dyn Store, filter: &DeadLetterFilter) -> Vec<DeadLetter> {
    readable(store.dead_letters(filter, 100).await.unwrap()).0
}

/// The one that waits longest comes first.
pub async fn letters_are_listed_oldest_first(store: Arc<dyn Store>) {
    let case = "oldest_first";
    let (first, second, third) = (letter(case, 1, 1), letter(case, 2, 2), letter(case, 3, 3));
    for letter in [&second, &third, &first] {
        store.add_dead_letter(letter).await.unwrap();
    }
    assert_eq!(list(&*store, &DeadLetterFilter::default()).await, [first, second, third]);
}

/// The same poison comes again and again.
pub async fn a_known_letter_is_added_once(store: Arc<dyn Store>) {
    let first = letter("known_letter", 1, 1);
    store.add_dead_letter(&first).await.unwrap();
    store
        .add_dead_letter(&DeadLetter { reason: "refused".into(), at: at(9), ..first.clone() })
        .await
        .unwrap();
    assert_eq!(list(&*store, &DeadLetterFilter::default()).await, [first]);
}

/// Each alone, and all together.
pub async fn every_filter_is_applied(store: Arc<dyn Store>) {
    let case = "letter_filters";
    let plain = letter(case, 1, 10);
    let refused = DeadLetter { reason: "refused".into(), ..letter(case, 2, 20) };
    let of_workflow = DeadLetter { workflow: Some("paging".into()), ..letter(case, 3, 30) };
    let of_other = DeadLetter { source: Some("other".into()), ..letter(case, 4, 40) };
    for letter in [&plain, &refused, &of_workflow, &of_other] {
        store.add_dead_letter(letter).await.unwrap();
    }
    let none = DeadLetterFilter::default;
    let reason = DeadLetterFilter { reason: Some("refused".into()), ..none() };
    assert_eq!(list(&*store, &reason).await, std::slice::from_ref(&refused));
    let workflow = DeadLetterFilter { workflow: Some("paging".into()), ..none() };
    assert_eq!(list(&*store, &workflow).await, std::slice::from_ref(&of_workflow));
    let source = DeadLetterFilter { source: Some("other".into()), ..none() };
    assert_eq!(list(&*store, &source).await, std::slice::from_ref(&of_other));
    // `since` includes its instant and `until` does not.
    let since = DeadLetterFilter { since: Some(at(30)), ..none() };
    assert_eq!(list(&*store, &since).await, [of_workflow.clone(), of_other]);
    let until = DeadLetterFilter { until: Some(at(30)), ..none() };
    assert_eq!(list(&*store, &until).await, [plain, refused]);
    let all = DeadLetterFilter {
        reason: Some("unroutable".into()),
        workflow: Some("paging".into()),
        source: Some(case.into()),
        since: Some(at(30)),
        until: Some(at(31)),
    };
    assert_eq!(list(&*store, &all).await, [of_workflow]);
    assert_eq!(list(&*store, &DeadLetterFilter { until: Some(at(30)), ..all }).await, []);
}

/// The oldest of those that match.
pub async fn at_most_as_many_as_asked_for_are_listed(store: Arc<dyn Store>) {
    let case = "at_most_letters";
    for n in 1..=5 {
        store.add_dead_letter(&letter(case, n, i64::from(n))).await.unwrap();
    }
    let letters = readable(store.dead_letters(&DeadLetterFilter::default(), 2).await.unwrap()).0;
    assert_eq!(letters, [letter(case, 1, 1), letter(case, 2, 2)]);
}

/// Else it would be replayed twice.
pub async fn of_many_callers_one_removes_a_letter(store: Arc<dyn Store>) {
    let first = letter("two_takers", 1, 1);
    store.add_dead_letter(&first).await.unwrap();
    let removed = at_once(16, |_| {
        let (store, id) = (store.clone(), first.id.clone());
        async move { store.remove_dead_letter(&id).await.unwrap() }
    })
    .await;
    assert_eq!(removed.into_iter().filter(|removed| *removed).count(), 1);
    assert_eq!(list(&*store, &DeadLetterFilter::default()).await, []);
}

/// A replayed event that fails again is not lost for having failed before.
pub async fn a_removed_letter_may_come_back(store: Arc<dyn Store>) {
    let first = letter("comes_back", 1, 1);
    store.add_dead_letter(&first).await.unwrap();
    assert!(store.remove_dead_letter(&first.id).await.unwrap());
    store.add_dead_letter(&first).await.unwrap();
    assert_eq!(list(&*store, &DeadLetterFilter::default()).await, std::slice::from_ref(&first));
    assert!(store.remove_dead_letter(&first.id).await.unwrap());
}

/// There is one list.
pub async fn letters_of_runs_are_listed_with_the_others(store: Arc<dyn Store>) {
    let case = "letters_of_runs";
    let mut change = Opening::new(case, 1).change();
    let of_run = DeadLetter { message: Some(change.run.message_id(1)), ..letter(case, 1, 2) };
    change.effects.dead_letters.push(of_run.clone());
    open_new(&*store, &change).await;
    store.add_dead_letter(&letter(case, 2, 1)).await.unwrap();
    assert_eq!(list(&*store, &DeadLetterFilter::default()).await, [letter(case, 2, 1), of_run.clone()]);
    assert!(store.remove_dead_letter(&of_run.id).await.unwrap());
}

/// That of a message, and that of an effect; and only if the run is as its changer saw it.
pub async fn a_discarded_letter_goes_with_the_line_that_tells_of_it(store: Arc<dyn Store>) {
    let case = "discarded_letters";
    let mut opened = Opening::new(case, 1).change();
    let of_message = DeadLetter { message: Some(opened.run.message_id(1)), ..letter(case, 1, 1) };
    opened.effects.dead_letters.push(of_message.clone());
    let subscription = Subscription {
        name: "near".to_owned(),
        events: [OutcomeKind::RunOpened].into(),
        ..Subscription::default()
    };
    opened.effects.outbound = Destinations(vec![subscription]).effects(&opened.run, &opened.effects);
    open_new(&*store, &opened).await;
    let [effect] = &store.take_effects("near", at(0), at(60), 10).await.unwrap()[..] else {
        panic!("one effect")
    };
    let of_effect = dead_letter(effect, "answered 422", at(2));
    store.end_effect(effect, EffectEnd::Dead(Box::new(of_effect.clone()))).await.unwrap();
    let other = letter(case, 2, 3);
    store.add_dead_letter(&other).await.unwrap();
    let discarded = change(&opened.run, at(4), |run, ctx| {
        run.discard(&of_message, None, "ada", ctx);
        run.discard(&of_effect, Some("near".to_owned()), "ada", ctx);
    });
    let version = load(&*store, &opened.run).await.version;
    assert_eq!(store.change_run(discarded.clone(), version + 1).await.unwrap(), Changed::Conflict);
    assert_eq!(list(&*store, &DeadLetterFilter::default()).await.len(), 3);
    assert!(matches!(store.change_run(discarded.clone(), version).await.unwrap(), Changed::Stored { .. }));
    assert_eq!(list(&*store, &DeadLetterFilter::default()).await, [other]);
    assert!(!store.remove_dead_letter(&of_message.id).await.unwrap());
    let counts = store.audit_counts().await.unwrap();
    assert_eq!(counts.dead_letters.values().sum::<u64>(), 1);
    assert!(counts.balances(), "{counts:?}");
    let lines = [opened.effects.timeline, discarded.effects.timeline].concat();
    assert_eq!(store.timeline(opened.run.id()).await.unwrap(), lines);
}

/// However many there are.
pub async fn one_letter_is_found_by_its_id(store: Arc<dyn Store>) {
    let case = "found_by_id";
    let (first, second) = (letter(case, 1, 1), letter(case, 2, 2));
    for letter in [&first, &second] {
        store.add_dead_letter(letter).await.unwrap();
    }
    assert_eq!(store.dead_letter(&second.id).await.unwrap(), Some(second.clone()));
    assert!(store.remove_dead_letter(&second.id).await.unwrap());
    assert_eq!(store.dead_letter(&second.id).await.unwrap(), None);
    assert_eq!(store.dead_letter(&first.id).await.unwrap(), Some(first));
}

/// A replay asks again about the user who published it.
pub async fn a_letter_keeps_where_its_event_came_from(store: Arc<dyn Store>) {
    let headers = [("ce-id".to_owned(), "e-1".to_owned()), ("empty".to_owned(), String::new())];
    let origin = BrokerOrigin::new(Some("billing".to_owned()), Some("text/plain".to_owned()), headers);
    let first = DeadLetter { origin: Some(Box::new(origin)), ..letter("origin", 1, 1) };
    store.add_dead_letter(&first).await.unwrap();
    assert_eq!(store.dead_letter(&first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(list(&*store, &DeadLetterFilter::default()).await, [first]);
}
