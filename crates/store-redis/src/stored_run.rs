//! A run as it is stored: a header that scripts read, and an encoded document.
//!
//! In: a [`Change`]. Out: keys and arguments of `write.lua`, and runs from what was stored.
//! Never: a script that reads the document.

use std::sync::Arc;

use domain::{
    event::ContentHash,
    id::RunId,
    limits::DEDUPE_S,
    provider::ProviderMessageId,
    run::{Run, RunIndex, RunPhase},
    time::{ceil_ms, floor_ms, floor_us, of_ms},
    timeline::{Effects, Entry},
};
use jiff::Timestamp;
use ports::{Change, StoreError, TimerSlot, Versioned};
use redis::{Cmd, ToRedisArgs as _};
use sealing::{Kind, Sealer};

use crate::{
    codec::{decode, encode},
    connection::unreadable,
    documents::{self, Sealed, json},
    keys::Keys,
    sid_fields::field_of,
    write_arguments::{KEY_COUNT, RunKeys, WriteArguments},
    write_groups::Written,
};

/// The letter of each phase of a run in headers and audit counts.
pub(crate) const RUN_LETTERS: [(RunPhase, char); 8] = [
    (RunPhase::Active, 'a'),
    (RunPhase::Acknowledged, 'k'),
    (RunPhase::Completed, 'c'),
    (RunPhase::Resolved, 'r'),
    (RunPhase::Exhausted, 'x'),
    (RunPhase::Suppressed, 's'),
    (RunPhase::Expired, 'e'),
    (RunPhase::Cancelled, 'n'),
];

/// The letter of each phase of a message, by [`MessagePhase::name`].
pub(crate) const MESSAGE_LETTERS: [(&str, char); 14] = [
    ("queued", 'q'),
    ("dispatching", 'i'),
    ("in_doubt", 'b'),
    ("retry_wait", 'w'),
    ("submitted", 's'),
    ("sent", 't'),
    ("delivered", 'd'),
    ("undelivered", 'u'),
    ("failed", 'f'),
    ("held", 'h'),
    ("suppressed", 'p'),
    ("dead", 'x'),
    ("expired", 'e'),
    ("cancelled", 'n'),
];

/// Whether a call opens a run or changes one.
pub(crate) enum Write {
    /// A new run, for an event that happened at this time. What the event says, if its key is still to be bound to that.
    Open { happened_at: Timestamp, content: Option<ContentHash> },
    /// A run that replaces the one stored at this version.
    Change { version: u64 },
}

/// The letter of a phase.
pub(crate) fn letter_of(phase: RunPhase) -> char {
    RUN_LETTERS.iter().find(|(of, _)| *of == phase).map_or('?', |(_, letter)| *letter)
}

/// The keys of a run's shard.
pub(crate) fn keys_of(keys: &Keys, run: &Run, marker: Option<&str>) -> RunKeys {
    let shard = run.id().shard();
    let subject = run.subject();
    let mut ended = [keys.ended(shard), keys.ended_without_texts(shard)];
    if !run.index().holds_texts {
        ended.reverse();
    }
    let [ended, ended_other] = ended;
    RunKeys {
        run: keys.run(run.id()),
        timeline: keys.timeline(run.id()),
        due: keys.due(shard),
        timers: keys.timers(shard),
        counts: keys.counts(shard),
        runs: keys.runs(shard),
        ended,
        ended_other,
        review: keys.review(shard),
        outcomes: keys.outcomes(shard),
        effects: keys.effects(shard),
        effects_due: keys.effects_due(shard),
        letters: keys.dead(shard),
        letters_at: keys.dead_at(shard),
        subject: subject.map(|subject| keys.subject(shard, run.workflow(), subject)),
        subject_over: subject.map(|subject| keys.subject_over(shard, run.workflow(), subject)),
        resolution: marker
            .filter(|_| subject.is_some())
            .map(|marker| keys.resolution(shard, run.workflow(), marker)),
    }
}

/// Unix seconds as slots of timers are named, with a fraction where there is one.
pub(crate) fn seconds(at: Timestamp) -> String {
    of_ms(floor_ms(at)).as_duration().as_secs_f64().to_string()
}

