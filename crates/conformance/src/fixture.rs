//! Small runs, made through the domain, and changes of them.
//!
//! In: the name of a case, so that cases never share an id. Out: changes as the roles would store them.
//! Never: a run that the domain could not have made.

use std::sync::{Arc, OnceLock};

use domain::{
    admission::Admission,
    consent::{Consent, ConsentChange, ConsentEntry},
    directory::Recipient,
    doubt::DoubtAnswer,
    event::{Event, EventKey},
    id::digest,
    message::{Message, MessageEvent},
    phone::E164,
    policy::Environment,
    provider::{FailureClass, ProviderMessageId, ProviderStatus, SubmitOutcome},
    run::{Addressee, Audience, Run, StepContext},
    timeline::DeadLetter,
    workflow::{Stage, Step, Target, Workflow, WorkflowDefinition},
};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use ports::{Change, Opened, OpeningEvent, Store, Versioned, store::Resolution};
use serde_json::{Map, json};

/// A moment in 2040, so many seconds after the first.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(2_208_988_800 + seconds).unwrap()
}

/// The same, in milliseconds.
pub fn at_ms(milliseconds: i64) -> Timestamp {
    at(0) + SignedDuration::from_millis(milliseconds)
}

/// A workflow of one step that waits for an acknowledgement.
pub fn workflow() -> &'static Workflow {
    static WORKFLOW: OnceLock<Workflow> = OnceLock::new();
    WORKFLOW.get_or_init(|| workflow_named("conformance-paging"))
}

