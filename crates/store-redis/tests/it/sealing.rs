//! What the server shows with a key and without one; keys that change, are wrong or missing; documents that were tampered
//! with.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use conformance::fixture::{Opening, at, ended, entry, letter, load, number, open_new, resolution, sid};
use domain::{
    consent::ConsentChange,
    event::{Event, EventKey},
    run::Run,
    status::Sealing,
    timeline::DeadLetter,
};
use ports::{
    ConsentStore as _, DeadLetterStore as _, EventLedger as _, LookupStore as _, RateLimitStore as _,
    RetentionStore as _, RunStore as _, SealingStore as _, StatusStore as _, StoreError,
    store::{DeadLetterFilter, Opened, readable},
};
use sealing::KeyFile;
use store_redis::{RedisConfig, RedisStore};
use test_servers::RedisServer;

use crate::setup;

const TEXT: &str = "db-1 is down";
const CASE: &str = "sealed";
const SUBJECT: &str = "+14155550142";

async fn connect(config: &RedisConfig, key_file: Option<KeyFile>) -> Result<Arc<RedisStore>, String> {
    let config = RedisConfig { key_file, ..config.clone() };
    RedisStore::connect(config).await.map_err(|error| error.to_string())
}

fn run() -> Arc<Run> {
    Opening::new(CASE, 1).subject(SUBJECT).change().run
}

fn waits() -> Event {
    Event {
        key: EventKey { source: CASE.to_owned(), id: "waits".to_owned() },
        kind: "conformance.critical".to_owned(),
        subject: None,
        time: None,
        data: [("title".to_owned(), TEXT.into())].into_iter().collect(),
        traceparent: None,
    }
}

/// Stores something of every kind that says a text or a number.
async fn store_everything(store: &RedisStore) {
    let mut opening = Opening::new(CASE, 1).subject(SUBJECT).change();
    // A route that the run does not show has a line of its own in the timeline.
    let more =
        domain::timeline::ReplyRoute { number: number(CASE, 7), ..opening.effects.reply_routes[0].clone() };
    opening.effects.reply_routes.push(more);
    open_new(store, &opening).await;
    store.record_consent(&entry(&number(CASE, 1), ConsentChange::OptOut, 3)).await.unwrap();
    let event = format!("{{\"text\":\"{TEXT}\",\"to\":\"{}\"}}", number(CASE, 1).as_str());
    let refused = DeadLetter { event: Some(event), ..letter(CASE, 1, 4) };
    store.add_dead_letter(&refused).await.unwrap();
    store.resolve(&resolution(CASE, SUBJECT, 1, -5)).await.unwrap();
    store.accept(&[waits()], at(0)).await.unwrap();
    let limit = domain::rate_limit::RateLimit::hourly(5);
    let request = domain::rate_limit::RateRequest { queue: CASE.to_owned(), limit, cost: 1 };
    store.acquire(&request, at(0)).await.unwrap();
}

async fn everything_is_found(store: &RedisStore) {
    assert_eq!(load(store, &run()).await.value, run());
    assert_eq!(store.reply_routes(&number(CASE, 1), at(0)).await.unwrap().len(), 1);
    assert_eq!(store.reply_routes(&number(CASE, 7), at(0)).await.unwrap().len(), 1);
    assert_eq!(store.consent(&number(CASE, 1)).await.unwrap().opted_out_since(), Some(at(3)));
    store.record_consent(&entry(&number(CASE, 1), ConsentChange::OptOut, 3)).await.unwrap();
    assert_eq!(store.consent_log(&number(CASE, 1)).await.unwrap().len(), 1);
    let letters = readable(store.dead_letters(&DeadLetterFilter::default(), 9).await.unwrap()).0;
    assert!(letters[0].event.as_ref().unwrap().contains(TEXT));
    let late = Opening::new(CASE, 2).subject(SUBJECT).opened(-10).change();
    let opened = conformance::fixture::open(store, &late).await;
    assert!(matches!(opened, Opened::AlreadyResolved { .. }), "{opened:?}");
    assert_eq!(store.overdue(at(1_000)).await.unwrap()[0].event, waits());
}

