//! What a workflow would do: one event in simulated time. In: an event, a workflow, people, and what is assumed to become of
//! texts. Out: the texts that would be sent, when and to whom, and how the run would end.
//!
//! Never: sends, stores, or knows of more than one run: rate limits, opt-outs, silences and overrides of a store are not there.

mod groups;
mod report;

use jiff::Timestamp;

use crate::{
    admission::Admission,
    consent::Consent,
    directory::Directory,
    event::{Event, EventKey},
    message::{Message, MessageEvent},
    policy::Environment,
    provider::{FailureClass, ProviderMessageId, ProviderStatus, SubmitOutcome},
    run::{Addressee, Audience, Dispatch, DispatchInput, Run, RunPhase, StepContext},
    time::after_ms,
    timeline::Entry,
    workflow::Workflow,
};

pub use groups::SimulatedGroups;
pub use report::{SimulatedNote, SimulatedRun, SimulatedText};

/// Most looks at one run: far more than one needs that ends.
const LOOKS_MAX: u32 = 10_000;
/// The code of a text that is assumed not to arrive: "Unreachable destination handset" (Twilio, error 30003).
const UNREACHABLE: u32 = 30_003;

/// What is assumed to become of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssumedOutcome {
    /// Whether it arrives.
    pub arrives: bool,
    /// After how many milliseconds its final status comes.
    pub status_after_ms: i64,
    /// After how many milliseconds its recipient acknowledges; never without it.
    pub acknowledged_after_ms: Option<i64>,
}

impl Default for AssumedOutcome {
    /// Delivered after 5 seconds, and not acknowledged.
    fn default() -> Self {
        Self { arrives: true, status_after_ms: 5_000, acknowledged_after_ms: None }
    }
}

/// What surrounds the events.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The workflow.
    pub workflow: &'a Workflow,
    /// People and rotations.
    pub directory: &'a Directory,
    /// Where callout runs.
    pub environment: &'a Environment,
}

/// What is expected to happen to a run.
enum Expected {
    Status(u16, ProviderMessageId, bool),
    Acknowledgement(u16),
    Resolution(EventKey),
}

/// Follows one event, which happens at `at`, to the end of its run. `assumed` says what becomes of a text; `resolved` is the
/// event that resolves it, if one does.
pub fn simulate(
    event: &Event,
    at: Timestamp,
    around: &Surroundings<'_>,
    groups: &mut SimulatedGroups,
    resolved: Option<(EventKey, Timestamp)>,
    assumed: &dyn Fn(&Message) -> AssumedOutcome,
) -> SimulatedRun {
    let mut expected: Vec<(Timestamp, Expected)> = Vec::new();
    expected.extend(resolved.map(|(by, at)| (at, Expected::Resolution(by))));
    let mut timeline = Vec::new();
    let mut ctx = StepContext::new(around.workflow, around.environment, at);
    let mut run = Run::open(event, &mut ctx);
    let first = run.planned_step(at);
    go_on(&mut run, first, around, groups, &mut ctx, &mut expected, assumed);
    timeline.append(&mut ctx.effects.timeline);
    for _ in 0..LOOKS_MAX {
        let may_page = run.phase() == RunPhase::Active || run.ack_hold().is_some();
        let is_over = !may_page && expected.is_empty();
        let due = run.next_due(around.workflow).filter(|_| may_page);
        let next = expected.iter().map(|(at, _)| *at).chain(due).min();
        let Some(now) = next.filter(|_| !is_over) else { break };
        let mut ctx = StepContext::new(around.workflow, around.environment, now.max(ctx_now(&timeline, at)));
        let (come, later) = expected.into_iter().partition::<Vec<_>, _>(|(at, _)| *at <= now);
        expected = later;
        for (_, what) in come {
            take(&mut run, what, &mut ctx);
        }
        groups.answer(&mut run, &mut ctx);
        let next = run.tick(&mut ctx);
        go_on(&mut run, next, around, groups, &mut ctx, &mut expected, assumed);
        timeline.append(&mut ctx.effects.timeline);
    }
    report::told(event, at, &run, &timeline)
}

/// Simulated time does not run backwards.
fn ctx_now(timeline: &[Entry], at: Timestamp) -> Timestamp {
    timeline.last().map_or(at, |entry| entry.at)
}

/// Starts steps for as long as one ends at once, and sends what may be sent.
fn go_on(
    run: &mut Run,
    first: Option<u8>,
    around: &Surroundings<'_>,
    groups: &mut SimulatedGroups,
    ctx: &mut StepContext<'_>,
    expected: &mut Vec<(Timestamp, Expected)>,
    assumed: &dyn Fn(&Message) -> AssumedOutcome,
) {
    let mut next = first;
    while let Some(step) = next {
        let audience = audience(run, step, around, ctx.now);
        run.start_step(step, &audience, ctx);
        groups.answer(run, ctx);
        next = run.tick(ctx);
    }
    for number in run.ready(ctx.now) {
        send(run, number, ctx, expected, assumed);
    }
}

