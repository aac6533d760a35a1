//! `callout export` and `callout erase`: what is held about a number. In: a number. Out: all of it; or what went.
//!
//! Never: erases without `--yes`.

use control::{Answer, Erasure, Request};
use domain::{phone::E164, plural::counted};

use crate::{
    args::{Common, Erase, Output},
    control_client::{UNEXPECTED_ANSWER, execute},
    exit::Unconfirmed,
    output,
};

/// Prints what is held, whatever form other results have: it is a document to hand over.
pub(crate) async fn export(common: &Common, number: E164) -> anyhow::Result<()> {
    let answer = execute(&common.config, "", Request::ShowHeldData { number }).await?;
    let Answer::HeldData { held } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
    output::unreadable(&held.unreadable);
    output::json(&held)
}

/// Erases it, once that is confirmed.
pub(crate) async fn erase(common: &Common, args: Erase) -> anyhow::Result<()> {
    let Erase { recipient: number, also_recent, dry_run, yes, by } = args;
    let request = |dry_run| Request::Erase { number: number.clone(), also_recent, dry_run };
    let ask = async |dry_run| {
        let answer = execute(&common.config, &by, request(dry_run)).await?;
        let Answer::Erased { erasure } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
        Ok(*erasure)
    };
    if !dry_run && !yes {
        let Erasure { runs, dead_letters, .. } = ask(true).await?;
        let (runs, letters) = (counted(runs.len(), "run"), counted(dead_letters.len(), "dead letter"));
        let message =
            format!("{runs} and {letters} would be erased; confirm with --yes, or see more with --dry-run");
        return Err(Unconfirmed(message).into());
    }
    let erasure = ask(dry_run).await?;
    match common.output {
        Output::Json => output::json(&erasure),
        Output::Text => {
            print(&erasure, if dry_run { "would be erased" } else { "erased" });
            Ok(())
        }
    }
}

fn print(erasure: &Erasure, done: &str) {
    let Erasure { runs, with_others, dead_letters, under_way, too_recent, consent_kept, unreadable } =
        erasure;
    output::line(format!("{} {done}", counted(runs.len(), "run")));
    if *with_others > 0 {
        output::line(format!("  {with_others} of them texted others as well, whose records of them go, too"));
    }
    output::line(format!("{} {done}", counted(dead_letters.len(), "dead letter")));
    for run in under_way {
        output::line(format!("{run} stays: it is under way"));
    }
    for (run, from) in too_recent {
        output::line(format!(
            "{run} stays: its event may come again; erase it from {} on",
            output::time(*from)
        ));
    }
    for one in unreadable {
        output::line(format!("{} stays: it may name the number, and cannot be read ({})", one.id, one.error));
    }
    let entries = if *consent_kept == 1 { "entry" } else { "entries" };
    output::line(format!(
        "{consent_kept} {entries} of the consent log kept: they say whether it may be texted"
    ));
}
