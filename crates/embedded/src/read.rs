//! Questions to the database. In: a read-only connection. Out: the domain's values.
//!
//! Never: a panic at what it finds: a document that does not parse is named in the error.

use std::sync::Arc;

use domain::{
    event::ContentHash,
    id::{MessageId, RunId},
    limits::{LIST_MAX, REPLY_ROUTES_MAX, TIMELINE_MAX},
    oncall::Override,
    phone::E164,
    provider::ProviderMessageId,
    run::Run,
    time::{ceil_ms, floor_ms},
    timeline::{DeadLetter, Entry, Outcome, ReplyRoute},
    workflow::WorkflowDefinition,
};
use jiff::Timestamp;
use ports::{
    Versioned,
    store::{DeadLetterFilter, Listed, RunFilter, Unreadable},
};
use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};
use sealing::{Kind, Lookup, Sealer};
use serde::de::DeserializeOwned;

use crate::{bloom_filter::BloomFilter, document::Sealed, fault::Fault};

/// The names that are known at the start. Each list is read from an index alone: the runs themselves are fifty times as
/// large.
const KNOWN: [&str; 2] = ["SELECT id FROM run", "SELECT event FROM run WHERE event IS NOT NULL"];

/// Makes every stored run, and the event that opened it, known.
pub(crate) fn load_known(connection: &Connection, known: &BloomFilter) -> rusqlite::Result<()> {
    for names in KNOWN {
        let mut statement = connection.prepare(names)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            known.add(row.get_ref(0)?.as_str()?);
        }
    }
    Ok(())
}

/// The run with this id.
pub(crate) fn run(
    connection: &Connection,
    sealer: &Sealer,
    id: &RunId,
) -> Result<Option<Versioned<Arc<Run>>>, Fault> {
    let mut select = connection.prepare_cached("SELECT version, doc FROM run WHERE id = ?1")?;
    let mut rows = select.query([id.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let version: i64 = row.get(0)?;
    let run: Run = Sealed::new(sealer, Kind::Run).read(id.as_str(), row.get_ref(1)?)?;
    Ok(Some(Versioned { value: Arc::new(run), version: version as u64 }))
}

/// What the event of this name said.
pub(crate) fn content_of(connection: &Connection, event: &str) -> Result<Option<ContentHash>, Fault> {
    let mut select = connection.prepare_cached("SELECT content FROM run WHERE event = ?1 LIMIT 1")?;
    let content: Option<i64> = select.query_row([event], |row| row.get(0)).optional()?;
    Ok(content.map(|stored| ContentHash::from(stored as u64)))
}

/// The runs of a subject that a resolution could end.
pub(crate) fn open_runs(
    connection: &Connection,
    workflow: &str,
    subjects: &[String; 2],
) -> Result<Vec<RunId>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT id FROM run WHERE workflow = ?1 AND subject IN (?2, ?3) AND resolvable = 1 AND subject IS NOT NULL
         ORDER BY seq",
    )?;
    let ids = select.query_map([workflow, &subjects[0], &subjects[1]], |row| row.get::<_, String>(0))?;
    ids.map(|id| {
        let id = id?;
        id.parse().map_err(|error| Fault::Corrupt(format!("the id of run {id}: {error}")))
    })
    .collect()
}

/// Runs that match, latest opened first.
pub(crate) fn runs(
    connection: &Connection,
    sealer: &Sealer,
    filter: &RunFilter,
    max: u16,
) -> Result<Vec<Listed<Run>>, Fault> {
    let mut after = (i64::MAX, i64::MAX);
    if let Some(id) = &filter.after {
        let known = connection
            .prepare_cached("SELECT opened_ms, seq FROM run WHERE id = ?1")?
            .query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        // The last run of the previous page was purged, and so were all that follow it.
        let Some(known) = known else { return Ok(Vec::new()) };
        after = known;
    }
    let held = if filter.needs_review { "AND held = 1" } else { "" };
    let unfinished = if filter.unfinished { "AND (pending = 1 OR held = 1)" } else { "" };
    let mut select = connection.prepare_cached(&format!(
        "SELECT id, doc FROM run WHERE (opened_ms, seq) < (?1, ?2) AND (?3 IS NULL OR phase = ?3)
         AND (?4 IS NULL OR workflow = ?4) AND (?5 IS NULL OR source = ?5) {held} {unfinished}
         ORDER BY opened_ms DESC, seq DESC LIMIT ?6"
    ))?;
    let phase = filter.phase.map(domain::run::RunPhase::as_str);
    let mut rows =
        select.query(params![after.0, after.1, phase, filter.workflow, filter.source, max.min(LIST_MAX)])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        runs.push(listed(Sealed::new(sealer, Kind::Run).read(&id, row.get_ref(1)?), id));
    }
    Ok(runs)
}

/// The latest [`TIMELINE_MAX`] lines of a run's timeline, in order.
pub(crate) fn timeline(connection: &Connection, id: &RunId) -> Result<Vec<Entry>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT entries FROM timeline WHERE run = (SELECT seq FROM run WHERE id = ?1) ORDER BY version DESC LIMIT ?2",
    )?;
    let mut rows = select.query(params![id.as_str(), TIMELINE_MAX])?;
    let mut latest_first = Vec::new();
    while let Some(row) = rows.next()?
        && latest_first.len() < usize::from(TIMELINE_MAX)
    {
        let entries: Vec<Entry> = document(row, 0, "timeline of run", id.as_str())?;
        latest_first.extend(entries.into_iter().rev());
    }
    latest_first.truncate(usize::from(TIMELINE_MAX));
    latest_first.reverse();
    Ok(latest_first)
}

