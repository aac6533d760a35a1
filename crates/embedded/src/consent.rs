//! The consent log.
//!
//! In: entries, any of them more than once. Out: a number's log, and the consent that follows from it.
//! Never: changes or deletes an entry, or stores a result that could be older than the log.

use domain::{
    consent::{Consent, ConsentEntry},
    phone::E164,
    time::floor_us,
};
use rusqlite::{Connection, params};

use crate::{bloom_filter::BloomFilter, document::json, fault::Fault};

/// A consent entry as a row.
pub(crate) struct ConsentRow {
    entry: ConsentEntry,
    change: String,
    doc: String,
}

impl ConsentRow {
    pub(crate) fn of(entry: &ConsentEntry) -> Result<Self, Fault> {
        let number = entry.number.masked();
        Ok(Self {
            entry: entry.clone(),
            change: json(&entry.change, "consent entry of", &number)?,
            doc: json(entry, "consent entry of", &number)?,
        })
    }

    /// Appends the entry unless it is known.
    pub(crate) fn insert(&self, connection: &Connection, known: &BloomFilter) -> Result<(), Fault> {
        // Before the commit: a reader that sees the effects of an entry must find the number in the filter.
        known.add(self.entry.number.as_str());
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO consent (number, change, source, evidence, at_us, doc)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                self.entry.number.as_str(),
                self.change,
                self.entry.source,
                self.entry.evidence,
                floor_us(self.entry.at),
                self.doc
            ])?;
        Ok(())
    }
}

/// A number's entries in order of time.
pub(crate) fn log(connection: &Connection, number: &E164) -> Result<Vec<ConsentEntry>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT doc FROM consent WHERE number = ?1 ORDER BY at_us, seq")?;
    let mut rows = statement.query([number.as_str()])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let entry = serde_json::from_slice(row.get_ref(0)?.as_bytes().unwrap_or_default())
            .map_err(|error| Fault::unreadable("consent entry of", &number.masked(), &error))?;
        entries.push(entry);
    }
    Ok(entries)
}

/// The consent that follows from a number's entries.
pub(crate) fn of_number(connection: &Connection, number: &E164) -> Result<Consent, Fault> {
    let mut consent = Consent::default();
    log(connection, number)?.iter().for_each(|entry| consent.apply(entry));
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
