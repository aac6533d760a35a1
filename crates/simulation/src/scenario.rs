//! What happens in a simulated run, and what must hold at its end.
//!
//! In: a seed, or a script of deaths. Out: a [`Report`], or the first thing that is wrong with it.
//! Never: forgives a doubled text that nothing explains.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use control::{Principal, Request};
use domain::{
    directory::Contact,
    doubt::DoubtSchedule,
    event::{Event, EventKey},
    id::{MessageId, RunId},
    message::MessagePhase,
    poll::PollSchedule,
    provider::ProviderStatus,
    run::Run,
    timeline::{DoubtResolvedBy, TimelineEvent},
    workflow::{AcknowledgedBy, OnDoubt, Stage, Step, Target, Workflow, WorkflowDefinition},
};
use ports::{
    AuditStore as _, DeadLetterStore as _, RunStore as _,
    store::{DeadLetterFilter, readable},
};
use serde_json::json;

use crate::{
    chance::{Chance, Fault, Point, Side},
    provider::Taken,
    world::{Habits, World, lane_of},
};

/// Simulated time after which every run must have ended: the longest deadlines, doubts and questions, and some more.
pub(crate) const QUIET_WITHIN: Duration = Duration::from_secs(4 * 3_600);
/// How long faults happen.
const WILD_MS: u64 = 240_000;

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// What happened, in order.
    pub log: Vec<String>,
    /// How often each fault fired.
    pub fired: BTreeMap<Fault, u64>,
    /// The texts that the provider took.
    pub taken: Vec<Taken>,
    /// The runs as they ended.
    pub runs: Vec<Run>,
    /// Dead letters that are left.
    pub letters: usize,
}

/// Deaths and faults of a scripted run.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// Where processes die: at the nth time that this point is reached.
    pub deaths: Vec<(Point, Side, u32)>,
    /// What always goes wrong.
    pub always: Vec<Fault>,
    /// What goes wrong the first time that it can.
    pub first: Vec<Fault>,
    /// The event is published again, as a producer does that got no confirmation.
    pub published_twice: bool,
    /// With the process that dies, the store loses its runs.
    pub loses_runs: bool,
    /// The event is one that no workflow takes.
    pub is_poison: bool,
    /// The text is refused, and its dead letter replayed twice.
    pub is_replayed: bool,
}

pub(crate) fn step(target: &str, deliver_within_s: Option<u32>, ack_within_s: Option<u32>) -> Step {
    let target: Target = match target.split_once(':') {
        Some(("field", path)) => Target::Field(path.to_owned()),
        _ => Target::Contact(target.to_owned()),
    };
    Step { notify: vec![target], deliver_within_s, ack_within_s, ..Step::default() }
}

/// Notes that are resent or left to review when in doubt, and pages for two people.
pub(crate) fn workflows() -> Vec<Workflow> {
    let schema = json!({"type": "object", "properties": {
        "text": {"type": "string"}, "phone": {"type": "string"}}});
    let note = |name: &str, on_doubt| {
        let steps = vec![step("field:phone", Some(3_600), None)];
        let mut definition =
            WorkflowDefinition::new(name, &format!("{name}.created"), "{{ text }}", schema.clone(), steps);
        definition.on_doubt = on_doubt;
        definition
    };
    let steps = vec![step("first", Some(120), Some(300)), step("second", None, Some(600))];
    let text = "{{ text }}. Reply ACK {{ ack }}";
    let mut page = WorkflowDefinition::new("page", "page.created", text, schema.clone(), steps);
    page.on_doubt = OnDoubt::Resend;
    page.resolved_by = Some("page.resolved".to_owned());
    page.all_clear = true;
    page.exhausted_ticket = Some("desk".to_owned());
    let crew = crew(&schema);
    [note("note", OnDoubt::Resend), note("held", OnDoubt::Review), page, crew]
        .into_iter()
        .map(|mut definition| {
            definition.stage = Stage::Live;
            definition.lane = lane_of(&definition.event);
            definition.doubt_ask_after = DoubtSchedule(vec![40, 60, 180, 600]);
            definition.poll_after = PollSchedule(vec![20, 60, 300, 1_200]);
            Workflow::compile(definition).unwrap_or_else(|errors| panic!("{errors:?}"))
        })
        .collect()
}

