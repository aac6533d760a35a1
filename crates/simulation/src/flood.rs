//! A source that floods the exchange, where no quota applies, and a second source that sends now and then.
//!
//! In: how much of a flood. Out: how long the other's texts took, and how long the flood's. Never: a real minute.

use domain::{id::RunId, run::Run, workflow::Lane};
use jiff::{SignedDuration, Timestamp};
use ports::Clock as _;

use crate::{
    chance::Chance,
    scenario::{QUIET_WITHIN, contacts, event, on_a_paused_clock, workflows},
    world::{Habits, World},
};

/// Events a second within the share of each source, and segments a second of the sending number.
const RATES: (u32, u32) = (1, 10);
/// Events of the quiet source, one a second.
const QUIET: u64 = 20;

/// The outcome.
#[derive(Debug, Clone)]
pub struct Flood {
    /// The longest time from an event of the quiet source to its text.
    pub quiet_waited: SignedDuration,
    /// The same of the flood.
    pub flood_waited: SignedDuration,
    /// Runs of the flood that gave way.
    pub lowered: usize,
    /// Runs of the quiet source that did.
    pub quiet_lowered: usize,
    /// Texts that were sent.
    pub texts: usize,
}

/// Lets one source send so many notes at once, and another one a second.
///
/// # Errors
/// What is not as it should be at the end.
pub fn run_flood(count: u64) -> Result<Flood, String> {
    on_a_paused_clock(async move {
        let habits = Habits { rates: Some(RATES), ..Habits::default() };
        let world = World::start(
            Chance::scripted(Vec::new(), Vec::new(), Vec::new()),
            workflows(),
            contacts(),
            habits,
        )
        .await;
        let from = |source: &str, number| {
            let mut event = event("note.created", number);
            source.clone_into(&mut event.key.source);
            event
        };
        let mut sent: Vec<(RunId, bool, Timestamp)> = Vec::new();
        let mut send = async |source: &str, number| {
            let event = from(source, number);
            let run = RunId::derive(source, &event.key.id, "note", event.subject.as_deref());
            sent.push((run, source == "quiet", world.clock.now()));
            world.send(&event).await;
        };
        send("quiet", count).await;
        world.wait_ms(1_000).await;
        for number in 0..count {
            send("flood", number).await;
        }
        for number in 1..QUIET {
            send("quiet", count + number).await;
            world.wait_ms(1_000).await;
        }
        if !world.run_until_quiet(QUIET_WITHIN).await {
            return Err("something is to be done still".to_owned());
        }
        let (taken, runs) = (world.provider.taken(), world.store.all_runs());
        let waited = |is_quiet: bool| {
            let waits = sent.iter().filter(|(_, quiet, _)| *quiet == is_quiet).map(|(run, _, at)| {
                let text = taken.iter().find(|text| text.submission.message.run == *run);
                text.map(|text| text.at.duration_since(*at)).ok_or_else(|| format!("{run} sent no text"))
            });
            waits.collect::<Result<Vec<_>, _>>().map(|waits| waits.into_iter().max().unwrap_or_default())
        };
        let lowered = |source: &str| {
            let gave_way = |run: &&Run| run.event().source == source && run.lane() > Lane::Standard;
            runs.iter().filter(gave_way).count()
        };
        world.shut_down();
        Ok(Flood {
            quiet_waited: waited(true)?,
            flood_waited: waited(false)?,
            lowered: lowered("flood"),
            quiet_lowered: lowered("quiet"),
            texts: taken.len(),
        })
    })
}
