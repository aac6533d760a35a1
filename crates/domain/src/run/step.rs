//! A step begins: texts are composed, the policy is asked, and messages are claimed for sending.
//!
//! In: the audience of a step with what is known of it. Out: messages, decisions, submissions to make.
//! Never: hands out a submission whose intent is not part of the changed run.

use jiff::Timestamp;

use super::{Run, RunPhase};
use crate::{
    ack_code::AckCode,
    compose::{ComposeRules, compose},
    consent::Consent,
    directory::Recipient,
    limits::{RECIPIENTS_PER_STEP_MAX, REPLY_ROUTE_S, VALIDITY_S_MAX, VALIDITY_S_MIN},
    message::{Message, MessageEvent, MessagePhase},
    policy::{Decision, Deferral, Environment, Question, Verdict, decide},
    provider::{Submission, Text},
    time::after_s,
    timeline::{Effects, ReplyRoute, TimelineEvent},
    workflow::Workflow,
};

// Messages are numbered within a run, and a step starts once.
const _: () = assert!((u8::MAX as usize + 1) * RECIPIENTS_PER_STEP_MAX < u16::MAX as usize);

/// What a step is decided under.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The definition the run was opened with.
    pub workflow: &'a Workflow,
    /// Where we run.
    pub environment: &'a Environment,
    /// The present.
    pub now: Timestamp,
}

/// One recipient of a step that is about to start, with what the shell knows of them.
#[derive(Debug, Clone)]
pub struct Addressee {
    /// Who.
    pub recipient: Recipient,
    /// What they agreed to.
    pub consent: Consent,
    /// Acknowledgement codes that texts to this number already ask for.
    pub taken: Vec<AckCode>,
}

/// Everyone a step notifies.
#[derive(Debug, Clone, Default)]
pub struct Audience {
    /// Those that could be found.
    pub addressees: Vec<Addressee>,
    /// Why the others could not.
    pub unresolved: Vec<String>,
}

/// What is known at the moment at which a message is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What its recipient agreed to.
    pub consent: &'a Consent,
    /// Why it must wait, though nothing about it forbids it.
    pub hold: Option<&'a Deferral>,
}

/// What came of asking to send one message.
#[derive(Debug, Clone)]
pub enum Dispatch {
    /// Store the change, then make this request.
    Send(Submission),
    /// Store the change if there is one; make no request.
    Stay,
}

impl Run {
    /// Begins a step: composes a text for every addressee that the policy allows.
    ///
    /// A step of a run that is over, one that has begun already and one that is not there change nothing: nobody is texted twice for it.
    pub fn start_step(&mut self, step: u8, audience: &Audience, setting: &Setting<'_>, fx: &mut Effects) {
        let has_begun = step < self.step || self.messages.iter().any(|message| message.step >= step);
        if self.phase != RunPhase::Active || has_begun || setting.workflow.step(step).is_none() {
            return;
        }
        let now = setting.now;
        self.step = step;
        self.clock_from = now;
        let mut unresolved = audience.unresolved.clone();
        if let Some(left_out) =
            audience.addressees.get(RECIPIENTS_PER_STEP_MAX..).filter(|rest| !rest.is_empty())
        {
            let left_out = left_out.len();
            unresolved
                .push(format!("{left_out} more than the {RECIPIENTS_PER_STEP_MAX} that one step may notify"));
        }
        fx.note_run(now, TimelineEvent::StepStarted { step, unresolved });
        for addressee in audience.addressees.iter().take(RECIPIENTS_PER_STEP_MAX) {
            self.add_message(addressee, setting, fx);
        }
        self.set_clock();
    }

