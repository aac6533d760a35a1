//! Texts that are held for a digest: what a run asks of its groups, and what follows from the answers.
//!
//! In: a run, its workflow, what a group or another run's digest says. Out: a text that waits, one that carries a digest, or
//! one that needs not be sent because a digest told its recipient.
//! Never: leaves a held text without a time at which it is looked at again, or tells of a run that nobody need hear of.

use jiff::Timestamp;
use serde_json::Value;

use super::{Audience, Run, RunPhase, StepContext};
use crate::{
    ack_code::AckCode,
    compose::{DigestOf, DigestRules, compose_digest},
    consent::Consent,
    group::{GroupKey, Joining},
    id::MessageId,
    limits::{DIGEST_LOOK_S, DIGEST_REPLIES_MAX},
    message::{DigestReply, Gathering, Message, MessageEvent, MessagePhase},
    notice,
    policy::{Rule, Verdict, held},
    provider::ProviderStatus,
    time::after_s,
    timeline::{Command, ReplyRoute, TimelineEvent},
    workflow::{Flapping, Lane, Workflow},
};

/// What one message of a run asks before it may be sent, or while a digest tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupAsk {
    /// The message's number.
    pub number: u16,
    /// What it asks.
    pub what: GroupQuestion,
}

/// What a message may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupQuestion {
    /// Whether it goes at once.
    Join {
        /// Its group.
        key: GroupKey,
        /// How it asks.
        joining: Joining,
        /// Its subject, where it may be flapping: it waits then.
        subject: Option<(GroupKey, Flapping)>,
    },
    /// Who tells of it, now that its window is over.
    Due {
        /// Its group.
        key: GroupKey,
        /// How long texts are held that follow; absent where the group has no window.
        window_s: Option<u32>,
        /// The message whose digest tells of it, where that is known.
        carrier: Option<MessageId>,
    },
    /// What became of the digest that told of it.
    Follow {
        /// The message whose text that is.
        carrier: MessageId,
    },
}

/// Whether a digest may tell of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gatherable {
    /// It waits for one, its time has come, and the policy lets it go.
    Yes,
    /// It waits for a digest that comes later.
    NotYet,
    /// It waits for none any more, or the policy has something against it and says so when it is sent.
    No,
}

/// What a digest tells of beside the run of its own message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The message that waits.
    pub message: MessageId,
    /// What its run is about.
    pub about: String,
    /// When its run was opened.
    pub opened_at: Timestamp,
}

/// Where a digest stands, for one of the messages that it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DigestState {
    /// It is to be sent, or it is not known yet whether it was; not before this time.
    Waits(Option<Timestamp>),
    /// It was sent, or failed for good.
    Known {
        /// The status of its text.
        status: ProviderStatus,
        /// The error code of a failure.
        code: Option<u32>,
        /// What its recipient replied so far.
        replies: Vec<DigestReply>,
    },
    /// It will never tell of that message.
    Gone,
}

impl Run {
    /// What its messages ask now. Nothing, for almost all runs.
    pub fn group_asks(&self, ctx: &StepContext<'_>) -> Vec<GroupAsk> {
        let asks = |message: &Message| {
            let number = message.number();
            self.question(message, ctx).map(|what| GroupAsk { number, what })
        };
        self.messages.iter().filter_map(asks).collect()
    }

