//! What became of runs and their texts. In: each stored change. Out: counters and histograms.
//!
//! Never: counts what was not stored.

use std::sync::OnceLock;

use domain::{
    canary::originator_of,
    consent::{ConsentChange, ConsentEntry},
    message::Message,
    provider::{FailureClass, ProviderStatus},
    run::{Run, RunPhase},
    timeline::{DEAD_REASONS, Effects, Entry, TimelineEvent},
};
use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;

use super::{
    durations::{ANSWER_S, DOUBT_S, Durations, WAY_S},
    families::{Counters, Families},
    names::{OTHER, labels},
};

/// The class of a failure that came without an error code.
const NO_CODE: &str = "no_code";
/// Where changes of consent are known from.
const CONSENT_SOURCES: [&str; 4] = ["reply", "provider", "operator", "import"];

/// Counters of runs and texts.
pub struct RunMetrics {
    classify: OnceLock<fn(Option<u32>) -> FailureClass>,
    opened: Counters<2>,
    ended: Counters<2>,
    escalations: Counters<1>,
    sent: Counters<1>,
    delivered: Counters<1>,
    undelivered: Counters<2>,
    decisions: Counters<3>,
    digests: Counters<1>,
    grouped: Counters<1>,
    statuses: Counters<1>,
    attempts: Counter,
    originators: Counters<2>,
    retries: Counter,
    doubts: Counter,
    doubts_resolved: Counters<1>,
    doubt_age: Durations<0>,
    dead_letters: Counters<1>,
    consent: Counters<2>,
    canaries: Counters<2>,
    event_to_post: Durations<2>,
    post_to_delivered: Durations<2>,
    event_to_ack: Durations<2>,
}

impl RunMetrics {
    pub(super) fn register(families: &mut Families) -> Self {
        Self {
            classify: OnceLock::new(),
            opened: families.counter("runs_opened", "Runs that were opened"),
            ended: families.counter("runs_ended", "Runs that ended, by phase"),
            escalations: families.counter("escalations", "Steps that ended without success"),
            sent: families.counter("texts_sent", "Texts that the provider took"),
            delivered: families.counter("texts_delivered", "Texts that arrived"),
            undelivered: families.counter(
                "texts_undelivered",
                "Attempts whose text the provider took and did not deliver, by what the error code asks of us",
            ),
            decisions: families.counter("decisions", "Policy verdicts about texts, by rule"),
            digests: families.counter("digests", "Texts that tell of several runs"),
            grouped: families.counter(
                "grouped",
                "Texts that were not sent because a digest told their recipient",
            ),
            statuses: families.counter("statuses", "Statuses from the provider that were stored"),
            attempts: families.counter("attempts", "Requests to send a text that were begun"),
            originators: families.counter(
                "originator_instead",
                "Attempts that came from another originator than the preferred one of the country",
            ),
            retries: families.counter("retries", "Texts that will be sent again"),
            doubts: families.counter("doubts", "Requests whose outcome is unknown"),
            doubts_resolved: families.counter("doubts_settled", "Doubts that ended, by what resolved them"),
            doubt_age: families.durations("doubt_age_seconds", "Age of doubts when they ended", DOUBT_S),
            dead_letters: families.counter("dead_letters", "New dead letters, by reason"),
            consent: families.counter("consent_changes", "Changes of consent, by where they are known from"),
            canaries: families.counter("canaries", "Canaries that ended, by what they came from and whether they arrived"),
            event_to_post: families.durations(
                "event_to_post_seconds",
                "From the acceptance of an event to the first request that sends a text of its first step",
                WAY_S,
            ),
            post_to_delivered: families.durations(
                "post_to_delivered_seconds",
                "From the first request that sends a text to its delivery",
                ANSWER_S,
            ),
            event_to_ack: families.durations(
                "event_to_acknowledged_seconds",
                "From the opening of a run to its acknowledgement",
                ANSWER_S,
            ),
        }
    }

    /// Has error codes be told apart by what they ask of us. Without it each is `other`.
    pub fn classify_with(&self, classify: fn(Option<u32>) -> FailureClass) {
        // It is set once, at the start of the process.
        let _ = self.classify.set(classify);
    }

