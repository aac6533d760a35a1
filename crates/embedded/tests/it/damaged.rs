//! Documents that cannot be read. In: a database in which a run and a dead letter were damaged. Out: all others.

use conformance::damaged::Whole;

use crate::setup::{fresh, open};

#[tokio::test(flavor = "multi_thread")]
async fn a_list_goes_on_behind_what_cannot_be_read() {
    let (embedded, directory) = fresh();
    let whole = Whole::stored(&*embedded.store()).await;
    embedded.close().await;
    let connection = rusqlite::Connection::open(directory.path().join("callout.db")).unwrap();
    for (table, id) in [("run", whole.run()), ("dead_letter", whole.letter())] {
        let damage = format!("UPDATE {table} SET doc = '{{\"half' WHERE id = ?1");
        assert_eq!(connection.execute(&damage, [id]).unwrap(), 1);
    }
    drop(connection);
    whole.is_damaged(&*open(directory.path()).store()).await;
}