/// Everything that a workflow may say of how it escalates.
fn crew(schema: &serde_json::Value) -> WorkflowDefinition {
    let informs = Step { continue_after_s: Some(30), ..step("second", None, None) };
    let mut everybody = step("first", Some(60), Some(300));
    everybody.notify.push(Target::Contact("second".to_owned()));
    everybody.acknowledged_by = AcknowledgedBy::All;
    let delayed = Step { delay_s: Some(60), ..step("second", None, Some(300)) };
    let text = "{{ text }}. Reply ACK {{ ack }}";
    let steps = vec![informs, everybody, delayed];
    let mut crew = WorkflowDefinition::new("crew", "crew.created", text, schema.clone(), steps);
    crew.resolved_by = Some("crew.resolved".to_owned());
    crew.repeat = 1;
    crew.not_after_s = 2_700;
    crew.ack_expires_s = Some(600);
    crew.on_doubt = OnDoubt::Resend;
    crew.exhausted_ticket = Some("desk".to_owned());
    crew
}

pub(crate) fn contacts() -> BTreeMap<String, Contact> {
    let person = |name: &str, digit: u8| {
        let number = |digits: String| digits.parse().unwrap_or_else(|error| panic!("{error}"));
        let more = number(format!("+1415555020{digit}"));
        let number = number(format!("+1415555010{digit}"));
        (
            name.to_owned(),
            Contact {
                name: name.to_owned(),
                number,
                // The second of each.
                more_numbers: vec![more],
                time_zone: "UTC".to_owned(),
                team: None,
                email: None,
            },
        )
    };
    [person("first", 1), person("second", 2)].into()
}

pub(crate) fn event(kind: &str, number: u64) -> Event {
    let data = json!({"text": format!("Text {number}"), "phone": format!("+1415556{number:04}")});
    Event {
        key: EventKey { source: "sim".to_owned(), id: format!("e-{number}") },
        kind: kind.to_owned(),
        subject: Some(format!("s-{number}")),
        time: None,
        data: data.as_object().cloned().unwrap_or_default(),
        traceparent: None,
    }
}

/// The types of events, the last of which opens what a crew does.
const KINDS: [&str; 5] = ["note.created", "held.created", "page.created", "page.created", "crew.created"];
/// One of so many seeds has crews.
const CREW_EVERY: u64 = 8;

/// A whole simulation from one seed.
///
/// # Errors
/// The first thing that must not be, with the log.
pub fn run(seed: u64) -> Result<Report, String> {
    let habits = Habits { replies: true, notices: true, ..Habits::default() };
    on_a_paused_clock(async move {
        let world = World::start(Chance::wild(seed), workflows(), contacts(), habits).await;
        let count = 3 + world.chance.below(6);
        // What a crew does takes three times as long as all else.
        let kinds = if seed.is_multiple_of(CREW_EVERY) { &KINDS[..] } else { &KINDS[..KINDS.len() - 1] };
        let mut sent = Vec::new();
        for number in 0..count {
            let kind = kinds[world.chance.below(kinds.len() as u64) as usize];
            let event = event(kind, number);
            world.send(&event).await;
            let resolved = match kind {
                "page.created" => Some("page.resolved"),
                "crew.created" => Some("crew.resolved"),
                _ => None,
            };
            if let Some(kind) = resolved.filter(|_| world.chance.below(4) == 0) {
                let mut resolving = self::event(kind, 1_000 + number);
                resolving.subject.clone_from(&event.subject);
                world.wait_ms(world.chance.below(100_000)).await;
                world.send(&resolving).await;
            }
            sent.push(event);
            world.wait_ms(world.chance.below(20_000)).await;
        }
        world.wait_ms(WILD_MS).await;
        world.chance.calm();
        conclude(&world, &sent).await
    })
}

/// One note, with deaths and faults where the script says.
///
/// # Errors
/// As [`run`].
pub fn run_script(script: &Script) -> Result<Report, String> {
    let script = script.clone();
    on_a_paused_clock(async move {
        let mut always = script.always;
        always.extend(script.is_replayed.then_some(Fault::Refused));
        let chance = Chance::scripted(script.deaths, always, script.first);
        let habits = Habits { loses_runs: script.loses_runs, ..Habits::default() };
        let world = World::start(chance, workflows(), contacts(), habits).await;
        let event = event(if script.is_poison { "nobody.knows" } else { "note.created" }, 1);
        world.send(&event).await;
        if script.published_twice {
            world.send(&event).await;
        }
        world.wait_ms(10_000).await;
        world.chance.calm();
        if script.is_replayed {
            replay_twice(&world).await?;
        }
        let sent = if script.is_poison { &[] } else { std::slice::from_ref(&event) };
        conclude(&world, sent).await
    })
}

