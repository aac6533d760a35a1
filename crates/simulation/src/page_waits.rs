//! How long a page waits in two kinds of trouble: the provider was away, or a sender is paused.
//!
//! In: how much other work there is. Out: the time from the end of the trouble, or from the event, to the page's text.
//! Never: a real minute.

use std::collections::BTreeSet;

use domain::{event::Event, id::RunId};
use jiff::{SignedDuration, Timestamp};
use ports::Clock as _;

use crate::{
    chance::{Chance, Fault},
    scenario::{QUIET_WITHIN, contacts, event, on_a_paused_clock, workflows},
    world::{Habits, World},
};

/// Notes that meet a provider in trouble, so that both senders stop.
const NOTES: u64 = 60;
/// How long nothing is taken, in milliseconds.
const OUTAGE_MS: u64 = 60_000;

/// Lets so many events that send nothing wait before a page while the provider is away: from its return to the page.
///
/// # Errors
/// What is not as it should be at the end.
pub fn page_behind_idle_events(count: u64) -> Result<SignedDuration, String> {
    on_a_paused_clock(async move {
        let chance = Chance::scripted(Vec::new(), vec![Fault::TooManyRequests], Vec::new());
        let world = World::start(chance, workflows(), contacts(), Habits::default()).await;
        for number in 0..NOTES {
            world.send(&event("note.created", number)).await;
        }
        world.wait_ms(OUTAGE_MS).await;
        for number in 0..count {
            world.send(&event("page.resolved", 1_000 + number)).await;
        }
        let page = event("page.created", 2_000);
        world.send(&page).await;
        let returned = world.clock.now();
        world.chance.calm();
        let sent_at = text_of(&world, &page).await?;
        world.shut_down();
        Ok(sent_at.duration_since(returned))
    })
}

/// Sends a page to a sender that is then paused for longer than its connection and its claims last, and so many notes:
/// from the event to the page.
///
/// # Errors
/// What is not as it should be at the end, texts that went out twice among it.
pub fn page_at_a_frozen_sender(notes: u64) -> Result<SignedDuration, String> {
    on_a_paused_clock(async move {
        let chance = Chance::scripted(Vec::new(), Vec::new(), vec![Fault::Frozen]);
        let world = World::start(chance, workflows(), contacts(), Habits::default()).await;
        let (page, begun) = (event("page.created", 2_000), world.clock.now());
        world.send(&page).await;
        for number in 0..notes {
            world.send(&event("note.created", number)).await;
        }
        let sent_at = text_of(&world, &page).await?;
        world.shut_down();
        if world.chance.fired().get(&Fault::Frozen) != Some(&1) {
            return Err("no sender was paused".to_owned());
        }
        let taken = world.provider.taken();
        let texts: BTreeSet<_> = taken.iter().map(|text| &text.submission.message).collect();
        if texts.len() != taken.len() {
            return Err(format!("{} texts for {} messages", taken.len(), texts.len()));
        }
        Ok(sent_at.duration_since(begun))
    })
}

async fn text_of(world: &World, page: &Event) -> Result<Timestamp, String> {
    if !world.run_until_quiet(QUIET_WITHIN).await {
        return Err("something is to be done still".to_owned());
    }
    let run = RunId::derive(&page.key.source, &page.key.id, "page", page.subject.as_deref());
    let taken = world.provider.taken();
    let text = taken.iter().find(|text| text.submission.message.run == run);
    text.map(|text| text.at).ok_or_else(|| "the page sent no text".to_owned())
}