    fn question(&self, message: &Message, ctx: &StepContext<'_>) -> Option<GroupQuestion> {
        if let Some(by) = message.told_by() {
            let may_change = self.phase == RunPhase::Active || !message.is_final();
            return may_change.then(|| GroupQuestion::Follow { carrier: by.clone() });
        }
        let MessagePhase::Queued { not_before } = *message.phase() else { return None };
        if self.phase != RunPhase::Active {
            return None;
        }
        let definition = &ctx.workflow.definition;
        let number = &message.recipient().number;
        let of_quiet = || GroupKey::of_quiet_hours(&self.workflow, number);
        let grouping = definition.grouping.as_ref();
        match message.gathering() {
            Some(Gathering::Passed) => None,
            Some(Gathering::Held { quiet, carrier }) => {
                let key = match grouping.filter(|_| !quiet) {
                    Some(grouping) => self.group_key(&grouping.values(&self.data), message),
                    None => of_quiet(),
                };
                let window_s = grouping.filter(|_| !quiet).map(|grouping| grouping.window_s);
                // Woken before, it has a digest to look for.
                let is_due = not_before <= ctx.now || carrier.is_some();
                is_due.then(|| GroupQuestion::Due { key, window_s, carrier: carrier.clone() })
            }
            None if message.attempt() > 0 || message.follows().is_some() => None,
            // What is named to go at once goes by itself when quiet hours end.
            None if definition.gathers_quiet()
                && message.quiet_since().is_some()
                && not_before > ctx.now
                && !grouping.is_some_and(|grouping| grouping.goes_at_once(&self.data)) =>
            {
                let joining = Joining::Until(not_before);
                Some(GroupQuestion::Join { key: of_quiet(), joining, subject: None })
            }
            None => {
                let grouping =
                    grouping.filter(|_| not_before <= ctx.now && definition.lane != Lane::Critical)?;
                // What would be of no use at the end of the window does not wait for it.
                let is_urgent = grouping.goes_at_once(&self.data)
                    || after_s(ctx.now, grouping.window_s) >= self.not_after;
                let key = self.group_key(&grouping.values(&self.data), message);
                let joining = Joining::Window(grouping.window_s);
                let flapping = grouping.flapping.filter(|_| message.start() == 0);
                let subject = flapping.and_then(|flapping| Some((self.subject_key()?, flapping)));
                (!is_urgent).then_some(GroupQuestion::Join { key, joining, subject })
            }
        }
    }

    fn group_key(&self, values: &[String], message: &Message) -> GroupKey {
        GroupKey::of_values(&self.workflow, values, &message.recipient().number)
    }

    /// Under which the changes of its subject are counted.
    pub fn subject_key(&self) -> Option<GroupKey> {
        let subject = self.subject()?;
        Some(GroupKey::of_subject(&self.workflow, &self.event.source, subject))
    }

    /// Its group has a message wait for a digest.
    pub fn hold_for_digest(
        &mut self,
        number: u16,
        until: Timestamp,
        is_quiet: bool,
        rule: Rule,
        ctx: &mut StepContext<'_>,
    ) {
        let Some(index) = self.index_of(number) else { return };
        let mut message = self.messages[index].clone();
        let label = ctx.workflow.definition.grouping.as_ref().filter(|_| !is_quiet);
        let label = label.map(|grouping| grouping.label(&self.data)).unwrap_or_default();
        self.follow(&mut message, held(rule, until, &label), ctx);
        message.set_gathering(Gathering::Held { quiet: is_quiet, carrier: None });
        self.messages[index] = message;
        // Nobody was texted its code.
        ctx.effects.reply_routes.retain(|route| route.message.number != number);
        self.set_clock(ctx.workflow);
    }

    /// Its group lets a message go: it was not held, or nothing waits with it any more.
    pub fn let_go(&mut self, number: u16, ctx: &mut StepContext<'_>) {
        let Some(index) = self.index_of(number) else { return };
        let was_held = self.messages[index].is_held();
        self.messages[index].pass();
        if was_held {
            ctx.note(number, TimelineEvent::GoesAlone);
            self.route_replies(index, ctx);
        }
    }

    /// Whether a digest may tell of a message now.
    pub fn gatherable(&self, number: u16, consent: &Consent, ctx: &StepContext<'_>) -> Gatherable {
        let held = self.message(number).filter(|message| message.is_held() && self.phase == RunPhase::Active);
        let Some(message) = held else { return Gatherable::No };
        let knows_carrier = matches!(message.gathering(), Some(Gathering::Held { carrier: Some(_), .. }));
        if !knows_carrier && !message.is_ready(ctx.now) {
            return Gatherable::NotYet;
        }
        let is_allowed = self.decide(message, consent, ctx).verdict == Verdict::Send;
        if is_allowed { Gatherable::Yes } else { Gatherable::No }
    }

    /// The groups that its messages have asked, each with the message.
    pub fn asked_groups(&self, workflow: &Workflow) -> Vec<(u16, GroupKey)> {
        let asked = |message: &Message| {
            let grouping = workflow.definition.grouping.as_ref();
            let key = match message.gathering()? {
                Gathering::Held { quiet: true, .. } => {
                    GroupKey::of_quiet_hours(&self.workflow, &message.recipient().number)
                }
                Gathering::Held { .. } | Gathering::Passed => {
                    self.group_key(&grouping?.values(&self.data), message)
                }
            };
            Some((message.number(), key))
        };
        self.messages.iter().filter_map(asked).collect()
    }

