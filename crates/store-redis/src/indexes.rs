//! What belongs to a run and has cluster slots of its own: reply routes, SIDs and consent.
//!
//! In: the effects of a change. Out: those, written before the run is, as the contract asks; SIDs with it, on a single server.
//! Never: leaves a run without them. A process that dies in between leaves them without the run's change, which does no
//! harm: a SID belongs to its message whichever process stores it, consent is about the phone, and a route leads to a
//! message that its reader loads and compares. The change is made again, or its due row leads to another one.

use std::collections::BTreeMap;

use domain::{
    consent::ConsentEntry,
    id::{MessageId, short},
    limits::REPLY_ROUTES_MAX,
    phone::E164,
    provider::ProviderMessageId,
    run::Run,
    time::floor_us,
    timeline::{Effects, ReplyRoute},
};
use futures::future::{try_join, try_join_all};
use ports::{Change, StoreError};
use sealing::{Kind, Lookup, Sealer};

use crate::{connection::Call, documents::json, redis_store::RedisStore, sid_fields::field_of};

impl RedisStore {
    /// Writes what must be seen before the run is.
    ///
    /// Nothing of it is removed if the change is too late after all: the process that was first may have made the same
    /// change, and its run would be left without them.
    pub(crate) async fn write_indexes(&self, change: &Change) -> Result<(), StoreError> {
        let Effects { reply_routes, consent, sids, .. } = &change.effects;
        let sids = if self.connection.is_cluster() { &sids[..] } else { &[] };
        for entry in consent {
            self.append_consent(entry).await?;
        }
        let routes = by_number(reply_routes).into_iter().map(|(number, routes)| {
            let number = self.sealer.index(Lookup::Number, number.as_str());
            let call = Call::new(&self.scripts.routes, vec![self.keys.routes(&number)]).arg(REPLY_ROUTES_MAX);
            routes
                .into_iter()
                .fold(call, |call, route| call.arg(floor_us(route.expires_at)).arg(name_of(route)))
        });
        let names = sids
            .iter()
            .map(|(sid, number)| async move { self.bind_sid(sid, &change.run.message_id(*number)).await });
        try_join(self.connection.calls::<()>(routes), try_join_all(names)).await?;
        Ok(())
    }

    /// The provider's names that are bound with a change: on a single server, where slots do not matter, all of them.
    pub(crate) fn sids_with_run<'a>(&self, change: &'a Change) -> &'a [(ProviderMessageId, u16)] {
        if self.connection.is_cluster() { &[] } else { &change.effects.sids }
    }

    /// Binds a provider's name to a message unless it is bound.
    pub(crate) async fn bind_sid(
        &self,
        sid: &ProviderMessageId,
        message: &MessageId,
    ) -> Result<(), StoreError> {
        let mut bind = redis::cmd("HSETNX");
        bind.arg(self.keys.sids(sid)).arg(field_of(sid)).arg(message.to_string());
        self.connection.command(&bind).await
    }

    /// Appends to the consent log.
    pub(crate) async fn append_consent(&self, entry: &ConsentEntry) -> Result<(), StoreError> {
        let change = json(&entry.change, "consent entry of", &entry.number.masked())?;
        let change = String::from_utf8_lossy(&change).into_owned();
        let number = self.sealer.index(Lookup::Number, entry.number.as_str());
        let call = Call::new(&self.scripts.consent, vec![self.keys.consent(&number)])
            .arg(short(&[&change, &entry.source, &entry.evidence]))
            .arg(self.sealed(Kind::Consent).doc(&number, entry)?);
        self.connection.call(call).await
    }
}

fn by_number(routes: &[ReplyRoute]) -> BTreeMap<E164, Vec<&ReplyRoute>> {
    let mut by_number: BTreeMap<E164, Vec<&ReplyRoute>> = BTreeMap::new();
    for route in routes {
        by_number.entry(route.number.clone()).or_default().push(route);
    }
    by_number
}

/// A route's name among those of its phone; its expiry is the score.
pub(crate) fn name_of(route: &ReplyRoute) -> String {
    format!("{} {}", route.code.as_str(), route.message)
}

/// Timeline lines for `purge`: what cannot be read from the run itself.
pub(crate) fn marks(change: &Change, sealer: &Sealer) -> Vec<Vec<u8>> {
    let Change { run, effects, .. } = change;
    let sids = effects.sids.iter().map(|(sid, _)| sid).filter(|sid| !sids_of(run).any(|known| known == *sid));
    let sids = sids.map(|sid| format!("s{sid}"));
    let routes = effects.reply_routes.iter().filter(|route| !routes_of(run).contains(&key_of(route)));
    let routes = routes.map(|route| route_mark(sealer, route.number.as_str(), &name_of(route)));
    sids.chain(routes).map(String::into_bytes).collect()
}

/// The line of a route: a number, or a hash of one.
pub(crate) fn route_mark(sealer: &Sealer, number: &str, name: &str) -> String {
    let letter = if sealer.is_on() { 'h' } else { 'r' };
    format!("{letter}{} {name}", sealer.index(Lookup::Number, number))
}

/// The place of a consent entry among those of its number, and its document.
pub(crate) fn sequenced(row: &[u8]) -> Option<(u64, &[u8])> {
    let at = row.iter().position(|byte| *byte == b' ')?;
    let seq = std::str::from_utf8(&row[..at]).ok()?.parse().ok()?;
    Some((seq, &row[at + 1..]))
}

/// The provider's names that a run shows by itself.
pub(crate) fn sids_of(run: &Run) -> impl Iterator<Item = &ProviderMessageId> {
    run.messages().iter().filter_map(domain::message::Message::sid)
}

/// The routes that a run shows by itself: number and name.
pub(crate) fn routes_of(run: &Run) -> Vec<(E164, String)> {
    let of_message = |message: &domain::message::Message| {
        let code = message.ack()?;
        Some((
            message.recipient().number.clone(),
            format!("{} {}", code.as_str(), run.message_id(message.number())),
        ))
    };
    run.messages().iter().filter_map(of_message).collect()
}

fn key_of(route: &ReplyRoute) -> (E164, String) {
    (route.number.clone(), name_of(route))
}
