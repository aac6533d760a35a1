//! Many events of one group within a short while, for two people.
//!
//! In: how many, and deaths and faults. Out: a report in which each recipient was told of each event.
//! Never: takes a text that was told of twice, or not at all, for one that was told once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    doubt::DoubtSchedule,
    event::Event,
    id::MessageId,
    message::MessagePhase,
    poll::PollSchedule,
    provider::ProviderStatus,
    run::{Run, RunPhase},
    workflow::{Flapping, Grouping, OnDoubt, Stage, Target, Workflow, WorkflowDefinition},
};
use serde_json::json;

use crate::{
    chance::{Chance, Fault},
    provider::Taken,
    provider_calls::reply,
    scenario::{Report, Script, conclude, contacts, event, on_a_paused_clock, step},
    world::{Habits, World},
};

/// How long texts of a group are held, in seconds.
const WINDOW_S: u32 = 60;

/// A storm.
#[derive(Debug, Clone, Default)]
pub struct Storm {
    /// Faults as this seed says, instead of those of the script.
    pub seed: Option<u64>,
    /// Deaths and faults.
    pub script: Script,
    /// How many events.
    pub events: u64,
    /// Milliseconds between two of them.
    pub every_ms: u64,
    /// What the first recipient replies to their first digest, before its code.
    pub answer: Option<&'static str>,
    /// From the reply on no wake-up arrives.
    pub loses_wake_ups: bool,
    /// Events that are resolved before the window ends.
    pub resolved: u64,
    /// They are resolved once everybody was told, and who was texted hears of that.
    pub all_clear: bool,
    /// Each event goes by itself.
    pub ungrouped: bool,
    /// All events are of one subject, each is resolved, and that counts as flapping.
    pub flaps: bool,
}

