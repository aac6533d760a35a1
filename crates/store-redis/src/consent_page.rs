//! The consent log of all numbers. In: where an earlier page ended. Out: some entries, and where to go on.
//!
//! Never: one call that blocks a server for long: it looks through its keys step by step.

use std::collections::BTreeMap;

use domain::consent::ConsentEntry;
use ports::{
    StoreError,
    store::{ConsentPage, Listed, Unreadable},
};
use redis::cmd;
use sealing::Kind;

use crate::{connection::unreadable, indexes::sequenced, redis_store::RedisStore};

/// Keys that a server looks at for each entry that is wanted: most are of other kinds.
const KEYS_PER_ENTRY: u16 = 10;

impl RedisStore {
    /// A place is the number of a server, and where on it the next step begins.
    pub(crate) async fn consent_of_all(
        &self,
        after: Option<&str>,
        max: u16,
    ) -> Result<ConsentPage, StoreError> {
        let place = |text: &str| {
            let (server, cursor) = text.split_once(':')?;
            Some((server.parse::<usize>().ok()?, cursor.parse::<u64>().ok()?))
        };
        let unknown = || unreadable("place", "in the consent log", "expected the end of another page");
        let (mut at, mut cursor) = after.map_or(Some((0, 0)), place).ok_or_else(unknown)?;
        let (servers, mut entries) = (self.servers(), Vec::new());
        while let Some(server) = servers.get(at) {
            let (next, keys) = self.consent_keys(server, cursor, max).await?;
            for key in keys {
                entries.extend(self.consent_under(&key).await?);
            }
            (at, cursor) = if next == 0 { (at + 1, 0) } else { (at, next) };
            if entries.len() >= usize::from(max) {
                break;
            }
        }
        let next = servers.get(at).map(|_| format!("{at}:{cursor}"));
        Ok(ConsentPage { entries, next })
    }

    /// Keys of consent logs on one server, and where to go on; 0 at its end.
    pub(crate) async fn consent_keys(
        &self,
        server: &str,
        cursor: u64,
        max: u16,
    ) -> Result<(u64, Vec<String>), StoreError> {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(format!("{}*", self.keys.consent_of_all()));
        scan.arg("COUNT").arg(max.saturating_mul(KEYS_PER_ENTRY));
        self.connection.command_at(server, &scan).await
    }

    async fn consent_under(&self, key: &str) -> Result<Vec<Listed<ConsentEntry>>, StoreError> {
        let rows: BTreeMap<String, Vec<u8>> = self.connection.command(cmd("HGETALL").arg(key)).await?;
        let number = self.keys.number_of_consent(key);
        let mut log: Vec<_> = rows
            .values()
            .map(|row| {
                let id = || number.to_owned();
                let none = || unreadable("consent entry", "of a number", "not an entry");
                let (seq, doc) = sequenced(row).ok_or_else(|| Unreadable::new(id(), none()))?;
                let entry = self.sealed(Kind::Consent).read(number, doc);
                Ok((seq, entry.map_err(|error| Unreadable::new(id(), error))?))
            })
            .collect();
        log.sort_by_key(|one| one.as_ref().map_or(0, |(seq, _)| *seq));
        Ok(log.into_iter().map(|one: Listed<_>| one.map(|(_, entry)| entry)).collect())
    }
}
