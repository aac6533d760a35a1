//! The keys of the table of events: which lane each belongs to, and what a lane holds when the database is opened.
//!
//! In: a lane. Out: its range of keys, counts of its rows. Never: a key that two lanes share.

use std::ops::Range;

use domain::workflow::Lane;
use rusqlite::Connection;

/// Bits of a key that count within a lane; the lane is above them.
const COUNT_BITS: u32 = 60;

/// The keys of a lane. The first is never used.
pub(super) fn keys(lane: Lane) -> Range<i64> {
    let lane = lane as i64;
    lane << COUNT_BITS..(lane + 1) << COUNT_BITS
}

/// The lane that a key is of.
pub(crate) fn lane_of(key: i64) -> Option<Lane> {
    Lane::ALL.into_iter().find(|lane| keys(*lane).contains(&key))
}

/// Counts the keys of a lane; holds the last one that was used.
#[derive(Debug, Clone, Copy)]
pub(super) struct NextKey(pub(super) i64);

impl NextKey {
    pub(super) fn next(&mut self) -> i64 {
        self.0 += 1;
        self.0
    }
}

/// What a lane holds when the database is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    pub(crate) count: u64,
    /// The last key; the lane's first, unused one when it is empty.
    pub(crate) last: i64,
}

/// What every lane holds.
pub(crate) fn count_waiting(connection: &Connection) -> rusqlite::Result<[Waiting; Lane::ALL.len()]> {
    let mut waiting = Lane::ALL.map(|lane| Waiting { count: 0, last: keys(lane).start });
    for (lane, waiting) in Lane::ALL.into_iter().zip(&mut waiting) {
        let keys = keys(lane);
        let sql = "SELECT count(*), max(key) FROM event WHERE key >= ?1 AND key < ?2";
        let (count, last): (i64, Option<i64>) =
            connection.query_row(sql, [keys.start, keys.end], |row| Ok((row.get(0)?, row.get(1)?)))?;
        *waiting = Waiting { count: count as u64, last: last.unwrap_or(keys.start) };
    }
    Ok(waiting)
}
