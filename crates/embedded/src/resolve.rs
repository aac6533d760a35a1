//! Resolutions of subjects.
//!
//! In: resolving events. Out: the runs they end or whose tickets hear of them, and a mark that meets runs which come late.
//! Never: lets an earlier resolution replace a later one.

use domain::{id::RunId, time::floor_us};
use ports::store::Resolution;
use rusqlite::{Connection, params};
use sealing::{Kind, Lookup, Sealer};

use crate::{
    document::{Doc, Sealed},
    fault::Fault,
    writer::Work,
};

/// Records a resolution and finds the runs that it changes.
pub(crate) struct Resolve {
    workflow: String,
    /// The subject as runs are stored with it, and as they were before documents were sealed.
    subjects: [String; 2],
    /// The same of the resolution's marker.
    markers: [String; 2],
    at_us: i64,
    doc: Doc,
}

impl Resolve {
    pub(crate) fn new(resolution: &Resolution, sealer: &Sealer) -> Result<Self, Fault> {
        let Resolution { workflow, subject, marker, at, .. } = resolution;
        let markers = sealer.forms(Lookup::Subject, marker);
        let bound_to = bound_to(workflow, &markers[0]);
        Ok(Self {
            workflow: workflow.clone(),
            subjects: sealer.forms(Lookup::Subject, subject),
            doc: Sealed::new(sealer, Kind::Resolution).doc(&bound_to, resolution)?,
            markers,
            at_us: floor_us(*at),
        })
    }
}

/// The name that the document of a resolution is bound to, from its columns.
pub(crate) fn bound_to(workflow: &str, subject: &str) -> String {
    format!("{workflow}\0{subject}")
}

impl Work for Resolve {
    type Output = Vec<RunId>;

    fn run(&mut self, connection: &Connection) -> Result<Vec<RunId>, Fault> {
        let Self { workflow, subjects: [subject, former], markers: [marker, former_marker], at_us, doc } =
            &*self;
        connection
            .prepare_cached(
                "INSERT INTO resolution (workflow, subject, at_us, doc) SELECT ?1, ?2, ?3, ?4
                 WHERE NOT EXISTS (SELECT 1 FROM resolution WHERE workflow = ?1 AND subject = ?5 AND at_us >= ?3)
                 ON CONFLICT (workflow, subject) DO UPDATE SET at_us = excluded.at_us, doc = excluded.doc
                 WHERE excluded.at_us > at_us",
            )?
            .execute(params![workflow, marker, at_us, doc, former_marker])?;
        let mut select = connection.prepare_cached(
            "SELECT id FROM run WHERE workflow = ?1 AND subject IN (?2, ?4) AND resolvable = 1 AND subject IS NOT NULL
             AND happened_us < ?3
             UNION ALL
             SELECT id FROM run WHERE workflow = ?1 AND subject IN (?2, ?4) AND resolvable = 2 AND subject IS NOT NULL
             AND happened_us < ?3",
        )?;
        let ids =
            select.query_map(params![workflow, subject, at_us, former], |row| row.get::<_, String>(0))?;
        ids.map(|id| {
            let id = id?;
            id.parse().map_err(|error| Fault::Corrupt(format!("the id of run {id}: {error}")))
        })
        .collect()
    }
}
