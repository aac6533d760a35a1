//! The tenths of a soak beside each other. In: how long events waited, what happened when. Out: a table.
//!
//! Never: leaves out a tenth because something happened in it; the table says what.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::gauges::Gauges;
use crate::report::Report;

/// How many parts the time has.
pub(super) const TENTHS: usize = 10;

/// What is known of each tenth.
pub(super) struct Tenths {
    begin: Timestamp,
    tenth: Duration,
    /// Milliseconds from an event's acceptance to the request with its first text.
    waits: [Vec<f64>; TENTHS],
    /// What happened, and how often.
    happened: [BTreeMap<String, u32>; TENTHS],
}

impl Tenths {
    pub(super) fn new(begin: Timestamp, lasting: Duration) -> Self {
        let tenth = lasting / TENTHS as u32;
        Self { begin, tenth, waits: Default::default(), happened: Default::default() }
    }

    /// The one that a moment is in; what comes after the end belongs to the last.
    fn of(&self, at: Timestamp) -> usize {
        let after = at.duration_since(self.begin).as_secs_f64() / self.tenth.as_secs_f64();
        (after.max(0.0) as usize).min(TENTHS - 1)
    }

    /// Notes what went on in all tenths from one moment to another.
    pub(super) fn happened(&mut self, from: Timestamp, to: Timestamp, what: &str) {
        for tenth in self.of(from)..=self.of(to) {
            *self.happened[tenth].entry(what.to_owned()).or_default() += 1;
        }
    }

    pub(super) fn waited(&mut self, tenth: usize, milliseconds: f64) {
        self.waits[tenth].push(milliseconds);
    }

    /// Puts the table into the report.
    pub(super) fn tell(mut self, gauges: &Gauges, report: &mut Report) {
        let mut table = "| tenth | events | accepted to POST, p50 ms | p99 ms | Redis, MB | keys | runs | bytes in Redis for each more run | RabbitMQ, MB | in it |\n\
                         |---|---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
        let mut before = None;
        for (tenth, waits) in self.waits.iter_mut().enumerate() {
            waits.sort_by(f64::total_cmp);
            let at =
                |share: f64| waits.get((waits.len() as f64 * share) as usize).copied().unwrap_or_default();
            let end =
                self.begin + SignedDuration::try_from(self.tenth * (tenth as u32 + 1)).unwrap_or_default();
            let servers = gauges.servers_before(end);
            let happened = self.happened[tenth].iter().map(|(what, count)| match count {
                1 => what.clone(),
                count => format!("{count} × {what}"),
            });
            let happened = happened.collect::<Vec<_>>().join(", ");
            let _ = write!(table, "| {} | {} | {:.1} | {:.1} |", tenth + 1, waits.len(), at(0.5), at(0.99));
            let _ = match servers {
                Some(now) => {
                    let each = before.map_or(String::new(), |before| now.bytes_for_each_more_run(before));
                    let (mb, keys, runs, broker) = (now.redis_mb, now.keys, now.runs, now.broker_mb);
                    write!(table, " {mb:.1} | {keys} | {runs} | {each} | {broker:.0} |")
                }
                None => write!(table, " | | | | |"),
            };
            let _ = writeln!(table, " {happened} |");
            before = servers.or(before);
        }
        report.tables.push(table);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_is_named_in_each_tenth_that_it_reaches_into() {
        let begin = Timestamp::UNIX_EPOCH;
        let at = |second| begin + SignedDuration::from_secs(second);
        let mut tenths = Tenths::new(begin, Duration::from_secs(100));
        tenths.happened(at(19), at(31), "rolling restart");
        tenths.happened(at(101), at(101), "sender killed");
        let named: Vec<usize> = (0..TENTHS).filter(|tenth| !tenths.happened[*tenth].is_empty()).collect();
        assert_eq!(named, [1, 2, 3, 9]);
    }
}
