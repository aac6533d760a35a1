//! A run as it is stored: a header that scripts read, and an encoded document.
//!
//! In: a [`Change`]. Out: keys and arguments of `write.lua`, and runs from what was stored.
//! Never: a script that reads the document.

use domain::{
    id::RunId,
    run::{Run, RunIndex, RunPhase},
    time::{ceil_ms, floor_ms, floor_us},
    timeline::Entry,
};
use jiff::Timestamp;
use ports::{Change, StoreError, TimerSlot, Versioned};
use redis::Script;
use sealing::{Kind, Sealer};

use crate::{
    codec::{decode, encode},
    connection::{Call, unreadable},
    documents::{self, Sealed, json},
    keys::Keys,
    write_arguments::{RunKeys, WriteArguments},
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
    /// A new run, for an event that happened at this time.
    Open { happened_at: Timestamp },
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
        resolution: marker.map(|marker| keys.resolution(shard, run.workflow(), marker)),
    }
}

/// The call that writes a run. `marks` are lines that `purge` reads, in addition to those of the timeline.
pub(crate) fn write<'a>(
    script: &'a Script,
    keys: &Keys,
    sealer: &Sealer,
    token: &str,
    change: &Change,
    marks: Vec<Vec<u8>>,
    how: &Write,
) -> Result<Call<'a>, StoreError> {
    let Change { run, due, needs_timer, marker, effects } = change;
    let timer_slot = due.filter(|_| *needs_timer).map(|due| TimerSlot::of(run.id(), due));
    let index = run.index();
    let (happened_us, version) = match how {
        Write::Open { happened_at } => (floor_us(*happened_at).to_string(), 0),
        Write::Change { version } => (String::from("-"), *version),
    };
    let ended_at = run.closed_at().filter(|_| due.is_none());
    let mut lines = marks;
    if !effects.timeline.is_empty() {
        lines.push(encode(&json(&effects.timeline, "timeline of run", run.id().as_str())?));
    }
    let arguments = WriteArguments {
        token,
        id: run.id().as_str(),
        due_ms: due.map(|due| ceil_ms(due).to_string()).unwrap_or_default(),
        timer_second: timer_slot.map(|slot| slot.second.to_string()).unwrap_or_default(),
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
    };
    let mut call = Call::new(script, keys_of(keys, run, marker.as_deref())).arg(arguments).arg(lines);
    for outcome in &effects.outcomes {
        call = call.arg(json(outcome, "outcome of run", run.id().as_str())?);
    }
    for effect in &effects.outbound {
        call = call.arg(&effect.id).arg(&effect.destination).arg(floor_ms(effect.since));
        call = call.arg(Sealed::new(sealer, Kind::Effect).doc(&effect.id, effect)?);
    }
    for letter in &effects.dead_letters {
        call = call.arg(&letter.id).arg(floor_us(letter.at)).arg(&letter.reason);
        call = call.arg(documents::letter(sealer, letter)?);
    }
    for id in &effects.discarded {
        call = call.arg(id);
    }
    Ok(call)
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
pub(crate) fn read(sealer: &Sealer, id: &str, stored: &[u8]) -> Result<Versioned<Run>, StoreError> {
    let end = stored.iter().position(|byte| *byte == b'\n');
    let (header, rest) = stored.split_at(end.ok_or_else(|| unreadable("run", id, "it has no header"))?);
    let version = std::str::from_utf8(header).ok().and_then(|header| header.split(' ').next()?.parse().ok());
    let version = version.ok_or_else(|| unreadable("run", id, "its header has no version"))?;
    let document = Sealed::new(sealer, Kind::Run).open(id, &rest[1..])?;
    let json =
        decode(&document).ok_or_else(|| unreadable("run", id, "a later version of callout encoded it"))?;
    let value = serde_json::from_slice(&json).map_err(|error| unreadable("run", id, error))?;
    Ok(Versioned { value, version })
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
