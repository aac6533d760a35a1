//! The consent log.
//!
//! In: entries, any of them more than once. Out: a number's log, and the consent that follows from it.
//! Never: changes or deletes an entry, or stores a result that could be older than the log.

use domain::{
    consent::{Consent, ConsentEntry},
    time::floor_us,
};
use ports::store::{ConsentPage, Unreadable};
use rusqlite::{Connection, params};
use sealing::{Kind, Lookup, Sealer};

use crate::{
    bloom_filter::BloomFilter,
    document::{Doc, Sealed, json},
    fault::Fault,
};

/// A consent entry as a row.
pub(crate) struct ConsentRow {
    entry: ConsentEntry,
    change: String,
    /// The number as it is looked up, and as it was before documents were sealed.
    numbers: [String; 2],
    /// The same of the evidence.
    evidence: [String; 2],
    doc: Doc,
}

impl ConsentRow {
    pub(crate) fn of(entry: &ConsentEntry, sealer: &Sealer) -> Result<Self, Fault> {
        let numbers = sealer.forms(Lookup::Number, entry.number.as_str());
        Ok(Self {
            change: json(&entry.change, "consent entry of", &entry.number.masked())?,
            evidence: sealer.forms(Lookup::Evidence, &entry.evidence),
            doc: Sealed::new(sealer, Kind::Consent).doc(&numbers[0], entry)?,
            numbers,
            entry: entry.clone(),
        })
    }

    /// Appends the entry unless it is known.
    pub(crate) fn insert(&self, connection: &Connection, known: &BloomFilter) -> Result<(), Fault> {
        let Self { entry, change, numbers: [number, former], evidence: [evidence, former_evidence], doc } =
            self;
        // Before the commit: a reader that sees the effects of an entry must find the number in the filter.
        known.add(number);
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO consent (number, change, source, evidence, at_us, doc)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS
                 (SELECT 1 FROM consent WHERE number = ?7 AND change = ?2 AND source = ?3 AND evidence = ?8)",
            )?
            .execute(params![
                number,
                change,
                entry.source,
                evidence,
                floor_us(entry.at),
                doc,
                former,
                former_evidence
            ])?;
        Ok(())
    }
}

/// The entries of a number, given as it is looked up and as it was before, in order of time.
pub(crate) fn log(
    connection: &Connection,
    sealer: &Sealer,
    numbers: &[String; 2],
) -> Result<Vec<ConsentEntry>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT number, doc FROM consent WHERE number IN (?1, ?2) ORDER BY at_us, seq")?;
    let mut rows = statement.query([&numbers[0], &numbers[1]])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let number: String = row.get(0)?;
        entries.push(Sealed::new(sealer, Kind::Consent).read(&number, row.get_ref(1)?)?);
    }
    Ok(entries)
}

/// Entries of all numbers after a row, in the order in which they were recorded.
pub(crate) fn page(
    connection: &Connection,
    sealer: &Sealer,
    after: i64,
    max: u16,
) -> Result<ConsentPage, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT seq, number, doc FROM consent WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    let mut rows = statement.query(params![after, max])?;
    let (mut entries, mut last) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        let (seq, number): (i64, String) = (row.get(0)?, row.get(1)?);
        let read = Sealed::new(sealer, Kind::Consent).read(&number, row.get_ref(2)?);
        entries.push(read.map_err(|fault: Fault| Unreadable::new(seq.to_string(), fault.into())));
        last = Some(seq.to_string());
    }
    Ok(ConsentPage { next: last.filter(|_| entries.len() == usize::from(max)), entries })
}

/// The consent that follows from a number's entries.
pub(crate) fn of_number(
    connection: &Connection,
    sealer: &Sealer,
    numbers: &[String; 2],
) -> Result<Consent, Fault> {
    let mut consent = Consent::default();
    log(connection, sealer, numbers)?.iter().for_each(|entry| consent.apply(entry));
    Ok(consent)
}

/// All numbers that have entries.
pub(crate) fn load_known(connection: &Connection, known: &BloomFilter) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT DISTINCT number FROM consent")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        known.add(&row.get::<_, String>(0)?);
    }
    Ok(())
}
