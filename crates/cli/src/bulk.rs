//! Changes of many things by one command. In: the things, and what is done to each. Out: the results, and why it ended
//! early, if it did.
//!
//! Never: changes anything without `--yes`, or faster than `--rate`, or stops in the middle of one thing.

use clap::Args;
use domain::{plural::counted, time::after_ms};
use indicatif::{ProgressBar, ProgressStyle};
use ports::{Clock as _, SystemClock};

use crate::{
    args::values::number,
    exit::{Interrupted, Unconfirmed},
    shutdown,
};

/// What was done before a command ended.
pub(crate) struct Progress<T, R> {
    /// Each thing that was done, with its result; on a dry run no thing has one.
    pub(crate) done: Vec<(T, Option<R>)>,
    /// Why things are left, if any are.
    pub(crate) ended: anyhow::Result<()>,
}

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
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = number::<u32>(1..=1_000))]
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

    /// Does one thing after another, until all are done, one fails, or Ctrl-C. On a dry run it does nothing.
    pub(crate) async fn each<T, R>(
        &self,
        things: Vec<T>,
        noun: &str,
        mut one: impl AsyncFnMut(&T) -> anyhow::Result<R>,
    ) -> anyhow::Result<Progress<T, R>> {
        if self.dry_run {
            let done = things.into_iter().map(|thing| (thing, None)).collect();
            return Ok(Progress { done, ended: Ok(()) });
        }
        let total = things.len();
        let said = |done: usize| {
            format!(
                "{done} of {} done, {} left; the same command goes on",
                counted(total, noun),
                total - done
            )
        };
        let interrupted = shutdown::on_signal()?;
        let bar = ProgressBar::new(things.len() as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        let begun = SystemClock.now();
        let (mut done, mut ended) = (Vec::new(), Ok(()));
        for (index, thing) in things.into_iter().enumerate() {
            let at = after_ms(begun, index as i64 * 1_000 / i64::from(self.rate));
            tokio::select! {
                biased;
                () = interrupted.cancelled() => {
                    ended = Err(Interrupted(format!("stopped: {}", said(index))).into());
                    break;
                }
                () = SystemClock.sleep_until(at) => {}
            }
            match one(&thing).await {
                Ok(result) => done.push((thing, Some(result))),
                Err(error) => {
                    ended = Err(if total > 1 { error.context(said(index)) } else { error });
                    break;
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(Progress { done, ended })
    }
}