    /// What a digest names it by: what it is about; an all-clear is about what it says.
    pub fn told_about(&self) -> &str {
        let said = self.data.get(notice::ABOUT).filter(|_| self.workflow == notice::ALL_CLEAR);
        said.and_then(Value::as_str).unwrap_or_else(|| self.about())
    }

    /// A message carries the digest of others. `taken` are the open codes of its recipient, of which its own is not one.
    pub fn carry_digest(
        &mut self,
        number: u16,
        members: Vec<Member>,
        taken: &[AckCode],
        audience: &Audience,
        ctx: &mut StepContext<'_>,
    ) {
        let Some(index) = self.index_of(number) else { return };
        let (definition, id) = (&ctx.workflow.definition, self.message_id(number));
        let message = &self.messages[index];
        let ack = definition.wants_acknowledgement().then(|| AckCode::derive(&id, taken, &audience.code_key));
        let ack_url = message.link().map(|link| link.url(&audience.link_base, &id));
        let mut all: Vec<_> = members.iter().map(|member| (member.opened_at, &*member.about)).collect();
        all.push((self.opened_at, self.told_about()));
        all.sort_by_key(|(opened_at, _)| *opened_at);
        let about: Vec<&str> = all.into_iter().map(|(_, about)| about).collect();
        let of = match message.gathering() {
            Some(Gathering::Held { quiet: true, .. }) => DigestOf::Quiet,
            _ if self.workflow == notice::ALL_CLEAR => DigestOf::Resolved,
            Some(Gathering::Held { .. } | Gathering::Passed) | None => DigestOf::More,
        };
        let grouping = definition.grouping.as_ref().filter(|_| of == DigestOf::More);
        let group = grouping.map(|grouping| grouping.values(&self.data).join(", ")).unwrap_or_default();
        let (text, segments) = compose_digest(&DigestRules {
            group: &group,
            about: &about,
            of,
            ack: ack.as_ref(),
            ack_url: ack_url.as_deref(),
            max_segments: definition.max_segments,
            link_hosts: &definition.link_hosts,
        });
        let members: Vec<MessageId> = members.into_iter().map(|member| member.message).collect();
        let runs = members.iter().map(|message| message.run.clone()).collect();
        ctx.note(number, TimelineEvent::Digest { runs });
        self.messages[index].carry(members, text, segments, ack, ctx.now);
        self.route_replies(index, ctx);
    }

    /// Another message's digest is to tell of this one: it looks again later, unless it is woken.
    pub fn wait_for_digest(
        &mut self,
        number: u16,
        carrier: &MessageId,
        until: Option<Timestamp>,
        ctx: &mut StepContext<'_>,
    ) {
        let Some(index) = self.index_of(number) else { return };
        let quiet = matches!(self.messages[index].gathering(), Some(Gathering::Held { quiet: true, .. }));
        let look_at = after_s(until.unwrap_or(ctx.now).max(ctx.now), DIGEST_LOOK_S);
        self.apply_at(index, &MessageEvent::Defer(look_at), ctx);
        self.messages[index].set_gathering(Gathering::Held { quiet, carrier: Some(carrier.clone()) });
        self.set_clock(ctx.workflow);
    }

    /// Takes what became of the digest that tells of a message, and what its recipient replied to it.
    pub fn take_digest(
        &mut self,
        number: u16,
        carrier: &MessageId,
        status: ProviderStatus,
        code: Option<u32>,
        replies: &[DigestReply],
        ctx: &mut StepContext<'_>,
    ) {
        let Some(index) = self.index_of(number) else { return };
        self.apply_at(index, &MessageEvent::Told { by: carrier, status, code }, ctx);
        let heard = self.messages[index].hear(replies.len());
        for reply in replies.get(heard..).unwrap_or_default() {
            if reply.hands_over {
                self.hand_over(&reply.by, number, ctx);
            } else if self.phase == RunPhase::Active {
                let via = format!("{} to the digest of run {}", reply.via, carrier.run);
                self.acknowledge(&reply.by, &via, Some(number), ctx);
            }
        }
    }