fn workflow(storm: &Storm) -> Workflow {
    let schema =
        json!({"type": "object", "properties": {"text": {"type": "string"}, "phone": {"type": "string"}}});
    let mut both = step("first", None, Some(300));
    both.notify.push(Target::Contact("second".to_owned()));
    let steps = vec![both, step("second", None, Some(600))];
    let text = "{{ text }}. Reply ACK {{ ack }}";
    let mut definition = WorkflowDefinition::new("storm", "storm.created", text, schema, steps);
    definition.stage = Stage::Live;
    definition.on_doubt = OnDoubt::Resend;
    definition.resolved_by = Some("storm.resolved".to_owned());
    definition.all_clear = storm.all_clear;
    definition.doubt_ask_after = DoubtSchedule(vec![40, 60, 180, 600]);
    definition.poll_after = PollSchedule(vec![20, 60, 300, 1_200]);
    let flapping = storm.flaps.then_some(Flapping { changes: 4, within_s: 600 });
    let grouping = Grouping { by: Vec::new(), window_s: WINDOW_S, at_once: None, flapping };
    definition.grouping = (!storm.ungrouped).then_some(grouping);
    Workflow::compile(definition).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// Lets it come, and waits until all is told.
///
/// # Errors
/// The first thing that must not be, with the log.
pub fn run_storm(storm: &Storm) -> Result<Report, String> {
    let storm = storm.clone();
    on_a_paused_clock(async move {
        let Script { deaths, always, first, .. } = storm.script.clone();
        let chance = match storm.seed {
            Some(seed) => Chance::wild(seed),
            None => Chance::scripted(deaths, always, first),
        };
        let world = {
            let habits = Habits { notices: storm.all_clear, ..Habits::default() };
            World::start(chance, vec![workflow(&storm)], contacts(), habits).await
        };
        let mut sent = Vec::new();
        for number in 0..storm.events {
            let mut event = event("storm.created", number);
            if storm.flaps {
                event.subject = Some("flapping".to_owned());
            }
            world.send(&event).await;
            if storm.flaps && number + 1 < storm.events {
                world.wait_ms(1_000).await;
                world.send(&resolving(&event, number)).await;
            }
            sent.push(event);
            world.wait_ms(storm.every_ms).await;
        }
        if storm.all_clear {
            world.wait_ms(u64::from(WINDOW_S) * 1_500).await;
        }
        for event in sent.iter().skip(1).take(usize::try_from(storm.resolved).unwrap_or(0)) {
            world.send(&resolving(event, sent.len() as u64)).await;
        }
        if let Some(word) = storm.answer {
            answer(&world, word, storm.loses_wake_ups).await;
        }
        world.wait_ms(240_000).await;
        world.chance.calm();
        let report = conclude(&world, &sent).await?;
        check(&report).map_err(|fault| format!("{fault}\n{}", report.log.join("\n")))?;
        Ok(report)
    })
}

fn resolving(event: &Event, number: u64) -> Event {
    let mut resolving = crate::scenario::event("storm.resolved", 1_000 + number);
    resolving.key.id = format!("end of {}", event.key.id);
    resolving.subject.clone_from(&event.subject);
    resolving
}

/// Waits for the first digest, and replies to it.
async fn answer(world: &Arc<World>, word: &str, loses_wake_ups: bool) {
    for _ in 0..300 {
        world.wait_ms(1_000).await;
        let digest = world.provider.taken().into_iter().find(|text| text.submission.body.0.starts_with('+'));
        let Some(digest) = digest.filter(|text| text.status == ProviderStatus::Delivered) else { continue };
        let code = digest.submission.body.0.rsplit(' ').next().unwrap_or_default().to_owned();
        if loses_wake_ups {
            world.chance.begin(Fault::WakeUpLost);
        }
        return reply(world, &digest.submission, &format!("{word}{code}")).await;
    }
}

/// Each message that was not withdrawn was told of, by its own text or by one digest, and knows by which.
fn check(report: &Report) -> Result<(), String> {
    let find = |id: &MessageId| report.runs.iter().find(|run| *run.id() == id.run)?.message(id.number);
    let mut told: BTreeMap<MessageId, BTreeSet<MessageId>> = BTreeMap::new();
    for Taken { submission, .. } in &report.taken {
        let carrier = &submission.message;
        told.entry(carrier.clone()).or_default().insert(carrier.clone());
        for member in find(carrier).and_then(|message| message.digest()).iter().flat_map(|one| &one.members) {
            told.entry(member.clone()).or_default().insert(carrier.clone());
        }
    }
    for run in &report.runs {
        for message in run.messages() {
            let id = run.message_id(message.number());
            let by = told.get(&id).cloned().unwrap_or_default();
            #[expect(clippy::wildcard_enum_match_arm, reason = "the others are looked at below")]
            match message.phase() {
                MessagePhase::Told { by: carrier, .. } => {
                    let lists =
                        find(carrier).and_then(|one| one.digest()).is_some_and(|d| d.members.contains(&id));
                    let failed =
                        find(carrier).is_some_and(|one| matches!(one.phase(), MessagePhase::Dead { .. }));
                    if !lists || (by.is_empty() && !failed) {
                        return Err(format!("{id} was told by {carrier}, which does not tell of it"));
                    }
                }
                MessagePhase::Submitted { .. } if by.is_empty() => return Err(format!("{id} went nowhere")),
                _ => {}
            }
            let delivered = |carrier: &&MessageId| find(carrier).is_some_and(|one| one.is_delivered());
            if by.iter().filter(delivered).count() > 1 {
                return Err(format!("{id} was told of by {by:?}"));
            }
            // What it carries may be told to another number of the same person.
            let is_done = matches!(message.phase(), MessagePhase::Cancelled | MessagePhase::Dead { .. });
            if by.is_empty() && !is_done && run.phase() != RunPhase::Resolved && !is_failed(message.phase()) {
                return Err(format!("nobody was told of {id}, which is {}", message.phase().name()));
            }
        }
        if run.messages().is_empty() && run.phase() != RunPhase::Resolved {
            return Err(format!("run {} has no text", run.id()));
        }
    }
    Ok(())
}

fn is_failed(phase: &MessagePhase) -> bool {
    matches!(phase, MessagePhase::Told { status, .. } if status.is_failure())
}

impl Report {
    /// Texts that tell of several runs, in order.
    pub fn digests(&self) -> Vec<&Taken> {
        self.taken.iter().filter(|text| text.submission.body.0.starts_with('+')).collect()
    }

    /// The runs in this phase.
    pub fn in_phase(&self, phase: RunPhase) -> Vec<&Run> {
        self.runs.iter().filter(|run| run.phase() == phase).collect()
    }
}
