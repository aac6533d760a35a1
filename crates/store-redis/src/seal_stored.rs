//! Seals what was stored before there was a key.
//!
//! In: some documents at a time. Out: the same, sealed, and in the end a note that none is left.
//! Never: writes over what was changed meanwhile, which is sealed already. A process that dies begins again and finds
//! what is sealed done.
//!
//! Resolutions, answers of the API and rate limits are left to expire, the last of them after seven days.

use std::collections::BTreeMap;

use domain::{
    consent::ConsentEntry,
    id::{RunId, SHARDS},
    limits::REPLY_ROUTES_MAX,
    timeline::DeadLetter,
};
use ports::StoreError;
use redis::cmd;
use sealing::{Kind, Lookup, is_sealed};

use crate::{
    connection::{Call, unreadable},
    documents,
    event_ledger::shown,
    indexes::{route_mark, routes_of, sequenced},
    redis_store::RedisStore,
    sealed_to::SealedTo,
    stored_run,
};

/// What is sealed, in this order.
#[derive(Clone, Copy)]
enum Stage {
    Runs,
    Letters,
    Effects,
    Events,
    Consent,
}

const STAGES: [Stage; 5] = [Stage::Runs, Stage::Letters, Stage::Effects, Stage::Events, Stage::Consent];

/// Members of a set or a hash that one call returned, or names of keys.
type Fields = Vec<(Vec<u8>, Vec<u8>)>;

impl RedisStore {
    /// Seals about so many documents.
    pub(crate) async fn seal_some(&self, max: u16) -> Result<u64, StoreError> {
        if !self.sealer.has_former() {
            return Ok(0);
        }
        let mut to = *self.sealed_to.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut sealed = 0;
        while sealed == 0 {
            let Some(stage) = STAGES.get(to.stage.0) else {
                sealed = self.seal_calendars().await?;
                if sealed == 0 {
                    self.note_all_sealed().await?;
                }
                break;
            };
            let (count, next) = self.seal_page(*stage, to.stage.1, to.cursor, max).await?;
            sealed = count;
            to = match next {
                Some(cursor) => SealedTo { cursor, ..to },
                None if to.stage.1 + 1 < self.parts_of(*stage) => {
                    SealedTo { stage: (to.stage.0, to.stage.1 + 1), cursor: 0 }
                }
                None => SealedTo { stage: (to.stage.0 + 1, 0), cursor: 0 },
            };
            *self.sealed_to.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = to;
        }
        Ok(sealed)
    }

    /// In how many parts a kind is looked through.
    fn parts_of(&self, stage: Stage) -> usize {
        match stage {
            Stage::Consent => self.servers().len(),
            Stage::Runs | Stage::Letters | Stage::Effects | Stage::Events => SHARDS.into(),
        }
    }

    pub(crate) fn servers(&self) -> Vec<String> {
        self.connection.key_per_server(|number| self.keys.check(number))
    }

    /// Seals one page. Returns how much was left to be sealed there, and where to go on; `None` at the end.
    async fn seal_page(
        &self,
        stage: Stage,
        part: usize,
        cursor: u64,
        max: u16,
    ) -> Result<(u64, Option<u64>), StoreError> {
        let shard = u8::try_from(part).unwrap_or_default();
        let next = |cursor: u64| (cursor > 0).then_some(cursor);
        let scan =
            |command: &str, key: String| cmd(command).arg(key).arg(cursor).arg("COUNT").arg(max).to_owned();
        if let Stage::Consent = stage {
            let servers = self.servers();
            let Some(server) = servers.get(part) else { return Ok((0, None)) };
            let (cursor, keys) = self.consent_keys(server, cursor, max).await?;
            let mut sealed = 0;
            for key in keys {
                sealed += self.seal_consent(&key).await?;
            }
            return Ok((sealed, next(cursor)));
        }
        if let Stage::Runs = stage {
            let (cursor, ids): (u64, Vec<(String, f64)>) =
                self.connection.command(&scan("ZSCAN", self.keys.runs(shard))).await?;
            let mut sealed = 0;
            for (id, _) in ids {
                let id = id.parse().map_err(|error| unreadable("run", &id, error))?;
                sealed += self.seal_run(&id).await?;
            }
            return Ok((sealed, next(cursor)));
        }
        let key = match stage {
            Stage::Letters => self.keys.dead(shard),
            Stage::Effects => self.keys.effects(shard),
            Stage::Runs | Stage::Events | Stage::Consent => self.keys.accepted(shard),
        };
        let (cursor, fields): (u64, Fields) = self.connection.command(&scan("HSCAN", key.clone())).await?;
        let mut sealed = 0;
        for (field, value) in fields {
            let new = match stage {
                Stage::Letters => self.sealed_letter(&value)?,
                Stage::Effects => self.sealed_after(Kind::Effect, &lossy(&field), &value, 1)?,
                Stage::Runs | Stage::Events | Stage::Consent => {
                    self.sealed_after(Kind::Event, &shown(&field), &value, 2)?
                }
            };
            let Some(new) = new else { continue };
            let call = Call::new(&self.scripts.swap_field, vec![key.clone()]).arg(field).arg(value).arg(new);
            self.connection.call::<()>(call).await?;
            sealed += 1;
        }
        Ok((sealed, next(cursor)))
    }