/// The same under another name.
pub fn workflow_named(name: &str) -> Workflow {
    let schema =
        json!({"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]});
    let step =
        Step { notify: vec![Target::Contact("ada".into())], ack_within_s: Some(300), ..Step::default() };
    let template = "{{ title }}. Reply {{ ack }}";
    let mut definition = WorkflowDefinition::new(name, "conformance.critical", template, schema, vec![step]);
    definition.stage = Stage::Live;
    Workflow::compile(definition).unwrap()
}

/// The same, whose acknowledgement expires after ten minutes.
pub fn workflow_that_pages_again() -> Workflow {
    let mut definition = workflow().definition.as_ref().clone();
    definition.resolved_by = Some("conformance.resolved".to_owned());
    definition.ack_expires_s = Some(600);
    Workflow::compile(definition).unwrap()
}

/// A phone number of this case.
pub fn number(case: &str, n: u32) -> E164 {
    let digest = digest(&["number", case, &n.to_string()]);
    let digits: String = digest[..10].iter().map(|byte| char::from(b'0' + byte % 10)).collect();
    format!("+1{digits}").parse().unwrap()
}

/// A SID of this case.
pub fn sid(case: &str, n: u32) -> ProviderMessageId {
    let hex: String =
        digest(&["sid", case, &n.to_string()])[..16].iter().map(|b| format!("{b:02x}")).collect();
    format!("SM{hex}").parse().unwrap()
}

/// A run to be opened.
#[derive(Debug, Clone)]
pub struct Opening {
    case: &'static str,
    n: u32,
    subject: Option<String>,
    at: Timestamp,
    workflow: Workflow,
}

impl Opening {
    /// The `n`th run of a case, opened at the first moment.
    pub fn new(case: &'static str, n: u32) -> Self {
        Self { case, n, subject: None, at: at(0), workflow: workflow().clone() }
    }

    /// About this subject.
    pub fn subject(mut self, subject: &str) -> Self {
        self.subject = Some(format!("{}/{subject}", self.case));
        self
    }

    /// Opened so many seconds after the first moment, for an event of that time.
    pub fn opened(mut self, seconds: i64) -> Self {
        self.at = at(seconds);
        self
    }

    /// Through this workflow.
    pub fn through(mut self, workflow: Workflow) -> Self {
        self.workflow = workflow;
        self
    }

    /// The change that opens it: one message, its intent to be sent stored, its claim due.
    pub fn change(&self) -> Change {
        let event = Event {
            key: EventKey { source: self.case.to_owned(), id: format!("{}-{}", self.case, self.n) },
            kind: "conformance.critical".to_owned(),
            subject: self.subject.clone(),
            time: Some(self.at),
            data: [("title".to_owned(), json!("db-1 is down"))].into_iter().collect(),
            traceparent: None,
        };
        let environment = Environment::default();
        let mut ctx = StepContext::new(&self.workflow, &environment, self.at);
        let mut run = Run::open(&event, &mut ctx);
        let recipient = Recipient {
            target: "contact:ada".to_owned(),
            name: "Ada".to_owned(),
            number: number(self.case, self.n),
            more_numbers: Vec::new(),
            time_zone: Some("Europe/Berlin".to_owned()),
            taken_over: None,
        };
        let addressee = Addressee { recipient, consent: Consent::default(), taken: Vec::new() };
        let audience = Audience { addressees: vec![addressee], ..Audience::default() };
        run.start_step(0, &audience, &mut ctx);
        run.admit(1, &Admission::default(), &mut ctx);
        let effects = ctx.effects;
        let due = run.next_due(&self.workflow);
        assert!(due.is_some() && !effects.reply_routes.is_empty(), "the fixture makes a run with a claim");
        Change { due, needs_timer: true, ..Change::new(run, effects, &self.workflow) }
    }

    /// The change, due at this time.
    pub fn due(&self, due: Timestamp) -> Change {
        Change { due: Some(due), ..self.change() }
    }
}

/// The run after the provider took its message under this name.
pub fn submitted(run: &Run, sid: &ProviderMessageId, now: Timestamp) -> Change {
    let outcome = SubmitOutcome::Sent { sid: sid.clone(), status: ProviderStatus::Queued };
    change(run, now, |run, ctx| {
        let event = MessageEvent::Answered { attempt: 1, outcome: &outcome, in_outage: false };
        run.apply_to_message(1, &event, ctx);
    })
}

/// The run after a recipient acknowledged it.
pub fn acknowledged(run: &Run, now: Timestamp) -> Change {
    change(run, now, |run, ctx| run.acknowledge("ada", "reply", None, ctx))
}

/// The run after an operator ended it.
pub fn cancelled(run: &Run, now: Timestamp) -> Change {
    change(run, now, |run, ctx| {
        run.cancel("ada", ctx);
    })
}

/// The run after its steps were used up, which opens a ticket.
pub fn exhausted_with_ticket(run: &Run, now: Timestamp) -> Change {
    let mut definition = WorkflowDefinition::clone(&workflow().definition);
    definition.exhausted_ticket = Some("desk".to_owned());
    let ticketing = Workflow::compile(definition).unwrap();
    change_in(&ticketing, run, now, |run, ctx| _ = run.escalate("ada", ctx))
}

/// The run as it ended after its message failed to arrive: nothing is left to be done.
pub fn ended(run: &Run, sid: &ProviderMessageId, now: Timestamp) -> Change {
    let mut first = submitted(run, sid, now);
    let failed = change(&first.run, now, |run, ctx| {
        let (status, class) = (ProviderStatus::Undelivered, FailureClass::Recipient);
        let event = MessageEvent::Status { sid, status, code: Some(30_005), class };
        run.apply_to_message(1, &event, ctx);
    });
    let second = cancelled(&failed.run, now);
    first.effects.timeline.extend(failed.effects.timeline);
    first.effects.timeline.extend(second.effects.timeline);
    first.effects.outcomes.extend(second.effects.outcomes);
    Change { effects: first.effects, ..second }
}

/// The run after the provider could not say whether it took its message, however often it was asked.
pub fn needing_review(run: &Run, now: Timestamp) -> Change {
    change(run, now, |run, ctx| doubt_until_review(run, 1, ctx))
}

/// More than the provider is ever asked about one doubt.
const QUESTIONS_MAX: usize = 32;

/// Lets every answer about a claimed message stay away, until only an operator can end the doubt.
pub fn doubt_until_review(run: &mut Run, number: u16, ctx: &mut StepContext<'_>) {
    let (now, attempt) = (ctx.now, run.message(number).map_or(0, Message::attempt));
    let outcome = SubmitOutcome::InDoubt { reason: "no answer".to_owned() };
    let event = MessageEvent::Answered { attempt, outcome: &outcome, in_outage: false };
    run.apply_to_message(number, &event, ctx);
    let unknown = DoubtAnswer::NoAnswer { reason: "no answer".to_owned() };
    for _ in 0..QUESTIONS_MAX {
        if run.message(number).is_some_and(Message::needs_review) {
            ctx.now = now;
            return;
        }
        ctx.now = run.message(number).and_then(Message::next_due).expect("a doubt has a next question");
        run.apply_to_message(number, &MessageEvent::DoubtAnswered(&unknown), ctx);
    }
    panic!("no doubt ends in a review: {:?}", run.message(number).map(Message::phase));
}

/// The run after any transition.
pub fn change(run: &Run, now: Timestamp, transition: impl FnOnce(&mut Run, &mut StepContext<'_>)) -> Change {
    change_in(workflow(), run, now, transition)
}

/// The run after any transition, in a workflow of its own.
pub fn change_in(
    workflow: &Workflow,
    run: &Run,
    now: Timestamp,
    transition: impl FnOnce(&mut Run, &mut StepContext<'_>),
) -> Change {
    let environment = Environment::default();
    let (mut run, mut ctx) = (run.clone(), StepContext::new(workflow, &environment, now));
    transition(&mut run, &mut ctx);
    let due = run.next_due(workflow);
    Change { due, needs_timer: true, ..Change::new(run, ctx.effects, workflow) }
}

/// A consent entry of this number.
pub fn entry(number: &E164, change: ConsentChange, seconds: i64) -> ConsentEntry {
    let evidence = format!("evidence-{seconds}");
    ConsentEntry::observed(number.clone(), change, at(seconds), "reply", evidence)
}

/// A dead letter of this case.
pub fn letter(case: &str, n: u32, seconds: i64) -> DeadLetter {
    DeadLetter {
        id: format!("{case}-{n}"),
        reason: "unroutable".to_owned(),
        error: "no workflow names this event type".to_owned(),
        at: at(seconds),
        epoch: None,
        message: None,
        workflow: None,
        source: Some(case.to_owned()),
        event_id: None,
        attempts: 0,
        traceparent: None,
        event: Some("{\"specversion\":\"1.0\"}".to_owned()),
        origin: None,
    }
}

/// A resolution of a subject, made by the event `n` of a case.
pub fn resolution(case: &str, subject: &str, n: u32, seconds: i64) -> Resolution {
    let subject = format!("{case}/{subject}");
    Resolution {
        workflow: workflow().name().to_owned(),
        marker: workflow().definition.resolution_marker(case, &subject),
        subject,
        by: EventKey { source: case.to_owned(), id: format!("{case}-resolved-{n}") },
        at: at(seconds),
    }
}

/// The event that a change opens its run for, at a time.
pub fn opening(change: &Change, happened_at: Timestamp) -> OpeningEvent {
    let run = &change.run;
    let (key, subject) = (run.event().clone(), run.subject().map(str::to_owned));
    let (kind, data) = (workflow().definition.event.clone(), Map::new());
    let event = Event { key, kind, subject, time: None, data, traceparent: None };
    OpeningEvent { happened_at, content: event.content() }
}

/// Opens a run for an event of the time it was opened at.
pub async fn open(store: &dyn Store, change: &Change) -> Opened {
    store.open_run(change.clone(), opening(change, change.run.opened_at())).await.unwrap()
}

/// Opens a run and says that it was new.
pub async fn open_new(store: &dyn Store, change: &Change) {
    let opened = open(store, change).await;
    assert!(matches!(opened, Opened::New { .. }), "{opened:?}");
}

/// A run that must be there.
pub async fn load(store: &dyn Store, run: &Run) -> Versioned<Arc<Run>> {
    store.load_run(run.id()).await.unwrap().expect("the run is stored")
}

/// Runs one future for each of `0..count`, all on tasks of their own, and returns what they return.
pub async fn at_once<T, F>(count: u32, one: impl Fn(u32) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|n| tokio::spawn(one(n))).collect();
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// A store that tasks may share.
pub type Shared = Arc<dyn Store>;
