//! Resolutions of subjects.
//!
//! In: resolving events. Out: the runs they end or whose tickets hear of them, and a mark that meets runs which come late.
//! Never: lets an earlier resolution replace a later one.

use domain::{id::RunId, time::floor_us};
use ports::store::Resolution;
use rusqlite::{Connection, params};

use crate::{document::json, fault::Fault, writer::Work};

/// Records a resolution and finds the runs that it changes.
pub(crate) struct Resolve {
    resolution: Resolution,
    doc: String,
}

impl Resolve {
    pub(crate) fn new(resolution: &Resolution) -> Result<Self, Fault> {
        let doc = json(resolution, "resolution of workflow", &resolution.workflow)?;
        Ok(Self { resolution: resolution.clone(), doc })
    }
}

impl Work for Resolve {
    type Output = Vec<RunId>;

    fn run(&mut self, connection: &Connection) -> Result<Vec<RunId>, Fault> {
        let Resolution { workflow, subject, marker, at, .. } = &self.resolution;
        let at_us = floor_us(*at);
        connection
            .prepare_cached(
                "INSERT INTO resolution (workflow, subject, at_us, doc) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (workflow, subject) DO UPDATE SET at_us = excluded.at_us, doc = excluded.doc
                 WHERE excluded.at_us > at_us",
            )?
            .execute(params![workflow, marker, at_us, self.doc])?;
        let mut select = connection.prepare_cached(
            "SELECT id FROM run WHERE workflow = ?1 AND subject = ?2 AND resolvable = 1 AND subject IS NOT NULL
             AND happened_us < ?3
             UNION ALL
             SELECT id FROM run WHERE workflow = ?1 AND subject = ?2 AND resolvable = 2 AND subject IS NOT NULL
             AND happened_us < ?3",
        )?;
        let ids = select.query_map(params![workflow, subject, at_us], |row| row.get::<_, String>(0))?;
        ids.map(|id| {
            let id = id?;
            id.parse().map_err(|error| Fault::Corrupt(format!("the id of run {id}: {error}")))
        })
        .collect()
    }
}
