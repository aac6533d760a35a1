//! What the file shows with a key and without one; keys that change, are wrong or missing; rows that were tampered with.

use std::path::Path;

use conformance::fixture::{Opening, at, entry, letter, load, number, open_new, resolution, submitted};
use domain::{
    consent::ConsentChange,
    event::{Event, EventKey},
    source_quota::Quota,
};
use embedded::{Embedded, EmbeddedConfig, back_up};
use futures::StreamExt as _;
use ports::{
    GivenAnswer, StoreError,
    store::{DeadLetterFilter, Opened, RunFilter, readable},
};
use rusqlite::Connection;
use sealing::KeyFile;
use tempfile::TempDir;

use crate::setup;

/// What a template and the fixture's events say.
const TEXT: &str = "db-1 is down";
const CASE: &str = "sealed";

fn open(directory: &Path, key_file: Option<KeyFile>) -> Result<Embedded, String> {
    let opened = Embedded::open(EmbeddedConfig { key_file, ..setup::config(directory) });
    opened.map_err(|error| error.to_string())
}

/// Stores something of every kind that says a text or a number.
async fn store_everything(embedded: &Embedded) {
    let store = embedded.store();
    let opening = Opening::new(CASE, 1).subject("+14155550142").change();
    open_new(&*store, &opening).await;
    let submitted = submitted(&opening.run, &conformance::fixture::sid(CASE, 1), at(1));
    store.change_run(submitted, 1).await.unwrap();
    let consent = entry(&number(CASE, 1), ConsentChange::OptOut, 3);
    store.record_consent(&consent).await.unwrap();
    let event = format!("{{\"text\":\"{TEXT}\",\"to\":\"{}\"}}", number(CASE, 1).as_str());
    let letter = domain::timeline::DeadLetter { event: Some(event), ..letter(CASE, 1, 4) };
    store.add_dead_letter(&letter).await.unwrap();
    store.resolve(&resolution(CASE, "+14155550142", 1, -5)).await.unwrap();
    let answer =
        GivenAnswer { fingerprint: "f".into(), status: Some(200), etag: None, body: TEXT.to_owned() };
    store.keep_answer("key", &answer, at(0), at(100)).await.unwrap();
    embedded.bus().publish_events(&[event_that_waits()], Quota::Within).await.unwrap();
}

fn event_that_waits() -> Event {
    Event {
        key: EventKey { source: CASE.to_owned(), id: "waits".to_owned() },
        kind: "conformance.critical".to_owned(),
        subject: None,
        time: None,
        data: [("title".to_owned(), TEXT.into())].into_iter().collect(),
        traceparent: None,
    }
}

/// Everything that was stored is found by what it is looked up by.
async fn everything_is_found(embedded: &Embedded) {
    let store = embedded.store();
    let opening = Opening::new(CASE, 1).subject("+14155550142").change();
    assert_eq!(load(&*store, &opening.run).await.value.messages().len(), 1);
    assert_eq!(store.list_runs(&RunFilter::default(), 9).await.unwrap().len(), 1);
    assert_eq!(store.reply_routes(&number(CASE, 1), at(0)).await.unwrap().len(), 1);
    let consent = store.consent(&number(CASE, 1)).await.unwrap();
    assert_eq!(consent.opted_out_since(), Some(at(3)));
    assert_eq!(store.consent_log(&number(CASE, 1)).await.unwrap().len(), 1);
    // The same entry again changes nothing, in whatever form the first is stored.
    store.record_consent(&entry(&number(CASE, 1), ConsentChange::OptOut, 3)).await.unwrap();
    assert_eq!(store.consent_log(&number(CASE, 1)).await.unwrap().len(), 1);
    let letters = readable(store.dead_letters(&DeadLetterFilter::default(), 9).await.unwrap()).0;
    assert!(letters[0].event.as_ref().unwrap().contains(TEXT));
    let subject = opening.run.subject().unwrap();
    assert_eq!(store.open_runs(opening.run.workflow(), subject).await.unwrap().len(), 1);
    let late = Opening::new(CASE, 2).subject("+14155550142").opened(-10).change();
    let opened = conformance::fixture::open(&*store, &late).await;
    assert!(matches!(opened, Opened::AlreadyResolved { .. }), "{opened:?}");
    assert_eq!(store.answer("key", at(1)).await.unwrap().unwrap().body, TEXT);
    let queue = ports::Queue::Events(domain::workflow::Lane::Critical);
    let delivery = embedded.bus().consume(queue, 1).await.unwrap().next().await.unwrap();
    let ports::Payload::Event(body) = &delivery.payload else { panic!("not an event") };
    assert_eq!(Event::from_json(body).unwrap(), event_that_waits());
}

