//! A step begins: texts are composed, the policy is asked, and messages are claimed for sending.
//!
//! In: the audience of a step with what is known of it. Out: messages, decisions, submissions to make.
//! Never: hands out a submission whose intent is not part of the changed run.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Run, RunPhase, StepContext};
use crate::{
    ack_code::{AckCode, CodeKey},
    admission::Admission,
    compose::{ComposeRules, compose},
    consent::Consent,
    directory::Recipient,
    limits::{RECIPIENTS_PER_STEP_MAX, REPLY_ROUTE_S, RUN_MESSAGES_MAX, VALIDITY_S_MAX, VALIDITY_S_MIN},
    link_secret::LinkSecret,
    message::{Message, MessageEvent},
    originator::Choice,
    policy::{Decision, PolicyInput, Rule, Verdict, decide},
    provider::Submission,
    template::Given,
    time::after_s,
    timeline::{ReplyRoute, TimelineEvent},
    workflow::{Step, Workflow},
};

// Messages are numbered within a run.
const _: () = assert!(RUN_MESSAGES_MAX + RECIPIENTS_PER_STEP_MAX < u16::MAX as usize);

/// One recipient of a step that is about to start, with what the caller knows of them.
#[derive(Debug, Clone)]
pub struct Addressee {
    /// The person and the number.
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
    /// The key of the acknowledgement codes.
    pub code_key: CodeKey,
    /// The address that links begin with.
    pub link_base: Arc<str>,
}

