//! Seals what was stored before there was a key.
//!
//! In: a few rows at a time, by the writer. Out: the same rows, sealed, and in the end a note that none is left.
//! Never: changes what a row says, or its version. A process that dies begins again and finds what is sealed done.

use std::sync::Arc;

use domain::{consent::ConsentEntry, timeline::ReplyRoute};
use ports::store::Resolution;
use rusqlite::{Connection, params};
use sealing::{Kind, Lookup, is_sealed};
use serde::de::DeserializeOwned;

use crate::{
    bus, document::Sealed, fault::Fault, keys, locked::locked, resolve, sealed_to::SealedTo, state::State,
    writer::Work,
};

/// Seals some rows of one table, after a row. Returns the last row that was looked at; `None` at the end of the table.
type Seal = fn(&Connection, &State, i64, u16) -> Result<(u64, Option<i64>), Fault>;

const TABLES: [Seal; 11] = [
    runs,
    events,
    effects,
    letters,
    routes,
    consent,
    resolutions,
    answers,
    calendars,
    calendar_texts,
    approvals,
];

/// Seals up to so many rows.
pub(crate) struct SealStored {
    pub(crate) max: u16,
    pub(crate) state: Arc<State>,
}

/// What was done, and where to go on.
pub(crate) struct Progress {
    pub(crate) sealed: u64,
    to: SealedTo,
}

impl Work for SealStored {
    type Output = Progress;

    fn run(&mut self, connection: &Connection) -> Result<Progress, Fault> {
        let sealer = &self.state.sealer;
        let mut to = *locked(&self.state.sealed_to);
        if !sealer.has_former() {
            return Ok(Progress { sealed: 0, to });
        }
        while let Some(seal) = TABLES.get(to.table) {
            let (sealed, last) = seal(connection, &self.state, to.row, self.max)?;
            match last {
                Some(row) => to.row = row,
                None => to = SealedTo { table: to.table + 1, row: i64::MIN },
            }
            if sealed > 0 {
                return Ok(Progress { sealed, to });
            }
        }
        if let Some(done) = keys::stored(connection)?.as_deref().and_then(sealing::all_sealed) {
            keys::replace(connection, &done)?;
        }
        Ok(Progress { sealed: 0, to })
    }

    fn committed(&mut self, progress: &mut Progress) {
        *locked(&self.state.sealed_to) = progress.to;
        if progress.to.table >= TABLES.len() {
            self.state.sealer.note_all_sealed();
        }
    }
}

/// A row that was found: its key, the texts that lead to it, and its document.
struct Row {
    key: i64,
    texts: Vec<Option<String>>,
    doc: Vec<u8>,
}

/// Rows after a key, of a query whose columns are the key, the document and texts.
fn rows(
    connection: &Connection,
    sql: &str,
    after: i64,
    max: u16,
    texts: usize,
) -> Result<(Vec<Row>, Option<i64>), Fault> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params![after, max])?;
    let (mut found, mut seen, mut last) = (Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        let key: i64 = row.get(0)?;
        (seen, last) = (seen + 1, Some(key));
        let doc = row.get_ref(1)?.as_bytes().unwrap_or_default();
        if !is_sealed(doc) {
            let texts = (2..2 + texts).map(|column| row.get(column)).collect::<Result<_, _>>()?;
            found.push(Row { key, texts, doc: doc.to_vec() });
        }
    }
    Ok((found, last.filter(|_| seen == max)))
}

fn text(row: &Row, at: usize) -> &str {
    row.texts.get(at).and_then(Option::as_deref).unwrap_or_default()
}

fn parsed<T: DeserializeOwned>(what: &str, row: &Row) -> Result<T, Fault> {
    serde_json::from_slice(&row.doc).map_err(|error| Fault::unreadable(what, "(name withheld)", &error))
}

