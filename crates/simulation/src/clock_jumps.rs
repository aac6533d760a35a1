//! The machines' clock is set while pages and notes are under way.
//!
//! In: by how much it is set. Out: a report, or when the second person of a page was texted.
//! Never: sets the provider's clock apart from ours.

use domain::{
    event::Event,
    id::{MessageId, RunId},
};
use jiff::{SignedDuration, Timestamp};
use ports::Clock as _;

use crate::{
    chance::{Chance, Fault},
    scenario::{Report, conclude, contacts, event, on_a_paused_clock, workflows},
    world::{Habits, World},
};

/// How long the clock runs between two jumps.
const BETWEEN_MS: u64 = 20_000;

/// A page and a note before each jump, and one of each after the last. Then time passes until all of them have ended.
///
/// # Errors
/// The first thing that must not be, with the log.
pub fn run_clock_jumps(jumps: &[SignedDuration]) -> Result<Report, String> {
    let jumps = jumps.to_vec();
    on_a_paused_clock(async move {
        let chance = Chance::scripted(Vec::new(), Vec::new(), Vec::new());
        let world = World::start(chance, workflows(), contacts(), Habits::default()).await;
        let mut sent = Vec::new();
        for number in 0..=jumps.len() {
            for (kind, number) in [("page.created", number), ("note.created", 100 + number)] {
                let event = event(kind, number as u64);
                world.send(&event).await;
                sent.push(event);
            }
            world.wait_ms(BETWEEN_MS).await;
            if let Some(jump) = jumps.get(number) {
                world.note(format!("the clock is set by {jump}"));
                world.clock.set_by(*jump);
                world.wait_ms(BETWEEN_MS).await;
            }
        }
        conclude(&world, &sent).await
    })
}

/// A page whose first person does not answer, and a clock that is set past that person's deadline: how long after that
/// the second person is texted.
///
/// # Errors
/// As [`run_clock_jumps`].
pub fn escalation_over_a_jump(jump: SignedDuration) -> Result<SignedDuration, String> {
    on_a_paused_clock(async move {
        let chance = Chance::scripted(Vec::new(), Vec::new(), Vec::new());
        let world = World::start(chance, workflows(), contacts(), Habits::default()).await;
        let page = event("page.created", 1);
        world.send(&page).await;
        world.wait_ms(BETWEEN_MS).await;
        world.clock.set_by(jump);
        let set_at = world.clock.now();
        second_text(&conclude(&world, std::slice::from_ref(&page)).await?, &page, set_at)
    })
}

/// A page after the clock was set, whose timers are lost, so that a sweep that began before must find it: how long after
/// the page the second person is texted.
///
/// # Errors
/// As [`run_clock_jumps`].
pub fn escalation_after_a_jump(jump: SignedDuration) -> Result<SignedDuration, String> {
    on_a_paused_clock(async move {
        let chance = Chance::scripted(Vec::new(), vec![Fault::WakeUpLost], Vec::new());
        let world = World::start(chance, workflows(), contacts(), Habits::default()).await;
        world.wait_ms(BETWEEN_MS).await;
        world.clock.set_by(jump);
        let (page, sent_at) = (event("page.created", 1), world.clock.now());
        world.send(&page).await;
        world.wait_ms(BETWEEN_MS).await;
        world.chance.calm();
        second_text(&conclude(&world, std::slice::from_ref(&page)).await?, &page, sent_at)
    })
}

fn second_text(report: &Report, page: &Event, since: Timestamp) -> Result<SignedDuration, String> {
    let run = RunId::derive(&page.key.source, &page.key.id, "page", page.subject.as_deref());
    let second = MessageId { run, number: 2 };
    let text = report.taken.iter().find(|text| text.submission.message == second);
    text.map(|text| text.at.duration_since(since)).ok_or_else(|| report.log.join("\n"))
}