/// The message that a provider's name is bound to.
pub(crate) fn message_of_sid(
    connection: &Connection,
    sid: &ProviderMessageId,
) -> Result<Option<MessageId>, Fault> {
    let message: Option<String> = connection
        .prepare_cached("SELECT message FROM sid WHERE sid = ?1")?
        .query_row([sid.as_str()], |row| row.get(0))
        .optional()?;
    let unreadable = |error| Fault::Corrupt(format!("the message of SID {sid}: {error}"));
    message.map(|message| message.parse().map_err(unreadable)).transpose()
}

/// Reply routes of a phone that hold after `now`, latest first.
pub(crate) fn reply_routes(
    connection: &Connection,
    sealer: &Sealer,
    number: &E164,
    now: Timestamp,
) -> Result<Vec<ReplyRoute>, Fault> {
    let [number, former] = sealer.forms(Lookup::Number, number.as_str());
    sealed(
        connection,
        Sealed::new(sealer, Kind::ReplyRoute),
        "SELECT number, doc FROM reply_route WHERE number IN (?1, ?4) AND expires_ms > ?2
         ORDER BY expires_ms DESC, seq DESC LIMIT ?3",
        params![number, floor_ms(now), REPLY_ROUTES_MAX, former],
    )
}

/// The definition with this content hash.
pub(crate) fn workflow(connection: &Connection, hash: &str) -> Result<Option<WorkflowDefinition>, Fault> {
    let found = documents(connection, "SELECT doc FROM workflow WHERE hash = ?1", [hash], "workflow")?;
    Ok(found.into_iter().next())
}

/// Dead letters that match, oldest first.
pub(crate) fn dead_letters(
    connection: &Connection,
    sealer: &Sealer,
    filter: &DeadLetterFilter,
    max: u16,
) -> Result<Vec<Listed<DeadLetter>>, Fault> {
    let of = Sealed::new(sealer, Kind::DeadLetter);
    let mut select = connection.prepare_cached(
        "SELECT id, doc FROM dead_letter WHERE (?1 IS NULL OR reason = ?1) AND (?2 IS NULL OR workflow = ?2)
         AND (?3 IS NULL OR source = ?3) AND at_ms >= ?4 AND at_ms < ?5 ORDER BY at_ms, seq LIMIT ?6",
    )?;
    let mut rows = select.query(params![
        filter.reason,
        filter.workflow,
        filter.source,
        filter.since.map_or(i64::MIN, ceil_ms),
        filter.until.map_or(i64::MAX, ceil_ms),
        max
    ])?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        letters.push(listed(of.read(&id, row.get_ref(1)?), id));
    }
    Ok(letters)
}

/// What was read, or the name of what cannot be.
fn listed<T>(read: Result<T, Fault>, id: String) -> Listed<T> {
    read.map_err(|fault| Unreadable::new(id, fault.into()))
}

/// One dead letter.
pub(crate) fn dead_letter(
    connection: &Connection,
    sealer: &Sealer,
    id: &str,
) -> Result<Option<DeadLetter>, Fault> {
    let of = Sealed::new(sealer, Kind::DeadLetter);
    let found = sealed(connection, of, "SELECT id, doc FROM dead_letter WHERE id = ?1", params![id]);
    Ok(found?.into_iter().next())
}

/// Outcomes after a cursor, in the order they were stored.
pub(crate) fn outcomes(connection: &Connection, after: u64, max: u16) -> Result<Vec<(u64, Outcome)>, Fault> {
    let mut select =
        connection.prepare_cached("SELECT seq, doc FROM outcome WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    let mut rows = select.query(params![i64::try_from(after).unwrap_or(i64::MAX), max])?;
    let mut outcomes = Vec::new();
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        outcomes.push((seq as u64, document(row, 1, "outcome", &seq.to_string())?));
    }
    Ok(outcomes)
}

/// Overrides that end after `now`, in the order they were added.
pub(crate) fn overrides(connection: &Connection, now: Timestamp) -> Result<Vec<Override>, Fault> {
    documents(
        connection,
        "SELECT doc FROM override WHERE until_ms > ?1 ORDER BY seq",
        [floor_ms(now)],
        "on-call override",
    )
}

/// Documents of a kind that is sealed. Their first column is the name that they are bound to.
pub(crate) fn sealed<T: DeserializeOwned>(
    connection: &Connection,
    of: Sealed<'_>,
    sql: &str,
    params: impl Params,
) -> Result<Vec<T>, Fault> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut documents = Vec::new();
    while let Some(row) = rows.next()? {
        let bound_to: String = row.get(0)?;
        documents.push(of.read(&bound_to, row.get_ref(1)?)?);
    }
    Ok(documents)
}

/// Documents of a kind that is not sealed. Their first column is the document, as text.
pub(crate) fn documents<T: DeserializeOwned>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    what: &str,
) -> Result<Vec<T>, Fault> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut documents = Vec::new();
    while let Some(row) = rows.next()? {
        // What names a document of these kinds may be a number or a text, so an error says which kind alone.
        documents.push(document(row, 0, what, "(name withheld)")?);
    }
    Ok(documents)
}

/// The document in a column, text or blob. What is neither does not parse, so the error names it as well.
fn document<T: DeserializeOwned>(row: &Row<'_>, column: usize, what: &str, name: &str) -> Result<T, Fault> {
    let bytes = row.get_ref(column)?.as_bytes().unwrap_or_default();
    serde_json::from_slice(bytes).map_err(|error| Fault::unreadable(what, name, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::plan_of;

    #[test]
    fn what_is_known_at_the_start_is_read_without_the_runs_themselves() {
        for names in KNOWN {
            let plan = plan_of(names);
            assert!(plan.contains("USING COVERING INDEX"), "{plan}");
        }
    }
}