/// What writes a run. `marks` are lines that `purge` reads, in addition to those of the timeline; `sids` are the provider's
/// names that are bound with it: those that need no slot of their own.
pub(crate) fn write(
    stored: &Keys,
    sealer: &Sealer,
    token: &str,
    change: &Change,
    marks: Vec<Vec<u8>>,
    sids: &[(ProviderMessageId, u16)],
    how: &Write,
) -> Result<Written, StoreError> {
    let Change { run, due, needs_timer, marker, effects } = change;
    let timer_slot = due.filter(|_| *needs_timer).map(|due| TimerSlot::of(run.id(), due));
    let index = run.index();
    let (happened_us, version, content) = match how {
        Write::Open { happened_at, content } => (floor_us(*happened_at).to_string(), 0, *content),
        Write::Change { version } => (String::from("-"), *version, None),
    };
    let ended_at = run.closed_at().filter(|_| due.is_none());
    let mut lines = marks;
    if !effects.timeline.is_empty() {
        lines.push(encode(&json(&effects.timeline, "timeline of run", run.id().as_str())?));
    }
    let keys = keys_of(stored, run, marker.as_deref());
    let rows = effects.outbound.len() + effects.dead_letters.len();
    let following =
        lines.len() + effects.outcomes.len() + 4 * rows + effects.discarded.len() + 2 * sids.len();
    let arguments = WriteArguments {
        token,
        id: run.id().as_str(),
        due_ms: due.map(|due| ceil_ms(due).to_string()).unwrap_or_default(),
        timer_slot: timer_slot.map(|slot| seconds(slot.at())).unwrap_or_default(),
        phase: letter_of(run.phase()).to_string(),
        flags: flags(&index, *due),
        tally: tally(&index),
        document: Sealed::new(sealer, Kind::Run)
            .seal(run.id().as_str(), encode(&json(run, "run", run.id().as_str())?))?,
        ended_ms: ended_at.map(|at| floor_ms(at).to_string()).unwrap_or_default(),
        texts: if index.holds_texts { "t" } else { "" },
        opened_ms: floor_ms(run.opened_at()),
        resolvable: match (index.is_resolvable, index.awaits_late_resolution) {
            (true, _) => "open",
            (false, true) => "over",
            (false, false) => "",
        },
        version,
        state: if run.closed_at().is_some() { "closed" } else { "open" },
        happened_us: &happened_us,
        line_count: lines.len(),
        outcome_count: effects.outcomes.len(),
        effect_count: effects.outbound.len(),
        letter_count: effects.dead_letters.len(),
        discarded_count: effects.discarded.len(),
        sid_count: sids.len(),
        content: content.map(|content| content.as_u64().to_string()).unwrap_or_default(),
        content_kept_s: DEDUPE_S,
        more_keys: sids.len() + usize::from(content.is_some()),
        following,
        optional_keys: keys.num_of_args() - KEY_COUNT,
    };
    let mut written = Written::new(&keys);
    written.arguments.arg(arguments).arg(lines);
    add_effects(&mut written.arguments, sealer, run, effects)?;
    for (sid, number) in sids {
        written.arguments.arg(field_of(sid)).arg(run.message_id(*number).to_string());
        written.keys.arg(stored.sids(sid));
    }
    if content.is_some() {
        written.keys.arg(stored.content(run.event()));
    }
    Ok(written)
}

/// The effects of a change that are arguments behind its timeline lines.
fn add_effects(call: &mut Cmd, sealer: &Sealer, run: &Run, effects: &Effects) -> Result<(), StoreError> {
    for outcome in &effects.outcomes {
        call.arg(json(outcome, "outcome of run", run.id().as_str())?);
    }
    for effect in &effects.outbound {
        call.arg(&effect.id).arg(&effect.destination).arg(floor_ms(effect.since));
        call.arg(Sealed::new(sealer, Kind::Effect).doc(&effect.id, effect)?);
    }
    for letter in &effects.dead_letters {
        call.arg(&letter.id).arg(floor_us(letter.at)).arg(&letter.reason);
        call.arg(documents::letter(sealer, letter)?);
    }
    for id in &effects.discarded {
        call.arg(id);
    }
    Ok(())
}

/// Whether a run should have a due row and has none, and whether it needs a review or is unfinished otherwise.
fn flags(index: &RunIndex, due: Option<Timestamp>) -> String {
    let forgotten = if index.needs_due_row && due.is_none() { 'f' } else { '-' };
    let held = match index.needs_review {
        true => 'h',
        false if index.is_unfinished => 'u',
        false => '-',
    };
    format!("{forgotten}{held}")
}

/// How many messages are in each phase, for example `d3f1`.
fn tally(index: &RunIndex) -> String {
    let letters = MESSAGE_LETTERS.iter().filter_map(|(name, letter)| Some((letter, index.tally.get(name)?)));
    letters.map(|(letter, count)| format!("{letter}{count}")).collect()
}

/// A run from what is stored under its key.
pub(crate) fn read(sealer: &Sealer, id: &str, stored: &[u8]) -> Result<Versioned<Arc<Run>>, StoreError> {
    let end = stored.iter().position(|byte| *byte == b'\n');
    let (header, rest) = stored.split_at(end.ok_or_else(|| unreadable("run", id, "it has no header"))?);
    let version = std::str::from_utf8(header).ok().and_then(|header| header.split(' ').next()?.parse().ok());
    let version = version.ok_or_else(|| unreadable("run", id, "its header has no version"))?;
    let document = Sealed::new(sealer, Kind::Run).open(id, &rest[1..])?;
    let json =
        decode(&document).ok_or_else(|| unreadable("run", id, "a later version of callout encoded it"))?;
    let run: Run = serde_json::from_slice(&json).map_err(|error| unreadable("run", id, error))?;
    Ok(Versioned { value: Arc::new(run), version })
}

/// The lines of one change, unless it is a mark.
pub(crate) fn read_lines(id: &RunId, stored: &[u8]) -> Result<Vec<Entry>, StoreError> {
    if matches!(stored.first(), Some(b'a'..=b'z')) {
        return Ok(Vec::new());
    }
    let id = id.as_str();
    let json = decode(stored)
        .ok_or_else(|| unreadable("timeline of run", id, "a later version of callout encoded it"))?;
    serde_json::from_slice(&json).map_err(|error| unreadable("timeline of run", id, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_has_a_letter_of_its_own() {
        for phase in RunPhase::ALL {
            assert_ne!(letter_of(phase), '?', "{phase:?}");
        }
        for (index, (_, letter)) in MESSAGE_LETTERS.iter().enumerate() {
            assert_eq!(MESSAGE_LETTERS.iter().position(|(_, other)| other == letter), Some(index));
        }
    }

    #[test]
    fn an_unreadable_run_is_named_in_the_error() {
        for stored in
            [&b"1 abc a--- q1"[..], b"x abc a--- q1\n{}", b"1 abc a--- q1\n{}", b"1 abc a--- q1\n\0"]
        {
            let error = read(&Sealer::default(), "r1", stored).unwrap_err();
            assert!(matches!(&error, StoreError::Corrupt(text) if text.contains("run r1")), "{error}");
        }
    }
}
