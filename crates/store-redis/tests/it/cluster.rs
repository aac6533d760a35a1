//! A cluster that changes under way. In: primaries that die, slots that move. Out: a panic where a call goes wrong for
//! good, or something acknowledged is gone. Never: the shared cluster.

use std::{sync::Arc, time::Duration};

use conformance::{
    fixture::{Opening, at, entry, load, number, open_new, sid, submitted},
    roles::ManualClock,
};
use domain::consent::ConsentChange;
use jiff::SignedDuration;
use ports::{AuditStore as _, Changed, Clock as _, ConsentStore as _, RunStore as _, SystemClock, within};
use store_redis::{RedisConfig, RedisStore};
use test_servers::RedisCluster;

use crate::setup::{config, until};

/// How long slots may be on their way, with a compiler on the same two cores.
const MOVE_MAX: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_over_and_its_writes_are_doubted() {
    let cluster = RedisCluster::private(true);
    let store = RedisStore::connect(config(&cluster.url, "failover")).await.unwrap();
    let first = store.generation();
    assert!(first > 0 && store.reconcile_until().is_none());
    let openings: Vec<_> = (0..60).map(|n| Opening::new("failover", n).change()).collect();
    for opening in &openings {
        open_new(&*store, opening).await;
    }
    cluster.wait(RedisCluster::is_replicated);
    // The one whose address was configured.
    cluster.nodes[0].kill();
    for (n, opening) in (0..).zip(&openings) {
        let next = submitted(&opening.run, &sid("failover", n), at(1));
        let is_stored = || async {
            let changed = store.change_run(next.clone(), 1).await;
            // A change that was made and whose answer was lost is a conflict to those who come later.
            matches!(changed, Ok(Changed::Stored { .. } | Changed::Conflict))
        };
        until("a change", is_stored).await;
        assert_eq!(load(&*store, &next.run).await.value, next.run);
    }
    assert!(store.data_loss_since().await.unwrap().is_some());
    assert!(store.generation() > first);
    cluster.nodes[0].restart();
    for opening in &openings {
        assert_eq!(load(&*store, &opening.run).await.version, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_move_while_runs_change() {
    let cluster = RedisCluster::private(false);
    let store = RedisStore::connect(config(&cluster.url, "moving")).await.unwrap();
    let openings: Vec<_> = (0..200).map(|n| Opening::new("moving", n).change()).collect();
    for opening in &openings {
        open_new(&*store, opening).await;
    }
    let moving = tokio::task::spawn_blocking(move || {
        cluster.move_slots(0, 1, 2_000);
        cluster
    });
    let (mut version, mut changes_while_moving) = (1, 0);
    let changes = async {
        while version == 1 || !moving.is_finished() {
            for (n, opening) in (0..).zip(&openings) {
                let next = submitted(&opening.run, &sid("moving", n), at(1));
                let changed = store.change_run(next, version).await;
                assert!(matches!(changed, Ok(Changed::Stored { .. })), "{n} at {version}: {changed:?}");
                changes_while_moving += i32::from(!moving.is_finished());
            }
            version += 1;
        }
    };
    within(&SystemClock, MOVE_MAX, changes).await.expect("the slots are moved in time");
    assert!(changes_while_moving > 0);
    let cluster = moving.await.unwrap();
    for opening in &openings {
        assert_eq!(load(&*store, &opening.run).await.version, version);
    }
    drop(cluster);
}

/// A slot between two primaries, as long as it is on its way.
struct Moving<'a> {
    cluster: &'a RedisCluster,
    slot: String,
    from: usize,
    to: usize,
}

impl<'a> Moving<'a> {
    fn begin(cluster: &'a RedisCluster, key: &str) -> Self {
        let slot = cluster.ask(0, &["CLUSTER", "KEYSLOT", key]);
        let from = cluster.primary_of(key);
        let moving = Self { cluster, slot, from, to: (from + 1) % 3 };
        moving.set(moving.to, "IMPORTING", from);
        moving.set(from, "MIGRATING", moving.to);
        moving
    }

    fn set(&self, at: usize, what: &str, node: usize) {
        let name = self.cluster.ask(node, &["CLUSTER", "MYID"]);
        assert_eq!(self.cluster.ask(at, &["CLUSTER", "SETSLOT", &self.slot, what, &name]), "OK");
    }

    fn send(&self, key: &str) {
        let port = self.cluster.nodes[self.to].url.trim_end_matches('/').rsplit(':').next().unwrap();
        let sent = self.cluster.ask(self.from, &["MIGRATE", "127.0.0.1", port, key, "0", "5000"]);
        assert_eq!(sent, "OK");
    }

    fn end(&self) {
        let rest = self.cluster.ask(self.from, &["CLUSTER", "GETKEYSINSLOT", &self.slot, "100"]);
        rest.lines().filter(|key| !key.is_empty()).for_each(|key| self.send(key));
        for node in [self.to, self.from] {
            self.set(node, "NODE", self.to);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_follows_a_key_that_went_ahead_of_its_slot() {
    let cluster = RedisCluster::private(false);
    let config = config(&cluster.url, "ahead");
    let prefix = config.key_prefix.clone();
    let store = RedisStore::connect(config).await.unwrap();
    let number = number("ahead", 1);
    store.record_consent(&entry(&number, ConsentChange::OptOut, 1)).await.unwrap();
    let pattern = format!("{prefix}consent:*");
    let key = (0..3).map(|node| cluster.ask(node, &["KEYS", &pattern])).find(|key| !key.is_empty()).unwrap();

    let moving = Moving::begin(&cluster, &key);
    moving.send(&key);
    // The other server does not know the script yet.
    store.record_consent(&entry(&number, ConsentChange::OptIn, 2)).await.unwrap();
    assert_eq!(store.consent_log(&number).await.unwrap().len(), 2);
    moving.end();
    assert_eq!(store.consent_log(&number).await.unwrap().len(), 2);
    assert_eq!(cluster.primary_of(&key), moving.to);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_waits_until_all_of_its_keys_have_moved() {
    let cluster = RedisCluster::private(false);
    // The pause between two tries ends when the clock is set, so the keys may take their time.
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let config = RedisConfig { clock: clock.clone(), ..config(&cluster.url, "arriving") };
    let prefix = config.key_prefix.clone();
    let store = RedisStore::connect(config).await.unwrap();
    let opening = Opening::new("arriving", 0).change();
    open_new(&*store, &opening).await;
    let key = format!("{prefix}run:{{s{:02}}}:{}", opening.run.id().shard(), opening.run.id());

    let moving = Moving::begin(&cluster, &key);
    moving.send(&key);
    let change = {
        let (store, next) = (store.clone(), submitted(&opening.run, &sid("arriving", 0), at(1)));
        tokio::spawn(async move { store.change_run(next, 1).await })
    };
    cluster.wait(|cluster| cluster.ask(moving.from, &["INFO", "errorstats"]).contains("errorstat_TRYAGAIN"));
    moving.end();
    assert!(!change.is_finished());
    clock.set(clock.now() + SignedDuration::from_secs(1));
    let changed = change.await.unwrap();
    assert!(matches!(changed, Ok(Changed::Stored { .. })), "{changed:?}");
    assert_eq!(load(&*store, &opening.run).await.version, 2);
    assert_eq!(cluster.primary_of(&key), moving.to);
}
