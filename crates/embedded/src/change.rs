//! Opening and changing runs: the two commands that everything else waits for.
//!
//! In: a change whose documents are made. Out: the run, its due row and its effects, or nothing of them.
//! Never: writes before it knows that it may.

use std::sync::Arc;

use domain::{
    event::{ContentHash, EventKey},
    run::Run,
    time::floor_us,
};
use jiff::Timestamp;
use ports::{Change, Changed, Opened, OpeningEvent, TimerSlot, store::Resolution};
use rusqlite::{Connection, OptionalExtension as _, params};
use sealing::{Kind, Lookup};

use crate::{
    document::Sealed,
    fault::Fault,
    read, resolve,
    run_row::{EffectRows, RunRow, event_name},
    state::State,
    writer::Work,
};

/// A run with everything that is stored with it.
struct Stored {
    run: Option<Arc<Run>>,
    /// What the cache held before; freed with the command, on the caller's thread.
    replaced: Option<Arc<Run>>,
    /// When the timer must fire, if the run needs one.
    timer_at: Option<Timestamp>,
    row: RunRow,
    effects: EffectRows,
    state: Arc<State>,
}

impl Stored {
    fn of(change: Change, state: Arc<State>) -> Result<Self, Fault> {
        let row = RunRow::of(&change.run, change.due, &state.sealer)?;
        let effects = EffectRows::of(&change, &state.sealer)?;
        let timer_at = change.due.filter(|_| change.needs_timer);
        Ok(Self { run: Some(change.run), replaced: None, timer_at, row, effects, state })
    }

    /// Makes the run visible to readers. Returns the timer that its due row needs.
    fn committed(&mut self, version: u64) -> Option<TimerSlot> {
        let run = self.run.take()?;
        let timer = self.timer_at.and_then(|due| self.state.marks.mark(run.id(), due));
        self.replaced = self.state.runs.keep(run, version);
        timer
    }
}

/// Opens a run.
pub(crate) struct OpenRun {
    stored: Stored,
    event: String,
    content: ContentHash,
    happened_us: i64,
    marker: Option<String>,
}

impl OpenRun {
    pub(crate) fn new(change: Change, opening: OpeningEvent, state: Arc<State>) -> Result<Self, Fault> {
        let (event, marker) = (event_name(change.run.event()), change.marker.clone());
        let OpeningEvent { happened_at, content } = opening;
        Ok(Self {
            stored: Stored::of(change, state)?,
            event,
            content,
            happened_us: floor_us(happened_at),
            marker,
        })
    }

    /// The event that resolved the subject in time, for a run that is still open and not known.
    fn resolved_by(&self, connection: &Connection, run: &Run) -> Result<Option<EventKey>, Fault> {
        let Some(marker) = self.marker.as_ref().filter(|_| run.closed_at().is_none()) else {
            return Ok(None);
        };
        let sealer = &self.stored.state.sealer;
        let [subject, former] = sealer.forms(Lookup::Subject, marker);
        let mut select = connection.prepare_cached(
            "SELECT subject, doc FROM resolution WHERE workflow = ?1 AND subject IN (?2, ?5) AND at_us > ?3
             AND NOT EXISTS (SELECT 1 FROM run WHERE id = ?4)",
        )?;
        let id = &self.stored.row.id;
        let mut rows = select.query(params![run.workflow(), subject, self.happened_us, id, former])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let bound_to = resolve::bound_to(run.workflow(), &row.get::<_, String>(0)?);
        let resolution: Resolution =
            Sealed::new(sealer, Kind::Resolution).read(&bound_to, row.get_ref(1)?)?;
        Ok(Some(resolution.by))
    }
}

impl Work for OpenRun {
    type Output = Opened;

    fn run(&mut self, connection: &Connection) -> Result<Opened, Fault> {
        let Stored { run: Some(run), row, effects, state, .. } = &self.stored else {
            return Err(Fault::Refused("a run was opened twice by one command".to_owned()));
        };
        let may_be_known = state.known_runs.may_have(&self.event);
        if may_be_known && read::content_of(connection, &self.event)?.is_some_and(|said| said != self.content)
        {
            return Ok(Opened::Conflict);
        }
        if let Some(by) = self.resolved_by(connection, run)? {
            return Ok(Opened::AlreadyResolved { by });
        }
        state.known_runs.add(&row.id);
        state.known_runs.add(&self.event);
        let inserted = connection
            .prepare_cached(
                "INSERT INTO run (id, version, due_ms, opened_ms, happened_us, closed_ms, phase, workflow, source,
                                  subject, pending, resolvable, held, tally, doc, event, content, texts)
                 VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
                 ON CONFLICT (id) DO NOTHING",
            )?
            .execute(params![
                row.id,
                row.due_ms,
                row.opened_ms,
                self.happened_us,
                row.closed_ms,
                run.phase().as_str(),
                run.workflow(),
                run.event().source,
                row.subject,
                row.pending,
                row.resolvable,
                row.held,
                row.tally,
                row.doc,
                self.event,
                self.content.as_u64() as i64,
                row.texts,
            ])?;
        if inserted == 0 {
            return Ok(Opened::Known);
        }
        effects.insert(connection, connection.last_insert_rowid(), 1, &state.known_numbers)?;
        Ok(Opened::New { timer: None })
    }

    fn committed(&mut self, output: &mut Opened) {
        if let Opened::New { timer } = output {
            *timer = self.stored.committed(1);
        }
    }
}

/// Changes a run that is at a version.
pub(crate) struct ChangeRun {
    stored: Stored,
    version: u64,
}

impl ChangeRun {
    pub(crate) fn new(change: Change, version: u64, state: Arc<State>) -> Result<Self, Fault> {
        Ok(Self { stored: Stored::of(change, state)?, version })
    }
}

impl Work for ChangeRun {
    type Output = Changed;

    fn run(&mut self, connection: &Connection) -> Result<Changed, Fault> {
        let Stored { run: Some(run), row, effects, state, .. } = &self.stored else {
            return Err(Fault::Refused("a run was changed twice by one command".to_owned()));
        };
        // Not one statement with RETURNING: that makes SQLite set up a table for its result, which costs more than this.
        let seq: Option<i64> = connection
            .prepare_cached("SELECT seq FROM run WHERE id = ?1 AND version = ?2")?
            .query_row(params![row.id, self.version as i64], |row| row.get(0))
            .optional()?;
        let Some(seq) = seq else { return Ok(Changed::Conflict) };
        connection
            .prepare_cached(
                "UPDATE run SET version = ?2, due_ms = ?3, closed_ms = ?4, phase = ?5, pending = ?6, resolvable = ?7,
                                held = ?8, tally = ?9, doc = ?10, texts = ?11
                 WHERE seq = ?1",
            )?
            .execute(params![
                seq,
                self.version as i64 + 1,
                row.due_ms,
                row.closed_ms,
                run.phase().as_str(),
                row.pending,
                row.resolvable,
                row.held,
                row.tally,
                row.doc,
                row.texts,
            ])?;
        effects.insert(connection, seq, self.version + 1, &state.known_numbers)?;
        Ok(Changed::Stored { timer: None })
    }

    fn committed(&mut self, output: &mut Changed) {
        if let Changed::Stored { timer } = output {
            *timer = self.stored.committed(self.version + 1);
        }
    }
}
