//! Changes of many things by one command. In: the things, and what is done to each. Out: the results.
//!
//! Never: changes anything without `--yes`, or faster than `--rate`.

use clap::Args;
use domain::{plural::counted, time::after_ms};
use indicatif::{ProgressBar, ProgressStyle};
use ports::{Clock as _, SystemClock};

use crate::exit::Unconfirmed;

/// How a change of many things is made.
#[derive(Debug, Args)]
pub(crate) struct BulkArgs {
    /// Show what would be done, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Confirm the change; without it nothing is changed.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Change at most this many in a second.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
}

impl BulkArgs {
    /// Refuses to go on where a confirmation is missing. `action` says what would be done, for example `replayed`.
    pub(crate) fn confirm(&self, count: usize, noun: &str, action: &str) -> anyhow::Result<()> {
        if self.dry_run || self.yes || count == 0 {
            return Ok(());
        }
        let message = format!(
            "{} would be {action}; confirm with --yes, or list them with --dry-run",
            counted(count, noun)
        );
        Err(Unconfirmed(message).into())
    }

    /// Does one thing after another; nothing on a dry run, where every result is absent.
    pub(crate) async fn each<T, R>(
        &self,
        things: Vec<T>,
        mut one: impl AsyncFnMut(&T) -> anyhow::Result<R>,
    ) -> anyhow::Result<Vec<(T, Option<R>)>> {
        if self.dry_run {
            return Ok(things.into_iter().map(|thing| (thing, None)).collect());
        }
        let bar = ProgressBar::new(things.len() as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        let begun = SystemClock.now();
        let mut done = Vec::new();
        for (index, thing) in things.into_iter().enumerate() {
            let at = after_ms(begun, index as i64 * 1_000 / i64::from(self.rate));
            SystemClock.sleep_until(at).await;
            let result = one(&thing).await?;
            bar.inc(1);
            done.push((thing, Some(result)));
        }
        bar.finish_and_clear();
        Ok(done)
    }
}
