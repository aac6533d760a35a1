//! The figures of one number of runs. In: measurements. Out: a column of the table.
//!
//! Never: knows which backend is measured.

use std::process::Command;

use anyhow::Result;

use crate::{figures::median, process};

/// How often a command of operators is run; the median is printed.
const COMMAND_RUNS: usize = 3;

/// Deadlines that pass in a second, of the runs that are held and of those that come in meanwhile.
pub(super) const DEADLINES_PER_S: u64 = 50;
/// What operators ask.
pub(super) const COMMANDS: [&[&str]; 3] = [&["runs", "list"], &["audit"], &["status"]];

/// One figure of one number of runs.
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) digits: usize,
    pub(super) value: f64,
}

/// All figures of one number of runs, in the order in which they are printed.
#[derive(Default)]
pub(super) struct Figures {
    /// CPU of callout and of its store for one event, in microseconds.
    pub(super) cost_us: f64,
    pub(super) others: Vec<Figure>,
}

impl Figures {
    pub(super) fn add(&mut self, name: impl Into<String>, digits: usize, value: f64) {
        self.others.push(Figure { name: name.into(), digits, value });
    }

    /// Runs a command of operators, and says how long it took and how much memory.
    pub(super) async fn add_command(&mut self, name: &str, mut command: Command) -> Result<()> {
        let (mut waits, mut peaks) = (Vec::new(), Vec::new());
        for _ in 0..COMMAND_RUNS {
            let (wait_ms, peak_mb) = process::command(&mut command).await?;
            waits.push(wait_ms);
            peaks.push(peak_mb);
        }
        self.add(format!("`callout {name}`, ms"), 0, median(waits));
        self.add(format!("peak resident memory of `callout {name}`, MB"), 1, median(peaks));
        Ok(())
    }
}