/// What is known when a message is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct DispatchInput<'a> {
    /// What its recipient agreed to, read just now.
    pub consent: &'a Consent,
    /// What the limits on its way said.
    pub admission: &'a Admission,
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
    /// A step that is not planned for now, such as one that has begun already, changes nothing: no recipient is texted
    /// twice for it.
    pub fn start_step(&mut self, step: u8, audience: &Audience, ctx: &mut StepContext<'_>) {
        if self.planned_step(ctx.now) != Some(step) || ctx.workflow.step(step).is_none() {
            return;
        }
        let Some(planned) = self.next.take() else { return };
        if self.waits_for_silence(&planned, ctx) {
            return;
        }
        (self.step, self.round) = (step, planned.round);
        self.set_start(planned.start);
        self.clock_from = ctx.now;
        let mut unresolved = audience.unresolved.clone();
        if let Some(left_out) =
            audience.addressees.get(RECIPIENTS_PER_STEP_MAX..).filter(|rest| !rest.is_empty())
        {
            let left_out = left_out.len();
            unresolved
                .push(format!("{left_out} more than the {RECIPIENTS_PER_STEP_MAX} that one step may notify"));
        }
        ctx.note_run(TimelineEvent::StepStarted { step, round: planned.round, unresolved });
        let ticket = ctx.workflow.step(step).and_then(|step| step.ticket.clone());
        let is_new = |queue: &String| planned.start == u16::from(step) || self.ticket.as_ref() != Some(queue);
        if let Some(queue) = ticket.filter(is_new) {
            self.ticket = Some(queue.clone());
            ctx.note_run(TimelineEvent::TicketWanted { queue, because: None });
        }
        for addressee in audience.addressees.iter().take(RECIPIENTS_PER_STEP_MAX) {
            self.add_message(addressee, audience, ctx);
        }
        self.set_clock(ctx.workflow);
    }

    /// Which start of a step is under way.
    pub(super) fn set_start(&mut self, start: u16) {
        self.start = (start != u16::from(self.step)).then_some(start);
    }

    fn add_message(&mut self, addressee: &Addressee, audience: &Audience, ctx: &mut StepContext<'_>) {
        let (workflow, now) = (ctx.workflow, ctx.now);
        let definition = &workflow.definition;
        let number = self.messages.len() as u16 + 1;
        let id = self.message_id(number);
        let recipient = &addressee.recipient;
        let wants_ack = definition.wants_acknowledgement();
        let ack = wants_ack.then(|| AckCode::derive(&id, &addressee.taken, &audience.code_key));
        let link = workflow.template.uses_link().then(|| LinkSecret::derive(&id, &audience.code_key));
        let ack_url = link.as_ref().map(|link| link.url(&audience.link_base, &id));
        let rules = ComposeRules {
            template: &workflow.template,
            max_segments: definition.max_segments,
            link_hosts: &definition.link_hosts,
            links: definition.links,
            plain: &self.plain_text(),
            before: if self.expired_acks > 0 { definition.ack_expired_text() } else { "" },
        };
        let mut message = Message::new(number, self.step, recipient.clone(), ack, now).of_start(self.start());
        let has_more_numbers = !recipient.more_numbers.is_empty();
        if has_more_numbers {
            message = message.made_at(now);
        }
        if let Some(link) = link {
            message.take_link(link);
        }
        let given = Given {
            ack: ack.as_ref(),
            ack_url: ack_url.as_deref(),
            recipient: &recipient.name,
            step: self.step,
        };
        match compose(&rules, &self.data, &given) {
            Err(error) => message.die_unsent(
                "composition",
                &error.to_string(),
                &self.context(workflow, &message, now),
                &mut ctx.effects,
            ),
            Ok(composed) => {
                message.take_text(composed.text, composed.segments.count);
                if !composed.changes.is_empty() {
                    ctx.note(number, TimelineEvent::TextChanged { changes: composed.changes });
                }
                if !composed.shortened.is_empty() {
                    ctx.note(number, TimelineEvent::Shortened { fields: composed.shortened });
                }
                let decision = self.decide(&message, &addressee.consent, ctx);
                self.follow(&mut message, decision, ctx);
                // From whichever of their numbers somebody replies, it counts.
                if let (Some(code), true) = (message.ack(), message.is_waiting() || has_more_numbers) {
                    let expires_at = self.reply_expires_at(workflow, now);
                    ctx.effects.reply_routes.extend(recipient.numbers().map(|number| ReplyRoute {
                        number: number.clone(),
                        code,
                        message: id.clone(),
                        expires_at,
                    }));
                }
            }
        }
        let failure = message.failure();
        self.messages.push(message);
        let index = self.messages.len() - 1;
        if let Some(failure) = failure.filter(|failure| !self.is_left_to_next_number(index, *failure)) {
            self.want_ticket_for(index, failure, ctx);
        }
    }

    /// What the run is about, for a text that its template cannot make.
    fn plain_text(&self) -> String {
        format!("{}: {}", self.workflow, self.about())
    }

    /// Until when a reply finds its run: for as long as the step may wait for one, and a while in any case.
    pub(super) fn reply_expires_at(&self, workflow: &Workflow, now: Timestamp) -> Timestamp {
        let within_s = workflow.step(self.step).and_then(|step| step.ack_within_s);
        let last_deadline = within_s.map_or(now, |within_s| after_s(self.not_after, within_s));
        last_deadline.max(after_s(now, REPLY_ROUTE_S))
    }

    pub(super) fn decide(&self, message: &Message, consent: &Consent, ctx: &StepContext<'_>) -> Decision {
        let silence = self.silence(ctx);
        decide(&PolicyInput {
            silence: silence.as_ref(),
            workflow: &ctx.workflow.definition,
            environment: ctx.environment,
            recipient: message.recipient(),
            consent,
            data: &self.data,
            waits_since: message.quiet_since(),
            not_after: self.not_after,
            now: ctx.now,
        })
    }

    /// Moves a waiting message as the policy decided, and keeps the decision.
    pub(super) fn follow(&self, message: &mut Message, decision: Decision, ctx: &mut StepContext<'_>) {
        let event = match decision.verdict {
            Verdict::Send => None,
            Verdict::Defer(until) => Some(MessageEvent::Defer(until)),
            Verdict::Suppress => Some(MessageEvent::Suppress(decision.rule)),
            Verdict::Expire => Some(MessageEvent::Expire),
        };
        let is_quiet = decision.rule == Rule::QuietHours;
        ctx.note(message.number(), TimelineEvent::Decided(decision));
        if let Some(event) = event {
            let around = self.context(ctx.workflow, message, ctx.now);
            message.apply(&event, &around, &mut ctx.effects);
        }
        if is_quiet {
            message.note_quiet(ctx.now);
        }
    }

    /// The deadlines of a step count from when its first text may go out. One that went out has set them for good.
    pub(super) fn set_clock(&mut self, workflow: &Workflow) {
        // One that only informs waits for nothing.
        if workflow.step(self.step).is_some_and(Step::only_informs) {
            return;
        }
        let current = self.messages.iter().filter(|message| self.is_current(message) && message.is_alive());
        // `None` is less than any time: a text that does not wait keeps the clock where it is.
        if let Some(Some(first)) = current.map(Message::next_phase_at).min() {
            self.clock_from = self.clock_from.max(first.min(self.not_after));
        }
    }

    /// The messages that may be sent at `now`, by number.
    pub fn ready(&self, now: Timestamp) -> Vec<u16> {
        let ready = self.messages.iter().filter(|message| message.is_queued_for(now) && !message.is_held());
        ready.map(|message| message.number()).collect()
    }

    /// Whether the policy lets a waiting message go now. Limits are charged only for those that it does.
    pub fn allows(&self, number: u16, consent: &Consent, ctx: &StepContext<'_>) -> bool {
        let message = self.message(number).filter(|message| message.is_ready(ctx.now));
        message.is_some_and(|message| self.decide(message, consent, ctx).verdict == Verdict::Send)
    }

    /// Decides once more about a message that is to be sent, with what is known now, and claims it if policy and limits
    /// allow. A command given at another epoch changes nothing.
    pub fn begin_dispatch(
        &mut self,
        number: u16,
        epoch: u32,
        input: &DispatchInput<'_>,
        ctx: &mut StepContext<'_>,
    ) -> Dispatch {
        let Some(index) = self.index_of(number) else { return Dispatch::Stay };
        let message = &self.messages[index];
        let may_go = message.epoch() == epoch && message.is_ready(ctx.now) && !message.is_held();
        if self.phase != RunPhase::Active || !may_go {
            return Dispatch::Stay;
        }
        let mut message = message.clone();
        let decision = self.decide(&message, input.consent, ctx);
        if decision.verdict == Verdict::Send {
            if input.admission.deferral.is_none() {
                ctx.note(number, TimelineEvent::Decided(decision));
            }
            return self.admit(number, input.admission, ctx);
        }
        self.follow(&mut message, decision, ctx);
        message.keep_slot(None);
        if input.admission.recipient_charged {
            message.charge_recipient();
        }
        self.messages[index] = message;
        self.set_clock(ctx.workflow);
        self.advance(ctx);
        Dispatch::Stay
    }

    /// Has the provider asked about a message that is to be sent and may have been sent already, because the store may
    /// have lost writes of before `data_loss_since`. Returns whether it is asked about.
    pub fn doubt_data_loss(
        &mut self,
        number: u16,
        data_loss_since: Timestamp,
        ctx: &mut StepContext<'_>,
    ) -> bool {
        let was_to_go =
            self.message(number).and_then(Message::next_phase_at).filter(|at| *at < data_loss_since);
        if let (Some(index), Some(from)) = (self.index_of(number), was_to_go) {
            self.apply_at(index, &MessageEvent::MaybeLost(from), ctx);
        }
        was_to_go.is_some()
    }

    /// The same for a message of a run that is about to be opened, perhaps for the second time: `first_seen` is when
    /// its event could first be worked on.
    pub fn doubt_first_time(&mut self, number: u16, first_seen: Timestamp, ctx: &mut StepContext<'_>) {
        if let Some(index) = self.index_of(number) {
            self.apply_at(index, &MessageEvent::MaybeLost(first_seen), ctx);
        }
    }

    /// Follows what the limits said of a message that the policy has just allowed: it waits, or it is claimed.
    pub fn admit(&mut self, number: u16, admission: &Admission, ctx: &mut StepContext<'_>) -> Dispatch {
        let Some(index) = self.index_of(number) else { return Dispatch::Stay };
        if admission.recipient_charged {
            self.messages[index].charge_recipient();
        }
        let Some(deferral) = &admission.deferral else { return self.claim(number, ctx) };
        let mut message = self.messages[index].clone();
        self.follow(&mut message, deferral.decision(ctx.now, self.not_after), ctx);
        message.keep_slot(deferral.slot_at());
        self.messages[index] = message;
        self.set_clock(ctx.workflow);
        self.advance(ctx);
        Dispatch::Stay
    }

    /// Gives up a claim whose request was not made, because the recipient's consent forbids it by now.
    pub fn withdraw(&mut self, number: u16, attempt: u16, decision: &Decision, ctx: &mut StepContext<'_>) {
        let before = self.message(number).map(Message::epoch);
        let event = MessageEvent::Withdraw { attempt, rule: decision.rule };
        let index = self.index_of(number);
        if let Some(index) = index {
            self.apply_at(index, &event, ctx);
        }
        if self.message(number).map(Message::epoch) != before {
            ctx.note(number, TimelineEvent::Decided(decision.clone()));
            self.set_clock(ctx.workflow);
            self.advance(ctx);
        }
    }

    /// Claims a message for sending: the claim must be durable before the request is made.
    fn claim(&mut self, number: u16, ctx: &mut StepContext<'_>) -> Dispatch {
        let Some(index) = self.index_of(number).filter(|index| self.messages[*index].is_ready(ctx.now))
        else {
            return Dispatch::Stay;
        };
        if self.phase != RunPhase::Active {
            return Dispatch::Stay;
        }
        let message = &self.messages[index];
        let choice = match &ctx.workflow.definition.only_from {
            Some(name) => Choice { name: name.clone(), instead: None },
            None => ctx.originators.choose(&message.recipient().number, &message.spent_originators()),
        };
        // An only originator need not be remembered.
        let from = ctx.originators.are_several().then_some(&choice.name);
        self.apply_at(index, &MessageEvent::Begin(from), ctx);
        if let Some(instead) = &choice.instead {
            let (originator, instead_of) = (choice.name.clone(), instead.of.clone());
            let reason = instead.reason.clone();
            ctx.note(number, TimelineEvent::OriginatorChosen { originator, instead_of, reason });
        }
        let message = &self.messages[index];
        let Some(body) = message.text().cloned() else { return Dispatch::Stay };
        Dispatch::Send(Submission {
            message: self.message_id(number),
            attempt: message.attempt(),
            originator: choice.name,
            to: message.recipient().number.clone(),
            body,
            media: ctx.workflow.definition.media_urls.clone(),
            validity_s: self.validity_s(message, ctx.workflow, ctx.now),
        })
    }

    /// How long a text sent now stays useful: until the step's first deadline, within the provider's bounds.
    fn validity_s(&self, message: &Message, workflow: &Workflow, now: Timestamp) -> u32 {
        let step = workflow.step(message.step()).filter(|step| !step.only_informs());
        let step_ends = step.filter(|_| self.is_current(message)).and_then(|step| {
            let within = [step.deliver_within_s(), step.ack_within_s].into_iter().flatten().min()?;
            let from = message.was_made_at().map_or(self.clock_from, |made_at| made_at.max(self.clock_from));
            Some(after_s(from, within))
        });
        let until = step_ends.map_or(self.not_after, |at| at.min(self.not_after));
        let left = until.duration_since(now).as_secs().clamp(0, i64::from(VALIDITY_S_MAX));
        (left as u32).clamp(VALIDITY_S_MIN, VALIDITY_S_MAX)
    }
}
