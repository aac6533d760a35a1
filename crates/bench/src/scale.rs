//! What live runs cost: the same load beside a few and beside many of them. In: the binary, and how many. Out: a table with
//! a column for each number of runs, for docs/benchmarks.md.
//!
//! Never: fails because a figure is low.

mod claims;
mod column;
mod embedded;
mod fill;
mod fleet;
mod load;

use std::path::Path;

use anyhow::Result;

use crate::{
    args::{Args, Backend},
    figures::println_line,
};

use self::column::{Figure, Figures};

/// Measures every number of runs, each in a deployment of its own.
pub(crate) async fn measure(args: &Args, callout: &Path) -> Result<()> {
    let mut columns = Vec::new();
    for runs in &args.scale {
        columns.push(match args.backend {
            Backend::Embedded => embedded::measure(args, callout, *runs).await?,
            Backend::Fleet => fleet::measure(args, callout, *runs).await?,
        });
    }
    let Some(first) = columns.first() else { return Ok(()) };
    let line =
        |name: &str, values: Vec<String>| println_line(&format!("| {name} | {} |", values.join(" | ")));
    line("live runs", args.scale.iter().map(usize::to_string).collect());
    println_line(&format!("|---|{}", "---|".repeat(columns.len())));
    let ratio = |column: &Figures| format!("{:.2}", column.cost_us / first.cost_us);
    line("cost of an event, beside that with the fewest runs", columns.iter().map(ratio).collect());
    for (index, Figure { name, digits, .. }) in first.others.iter().enumerate() {
        let value = |column: &Figures| format!("{:.*}", *digits, column.others[index].value);
        line(name, columns.iter().map(value).collect());
    }
    Ok(())
}