fn audience(run: &Run, step: u8, around: &Surroundings<'_>, now: Timestamp) -> Audience {
    let Some(step) = around.workflow.step(step) else { return Audience::default() };
    let found = run.recipients(step, &around.workflow.definition, around.directory, &[], now);
    let addressee = |recipient| Addressee { recipient, consent: Consent::default(), taken: Vec::new() };
    Audience {
        addressees: found.found.into_iter().map(addressee).collect(),
        unresolved: found.unresolved,
        ..Audience::default()
    }
}

/// Sends a text, which the provider takes at once, and notes what is assumed to become of it.
fn send(
    run: &mut Run,
    number: u16,
    ctx: &mut StepContext<'_>,
    expected: &mut Vec<(Timestamp, Expected)>,
    assumed: &dyn Fn(&Message) -> AssumedOutcome,
) {
    let Some(message) = run.message(number) else { return };
    let (epoch, becomes) = (message.epoch(), assumed(message));
    let input = DispatchInput { consent: &Consent::default(), admission: &Admission::default() };
    let Dispatch::Send(request) = run.begin_dispatch(number, epoch, &input, ctx) else { return };
    let Ok(sid) = format!("simulated-{number}-{}", request.attempt).parse::<ProviderMessageId>() else {
        return;
    };
    let outcome = SubmitOutcome::Sent { sid: sid.clone(), status: ProviderStatus::Accepted };
    let answered = MessageEvent::Answered { attempt: request.attempt, outcome: &outcome, in_outage: false };
    run.apply_to_message(number, &answered, ctx);
    let status_at = after_ms(ctx.now, becomes.status_after_ms);
    expected.push((status_at, Expected::Status(number, sid, becomes.arrives)));
    let acknowledged_at = becomes.acknowledged_after_ms.map(|wait_ms| after_ms(ctx.now, wait_ms));
    expected.extend(acknowledged_at.map(|at| (at, Expected::Acknowledgement(number))));
}

