//! A run as a row: its document, and the columns that are searched.
//!
//! In: a [`Change`]. Out: columns and documents, made by the caller's task so that the writer only writes.
//! Never: holds what the run does not.

use domain::{
    event::EventKey,
    id::short,
    provider::ProviderMessageId,
    run::Run,
    time::{ceil_ms, floor_ms},
    timeline::{DeadLetter, Effects, Outcome, ReplyRoute},
};
use jiff::Timestamp;
use ports::Change;
use sealing::{Kind, Lookup, Sealer};

use crate::{
    consent::ConsentRow,
    document::{Doc, Sealed, json},
    effect_row::EffectRow,
    fault::Fault,
};

/// The columns of a run.
pub(crate) struct RunRow {
    pub(crate) id: String,
    pub(crate) due_ms: Option<i64>,
    pub(crate) opened_ms: i64,
    pub(crate) closed_ms: Option<i64>,
    pub(crate) pending: bool,
    /// 1: a resolution ends it. 2: it is over, and its ticket hears of one.
    pub(crate) resolvable: u8,
    pub(crate) held: bool,
    pub(crate) texts: bool,
    pub(crate) tally: String,
    /// What its event is about, as it is looked up.
    pub(crate) subject: Option<String>,
    pub(crate) doc: Vec<u8>,
}

/// What is stored along with a run.
pub(crate) struct EffectRows {
    pub(crate) entries: Option<Vec<u8>>,
    /// Names bound by this change, separated by spaces.
    pub(crate) sids: Option<String>,
    /// Each name and the message it is bound to.
    pub(crate) bound: Vec<(ProviderMessageId, String)>,
    pub(crate) outcomes: Vec<String>,
    pub(crate) outbound: Vec<EffectRow>,
    pub(crate) dead_letters: Vec<DeadLetterRow>,
    pub(crate) discarded: Vec<String>,
    pub(crate) reply_routes: Vec<ReplyRouteRow>,
    pub(crate) consent: Vec<ConsentRow>,
}

/// A dead letter as a row.
pub(crate) struct DeadLetterRow {
    pub(crate) letter: DeadLetter,
    pub(crate) doc: Doc,
}

/// A reply route as a row.
pub(crate) struct ReplyRouteRow {
    /// As it is looked up.
    pub(crate) number: String,
    pub(crate) expires_ms: i64,
    pub(crate) doc: Doc,
}

/// The name of an event, much shorter than its source and id.
pub(crate) fn event_name(event: &EventKey) -> String {
    short(&[&event.source, &event.id])
}

/// Whether there is nothing left to do for a run and nothing left to expect.
pub(crate) fn is_over(run: &Run) -> bool {
    run.closed_at().is_some()
        && run.ack_hold().is_none()
        && run.messages().iter().all(domain::message::Message::is_final)
}

impl RunRow {
    pub(crate) fn of(run: &Run, due: Option<Timestamp>, sealer: &Sealer) -> Result<Self, Fault> {
        let index = run.index();
        let tally: Vec<String> = index.tally.iter().map(|(name, count)| format!("{name}:{count}")).collect();
        Ok(Self {
            id: run.id().to_string(),
            due_ms: due.map(ceil_ms),
            opened_ms: floor_ms(run.opened_at()),
            closed_ms: run.closed_at().map(floor_ms),
            pending: index.needs_due_row,
            resolvable: match (index.is_resolvable, index.awaits_late_resolution) {
                (true, _) => 1,
                (false, true) => 2,
                (false, false) => 0,
            },
            held: index.needs_review,
            texts: index.holds_texts,
            tally: tally.join(","),
            subject: run.subject().map(|subject| sealer.index(Lookup::Subject, subject)),
            doc: Sealed::new(sealer, Kind::Run).bytes(run.id().as_str(), run)?,
        })
    }
}

impl EffectRows {
    pub(crate) fn of(change: &Change, sealer: &Sealer) -> Result<Self, Fault> {
        let Effects {
            timeline,
            commands: _,
            repeats: _,
            receipts: _,
            outcomes,
            outbound,
            dead_letters,
            discarded,
            reply_routes,
            consent,
            sids,
        } = &change.effects;
        let run = change.run.id().as_str();
        let names: Vec<&str> = sids.iter().map(|(sid, _)| sid.as_str()).collect();
        let unreadable = |error| Fault::unreadable("timeline of run", run, &error);
        Ok(Self {
            entries: (!timeline.is_empty())
                .then(|| serde_json::to_vec(timeline).map_err(unreadable))
                .transpose()?,
            sids: (!names.is_empty()).then(|| names.join(" ")),
            bound: sids
                .iter()
                .map(|(sid, number)| (sid.clone(), change.run.message_id(*number).to_string()))
                .collect(),
            outcomes: outcomes
                .iter()
                .map(|outcome: &Outcome| json(outcome, "outcome of run", run))
                .collect::<Result<_, _>>()?,
            outbound: outbound
                .iter()
                .map(|effect| EffectRow::of(effect, sealer))
                .collect::<Result<_, _>>()?,
            dead_letters: dead_letters
                .iter()
                .map(|letter| DeadLetterRow::of(letter, sealer))
                .collect::<Result<_, _>>()?,
            discarded: discarded.clone(),
            reply_routes: reply_routes
                .iter()
                .map(|route| ReplyRouteRow::of(route, sealer))
                .collect::<Result<_, Fault>>()?,
            consent: consent.iter().map(|entry| ConsentRow::of(entry, sealer)).collect::<Result<_, _>>()?,
        })
    }
}

impl DeadLetterRow {
    pub(crate) fn of(letter: &DeadLetter, sealer: &Sealer) -> Result<Self, Fault> {
        let doc = Sealed::new(sealer, Kind::DeadLetter).doc(&letter.id, letter)?;
        Ok(Self { letter: letter.clone(), doc })
    }
}

impl ReplyRouteRow {
    fn of(route: &ReplyRoute, sealer: &Sealer) -> Result<Self, Fault> {
        let number = sealer.index(Lookup::Number, route.number.as_str());
        let doc = Sealed::new(sealer, Kind::ReplyRoute).doc(&number, route)?;
        Ok(Self { number, expires_ms: floor_ms(route.expires_at), doc })
    }
}