async fn replay_twice(world: &Arc<World>) -> Result<(), String> {
    let listed =
        world.store.dead_letters(&DeadLetterFilter::default(), 10).await.map_err(|e| e.to_string())?;
    let (letters, _) = readable(listed);
    let operator = Principal::operator("operator");
    for letter in letters.iter().chain(&letters) {
        let request = Request::Replay { id: letter.id.clone() };
        world.operator().execute(&operator, request).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

pub(crate) fn on_a_paused_clock<T>(scenario: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(scenario)
}

pub(crate) async fn conclude(world: &Arc<World>, sent: &[Event]) -> Result<Report, String> {
    let is_quiet = world.run_until_quiet(QUIET_WITHIN).await;
    let report = Report {
        log: world.log(),
        fired: world.chance.fired(),
        taken: world.provider.taken(),
        runs: world.store.all_runs(),
        letters: world
            .store
            .dead_letters(&DeadLetterFilter::default(), u16::MAX)
            .await
            .map_or(0, |l| l.len()),
    };
    let mut faults = Vec::new();
    if !is_quiet {
        faults.push("runs or deliveries are still open".to_owned());
    }
    check_runs(&report, sent, &mut faults);
    check_texts(world, &report, &mut faults).await;
    match world.store.audit_counts().await {
        Ok(counts) if counts.balances() && counts.events.pending == 0 => {}
        counts => faults.push(format!("the audit counts do not balance: {counts:?}")),
    }
    world.shut_down();
    if faults.is_empty() {
        Ok(report)
    } else {
        Err(format!("{}\n{}", faults.join("\n"), report.log.join("\n")))
    }
}

/// Every event has its run, and every run has ended with nothing under way.
fn check_runs(report: &Report, sent: &[Event], faults: &mut Vec<String>) {
    for event in sent {
        let workflow = event.kind.trim_end_matches(".created");
        let id = RunId::derive(&event.key.source, &event.key.id, workflow, event.subject.as_deref());
        match report.runs.iter().find(|run| *run.id() == id) {
            None => faults.push(format!("event {} has no run", event.key.id)),
            Some(run) if run.closed_at().is_none() => faults.push(format!("run {id} is {:?}", run.phase())),
            Some(_) => {}
        }
    }
    for run in &report.runs {
        for message in run.messages() {
            if !message.is_final() {
                faults.push(format!(
                    "message {} is {}",
                    run.message_id(message.number()),
                    message.phase().name()
                ));
            }
        }
    }
}

/// No text went out twice without a reason that the timeline names, and every status is known that the provider knows.
async fn check_texts(world: &World, report: &Report, faults: &mut Vec<String>) {
    let mut by_message: BTreeMap<&MessageId, Vec<&Taken>> = BTreeMap::new();
    for taken in &report.taken {
        by_message.entry(&taken.submission.message).or_default().push(taken);
    }
    for (id, texts) in by_message {
        let Some(run) = report.runs.iter().find(|run| *run.id() == id.run) else {
            faults.push(format!("text of {id}, and no such run"));
            continue;
        };
        let open = texts.iter().filter(|text| !text.status.is_failure()).count();
        let timeline = world.store.timeline(run.id()).await.unwrap_or_default();
        let unasked = timeline.iter().any(|entry| {
            matches!(&entry.what, TimelineEvent::DoubtResolved { by, evidence }
                if *by == DoubtResolvedBy::Resend && evidence.starts_with("the provider could not be asked"))
        });
        if open > 1 && !unasked {
            faults.push(format!("{id} went out {open} times: {timeline:#?}"));
        }
        let Some(message) = run.message(id.number) else { continue };
        if let MessagePhase::Submitted { sid, status, .. } = message.phase()
            && let Some(text) = texts.iter().find(|text| text.sid == *sid)
            && text.status.is_final()
            && *status != text.status
        {
            faults.push(format!("{id} is {status:?}, and at the provider {:?}", text.status));
        }
        let knows_it =
            matches!(message.phase(), MessagePhase::Submitted { .. } | MessagePhase::NeedsReview { .. });
        if texts.iter().any(|text| text.status == ProviderStatus::Delivered) && !knows_it {
            faults.push(format!("{id} arrived, and is {}", message.phase().name()));
        }
    }
}