    /// A run, and the lines of its timeline that hold a number.
    async fn seal_run(&self, id: &RunId) -> Result<u64, StoreError> {
        let key = self.keys.run(id);
        let stored: Option<Vec<u8>> = self.connection.command(cmd("GET").arg(&key)).await?;
        let Some(stored) = stored else { return Ok(0) };
        let at = stored.iter().position(|byte| *byte == b'\n').map_or(stored.len(), |at| at + 1);
        let (header, document) = stored.split_at(at);
        if is_sealed(document) {
            return Ok(0);
        }
        let run = stored_run::read(&self.sealer, id.as_str(), &stored)?.value;
        for (number, _) in routes_of(&run) {
            self.move_routes(number.as_str()).await?;
        }
        let timeline = self.keys.timeline(id);
        let lines: Vec<Vec<u8>> =
            self.connection.command(cmd("LRANGE").arg(&timeline).arg(0).arg(-1)).await?;
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.first() == Some(&b'r')) {
            let text = lossy(&line[1..]);
            let (number, name) = text.split_once(' ').unwrap_or_default();
            self.move_routes(number).await?;
            let new = route_mark(&self.sealer, number, name);
            let call =
                Call::new(&self.scripts.swap_line, vec![timeline.clone()]).arg(index).arg(line).arg(new);
            self.connection.call::<()>(call).await?;
        }
        // Last: what is sealed is not looked at again.
        let sealed = self.sealed(Kind::Run).seal(id.as_str(), document.to_vec())?;
        let new = [header, &sealed].concat();
        let call = Call::new(&self.scripts.swap, vec![key]).arg(&stored).arg(new);
        self.connection.call::<()>(call).await?;
        Ok(1)
    }

    /// All routes of a number, to where they are looked up by its hash. Until they are gone, both places are read.
    async fn move_routes(&self, number: &str) -> Result<(), StoreError> {
        let former = self.keys.routes(number);
        let mut range = cmd("ZRANGE");
        range.arg(&former).arg(0).arg(-1).arg("WITHSCORES");
        let routes: Vec<(String, i64)> = self.connection.command(&range).await?;
        if routes.is_empty() {
            return Ok(());
        }
        let key = self.keys.routes(&self.sealer.index(Lookup::Number, number));
        let call = Call::new(&self.scripts.routes, vec![key]).arg(REPLY_ROUTES_MAX);
        let call = routes.into_iter().fold(call, |call, (name, expires)| call.arg(expires).arg(name));
        self.connection.call::<u8>(call).await?;
        self.connection.command(cmd("DEL").arg(former)).await
    }

    fn sealed_letter(&self, stored: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if documents::is_sealed_letter(stored) {
            return Ok(None);
        }
        let letter: DeadLetter =
            serde_json::from_slice(stored).map_err(|error| unreadable("dead letter", "of a shard", error))?;
        documents::letter(&self.sealer, &letter).map(Some)
    }

    /// What follows so many words and blanks, sealed.
    fn sealed_after(
        &self,
        kind: Kind,
        bound_to: &str,
        stored: &[u8],
        words: usize,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let blanks = stored.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(at, _)| at + 1);
        let Some(at) = blanks.take(words).last() else { return Ok(None) };
        let (before, document) = stored.split_at(at);
        if is_sealed(document) {
            return Ok(None);
        }
        let sealed = self.sealed(kind).seal(bound_to, document.to_vec())?;
        Ok(Some([before, &sealed].concat()))
    }

    /// The log of a number, under the hash of that number.
    async fn seal_consent(&self, key: &str) -> Result<u64, StoreError> {
        let rows: BTreeMap<String, Vec<u8>> = self.connection.command(cmd("HGETALL").arg(key)).await?;
        let mut former = Vec::new();
        for row in rows.values() {
            let (seq, doc) =
                sequenced(row).ok_or_else(|| unreadable("consent entry of", "a number", "not an entry"))?;
            if !is_sealed(doc) {
                let entry: ConsentEntry = serde_json::from_slice(doc)
                    .map_err(|error| unreadable("consent entry of", "a number", error))?;
                former.push((seq, entry));
            }
        }
        if former.is_empty() {
            return Ok(0);
        }
        former.sort_by_key(|(seq, _)| *seq);
        for (_, entry) in &former {
            self.append_consent(entry).await?;
        }
        // Both are read until here, and an entry that is in both counts once.
        self.connection.command::<()>(cmd("DEL").arg(key)).await?;
        Ok(former.len() as u64)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