fn runs(connection: &Connection, state: &State, after: i64, max: u16) -> Result<(u64, Option<i64>), Fault> {
    let sql = "SELECT seq, doc, id, subject FROM run WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let (found, last) = rows(connection, sql, after, max, 2)?;
    let mut update = connection.prepare_cached("UPDATE run SET doc = ?2, subject = ?3 WHERE seq = ?1")?;
    for row in &found {
        let doc = Sealed::new(&state.sealer, Kind::Run).seal(text(row, 0), row.doc.clone())?;
        let subject = row.texts[1].as_deref().map(|subject| state.sealer.index(Lookup::Subject, subject));
        update.execute(params![row.key, doc, subject])?;
    }
    Ok((found.len() as u64, last))
}

fn events(connection: &Connection, state: &State, after: i64, max: u16) -> Result<(u64, Option<i64>), Fault> {
    let sql = "SELECT key, body FROM event WHERE key > ?1 ORDER BY key LIMIT ?2";
    let (found, last) = rows(connection, sql, after, max, 0)?;
    let mut update = connection.prepare_cached("UPDATE event SET body = ?2 WHERE key = ?1")?;
    for row in &found {
        if let Some(lane) = bus::lane_of(row.key) {
            update.execute(params![row.key, bus::seal_event(&state.sealer, lane, row.doc.clone())?])?;
        }
    }
    Ok((found.len() as u64, last))
}

/// Few wait, and their table has no number for a row: all that are left are looked at each time.
fn effects(connection: &Connection, state: &State, _: i64, max: u16) -> Result<(u64, Option<i64>), Fault> {
    let sql = "SELECT 0, doc, id FROM effect WHERE ?1 IS NOT NULL AND typeof(doc) = 'text' LIMIT ?2";
    let (found, last) = rows(connection, sql, 0, max, 1)?;
    let mut update = connection.prepare_cached("UPDATE effect SET doc = ?2 WHERE id = ?1")?;
    for row in &found {
        let doc = Sealed::new(&state.sealer, Kind::Effect).seal(text(row, 0), row.doc.clone())?;
        update.execute(params![text(row, 0), doc])?;
    }
    Ok((found.len() as u64, last))
}

fn letters(
    connection: &Connection,
    state: &State,
    after: i64,
    max: u16,
) -> Result<(u64, Option<i64>), Fault> {
    let sql = "SELECT seq, doc, id FROM dead_letter WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let (found, last) = rows(connection, sql, after, max, 1)?;
    let mut update = connection.prepare_cached("UPDATE dead_letter SET doc = ?2 WHERE seq = ?1")?;
    for row in &found {
        let doc = Sealed::new(&state.sealer, Kind::DeadLetter).seal(text(row, 0), row.doc.clone())?;
        update.execute(params![row.key, doc])?;
    }
    Ok((found.len() as u64, last))
}

fn routes(connection: &Connection, state: &State, after: i64, max: u16) -> Result<(u64, Option<i64>), Fault> {
    let sql = "SELECT seq, doc FROM reply_route WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let (found, last) = rows(connection, sql, after, max, 0)?;
    let mut update =
        connection.prepare_cached("UPDATE reply_route SET doc = ?2, number = ?3 WHERE seq = ?1")?;
    for row in &found {
        let route: ReplyRoute = parsed("reply route of", row)?;
        let number = state.sealer.index(Lookup::Number, route.number.as_str());
        let doc = Sealed::new(&state.sealer, Kind::ReplyRoute).seal(&number, row.doc.clone())?;
        update.execute(params![row.key, doc, number])?;
    }
    Ok((found.len() as u64, last))
}

fn consent(
    connection: &Connection,
    state: &State,
    after: i64,
    max: u16,
) -> Result<(u64, Option<i64>), Fault> {
    let sql = "SELECT seq, doc FROM consent WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let (found, last) = rows(connection, sql, after, max, 0)?;
    let mut update = connection
        .prepare_cached("UPDATE consent SET doc = ?2, number = ?3, evidence = ?4 WHERE seq = ?1")?;
    for row in &found {
        let entry: ConsentEntry = parsed("consent entry of", row)?;
        let number = state.sealer.index(Lookup::Number, entry.number.as_str());
        let doc = Sealed::new(&state.sealer, Kind::Consent).seal(&number, row.doc.clone())?;
        // Before the commit, as for an entry that is new.
        state.known_numbers.add(&number);
        update.execute(params![
            row.key,
            doc,
            number,
            state.sealer.index(Lookup::Evidence, &entry.evidence)
        ])?;
    }
    Ok((found.len() as u64, last))
}