    fn add_message(&mut self, addressee: &Addressee, setting: &Setting<'_>, fx: &mut Effects) {
        let Setting { workflow, now, .. } = *setting;
        let definition = &workflow.definition;
        let number = self.messages.len() as u16 + 1;
        let id = self.message_id(number);
        let recipient = &addressee.recipient;
        let wants_ack = definition.wants_acknowledgement();
        let ack = wants_ack.then(|| AckCode::derive(&id, &addressee.taken));
        let rules = ComposeRules {
            template: &workflow.template,
            max_segments: definition.max_segments,
            link_hosts: &definition.link_hosts,
        };
        let composed = compose(&rules, &self.data, ack.as_ref(), &recipient.name, self.step);
        let mut message = Message {
            number,
            step: self.step,
            recipient: recipient.clone(),
            text: Text("".into()),
            segments: 0,
            ack,
            phase: MessagePhase::Queued { not_before: now },
            epoch: 0,
            attempt: 0,
            first_attempt_at: None,
            rewake_at: None,
            poll_at: None,
            polls: 0,
            uncounted_attempts: 0,
            failed_sids: Vec::new(),
            slot_at: None,
        };
        match composed {
            Err(error) => message.die_unsent(
                "composition",
                &error.to_string(),
                &self.context(workflow, message.step, now),
                fx,
            ),
            Ok(composed) => {
                message.text = composed.text;
                message.segments = composed.segments.count;
                if !composed.shortened.is_empty() {
                    fx.note(now, number, TimelineEvent::Shortened { fields: composed.shortened });
                }
                let decision = self.decide(&message, &addressee.consent, setting);
                self.follow(&mut message, decision, workflow, now, fx);
                if let (Some(code), true) = (message.ack, message.is_waiting()) {
                    let expires_at = self.reply_expires_at(workflow, now);
                    fx.reply_routes.push(ReplyRoute {
                        number: recipient.number.clone(),
                        code,
                        message: id,
                        expires_at,
                    });
                }
            }
        }
        self.messages.push(message);
    }

    /// Until when a reply finds its run: for as long as the step may wait for one, and a while in any case.
    fn reply_expires_at(&self, workflow: &Workflow, now: Timestamp) -> Timestamp {
        let within_s = workflow.step(self.step).and_then(|step| step.ack_within_s);
        let last_deadline = within_s.map_or(now, |within_s| after_s(self.not_after, within_s));
        last_deadline.max(after_s(now, REPLY_ROUTE_S))
    }

    fn decide(&self, message: &Message, consent: &Consent, setting: &Setting<'_>) -> Decision {
        decide(&Question {
            workflow: &setting.workflow.definition,
            environment: setting.environment,
            recipient: &message.recipient,
            consent,
            not_after: self.not_after,
            now: setting.now,
        })
    }

    /// Moves a waiting message as the policy decided, and keeps the decision.
    fn follow(
        &self,
        message: &mut Message,
        decision: Decision,
        workflow: &Workflow,
        now: Timestamp,
        fx: &mut Effects,
    ) {
        let event = match decision.verdict {
            Verdict::Send => None,
            Verdict::Defer(until) => Some(MessageEvent::Defer(until)),
            Verdict::Suppress => Some(MessageEvent::Suppress(decision.rule)),
            Verdict::Expire => Some(MessageEvent::Expire),
        };
        fx.note(now, message.number, TimelineEvent::Decided(decision));
        if let Some(event) = event {
            message.apply(&event, &self.context(workflow, self.step, now), fx);
        }
    }

    /// The deadlines of a step count from when its first text may go out. One that went out has set them for good.
    fn set_clock(&mut self) {
        let current = self.messages.iter().filter(|message| message.step == self.step && message.is_alive());
        // `None` is less than any time: a text that does not wait keeps the clock where it is.
        if let Some(Some(first)) = current.map(Message::next_phase_at).min() {
            self.clock_from = self.clock_from.max(first.min(self.not_after));
        }
    }

    /// Claims a message for sending: stores the intent, which must be durable before the request is made.
    ///
    /// The policy is asked again with the facts of this moment. A command given at another epoch changes nothing.
    pub fn begin_dispatch(
        &mut self,
        number: u16,
        epoch: u32,
        facts: &Facts<'_>,
        setting: &Setting<'_>,
        fx: &mut Effects,
    ) -> Dispatch {
        let Facts { consent, hold } = *facts;
        let Setting { workflow, now, .. } = *setting;
        let Some(index) = self.index_of(number) else { return Dispatch::Stay };
        let mut message = self.messages[index].clone();
        let is_early = message.is_waiting() && message.next_phase_at().is_some_and(|at| at > now);
        if self.phase != RunPhase::Active || !message.is_waiting() || message.epoch != epoch || is_early {
            return Dispatch::Stay;
        }
        let decision = self.decide(&message, consent, setting);
        let decision = match hold.filter(|_| decision.verdict == Verdict::Send) {
            Some(hold) => hold.decision(now, self.not_after),
            None => decision,
        };
        let may_send = decision.verdict == Verdict::Send;
        self.follow(&mut message, decision, workflow, now, fx);
        message.slot_at = hold.filter(|hold| hold.is_slot && message.is_waiting()).map(|hold| hold.until);
        self.messages[index] = message;
        if may_send {
            return self.claim(number, workflow, now, fx);
        }
        self.set_clock();
        self.advance(workflow, now, fx);
        Dispatch::Stay
    }

