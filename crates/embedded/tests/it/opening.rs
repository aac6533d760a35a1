//! What is opened, and what is refused with a sentence that helps.

use domain::source_quota::Quota;
use std::error::Error as _;

use conformance::fixture::{Opening, load, open_new, opening};
use embedded::{Embedded, OpenError};
use ports::{BusError, Queue, StoreError};
use rusqlite::Connection;

use crate::setup::{config, fresh, open};

#[tokio::test]
async fn a_second_open_is_refused_and_names_the_process() {
    let (_embedded, directory) = fresh();
    let refused = Embedded::open(config(directory.path())).err().unwrap();
    let own = std::process::id();
    assert!(matches!(refused, OpenError::InUse { pid: Some(pid), .. } if pid == own), "{refused:?}");
    let said = refused.to_string();
    assert!(said.contains(&format!("process {own}")) && said.contains("stop that process"), "{said}");
}

#[tokio::test]
async fn e7_a_database_has_one_lock_whatever_it_is_called() {
    let (_embedded, directory) = fresh();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("callout.db");
    std::os::unix::fs::symlink(config(directory.path()).path, &link).unwrap();
    let linked_folder = elsewhere.path().join("folder");
    std::os::unix::fs::symlink(directory.path(), &linked_folder).unwrap();
    let other_name = tempfile::tempdir_in(directory.path()).unwrap();
    std::fs::hard_link(config(directory.path()).path, config(other_name.path()).path).unwrap();
    for folder in [elsewhere.path(), &linked_folder, other_name.path()] {
        let refused = Embedded::open(config(folder)).err().unwrap();
        assert!(matches!(refused, OpenError::InUse { .. }), "{folder:?}: {refused:?}");
    }
    let lock_file = directory.path().join("callout.db.lock");
    std::fs::remove_file(lock_file).unwrap();
    let refused = Embedded::open(config(directory.path())).err().unwrap();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");
}

