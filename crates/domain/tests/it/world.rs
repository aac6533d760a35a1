//! A run with the shells around it: what the sender, the callback receiver and the escalation worker would do.
//!
//! In: a workflow and who its steps notify. Out: the run, and every effect so far.
//! Never: makes a choice that the shells leave to the domain.

use std::collections::BTreeMap;

use domain::{
    ack_code::CodeKey,
    admission::Admission,
    consent::Consent,
    directory::Recipient,
    doubt::DoubtAnswer,
    event::{Event, EventKey},
    limits::INLINE_DISPATCH_MAX,
    message::{Message, MessageEvent, ReviewVerdict},
    outbound::Destinations,
    policy::{Deferral, Environment},
    poll::PollAnswer,
    provider::{FailureClass, ProviderMessageId, ProviderStatus, Refusal, Submission, SubmitOutcome},
    reply::Meaning,
    run::{Addressee, Audience, Dispatch, DispatchInput, Run, RunPhase, StepContext},
    timeline::{Command, Effects, Entry, TimelineEvent},
    workflow::{Stage, Step, Target, Workflow, WorkflowDefinition},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// The moment so many seconds after noon of a day in January.
pub(crate) fn at(second: i64) -> Timestamp {
    let noon: Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_secs(second)
}

pub(crate) fn step(deliver_within_s: Option<u32>, ack_within_s: Option<u32>) -> Step {
    Step { notify: vec![Target::Contact("ada".into())], deliver_within_s, ack_within_s, ..Step::default() }
}

/// A live workflow with these steps and a ticket at the end.
pub(crate) fn definition(steps: Vec<Step>) -> WorkflowDefinition {
    let wants_ack = steps.iter().any(|step| step.ack_within_s.is_some());
    let text = if wants_ack { "{{ title }}. Reply {{ ack }}." } else { "{{ title }}." };
    let schema = json!({"type": "object", "properties": {"title": {"type": "string"}}});
    let mut definition = WorkflowDefinition::new("paging", "incident.created", text, schema, steps);
    definition.stage = Stage::Live;
    definition.exhausted_ticket = Some("ops".into());
    definition
}

/// Two steps: delivered within 2 and acknowledged within 5 minutes, then acknowledged within 10.
pub(crate) fn paging() -> WorkflowDefinition {
    definition(vec![step(Some(120), Some(300)), step(None, Some(600))])
}

/// One step that waits for a receipt alone, for 10 minutes.
pub(crate) fn reminder() -> WorkflowDefinition {
    definition(vec![step(None, None)])
}

pub(crate) fn event() -> Event {
    Event {
        key: EventKey { source: "monitor".into(), id: "e-1".into() },
        kind: "incident.created".into(),
        subject: Some("db-1".into()),
        time: Some(at(0)),
        data: json!({"title": "db-1 is down"}).as_object().unwrap().clone(),
        traceparent: None,
    }
}

pub(crate) fn addressee(who: u16) -> Addressee {
    Addressee {
        recipient: Recipient {
            target: format!("contact:person-{who}"),
            name: format!("Person {who}"),
            number: format!("+141555501{who:02}").parse().unwrap(),
            more_numbers: Vec::new(),
            time_zone: Some("UTC".into()),
            taken_over: None,
        },
        consent: Consent::default(),
        taken: Vec::new(),
    }
}

/// Audiences of so many people, one for each step.
pub(crate) fn audiences(sizes: &[u16]) -> Vec<Audience> {
    let of = |(step, size): (usize, &u16)| Audience {
        code_key: CodeKey::default(),
        addressees: (0..*size).map(|who| addressee(step as u16 * 30 + who)).collect(),
        unresolved: Vec::new(),
        link_base: "https://callout.example".into(),
    };
    sizes.iter().enumerate().map(of).collect()
}

pub(crate) fn sid(n: u64) -> ProviderMessageId {
    format!("SM{n:032x}").parse().unwrap()
}

pub(crate) fn sent(n: u64) -> SubmitOutcome {
    SubmitOutcome::Sent { sid: sid(n), status: ProviderStatus::Accepted }
}

pub(crate) fn not_sent(class: FailureClass, code: u32) -> SubmitOutcome {
    SubmitOutcome::NotSent(Refusal {
        code: Some(code),
        class,
        of_originator: false,
        retry_after_ms: None,
        reason: "refused".into(),
    })
}

pub(crate) fn unclear() -> SubmitOutcome {
    SubmitOutcome::InDoubt { reason: "timeout".into() }
}

pub(crate) struct World {
    pub(crate) workflow: Workflow,
    pub(crate) run: Run,
    pub(crate) now: Timestamp,
    /// All effects but the commands.
    pub(crate) log: Effects,
    /// Commands that were published and not taken yet.
    pub(crate) commands: Vec<Command>,
    /// Requests that were made and not answered yet.
    pub(crate) requests: Vec<Submission>,
    pub(crate) consent: BTreeMap<String, Consent>,
    pub(crate) environment: Environment,
    /// Why whatever is sent next must wait.
    pub(crate) hold: Option<Deferral>,
    /// Who is told of what happens, if that is configured.
    pub(crate) destinations: Option<Destinations>,
    audiences: Vec<Audience>,
}

impl World {
    /// The sender takes the event at [`at`]`(0)`.
    pub(crate) fn open(definition: WorkflowDefinition, audiences: Vec<Audience>) -> Self {
        Self::open_at(definition, audiences, &event(), at(0))
    }

    pub(crate) fn open_at(
        definition: WorkflowDefinition,
        audiences: Vec<Audience>,
        event: &Event,
        now: Timestamp,
    ) -> Self {
        let workflow = Workflow::compile(definition).unwrap();
        let environment = Environment::default();
        let mut ctx = StepContext::new(&workflow, &environment, now);
        let run = Run::open(event, &mut ctx);
        let opened = ctx.effects;
        let mut world = Self {
            workflow,
            run,
            now,
            log: Effects::default(),
            commands: Vec::new(),
            requests: Vec::new(),
            consent: BTreeMap::new(),
            environment,
            hold: None,
            destinations: None,
            audiences,
        };
        world.keep(opened);
        let mut next = world.run.planned_step(now);
        while let Some(step) = next {
            let (mut requests, later) = world.transition(|run, audiences, ctx| {
                run.start_step(step, &audience_of(audiences, step), ctx);
                let ready = run.ready(now);
                let mut requests = Vec::new();
                for number in ready.iter().filter(|_| ready.len() <= INLINE_DISPATCH_MAX) {
                    if let Dispatch::Send(request) = run.admit(*number, &Admission::default(), ctx) {
                        requests.push(request);
                    }
                }
                (requests, run.tick(ctx))
            });
            world.requests.append(&mut requests);
            next = later;
        }
        world
    }

    /// One transition of the run, whose effects are kept.
    pub(crate) fn transition<T>(
        &mut self,
        transition: impl FnOnce(&mut Run, &[Audience], &mut StepContext<'_>) -> T,
    ) -> T {
        let mut ctx = StepContext::new(&self.workflow, &self.environment, self.now);
        let value = transition(&mut self.run, &self.audiences, &mut ctx);
        let effects = ctx.effects;
        self.keep(effects);
        value
    }

    fn keep(&mut self, mut fx: Effects) {
        if let Some(destinations) = &self.destinations {
            destinations.complete(&self.run, &mut fx);
        }
        self.log.outbound.append(&mut fx.outbound);
        self.commands.append(&mut fx.commands);
        self.commands.append(&mut fx.repeats);
        self.log.timeline.append(&mut fx.timeline);
        self.log.outcomes.append(&mut fx.outcomes);
        self.log.dead_letters.append(&mut fx.dead_letters);
        self.log.reply_routes.append(&mut fx.reply_routes);
        self.log.consent.append(&mut fx.consent);
        self.log.sids.append(&mut fx.sids);
    }

    /// It is so many seconds after noon, and nobody has looked yet.
    pub(crate) fn at(&mut self, second: i64) -> &mut Self {
        self.now = at(second);
        self
    }

    /// The escalation worker looks, as after a timer.
    pub(crate) fn look(&mut self) -> &mut Self {
        self.transition(|run, audiences, ctx| {
            while let Some(step) = run.tick(ctx) {
                run.start_step(step, &audience_of(audiences, step), ctx);
            }
        });
        self
    }

    /// A sender takes every dispatch command there is.
    pub(crate) fn take_commands(&mut self) -> &mut Self {
        for command in std::mem::take(&mut self.commands) {
            if let Command::Dispatch { message, epoch } = command {
                self.dispatch(message.number, epoch);
            }
        }
        self
    }

    /// A sender takes one dispatch command. Returns whether a request is made.
    pub(crate) fn dispatch(&mut self, number: u16, epoch: u32) -> bool {
        let Some(message) = self.run.message(number) else { return false };
        let consent = self.consent.get(message.recipient().number.as_str()).cloned().unwrap_or_default();
        let admission = Admission { deferral: self.hold.clone(), ..Admission::default() };
        let dispatch = self.transition(|run, _, ctx| {
            let input = DispatchInput { consent: &consent, admission: &admission };
            run.begin_dispatch(number, epoch, &input, ctx)
        });
        match dispatch {
            Dispatch::Send(request) => self.requests.push(request),
            Dispatch::Stay => return false,
        }
        true
    }

    pub(crate) fn apply(&mut self, number: u16, event: &MessageEvent<'_>) -> &mut Self {
        self.transition(|run, _, ctx| run.apply_to_message(number, event, ctx));
        self
    }

    /// The worker stores what its request for this message brought.
    pub(crate) fn answer(&mut self, number: u16, outcome: &SubmitOutcome) -> &mut Self {
        let open = self.requests.iter().rposition(|request| request.message.number == number);
        let request = self.requests.remove(open.expect("a request is open"));
        self.apply(number, &MessageEvent::Answered { attempt: request.attempt, outcome, in_outage: false })
    }

    pub(crate) fn status(&mut self, number: u16, name: u64, status: ProviderStatus) -> &mut Self {
        let class = if status.is_failure() { FailureClass::Recipient } else { FailureClass::Informational };
        let code = status.is_failure().then_some(30_003);
        self.apply(number, &MessageEvent::Status { sid: &sid(name), status, code, class })
    }

    pub(crate) fn status_of(
        &mut self,
        number: u16,
        name: u64,
        status: ProviderStatus,
        class: FailureClass,
    ) -> &mut Self {
        self.apply(number, &MessageEvent::Status { sid: &sid(name), status, code: Some(30_003), class })
    }

    pub(crate) fn polled(&mut self, number: u16, status: ProviderStatus) -> &mut Self {
        let answer = PollAnswer::Status { status, code: None, class: FailureClass::Informational };
        self.apply(number, &MessageEvent::Polled(&answer))
    }

    pub(crate) fn settle(&mut self, number: u16, verdict: &ReviewVerdict) -> &mut Self {
        self.apply(number, &MessageEvent::Reviewed { by: "Ada", verdict })
    }

    pub(crate) fn doubt_answer(&mut self, number: u16, answer: &DoubtAnswer) -> &mut Self {
        self.apply(number, &MessageEvent::DoubtAnswered(answer))
    }

    pub(crate) fn not_found(&mut self, number: u16) -> &mut Self {
        self.doubt_answer(number, &DoubtAnswer::NotFound { evidence: "none".into() })
    }

    pub(crate) fn no_answer(&mut self, number: u16) -> &mut Self {
        self.doubt_answer(number, &DoubtAnswer::NoAnswer { reason: "503".into() })
    }

    pub(crate) fn acknowledge(&mut self, by: &str) -> &mut Self {
        self.transition(|run, _, ctx| run.acknowledge(by, "reply", Some(1), ctx));
        self
    }

    /// The recipient of this message acknowledges.
    pub(crate) fn acknowledge_of(&mut self, by: &str, number: u16) -> &mut Self {
        self.transition(|run, _, ctx| run.acknowledge(by, "reply", Some(number), ctx));
        self
    }

    /// The recipient of this message hands the run on, with the text of this name.
    pub(crate) fn hand_over(&mut self, name: u64, number: u16) -> &mut Self {
        self.transition(|run, _, ctx| {
            run.take_reply(&sid(name), number, Meaning::HandOver, None, None, ctx);
        });
        self
    }

    /// An operator has the run move on.
    pub(crate) fn escalate(&mut self) -> &mut Self {
        self.transition(|run, audiences, ctx| {
            let mut next = run.escalate("op", ctx);
            while let Some(step) = next {
                run.start_step(step, &audience_of(audiences, step), ctx);
                next = run.tick(ctx);
            }
        });
        self
    }

    /// A recipient's text about the first message comes. Returns whether it was new.
    pub(crate) fn reply(&mut self, name: u64, meaning: Meaning) -> bool {
        self.transition(|run, _, ctx| run.take_reply(&sid(name), 1, meaning, None, None, ctx))
    }

    pub(crate) fn resolve(&mut self) -> bool {
        let by = EventKey { source: "monitor".into(), id: "e-2".into() };
        self.transition(|run, _, ctx| run.resolve(&by, &[], ctx))
    }

    pub(crate) fn cancel(&mut self) -> bool {
        self.transition(|run, _, ctx| run.cancel("op", ctx))
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.run.next_due(&self.workflow)
    }

    pub(crate) fn message(&self, number: u16) -> &Message {
        self.run.message(number).expect("there is such a message")
    }

    /// Where the messages stand, in order.
    pub(crate) fn phases(&self) -> Vec<&'static str> {
        self.run.messages().iter().map(|message| message.phase().name()).collect()
    }

    /// The entries of the timeline that this picks.
    pub(crate) fn entries(&self, picks: fn(&TimelineEvent) -> bool) -> Vec<&Entry> {
        self.log.timeline.iter().filter(|entry| picks(&entry.what)).collect()
    }

    /// Why steps were left, in order.
    pub(crate) fn escalations(&self) -> Vec<&str> {
        let reason = |entry| match entry {
            &Entry { what: TimelineEvent::Escalated { ref reason, .. }, .. } => Some(reason.as_str()),
            _ => None,
        };
        self.log.timeline.iter().filter_map(reason).collect()
    }

    #[track_caller]
    pub(crate) fn is(&self, phase: RunPhase, step: u8, messages: &[&str]) -> &Self {
        assert_eq!((self.run.phase(), self.run.step()), (phase, step));
        assert_eq!(self.phases(), messages);
        self
    }
}

fn audience_of(audiences: &[Audience], step: u8) -> Audience {
    audiences.get(usize::from(step)).cloned().unwrap_or_default()
}