fn take(run: &mut Run, what: Expected, ctx: &mut StepContext<'_>) {
    match what {
        Expected::Status(number, sid, arrives) => {
            let (status, code, class) = if arrives {
                (ProviderStatus::Delivered, None, FailureClass::Informational)
            } else {
                (ProviderStatus::Undelivered, Some(UNREACHABLE), FailureClass::Recipient)
            };
            run.apply_to_message(number, &MessageEvent::Status { sid: &sid, status, code, class }, ctx);
        }
        // One that comes after the end changes nothing here.
        Expected::Acknowledgement(number) if run.phase() == RunPhase::Active => {
            let by = run.message(number).map(|message| message.recipient().shown_name()).unwrap_or_default();
            run.acknowledge(&by, "reply", Some(number), ctx);
        }
        Expected::Acknowledgement(_) => {}
        Expected::Resolution(by) => {
            run.resolve(&by, &[], ctx);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;
    use crate::{
        directory::Contact,
        workflow::{Grouping, Stage, Step, Target, WorkflowDefinition},
    };

    fn at(minute: i64) -> Timestamp {
        "2026-01-05T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
    }

    /// First, then second, each for ten minutes.
    fn workflow() -> Workflow {
        let step = |name: &str| Step {
            notify: vec![Target::Contact(name.to_owned())],
            deliver_within_s: Some(300),
            ack_within_s: Some(600),
            ..Step::default()
        };
        let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
        let steps = vec![step("first"), step("second")];
        let mut definition = WorkflowDefinition::new("w", "e", "{{ text }} ACK {{ ack }}", schema, steps);
        definition.stage = Stage::Live;
        definition.exhausted_ticket = Some("desk".to_owned());
        Workflow::compile(definition).unwrap()
    }

    fn simulated(
        resolved: Option<(EventKey, Timestamp)>,
        assumed: &dyn Fn(&Message) -> AssumedOutcome,
    ) -> SimulatedRun {
        simulated_in(&workflow(), resolved, assumed)
    }

    fn simulated_in(
        workflow: &Workflow,
        resolved: Option<(EventKey, Timestamp)>,
        assumed: &dyn Fn(&Message) -> AssumedOutcome,
    ) -> SimulatedRun {
        simulated_at(workflow, "e-1", 0, &mut SimulatedGroups::default(), resolved, assumed)
    }

    fn simulated_at(
        workflow: &Workflow,
        id: &str,
        minute: i64,
        groups: &mut SimulatedGroups,
        resolved: Option<(EventKey, Timestamp)>,
        assumed: &dyn Fn(&Message) -> AssumedOutcome,
    ) -> SimulatedRun {
        let contact = |number: &str| Contact {
            name: number.to_owned(),
            number: number.parse().unwrap(),
            more_numbers: vec![format!("{number}0").parse().unwrap()],
            time_zone: "UTC".into(),
            team: None,
            email: None,
        };
        let contacts =
            [("first".to_owned(), contact("+14155550111")), ("second".to_owned(), contact("+14155550112"))];
        let directory = Directory { contacts: contacts.into(), ..Directory::default() };
        let event = Event {
            key: EventKey { source: "s".into(), id: id.into() },
            kind: "e".into(),
            subject: Some("db-1".into()),
            time: Some(at(minute)),
            data: json!({"text": "Down"}).as_object().unwrap().clone(),
            traceparent: None,
        };
        let environment = Environment::default();
        let around = Surroundings { workflow, directory: &directory, environment: &environment };
        simulate(&event, at(minute), &around, groups, resolved, assumed)
    }

    /// When each text goes out, in minutes.
    fn sent(run: &SimulatedRun) -> Vec<i64> {
        run.texts.iter().map(|text| text.at.unwrap().duration_since(at(0)).as_mins()).collect()
    }

    #[test]
    fn what_follows_within_the_window_is_told_of_by_the_first_that_waits() {
        let mut definition = workflow().definition.as_ref().clone();
        definition.grouping = Some(Grouping { by: Vec::new(), window_s: 300, at_once: None, flapping: None });
        definition.steps.truncate(1);
        let workflow = Workflow::compile(definition).unwrap();
        let mut groups = SimulatedGroups::default();
        let mut run = |id: &str, minute| {
            simulated_at(&workflow, id, minute, &mut groups, None, &|_| AssumedOutcome::default())
        };
        let runs = [run("e-1", 0), run("e-2", 1), run("e-3", 2), run("e-4", 6), run("e-5", 20)];
        let texts: Vec<_> = runs.iter().flat_map(|run| &run.texts).collect();
        let at = |minute| Some(at(minute));
        let expected = [at(0), at(5), None, at(10), at(20)];
        assert_eq!(texts.iter().map(|text| text.at).collect::<Vec<_>>(), expected, "{runs:#?}");
        assert_eq!(texts[2].status, "told");
        assert_eq!(runs[2].notes.len(), 2, "{:?}", runs[2].notes);
    }

    #[test]
    fn nobody_acknowledges_unless_that_is_assumed() {
        let run = simulated(None, &|_| AssumedOutcome::default());
        assert_eq!((run.phase, sent(&run), run.ended_at), (RunPhase::Exhausted, vec![0, 10], Some(at(20))));
        assert_eq!(run.tickets, ["desk"]);
        assert!(run.texts.iter().all(|text| text.status == "delivered"), "{run:?}");
    }

    #[test]
    fn an_acknowledgement_a_failure_and_a_resolution_change_what_follows() {
        let acknowledged =
            AssumedOutcome { acknowledged_after_ms: Some(60_000), ..AssumedOutcome::default() };
        let run = simulated(None, &|_| acknowledged);
        assert_eq!((run.phase, sent(&run), run.ended_at), (RunPhase::Acknowledged, vec![0], Some(at(1))));

        let lost = AssumedOutcome { arrives: false, ..AssumedOutcome::default() };
        let run = simulated(None, &|message| if message.step() == 0 { lost } else { acknowledged });
        assert_eq!((run.phase, sent(&run)), (RunPhase::Acknowledged, vec![0, 0, 0]), "at once: {run:?}");
        let next = "text 1 was not delivered: it goes to the next number of +14155550111";
        assert_eq!(run.notes.iter().map(|note| note.text.as_str()).collect::<Vec<_>>(), [next]);

        let by = EventKey { source: "s".into(), id: "e-2".into() };
        let run = simulated(Some((by, at(3))), &|_| AssumedOutcome::default());
        assert_eq!((run.phase, sent(&run), run.ended_at), (RunPhase::Resolved, vec![0], Some(at(3))));
    }

    #[test]
    fn rounds_delays_and_expired_acknowledgements_are_followed() {
        let mut definition = workflow().definition.as_ref().clone();
        definition.repeat = 1;
        definition.steps[1].delay_s = Some(300);
        let in_rounds = Workflow::compile(definition.clone()).unwrap();
        let run = simulated_in(&in_rounds, None, &|_| AssumedOutcome::default());
        assert_eq!(
            (run.phase, sent(&run), run.ended_at),
            (RunPhase::Exhausted, vec![0, 15, 25, 40], Some(at(50)))
        );
        assert!(run.notes.iter().any(|note| note.text == "step 2 started, round 2"), "{:?}", run.notes);

        definition.ack_expires_s = Some(1_800);
        let pages_again = Workflow::compile(definition).unwrap();
        let by = EventKey { source: "s".into(), id: "e-2".into() };
        let acknowledged =
            AssumedOutcome { acknowledged_after_ms: Some(60_000), ..AssumedOutcome::default() };
        let run = simulated_in(&pages_again, Some((by, at(70))), &|_| acknowledged);
        assert_eq!(
            (run.phase, sent(&run), run.ended_at),
            (RunPhase::Resolved, vec![0, 31, 62], Some(at(70)))
        );
        let expired = "not resolved since it was acknowledged: paging again from step 1";
        assert_eq!(run.notes.iter().filter(|note| note.text == expired).count(), 2);
    }
}