fn resolutions(
    connection: &Connection,
    state: &State,
    _: i64,
    max: u16,
) -> Result<(u64, Option<i64>), Fault> {
    let sql = "SELECT 0, doc, workflow, subject FROM resolution WHERE ?1 IS NOT NULL AND typeof(doc) = 'text' LIMIT ?2";
    let (found, last) = rows(connection, sql, 0, max, 2)?;
    for row in &found {
        let (workflow, former) = (text(row, 0), text(row, 1));
        connection
            .prepare_cached("DELETE FROM resolution WHERE workflow = ?1 AND subject = ?2")?
            .execute([workflow, former])?;
        let resolution: Resolution = parsed("resolution of", row)?;
        let subject = state.sealer.index(Lookup::Subject, former);
        let doc = Sealed::new(&state.sealer, Kind::Resolution)
            .doc(&resolve::bound_to(workflow, &subject), &resolution)?;
        // A later one may be there already.
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO resolution (workflow, subject, at_us, doc) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![workflow, subject, domain::time::floor_us(resolution.at), doc])?;
    }
    Ok((found.len() as u64, last))
}

fn answers(connection: &Connection, state: &State, _: i64, max: u16) -> Result<(u64, Option<i64>), Fault> {
    let sql = "SELECT 0, doc, key FROM answer WHERE ?1 IS NOT NULL AND typeof(doc) = 'text' LIMIT ?2";
    let (found, last) = rows(connection, sql, 0, max, 1)?;
    let mut update = connection.prepare_cached("UPDATE answer SET doc = ?2 WHERE key = ?1")?;
    for row in &found {
        let doc = Sealed::new(&state.sealer, Kind::Answer).seal(text(row, 0), row.doc.clone())?;
        update.execute(params![text(row, 0), doc])?;
    }
    Ok((found.len() as u64, last))
}

fn calendars(connection: &Connection, state: &State, _: i64, max: u16) -> Result<(u64, Option<i64>), Fault> {
    let sql = "SELECT 0, doc, name FROM calendar WHERE ?1 IS NOT NULL AND typeof(doc) = 'text' LIMIT ?2";
    let (found, last) = rows(connection, sql, 0, max, 1)?;
    let mut update = connection.prepare_cached("UPDATE calendar SET doc = ?2 WHERE name = ?1")?;
    for row in &found {
        let doc = Sealed::new(&state.sealer, Kind::Calendar).seal(text(row, 0), row.doc.clone())?;
        update.execute(params![text(row, 0), doc])?;
    }
    Ok((found.len() as u64, last))
}

fn calendar_texts(
    connection: &Connection,
    state: &State,
    _: i64,
    max: u16,
) -> Result<(u64, Option<i64>), Fault> {
    let sql = "SELECT 0, copy, name FROM calendar WHERE ?1 IS NOT NULL AND typeof(copy) = 'text' LIMIT ?2";
    let (found, last) = rows(connection, sql, 0, max, 1)?;
    let mut update = connection.prepare_cached("UPDATE calendar SET copy = ?2 WHERE name = ?1")?;
    for row in &found {
        let doc = Sealed::new(&state.sealer, Kind::CalendarText).seal(text(row, 0), row.doc.clone())?;
        update.execute(params![text(row, 0), doc])?;
    }
    Ok((found.len() as u64, last))
}

fn approvals(connection: &Connection, state: &State, _: i64, max: u16) -> Result<(u64, Option<i64>), Fault> {
    let sql = "SELECT 0, doc, id FROM approval WHERE ?1 IS NOT NULL AND typeof(doc) = 'text' LIMIT ?2";
    let (found, last) = rows(connection, sql, 0, max, 1)?;
    let mut update = connection.prepare_cached("UPDATE approval SET doc = ?2 WHERE id = ?1")?;
    for row in &found {
        let doc = Sealed::new(&state.sealer, Kind::Approval).seal(text(row, 0), row.doc.clone())?;
        update.execute(params![text(row, 0), doc])?;
    }
    Ok((found.len() as u64, last))
}