/// The needles that are in any file of a folder, but the key file.
fn found_in(directory: &Path) -> Vec<String> {
    let digits = number(CASE, 1).as_str()[1..].to_owned();
    let mut found = Vec::new();
    for file in std::fs::read_dir(directory).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for needle in [TEXT, "4155550142", digits.as_str()] {
            if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                found.push(needle.to_owned());
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

async fn stored_with(key_file: impl Fn(&Path) -> Option<KeyFile>) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let embedded = open(directory.path(), key_file(directory.path())).unwrap();
    store_everything(&embedded).await;
    // Read as a crash would leave it, with its log, and again once the log is copied back.
    let crashed = found_in(directory.path());
    embedded.close().await;
    assert_eq!(crashed, found_in(directory.path()));
    directory
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_shows_no_text_and_no_number_with_a_key() {
    let plain = stored_with(|_| None).await;
    assert_eq!(found_in(plain.path()).len(), 3, "without a key all of it is there");
    let sealed = stored_with(|directory| Some(setup::key_file(directory, &["one"]))).await;
    assert_eq!(found_in(sealed.path()), Vec::<String>::new());
    let key_file = KeyFile::read(&sealed.path().join("privacy.key")).unwrap();
    everything_is_found(&open(sealed.path(), Some(key_file)).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_before_is_found_and_then_sealed() {
    let directory = stored_with(|_| None).await;
    let key_file = setup::key_file(directory.path(), &["one"]);
    let embedded = open(directory.path(), Some(key_file.clone())).unwrap();
    everything_is_found(&embedded).await;
    embedded.close().await;
    // A process that dies in the middle begins again.
    let embedded = open(directory.path(), Some(key_file.clone())).unwrap();
    assert_eq!(embedded.store().seal_stored(1).await.unwrap(), 1);
    drop(embedded);
    let embedded = open(directory.path(), Some(key_file.clone())).unwrap();
    let store = embedded.store();
    let status = async || store.backlog(at(0), &[]).await.unwrap().sealing;
    assert_eq!(status().await, domain::status::Sealing::UnderWay);
    while store.seal_stored(1).await.unwrap() > 0 {}
    assert_eq!(status().await, domain::status::Sealing::Complete);
    everything_is_found(&embedded).await;
    embedded.close().await;
    // A copy is without the free pages that the former rows are in.
    let copies = tempfile::tempdir().unwrap();
    back_up(&directory.path().join("callout.db"), &copies.path().join("copy.db"), at(0)).unwrap();
    assert_eq!(found_in(copies.path()), Vec::<String>::new());
    let embedded = open(directory.path(), Some(key_file)).unwrap();
    assert_eq!(
        embedded.store().backlog(at(0), &[]).await.unwrap().sealing,
        domain::status::Sealing::Complete
    );
    everything_is_found(&embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_first_key_takes_over_and_the_former_may_go() {
    let lines: Vec<String> =
        ["old", "new"].map(|name| sealing::new_line(name).unwrap().unwrap().to_string()).to_vec();
    let directory = stored_with(|directory| Some(setup::key_file_of(directory, &lines[..1]))).await;
    let open_with = |lines: &[&String]| {
        let lines: Vec<String> = lines.iter().map(|line| (*line).clone()).collect();
        open(directory.path(), Some(setup::key_file_of(directory.path(), &lines)))
    };
    let refused = open_with(&[&lines[1]]).map(drop).unwrap_err();
    assert!(refused.contains("key \"old\"") && refused.contains("it has new"), "{refused}");
    let rotated = open_with(&[&lines[1], &lines[0]]).unwrap();
    everything_is_found(&rotated).await;
    drop(rotated);
    let refused = open_with(&[&lines[0]]).map(drop).unwrap_err();
    assert!(refused.contains("key \"new\""), "{refused}");
    everything_is_found(&open_with(&[&lines[1]]).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_wrong_key_is_said_and_nothing_is_changed() {
    let directory = stored_with(|directory| Some(setup::key_file(directory, &["one"]))).await;
    let before = std::fs::read(directory.path().join("callout.db")).unwrap();
    let file = KeyFile::read(&directory.path().join("privacy.key")).unwrap();
    let refused = open(directory.path(), None).map(drop).unwrap_err();
    assert!(refused.contains("key \"one\"") && refused.contains("[privacy] key_file"), "{refused}");
    let other = tempfile::tempdir().unwrap();
    let wrong = setup::key_file(other.path(), &["one"]);
    let refused = open(directory.path(), Some(wrong)).map(drop).unwrap_err();
    assert!(refused.contains("\"one\"") && refused.contains("is not the one"), "{refused}");
    assert!(std::fs::read(directory.path().join("callout.db")).unwrap() == before, "the file was changed");
    everything_is_found(&open(directory.path(), Some(file)).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_or_moved_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let key_file = setup::key_file(directory.path(), &["one"]);
    let embedded = open(directory.path(), Some(key_file.clone())).unwrap();
    let runs: Vec<_> = (1..=3).map(|n| Opening::new(CASE, n).change()).collect();
    for change in &runs {
        open_new(&*embedded.store(), change).await;
    }
    embedded.close().await;
    let tool = Connection::open(directory.path().join("callout.db")).unwrap();
    let doc = |n: i64| tool.query_row("SELECT doc FROM run WHERE seq = ?1", [n], |row| row.get(0));
    let (first, mut third): (Vec<u8>, Vec<u8>) = (doc(1).unwrap(), doc(3).unwrap());
    *third.last_mut().unwrap() ^= 1;
    for (n, doc) in [(2, first), (3, third)] {
        tool.execute("UPDATE run SET doc = ?2 WHERE seq = ?1", rusqlite::params![n, doc]).unwrap();
    }
    drop(tool);
    let embedded = open(directory.path(), Some(key_file)).unwrap();
    assert_eq!(load(&*embedded.store(), &runs[0].run).await.value, runs[0].run);
    for change in &runs[1..] {
        let error = embedded.store().load_run(change.run.id()).await.unwrap_err();
        let StoreError::Corrupt(said) = &error else { panic!("{error}") };
        assert!(said.contains(change.run.id().as_str()) && said.contains("is another's"), "{said}");
    }
}
