//! Ways back to a run, and definitions by hash. In: routes and names. Out: a panic where a reply would find nothing.
//!
//! Never: reads a reply; `domain::ack_code` does.

use std::sync::Arc;

use domain::{limits::REPLY_ROUTES_MAX, timeline::ReplyRoute};
use jiff::Timestamp;
use ports::{Change, Store};

use crate::fixture::{Opening, at, load, number, open_new, sid, submitted, workflow_named};

/// A change whose only route leads from the case's first number and expires then.
fn routed(case: &'static str, n: u32, expires_at: Timestamp) -> (Change, ReplyRoute) {
    let mut change = Opening::new(case, n).change();
    let route = ReplyRoute { number: number(case, 1), expires_at, ..change.effects.reply_routes[0].clone() };
    change.effects.reply_routes = vec![route.clone()];
    (change, route)
}

/// A route holds until the instant it expires at, which it does not include.
pub async fn routes_that_have_expired_are_not_returned(store: Arc<dyn Store>) {
    let case = "routes_expire";
    let (first, _) = routed(case, 1, at(10));
    let (second, kept) = routed(case, 2, at(20));
    open_new(&*store, &first).await;
    open_new(&*store, &second).await;
    assert_eq!(store.reply_routes(&number(case, 1), at(9)).await.unwrap().len(), 2);
    assert_eq!(store.reply_routes(&number(case, 1), at(10)).await.unwrap(), [kept]);
    assert_eq!(store.reply_routes(&number(case, 1), at(20)).await.unwrap(), []);
    assert_eq!(store.reply_routes(&number(case, 2), at(0)).await.unwrap(), []);
}

/// A reply without a code means the latest text.
pub async fn routes_are_returned_latest_first(store: Arc<dyn Store>) {
    let case = "routes_latest";
    let mut expected = Vec::new();
    for n in 1..=3 {
        let (change, route) = routed(case, n, at(100 + i64::from(n)));
        open_new(&*store, &change).await;
        expected.insert(0, route);
    }
    assert_eq!(store.reply_routes(&number(case, 1), at(0)).await.unwrap(), expected);
}

/// A phone that gets a text a second is no reason to read for a second. The latest are kept.
pub async fn routes_are_bounded(store: Arc<dyn Store>) {
    let case = "routes_bounded";
    let mut change = Opening::new(case, 1).change();
    let route = change.effects.reply_routes[0].clone();
    let more = i64::from(REPLY_ROUTES_MAX) + 50;
    change.effects.reply_routes = (1..=more)
        .map(|n| ReplyRoute { expires_at: at(n), message: route.message.clone(), ..route.clone() })
        .collect();
    let count = change.effects.reply_routes.len() as u16;
    for (n, route) in (1..=count).zip(&mut change.effects.reply_routes) {
        route.message.number = n;
    }
    open_new(&*store, &change).await;
    let routes = store.reply_routes(&number(case, 1), at(0)).await.unwrap();
    assert!(routes.len() <= usize::from(REPLY_ROUTES_MAX), "{} routes", routes.len());
    assert_eq!(routes[0].expires_at, at(more));
}

/// Also after the run has changed.
pub async fn a_sid_leads_to_its_message(store: Arc<dyn Store>) {
    let case = "provider_name";
    let first = Opening::new(case, 1).change();
    open_new(&*store, &first).await;
    let version = load(&*store, &first.run).await.version;
    store.change_run(submitted(&first.run, &sid(case, 1), at(1)), version).await.unwrap();
    assert_eq!(store.message_of_sid(&sid(case, 1)).await.unwrap(), Some(first.run.message_id(1)));
    assert_eq!(store.message_of_sid(&sid(case, 2)).await.unwrap(), None);
}

/// Keeping it again changes nothing.
pub async fn a_definition_reads_back_under_its_hash(store: Arc<dyn Store>) {
    let (one, other) = (workflow_named("conformance-one"), workflow_named("conformance-two"));
    for workflow in [&one, &other, &one] {
        store.keep_workflow(&workflow.hash, &workflow.definition).await.unwrap();
    }
    assert_eq!(store.workflow(&one.hash).await.unwrap(), Some((*one.definition).clone()));
    assert_eq!(store.workflow(&other.hash).await.unwrap(), Some((*other.definition).clone()));
    assert_eq!(store.workflow("ffffffffffffffff").await.unwrap(), None);
}

/// Two equal texts are looked up at the same time, and the provider has one of them.
pub async fn of_two_messages_that_claim_a_sid_one_gets_it(store: Arc<dyn Store>) {
    let case = "claimed";
    let name = sid(case, 1);
    let [one, two] = [1, 2].map(|n| Opening::new(case, n).change().run.message_id(1));
    let (first, second) = futures::join!(store.claim_sid(&name, &one), store.claim_sid(&name, &two));
    let owner = first.unwrap();
    assert_eq!(owner, second.unwrap());
    assert!(owner == one || owner == two);
    assert_eq!(store.claim_sid(&name, &owner).await.unwrap(), owner, "to claim again changes nothing");
    assert_eq!(store.message_of_sid(&name).await.unwrap(), Some(owner));
}
