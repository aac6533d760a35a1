//! One event ends two runs that paged the same person.
//!
//! In: where processes die. Out: a report, with an all-clear among its texts.
//! Never: resolves before the pages have arrived.

use crate::{
    chance::Chance,
    scenario::{Report, Script, conclude, contacts, event, on_a_paused_clock, workflows},
    world::{Habits, World},
};

/// Two pages about one subject, and the event that resolves both.
///
/// # Errors
/// The first thing that must not be, with the log.
pub fn run_all_clear(script: &Script) -> Result<Report, String> {
    let Script { deaths, always, first, .. } = script.clone();
    on_a_paused_clock(async move {
        let chance = Chance::scripted(deaths, always, first);
        let habits = Habits { notices: true, ..Habits::default() };
        let world = World::start(chance, workflows(), contacts(), habits).await;
        let mut events = [event("page.created", 1), event("page.created", 2), event("page.resolved", 3)];
        for event in &mut events {
            event.subject = Some("db-1".to_owned());
            world.send(event).await;
            world.wait_ms(20_000).await;
        }
        world.chance.calm();
        conclude(&world, &events[..2]).await
    })
}
