//! A page that nobody answers, and the ticket that it ends with.
//!
//! In: where processes die. Out: a report, with what the desk and the watcher took.
//! Never: sends a text: each is refused, so that the steps are used up at once.

use std::{sync::Arc, time::Duration};

use domain::{effect::OutcomeKind, id::RunId, run::RunPhase};
use jiff::SignedDuration;
use ports::{AuditStore as _, Clock as _};

use crate::{
    chance::{Chance, Fault},
    desk_client::DESK,
    scenario::{Report, Script, conclude, contacts, event, on_a_paused_clock, workflows},
    world::{Habits, World},
};

/// Simulated time within which every effect must have ended.
const DONE_WITHIN: Duration = Duration::from_secs(1_800);

/// What came of a page that nobody answers.
#[derive(Debug, Clone)]
pub struct Ticketed {
    /// What came of its run.
    pub report: Report,
    /// The run of each ticket.
    pub tickets: Vec<RunId>,
    /// What the watcher was told, each event once.
    pub told: Vec<OutcomeKind>,
}

/// One page whose every text is refused, with deaths and faults where the script says.
///
/// # Errors
/// The first thing that must not be, with the log: a ticket too many or too few, one that its run does not name, an effect
/// that is lost.
pub fn run_tickets(script: &Script) -> Result<Ticketed, String> {
    let Script { deaths, mut always, first, .. } = script.clone();
    always.push(Fault::Refused);
    on_a_paused_clock(async move {
        let chance = Chance::scripted(deaths, always, first);
        let habits = Habits { has_desk: true, ..Habits::default() };
        let world = World::start(chance, workflows(), contacts(), habits).await;
        let page = event("page.created", 1);
        world.send(&page).await;
        let log = |faults: &str| format!("{faults}\n{}", world.log().join("\n"));
        if !effects_end(&world).await {
            return Err(log("effects are still waiting"));
        }
        let report = conclude(&world, &[page]).await?;
        let (tickets, told) = (world.desk.tickets(), world.desk.told());
        let [run] = &report.runs[..] else { return Err(log("one run")) };
        if run.phase() != RunPhase::Exhausted || run.ticket_at(DESK).is_none() {
            return Err(log("the run is exhausted, and names its ticket"));
        }
        if tickets != [run.id().clone()] {
            return Err(log(&format!("one ticket, not {tickets:?}")));
        }
        Ok(Ticketed { report, tickets, told })
    })
}

/// Lets time pass until the run's effects have ended. `false`: that did not come about in time.
async fn effects_end(world: &Arc<World>) -> bool {
    let end = world.clock.now() + SignedDuration::try_from(DONE_WITHIN).unwrap_or(SignedDuration::ZERO);
    while world.clock.now() < end {
        world.wait_ms(5_000).await;
        let counts = world.store.audit_counts().await.map(|counts| counts.effects);
        // The ticket, that the run is exhausted, and that the ticket was opened.
        if counts.is_ok_and(|counts| counts.due >= 3 && counts.waiting == 0 && counts.balances()) {
            return true;
        }
    }
    false
}