    /// Has the provider asked about a message that is to be sent and may have been sent already, because the store may
    /// have lost writes of before `data_loss_since`. Returns whether it is asked about.
    pub fn doubt_data_loss(
        &mut self,
        number: u16,
        data_loss_since: Timestamp,
        workflow: &Workflow,
        now: Timestamp,
        fx: &mut Effects,
    ) -> bool {
        let was_to_go =
            self.message(number).and_then(Message::next_phase_at).filter(|at| *at < data_loss_since);
        if let (Some(index), Some(from)) = (self.index_of(number), was_to_go) {
            self.apply_at(index, &MessageEvent::MaybeLost(from), workflow, now, fx);
        }
        was_to_go.is_some()
    }

    /// The same for a message of a run that is about to be opened, perhaps for the second time: `first_seen` is when
    /// its event could first be worked on.
    pub fn doubt_first_time(
        &mut self,
        number: u16,
        first_seen: Timestamp,
        workflow: &Workflow,
        now: Timestamp,
        fx: &mut Effects,
    ) {
        if let Some(index) = self.index_of(number) {
            self.apply_at(index, &MessageEvent::MaybeLost(first_seen), workflow, now, fx);
        }
    }

    /// Has a message that the policy has just allowed wait.
    pub fn hold_back(
        &mut self,
        number: u16,
        hold: &Deferral,
        workflow: &Workflow,
        now: Timestamp,
        fx: &mut Effects,
    ) {
        let Some(index) = self.index_of(number) else { return };
        let mut message = self.messages[index].clone();
        self.follow(&mut message, hold.decision(now, self.not_after), workflow, now, fx);
        message.slot_at = hold.is_slot.then_some(hold.until);
        self.messages[index] = message;
        self.set_clock();
    }

    /// Stores the intent to send a message that the policy has just allowed.
    pub fn claim(&mut self, number: u16, workflow: &Workflow, now: Timestamp, fx: &mut Effects) -> Dispatch {
        let Some(index) = self.index_of(number) else { return Dispatch::Stay };
        let is_ready = matches!(self.messages[index].phase, MessagePhase::Queued { not_before } if not_before <= now)
            || matches!(self.messages[index].phase, MessagePhase::RetryWait { until } if until <= now);
        if !is_ready || self.phase != RunPhase::Active {
            return Dispatch::Stay;
        }
        self.apply_at(index, &MessageEvent::Begin, workflow, now, fx);
        let message = &self.messages[index];
        Dispatch::Send(Submission {
            message: self.message_id(number),
            attempt: message.attempt,
            to: message.recipient.number.clone(),
            body: message.text.clone(),
            media: workflow.definition.media_urls.clone(),
            validity_s: self.validity_s(workflow, now),
        })
    }

    /// How long a text sent now stays useful: until the step's first deadline, within the provider's bounds.
    fn validity_s(&self, workflow: &Workflow, now: Timestamp) -> u32 {
        let step_ends = workflow.step(self.step).and_then(|step| {
            let within = [step.deliver_within_s(), step.ack_within_s].into_iter().flatten().min()?;
            Some(after_s(self.clock_from, within))
        });
        let until = step_ends.map_or(self.not_after, |at| at.min(self.not_after));
        let left = until.duration_since(now).as_secs().clamp(0, i64::from(VALIDITY_S_MAX));
        (left as u32).clamp(VALIDITY_S_MIN, VALIDITY_S_MAX)
    }
}

impl Message {
    /// When a waiting message may be sent at the earliest.
    fn next_phase_at(&self) -> Option<Timestamp> {
        if let MessagePhase::Queued { not_before: at } | MessagePhase::RetryWait { until: at } = self.phase {
            Some(at)
        } else {
            None
        }
    }
}
