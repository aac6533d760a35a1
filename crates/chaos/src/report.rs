//! What a chaos run found. In: counts, figures, offences. Out: a table.
//!
//! Never: fails because a figure is low; it is offences, and faults that never fired, that fail a run.

use std::{
    fmt::{self, Display, Formatter},
    path::PathBuf,
};

/// The result.
#[derive(Debug, Default)]
pub struct Report {
    /// Every kind of fault.
    pub faults: Vec<Fault>,
    /// What was counted or measured.
    pub figures: Vec<Figure>,
    /// Further tables, as they are printed.
    pub tables: Vec<String>,
    /// What must not be, each with `callout runs show` of its run.
    pub offences: Vec<String>,
    /// Where configuration and logs were kept, if something went wrong.
    pub kept: Option<PathBuf>,
}

/// One kind of fault.
#[derive(Debug)]
pub struct Fault {
    /// Its name.
    pub name: String,
    /// How often it was planned: a count or a rate.
    pub planned: String,
    /// How often it happened.
    pub fired: u64,
}

/// One figure.
#[derive(Debug)]
pub struct Figure {
    /// Its name and unit.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What is aimed at, and whether it was reached.
    pub aim: Option<(String, bool)>,
}

impl Report {
    /// Whether nothing was lost or doubled, everything is explained, and every kind of fault fired.
    pub fn is_clean(&self) -> bool {
        self.offences.is_empty() && self.faults.iter().all(|fault| fault.fired > 0)
    }

    /// A kind that was not planned at all is left out.
    pub(crate) fn fault(&mut self, name: impl Into<String>, planned: impl Display, fired: u64) {
        let planned = planned.to_string();
        if planned != "0" {
            self.faults.push(Fault { name: name.into(), planned, fired });
        }
    }

    pub(crate) fn count(&mut self, name: impl Into<String>, value: impl Display) {
        self.figures.push(Figure { name: name.into(), value: value.to_string(), aim: None });
    }

    /// A time that should stay below its aim.
    pub(crate) fn seconds(&mut self, name: &str, seconds: f64, below: Option<f64>) {
        let aim = below.map(|aim| (format!("< {aim} s"), seconds < aim));
        self.figures.push(Figure { name: name.to_owned(), value: format!("{seconds:.2} s"), aim });
    }

    /// A ratio that should stay below its aim.
    pub(crate) fn ratio(&mut self, name: &str, ratio: f64, below: Option<f64>) {
        let aim = below.map(|aim| (format!("< {aim}"), ratio < aim));
        self.figures.push(Figure { name: name.to_owned(), value: format!("{ratio:.2}"), aim });
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "| fault | planned | fired |\n|---|---|---|")?;
        for Fault { name, planned, fired } in &self.faults {
            let mark = if *fired == 0 { " **never**" } else { "" };
            writeln!(f, "| {name} | {planned} | {fired}{mark} |")?;
        }
        writeln!(f, "\n| figure | value | aim |\n|---|---|---|")?;
        for Figure { name, value, aim } in &self.figures {
            let aim = aim.as_ref().map_or(String::new(), |(aim, reached)| {
                format!("{aim}{}", if *reached { ", reached" } else { ", **missed**" })
            });
            writeln!(f, "| {name} | {value} | {aim} |")?;
        }
        for table in &self.tables {
            write!(f, "\n{table}")?;
        }
        writeln!(f, "\noffences: {}", self.offences.len())?;
        for offence in &self.offences {
            writeln!(f, "- {offence}")?;
        }
        if let Some(kept) = &self.kept {
            writeln!(f, "configuration and logs were kept in {}", kept.display())?;
        }
        Ok(())
    }
}