    /// Where the digest of the message with this number stands, for one that it tells of.
    pub fn digest_state(&self, number: u16, member: &MessageId) -> DigestState {
        let Some(message) = self.message(number) else { return DigestState::Gone };
        let Some(digest) = message.digest() else {
            // Gathered, and not composed yet.
            let will_carry = self.phase == RunPhase::Active && message.is_held();
            return if will_carry { DigestState::Waits(None) } else { DigestState::Gone };
        };
        if !digest.members.contains(member) {
            return DigestState::Gone;
        }
        let replies =
            self.digests_of(number).flat_map(|one| one.digest()).flat_map(|one| one.replies.clone());
        let replies: Vec<DigestReply> = replies.collect();
        let known = |status, code| DigestState::Known { status, code, replies: replies.clone() };
        // The text to another number of its recipient, where there is one, is the one that counts.
        let latest = self.digests_of(number).last().unwrap_or(message);
        match latest.phase() {
            MessagePhase::Queued { .. }
            | MessagePhase::RetryWait { .. }
            | MessagePhase::Dispatching { .. }
            | MessagePhase::InDoubt { .. } => DigestState::Waits(latest.next_phase_at()),
            // It may have arrived; a second text would be one too many.
            MessagePhase::NeedsReview { .. } | MessagePhase::SentUnconfirmed { .. } => {
                known(ProviderStatus::Sent, None)
            }
            MessagePhase::Submitted { status, code, .. } => known(*status, *code),
            MessagePhase::Dead { code, .. } => known(ProviderStatus::Failed, *code),
            MessagePhase::Told { .. }
            | MessagePhase::Suppressed { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => DigestState::Gone,
        }
    }

    /// The message with this number, and those that followed it to other numbers of its recipient.
    fn digests_of(&self, number: u16) -> impl Iterator<Item = &Message> {
        let mut last = number;
        self.messages.iter().filter(move |message| {
            let is_next = message.number() == number || message.follows() == Some(last);
            if is_next {
                last = message.number();
            }
            is_next
        })
    }

    /// The recipient of a digest said something of all that it tells of: their runs take it from here.
    pub(super) fn note_digest_reply(
        &mut self,
        number: u16,
        by: &str,
        via: &str,
        hands_over: bool,
        ctx: &mut StepContext<'_>,
    ) {
        let Some(index) = self.index_of(number) else { return };
        let Some(digest) = self.messages[index].digest_mut() else { return };
        if digest.replies.len() < DIGEST_REPLIES_MAX {
            digest.replies.push(DigestReply { by: by.to_owned(), via: via.to_owned(), hands_over });
        }
        self.wake_members(index, ctx);
    }

    /// Has the runs that a digest tells of look at it. One that is not woken looks by itself, at the latest when its step
    /// would be over.
    pub(super) fn wake_members(&self, index: usize, ctx: &mut StepContext<'_>) {
        let members = self.messages[index].digest().map_or(&[][..], |digest| &digest.members);
        let look = members.iter().map(|member| Command::LookNow { run: member.run.clone() });
        ctx.effects.commands.extend(look);
    }

    /// Lets replies to a message find it, as long as somebody may wait for one.
    fn route_replies(&self, index: usize, ctx: &mut StepContext<'_>) {
        let message = &self.messages[index];
        let Some(code) = message.ack() else { return };
        let expires_at = self.reply_expires_at(ctx.workflow, ctx.now);
        let id = self.message_id(message.number());
        let route = |number: &crate::phone::E164| ReplyRoute {
            number: number.clone(),
            code,
            message: id.clone(),
            expires_at,
        };
        ctx.effects.reply_routes.extend(message.recipient().numbers().map(route));
    }
}

impl Message {
    /// What those that a digest tells of need to know of it: another value means that they must look.
    pub(super) fn digest_mark(&self) -> u8 {
        match (self.digest(), self.phase()) {
            (None, _) => 0,
            (Some(_), MessagePhase::Submitted { status, .. }) => {
                if status.is_failure() {
                    2
                } else if *status == ProviderStatus::Delivered {
                    3
                } else {
                    1
                }
            }
            (Some(_), MessagePhase::NeedsReview { .. } | MessagePhase::SentUnconfirmed { .. }) => 4,
            (Some(_), MessagePhase::Dead { .. }) => 5,
            (Some(_), _) if self.is_alive() => 0,
            (Some(_), _) => 6,
        }
    }
}