/// The needles that are in any file of a server's folder: its append-only file, whose strings are as they were sent.
fn found_in(folder: &Path) -> Vec<String> {
    let digits = number(CASE, 1).as_str()[1..].to_owned();
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(path).unwrap_or_default();
            for needle in [TEXT, &SUBJECT[1..], digits.as_str()] {
                if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                    found.push(needle.to_owned());
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The needles in names and values of keys, as a client gets them.
fn found_by_commands(config: &RedisConfig) -> Vec<String> {
    let mut connection = setup::raw_connection(&config.url);
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(format!("{}*", config.key_prefix)).query(&mut connection).unwrap();
    let digits = number(CASE, 1).as_str()[1..].to_owned();
    let mut all = keys.join("\n").into_bytes();
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query(&mut connection).unwrap();
        let (read, more): (&str, &[&str]) = match kind.as_str() {
            "string" => ("GET", &[]),
            "hash" => ("HGETALL", &[]),
            "list" => ("LRANGE", &["0", "-1"]),
            "zset" => ("ZRANGE", &["0", "-1"]),
            other => panic!("a key of type {other}"),
        };
        let value: redis::Value = redis::cmd(read).arg(&key).arg(more).query(&mut connection).unwrap();
        flatten(&value, &mut all);
    }
    let is_there = |needle: &&str| all.windows(needle.len()).any(|window| window == needle.as_bytes());
    [TEXT, &SUBJECT[1..], digits.as_str()].into_iter().filter(is_there).map(str::to_owned).collect()
}

fn folder_of(server: &RedisServer) -> PathBuf {
    let mut connection = setup::raw_connection(&server.url);
    let (_, folder): (String, String) =
        redis::cmd("CONFIG").arg("GET").arg("dir").query(&mut connection).unwrap();
    folder.into()
}

fn flatten(value: &redis::Value, all: &mut Vec<u8>) {
    match value {
        redis::Value::BulkString(bytes) => all.extend(bytes),
        redis::Value::Array(values) => values.iter().for_each(|value| flatten(value, all)),
        redis::Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            flatten(key, all);
            flatten(value, all);
        }),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_shows_no_text_and_no_number_with_a_key() {
    for (key_file, count) in [(None, 2), (Some(setup::key_file()), 0)] {
        let server = RedisServer::private();
        let config = setup::config(&server.url, "shows");
        let store = connect(&config, key_file).await.unwrap();
        store_everything(&store).await;
        everything_is_found(&store).await;
        let (said, kept) = (found_by_commands(&config), found_in(&folder_of(&server)));
        if count == 0 {
            assert_eq!((said, kept), (Vec::new(), Vec::new()));
        } else {
            // The document of a run is compressed; the digits of its number are in lines and letters.
            assert!(said.len() >= count && kept.len() >= count, "{said:?} {kept:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_before_is_found_and_then_sealed() {
    for url in [&test_servers::redis().url, &test_servers::redis_cluster().url] {
        let config = setup::config(url, "before");
        store_everything(&connect(&config, None).await.unwrap()).await;
        let key_file = setup::key_file();
        let store = connect(&config, Some(key_file.clone())).await.unwrap();
        everything_is_found(&store).await;
        assert!(store.seal_stored(1).await.unwrap() > 0);
        // A process that dies in the middle begins again.
        let store = connect(&config, Some(key_file.clone())).await.unwrap();
        assert_eq!(store.backlog(at(0), &[]).await.unwrap().sealing, Sealing::UnderWay);
        while store.seal_stored(1).await.unwrap() > 0 {}
        assert_eq!(store.backlog(at(0), &[]).await.unwrap().sealing, Sealing::Complete);
        everything_is_found(&store).await;
        // A run that ends is purged with the lines and routes of both forms.
        let over = ended(&run(), &sid(CASE, 1), at(10));
        store.change_run(over, 1).await.unwrap();
        assert_eq!(store.purge(at(11), 9).await.unwrap(), 1);
        assert_eq!(store.reply_routes(&number(CASE, 1), at(0)).await.unwrap(), []);
        assert_eq!(store.reply_routes(&number(CASE, 7), at(0)).await.unwrap(), []);
        if url == &test_servers::redis().url {
            store.remove_dead_letter(&letter(CASE, 1, 4).id).await.unwrap();
            let resolution_alone = vec![SUBJECT[1..].to_owned()];
            assert_eq!(found_by_commands(&config), resolution_alone, "it expires within seven days");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_change_are_wrong_or_missing() {
    let config = setup::config(&test_servers::redis().url, "keys");
    let lines: Vec<String> =
        ["old", "new"].map(|name| sealing::new_line(name).unwrap().unwrap().to_string()).to_vec();
    let file =
        |at: &[usize]| Some(setup::key_file_of(&at.iter().map(|at| lines[*at].clone()).collect::<Vec<_>>()));
    store_everything(&connect(&config, file(&[0])).await.unwrap()).await;
    let refused = async |key_file| connect(&config, key_file).await.map(drop).unwrap_err();
    let said = refused(None).await;
    assert!(said.contains("key \"old\"") && said.contains("[privacy] key_file"), "{said}");
    let said = refused(file(&[1])).await;
    assert!(said.contains("key \"old\"") && said.contains("it has new"), "{said}");
    let wrong = sealing::new_line("old").unwrap().unwrap().to_string();
    let said = refused(Some(setup::key_file_of(&[wrong]))).await;
    assert!(said.contains("is not the one"), "{said}");
    // Two processes with the new file at once, and one that was started before.
    let before = connect(&config, file(&[0])).await.unwrap();
    let (one, two) = tokio::join!(connect(&config, file(&[1, 0])), connect(&config, file(&[1, 0])));
    everything_is_found(&one.unwrap()).await;
    everything_is_found(&two.unwrap()).await;
    everything_is_found(&before).await;
    let said = refused(file(&[0])).await;
    assert!(said.contains("key \"new\""), "{said}");
    everything_is_found(&connect(&config, file(&[1])).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_was_changed_or_moved_is_refused() {
    let config = setup::config(&test_servers::redis().url, "tampered");
    let store = connect(&config, Some(setup::key_file())).await.unwrap();
    let runs: Vec<Arc<Run>> = (1..=2).map(|n| Opening::new(CASE, n).change().run).collect();
    for n in 1..=2 {
        open_new(&*store, &Opening::new(CASE, n).change()).await;
    }
    let key = |run: &Run| format!("{}run:{{s{:02}}}:{}", config.key_prefix, run.id().shard(), run.id());
    let mut connection = setup::raw_connection(&config.url);
    let stored: Vec<u8> = redis::cmd("GET").arg(key(&runs[0])).query(&mut connection).unwrap();
    let mut changed = stored.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (run, document) in [(&runs[1], stored), (&runs[0], changed)] {
        redis::cmd("SET").arg(key(run)).arg(document).exec(&mut connection).unwrap();
    }
    for run in &runs {
        let error = store.load_run(run.id()).await.unwrap_err();
        let StoreError::Corrupt(said) = &error else { panic!("{error}") };
        assert!(said.contains(run.id().as_str()) && said.contains("is another's"), "{said}");
    }
}
