//! Accepted events that have not ended: what is published again after a broker lost its messages.
//!
//! In: events that are about to be published, and their ends. Out: the events that have not ended for a while.
//! Never: counts an event twice, or removes one that has not ended.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::{
    event::{Event, EventKey},
    id::{SHARDS, digest},
    time::after_ms,
    time::{floor_ms, of_ms},
};
use jiff::Timestamp;
use ports::{EventLedger, PendingEvent, StoreError};
use redis::{Script, cmd};
use sealing::{Kind, Sealer};

use crate::{
    connection::{Call, unreadable},
    documents::Sealed,
    redis_store::RedisStore,
};

/// How long an event may take to end before it is published again, in milliseconds; doubles each time.
pub(crate) const AGAIN_AFTER_MS: i64 = 30_000;
/// It is published again at least every hour.
pub(crate) const DOUBLINGS_MAX: u32 = 7;
/// Events looked at in one shard at a time.
const PAGE: u16 = 200;

/// The name of an accepted event, and its document.
type Row = (Vec<u8>, Vec<u8>);

fn name_of(key: &EventKey) -> [u8; 12] {
    let digest = digest(&[&key.source, &key.id]);
    std::array::from_fn(|index| digest[index])
}

fn shard_of(name: &[u8; 12]) -> u8 {
    name[0] % SHARDS
}

/// The name of an accepted event as text.
pub(crate) fn shown(name: &[u8]) -> String {
    name.iter().fold(String::new(), |shown, byte| format!("{shown}{byte:02x}"))
}

fn document(
    sealer: &Sealer,
    name: &[u8; 12],
    event: &Event,
    times: u32,
    again_at: Timestamp,
) -> Result<Vec<u8>, StoreError> {
    let mut document = format!("{} {times} ", floor_ms(again_at)).into_bytes();
    document.extend(Sealed::new(sealer, Kind::Event).seal(&shown(name), event.to_json())?);
    Ok(document)
}

fn read(sealer: &Sealer, name: &[u8], document: &[u8]) -> Option<(Timestamp, PendingEvent)> {
    let mut parts = document.splitn(3, |byte| *byte == b' ');
    let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<i64>().ok();
    let (again_ms, times) = (number()?, number()?);
    let event = sealer.open(Kind::Event, &shown(name), parts.next()?).ok()?;
    let event = Event::from_json(&event).ok()?;
    Some((of_ms(again_ms), PendingEvent { event, republished: u32::try_from(times).ok()? }))
}

impl RedisStore {
    /// Calls a script with words for the lists of several shards: once, where those have one server.
    async fn call_by_lists(
        &self,
        script: &Script,
        by_shard: BTreeMap<u8, Vec<Vec<u8>>>,
    ) -> Result<(), StoreError> {
        let mut groups: BTreeMap<u8, (Vec<String>, Vec<Vec<u8>>)> = BTreeMap::new();
        for (shard, words) in by_shard {
            let group = self.connection.group_of(shard);
            let (keys, arguments) =
                groups.entry(group).or_insert_with(|| (vec![self.keys.counts(group)], Vec::new()));
            keys.push(self.keys.accepted(shard));
            arguments.push(words.len().to_string().into_bytes());
            arguments.extend(words);
        }
        let calls = groups.into_values().map(|(keys, arguments)| Call::new(script, keys).arg(arguments));
        self.connection.calls::<u64>(calls).await?;
        Ok(())
    }
}

#[async_trait]
impl EventLedger for RedisStore {
    async fn accept(&self, events: &[Event], now: Timestamp) -> Result<(), StoreError> {
        let again_at = after_ms(now, AGAIN_AFTER_MS);
        let mut by_shard: BTreeMap<u8, Vec<Vec<u8>>> = BTreeMap::new();
        for event in events {
            let name = name_of(&event.key);
            let document = document(&self.sealer, &name, event, 0, again_at)?;
            by_shard.entry(shard_of(&name)).or_default().extend([name.to_vec(), document]);
        }
        self.call_by_lists(&self.scripts.accept, by_shard).await
    }

    async fn conclude(&self, keys: &[EventKey]) -> Result<(), StoreError> {
        let mut by_shard: BTreeMap<u8, Vec<Vec<u8>>> = BTreeMap::new();
        for name in keys.iter().map(name_of) {
            by_shard.entry(shard_of(&name)).or_default().push(name.to_vec());
        }
        self.call_by_lists(&self.scripts.conclude, by_shard).await
    }

    async fn overdue(&self, now: Timestamp) -> Result<Vec<PendingEvent>, StoreError> {
        let lengths = (0..SHARDS).map(|shard| cmd("HLEN").arg(self.keys.accepted(shard)).to_owned());
        let lengths: Vec<u64> = self.connection.commands(lengths.collect()).await?;
        let mut waiting = Vec::new();
        for (shard, _) in (0..SHARDS).zip(lengths).filter(|(_, length)| *length > 0) {
            let mut cursor = 0_u64;
            loop {
                let mut scan = cmd("HSCAN");
                scan.arg(self.keys.accepted(shard)).arg(cursor).arg("COUNT").arg(PAGE);
                let (next, rows): (u64, Vec<Row>) = self.connection.command(&scan).await?;
                for (name, row) in rows {
                    let (again_at, found) = read(&self.sealer, &name, &row).ok_or_else(|| {
                        unreadable("accepted event of shard", &shard.to_string(), "not one")
                    })?;
                    if again_at <= now {
                        waiting.push(found);
                    }
                }
                cursor = next;
                if cursor == 0 || waiting.len() >= usize::from(PAGE) {
                    break;
                }
            }
        }
        Ok(waiting)
    }

    async fn postpone(&self, pending: &PendingEvent, now: Timestamp) -> Result<(), StoreError> {
        let name = name_of(&pending.event.key);
        let wait_ms = AGAIN_AFTER_MS << (pending.republished + 1).min(DOUBLINGS_MAX);
        let again_at = after_ms(now, wait_ms);
        let call = Call::new(&self.scripts.postpone, vec![self.keys.accepted(shard_of(&name))])
            .arg(&name[..])
            .arg(document(&self.sealer, &name, &pending.event, pending.republished + 1, again_at)?);
        self.connection.call::<u64>(call).await?;
        Ok(())
    }

    async fn claim_sweep(&self, for_ms: u32) -> Result<bool, StoreError> {
        let mut claim = cmd("SET");
        claim.arg(self.keys.sweeper()).arg(self.connection.token()).arg("NX").arg("PX").arg(for_ms);
        let claimed: Option<String> = self.connection.command(&claim).await?;
        Ok(claimed.is_some())
    }
}
