//! The consent log. In: entries. Out: a panic where a number that opted out could be texted.
//!
//! Never: checks how entries add up; `domain::consent` has its own tests for that.

use std::sync::Arc;

use domain::{
    consent::{Consent, ConsentChange, ConsentEntry},
    workflow::Category,
};
use ports::{Changed, Store};

use crate::fixture::{Opening, at, change, entry, load, number, open_new};

fn result_of(entries: &[ConsentEntry]) -> Consent {
    let mut consent = Consent::default();
    entries.iter().for_each(|entry| consent.apply(entry));
    consent
}

/// After every entry, consent follows from all entries so far.
pub async fn consent_follows_the_entries(store: Arc<dyn Store>) {
    let phone = number("sum_follows", 1);
    let entries = [
        entry(&phone, ConsentChange::Grant(Category::Marketing), 10),
        entry(&phone, ConsentChange::OptOut, 20),
        entry(&phone, ConsentChange::OptIn, 30),
        entry(&phone, ConsentChange::Revoke(Category::Marketing), 5),
    ];
    for count in 1..=entries.len() {
        store.record_consent(&entries[count - 1]).await.unwrap();
        assert_eq!(store.consent(&phone).await.unwrap(), result_of(&entries[..count]));
    }
}

/// The provider repeats itself. Another proof of the same change is another entry.
pub async fn a_repeated_entry_is_recorded_once(store: Arc<dyn Store>) {
    let phone = number("repeated_entry", 1);
    let first = entry(&phone, ConsentChange::OptOut, 10);
    let again = ConsentEntry { at: at(99), ..first.clone() };
    let other_proof = ConsentEntry { evidence: "other".into(), at: at(20), ..first.clone() };
    let other_change = ConsentEntry { change: ConsentChange::OptIn, at: at(30), ..first.clone() };
    for entry in [&first, &first, &again, &other_proof, &other_change] {
        store.record_consent(entry).await.unwrap();
    }
    assert_eq!(store.consent_log(&phone).await.unwrap(), [first, other_proof, other_change]);
}

/// Whatever the order in which entries arrive.
pub async fn the_log_is_in_order_of_time(store: Arc<dyn Store>) {
    let phone = number("log_order", 1);
    for seconds in [30, 10, 20] {
        store.record_consent(&entry(&phone, ConsentChange::OptOut, seconds)).await.unwrap();
    }
    let log = store.consent_log(&phone).await.unwrap();
    assert_eq!(log.iter().map(|entry| entry.at).collect::<Vec<_>>(), [at(10), at(20), at(30)]);
}

/// What the provider says of a recipient while a run goes on counts for every other run.
pub async fn entries_of_a_change_count_once_it_is_stored(store: Arc<dyn Store>) {
    let case = "entries_of_a_change";
    let phone = number(case, 1);
    let first = Opening::new(case, 1).change();
    open_new(&*store, &first).await;
    let stored = load(&*store, &first.run).await;
    let next = change(&stored.value, at(7), |_, ctx| {
        ctx.effects.consent.push(entry(&phone, ConsentChange::OptOut, 7));
    });
    assert_eq!(store.consent(&phone).await.unwrap(), Consent::default());
    let changed = store.change_run(next.clone(), stored.version).await.unwrap();
    assert!(matches!(changed, Changed::Stored { .. }));
    assert_eq!(store.consent(&phone).await.unwrap().opted_out_since(), Some(at(7)));
    assert_eq!(store.consent_log(&phone).await.unwrap(), next.effects.consent);
}

/// Consent is by number.
pub async fn one_number_says_nothing_about_another(store: Arc<dyn Store>) {
    let case = "one_number";
    store.record_consent(&entry(&number(case, 1), ConsentChange::OptOut, 1)).await.unwrap();
    assert_eq!(store.consent(&number(case, 2)).await.unwrap(), Consent::default());
    assert_eq!(store.consent_log(&number(case, 2)).await.unwrap(), []);
}

/// Page by page, each of every number once at least.
pub async fn the_whole_log_is_in_the_pages(store: Arc<dyn Store>) {
    let mut recorded = Vec::new();
    for n in 0..7 {
        let phone = number("whole_log", n);
        for seconds in [10, 20] {
            let entry = entry(&phone, ConsentChange::OptOut, seconds);
            let entry = ConsentEntry { evidence: format!("{seconds}"), ..entry };
            store.record_consent(&entry).await.unwrap();
            recorded.push(entry);
        }
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.consent_page(after.as_deref(), 3).await.unwrap();
        found.extend(page.entries.into_iter().map(Result::unwrap));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    for entry in &recorded {
        assert!(found.contains(entry), "{entry:?} is in no page");
    }
}