#[tokio::test]
async fn e6_a_database_that_others_could_read_is_closed_to_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let (embedded, directory) = fresh();
    embedded.close().await;
    let path = config(directory.path()).path;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let _embedded = open(directory.path());
    for file in std::fs::read_dir(directory.path()).unwrap().map(Result::unwrap) {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn e7_nothing_is_stored_in_a_file_that_its_path_no_longer_names() {
    let (embedded, directory) = fresh();
    let (path, aside) = (config(directory.path()).path, directory.path().join("aside.db"));
    let store = |id| {
        let change = Opening::new("moved", id).change();
        let store = embedded.store();
        async move { store.open_run(change.clone(), opening(&change, change.run.opened_at())).await }
    };
    store(1).await.unwrap();
    std::fs::rename(&path, &aside).unwrap();
    assert!(matches!(store(2).await, Err(StoreError::Unavailable(said)) if said.contains("is not there")));
    std::fs::write(&path, "").unwrap();
    assert!(matches!(store(2).await, Err(StoreError::Unavailable(said)) if said.contains("another file")));
    std::fs::rename(&aside, &path).unwrap();
    store(2).await.unwrap();
}

#[tokio::test]
async fn e6_only_its_owner_may_read_the_database() {
    use std::os::unix::fs::PermissionsExt as _;
    let (embedded, directory) = fresh();
    let change = Opening::new("private", 1).change();
    embedded.store().open_run(change.clone(), opening(&change, change.run.opened_at())).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() >= 3, "the database, its log and its lock: {files:?}");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn closing_or_dropping_releases_the_database() {
    let (embedded, directory) = fresh();
    embedded.close().await;
    let again = open(directory.path());
    drop(again);
    open(directory.path()).close().await;
    let files: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(files.len(), 2, "the database and its lock, no log: {files:?}");
}

#[tokio::test]
async fn a_closed_database_is_not_available() {
    let (embedded, _directory) = fresh();
    let (store, bus) = (embedded.store(), embedded.bus());
    let change = Opening::new("closed", 1).change();
    embedded.close().await;
    let opened = store.open_run(change.clone(), opening(&change, change.run.opened_at())).await;
    assert!(matches!(opened, Err(StoreError::Unavailable(_))), "{opened:?}");
    assert!(matches!(store.load_run(change.run.id()).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(bus.publish_events(&[], Quota::Within).await, Ok(())));
    let event = conformance::bus::event("closed", 1, conformance::bus::CRITICAL);
    assert!(matches!(bus.publish_events(&[event], Quota::Within).await, Err(BusError::Unavailable(_))));
    assert!(bus.consume(Queue::Escalation, 1).await.is_err());
}

#[tokio::test]
async fn streams_end_with_the_bus() {
    let (embedded, _directory) = fresh();
    let mut deliveries = embedded.bus().consume(Queue::Escalation, 1).await.unwrap();
    let waiting = tokio::spawn(async move { futures::StreamExt::next(&mut deliveries).await.is_none() });
    embedded.close().await;
    assert!(waiting.await.unwrap());
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (embedded, directory) = fresh();
    embedded.close().await;
    let path = config(directory.path()).path;
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let said = Embedded::open(config(directory.path())).err().unwrap().to_string();
    assert!(said.contains("schema 99") && said.contains("start the version that wrote it"), "{said}");
}

#[tokio::test]
async fn what_is_not_our_database_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = config(directory.path()).path;
    let text = "This is a letter to my landlord. ".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let refused = Embedded::open(config(directory.path())).err().unwrap();
    assert!(matches!(refused, OpenError::NotADatabase { .. }), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    std::fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (n)").unwrap();
    let refused = Embedded::open(config(directory.path())).err().unwrap();
    assert!(refused.to_string().contains("is not a callout database"), "{refused}");
}

#[tokio::test]
async fn a_directory_that_does_not_exist_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let refused = Embedded::open(config(&directory.path().join("missing"))).err().unwrap();
    assert!(matches!(refused, OpenError::Io { .. }), "{refused:?}");
    assert!(refused.to_string().contains("missing") && refused.source().is_some());
}

#[test]
fn opening_outside_of_a_runtime_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(Embedded::open(config(directory.path())), Err(OpenError::NoRuntime)));
}

#[tokio::test]
async fn a_document_that_does_not_parse_is_named_and_harms_no_other_run() {
    let (embedded, directory) = fresh();
    let (bad, good) = (Opening::new("corrupt", 1).change(), Opening::new("corrupt", 2).change());
    open_new(&*embedded.store(), &bad).await;
    open_new(&*embedded.store(), &good).await;
    embedded.close().await;
    let connection = Connection::open(config(directory.path()).path).unwrap();
    connection.execute("UPDATE run SET doc = '{}' WHERE id = ?1", [bad.run.id().as_str()]).unwrap();
    drop(connection);
    let embedded = open(directory.path());
    let found = embedded.store().load_run(bad.run.id()).await;
    assert!(
        matches!(&found, Err(StoreError::Corrupt(said)) if said.contains(bad.run.id().as_str())),
        "{found:?}"
    );
    assert_eq!(load(&*embedded.store(), &good.run).await.value, good.run);
}

#[tokio::test]
async fn a_run_written_by_the_first_schema_reads_back() {
    let (embedded, directory) = fresh();
    embedded.close().await;
    let connection = Connection::open(config(directory.path()).path).unwrap();
    let yesterday = include_str!("run_of_schema_1.json").trim();
    let insert = "INSERT INTO run (id, version, opened_ms, happened_us, phase, workflow, source, pending, resolvable,
                                   held, tally, doc) VALUES (?1, 3, 0, 0, 'active', 'w', 's', 1, 1, 0, '', ?2)";
    let id = serde_json::from_str::<serde_json::Value>(yesterday).unwrap()["id"].as_str().unwrap().to_owned();
    connection.execute(insert, [id.as_str(), yesterday]).unwrap();
    drop(connection);
    let embedded = open(directory.path());
    let run = embedded.store().load_run(&id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(serde_json::to_string(&run.value).unwrap(), yesterday);
}