    /// Shows what alerts watch as 0 before it happens: a series that begins at 1 has not risen. `workflows` are those of the
    /// configuration.
    pub fn expect<'a>(&self, workflows: impl Iterator<Item = &'a str>) {
        for reason in DEAD_REASONS {
            drop(self.dead_letters.get_or_create(&labels([("reason", reason)])));
        }
        for workflow in workflows {
            let exhausted = RunPhase::Exhausted.as_str();
            drop(self.ended.get_or_create(&labels([("workflow", workflow), ("phase", exhausted)])));
        }
    }

    /// Counts what was stored with one change. `accepted_at` is when the event was taken, where the change opened its run
    /// and that is known.
    pub(crate) fn count(&self, run: &Run, stored: &Effects, accepted_at: Option<Timestamp>) {
        for entry in &stored.timeline {
            self.count_line(run, entry, accepted_at);
        }
        for letter in &stored.dead_letters {
            self.dead_letter(&letter.reason);
        }
        for entry in &stored.consent {
            self.consent_change(entry);
        }
    }

    fn count_line(&self, run: &Run, entry: &Entry, accepted_at: Option<Timestamp>) {
        let workflow = || labels([("workflow", run.workflow())]);
        let way = || labels([("workflow", run.workflow()), ("lane", run.lane().as_str())]);
        let message = entry.message.and_then(|number| run.message(number));
        #[expect(clippy::wildcard_enum_match_arm, reason = "no other event is counted")]
        match &entry.what {
            TimelineEvent::Opened { .. } => _ = self.opened.get_or_create(&way()).inc(),
            TimelineEvent::DispatchBegan { attempt } => {
                self.attempts.inc();
                if *attempt == 1 && message.is_some_and(is_first) {
                    let since = accepted_at.unwrap_or(run.opened_at());
                    self.event_to_post.observe(way(), entry.at.duration_since(since));
                }
            }
            TimelineEvent::OriginatorChosen { originator, instead_of, .. } => {
                let labels =
                    labels([("originator", originator.as_str()), ("instead_of", instead_of.as_str())]);
                self.originators.get_or_create(&labels).inc();
            }
            TimelineEvent::Submitted { .. } => _ = self.sent.get_or_create(&workflow()).inc(),
            TimelineEvent::RetryScheduled { .. } => _ = self.retries.inc(),
            TimelineEvent::DoubtBegan { .. } => _ = self.doubts.inc(),
            TimelineEvent::DoubtResolved { by, .. } => {
                self.doubts_resolved.get_or_create(&labels([("by", by.as_str())])).inc();
                if let Some(sent_at) = message.and_then(Message::first_attempt_at) {
                    self.doubt_age.observe([], entry.at.duration_since(sent_at));
                }
            }
            TimelineEvent::Status { status, code } => {
                self.count_status(run, message, entry.at, *status, *code)
            }
            TimelineEvent::Decided(decision) => {
                let (rule, verdict) = (decision.rule.id(), decision.verdict.as_str());
                let labels = labels([("workflow", run.workflow()), ("rule", rule), ("verdict", verdict)]);
                self.decisions.get_or_create(&labels).inc();
            }
            TimelineEvent::Digest { .. } => _ = self.digests.get_or_create(&workflow()).inc(),
            TimelineEvent::Told { .. } => _ = self.grouped.get_or_create(&workflow()).inc(),
            TimelineEvent::Escalated { .. } => _ = self.escalations.get_or_create(&workflow()).inc(),
            // One that is renewed, or follows one that expired, says nothing of how fast somebody came.
            TimelineEvent::Acknowledged { .. }
                if run.closed_at() == Some(entry.at) && run.expired_acks() == 0 =>
            {
                self.event_to_ack.observe(way(), entry.at.duration_since(run.opened_at()));
            }
            TimelineEvent::Closed { phase, .. } => {
                let labels = labels([("workflow", run.workflow()), ("phase", phase.as_str())]);
                self.ended.get_or_create(&labels).inc();
                if let Some(originator) = originator_of(run) {
                    self.canary(originator, *phase);
                }
            }
            _ => {}
        }
    }

    fn canary(&self, originator: &str, phase: RunPhase) {
        let result = if phase == RunPhase::Completed { "arrived" } else { "failed" };
        self.canaries.get_or_create(&labels([("originator", originator), ("result", result)])).inc();
    }

    fn count_status(
        &self,
        run: &Run,
        message: Option<&Message>,
        at: Timestamp,
        status: ProviderStatus,
        code: Option<u32>,
    ) {
        self.statuses.get_or_create(&labels([("status", status.as_str())])).inc();
        if status == ProviderStatus::Delivered {
            self.delivered.get_or_create(&labels([("workflow", run.workflow())])).inc();
            if let Some(sent_at) = message.and_then(Message::first_attempt_at) {
                let way = labels([("workflow", run.workflow()), ("lane", run.lane().as_str())]);
                self.post_to_delivered.observe(way, at.duration_since(sent_at));
            }
        } else if status.is_failure() {
            let class = match (code, self.classify.get()) {
                (None, _) => NO_CODE,
                (_, None) => OTHER,
                (code, Some(classify)) => classify(code).as_str(),
            };
            self.undelivered.get_or_create(&labels([("workflow", run.workflow()), ("class", class)])).inc();
        }
    }

    /// Counts a dead letter that belongs to no run.
    pub fn dead_letter(&self, reason: &str) {
        let reason = DEAD_REASONS.into_iter().find(|known| *known == reason).unwrap_or(OTHER);
        self.dead_letters.get_or_create(&labels([("reason", reason)])).inc();
    }

    /// Counts a change of consent.
    pub fn consent_change(&self, entry: &ConsentEntry) {
        let change = match entry.change {
            ConsentChange::OptOut => "opt_out",
            ConsentChange::OptIn => "opt_in",
            ConsentChange::Grant(_) => "grant",
            ConsentChange::Revoke(_) => "revoke",
        };
        let source = CONSENT_SOURCES.into_iter().find(|known| *known == entry.source).unwrap_or(OTHER);
        self.consent.get_or_create(&labels([("change", change), ("source", source)])).inc();
    }
}

/// Whether a message is of the first step that began, and no other number of its recipient had failed.
fn is_first(message: &Message) -> bool {
    message.start() == 0 && message.follows().is_none()
}
