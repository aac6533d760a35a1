//! One event, or several at one moment, end two runs that paged the same person.
//!
//! In: where processes die. Out: a report, with an all-clear among its texts.
//! Never: resolves before the pages have arrived.

use futures::future::join_all;

use crate::{
    chance::Chance,
    scenario::{Report, Script, conclude, contacts, event, on_a_paused_clock, workflows},
    world::{Habits, World},
};

/// Two pages about one subject, and events that resolve both, as many as `resolving`, all at one moment.
///
/// # Errors
/// The first thing that must not be, with the log.
pub fn run_all_clear(script: &Script, resolving: u64) -> Result<Report, String> {
    let Script { deaths, always, first, .. } = script.clone();
    on_a_paused_clock(async move {
        let chance = Chance::scripted(deaths, always, first);
        let habits = Habits { notices: true, ..Habits::default() };
        let world = World::start(chance, workflows(), contacts(), habits).await;
        let about_db_1 = |kind, number| {
            let mut event = event(kind, number);
            event.subject = Some("db-1".to_owned());
            event
        };
        let pages = [1, 2].map(|number| about_db_1("page.created", number));
        for page in &pages {
            world.send(page).await;
            world.wait_ms(20_000).await;
        }
        let ends: Vec<_> = (3..3 + resolving).map(|number| about_db_1("page.resolved", number)).collect();
        join_all(ends.iter().map(|end| world.send(end))).await;
        world.wait_ms(20_000).await;
        world.chance.calm();
        conclude(&world, &pages).await
    })
}
