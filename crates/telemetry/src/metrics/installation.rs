//! What waits in the whole installation, as one process sees it. In: a status. Out: gauges.
//!
//! Never: in two processes of one kind the same figures to be added up: take the greatest of them.

use domain::status::{OriginatorStatus, Status, Waiting};

use super::{
    families::{Families, Gauges},
    names::labels,
};

/// Gauges of the queues, the store and the processes.
pub struct InstallationMetrics {
    queue_messages: Gauges<1>,
    queue_consumers: Gauges<1>,
    waiting: Gauges<1>,
    oldest: Gauges<1>,
    effects: Gauges<1>,
    originator_texts: Gauges<3>,
    originator_demoted: Gauges<2>,
    processes: Gauges<1>,
    oncall_gaps: Gauges<0>,
    canary_failures: Gauges<1>,
    canary_success: Gauges<1>,
    canary_delivery: Gauges<1>,
    calendar_age: Gauges<2>,
    calendar_failures: Gauges<2>,
    problems: Gauges<0>,
}

impl InstallationMetrics {
    pub(super) fn register(families: &mut Families) -> Self {
        Self {
            queue_messages: families.gauge("queue_messages", "Work that waits in a queue"),
            queue_consumers: families.gauge("queue_consumers", "Consumers of a queue, of all processes"),
            waiting: families.gauge("waiting", "What waits in the store, by kind"),
            oldest: families.gauge("waiting_oldest_seconds", "For how long the oldest of a kind has waited"),
            effects: families.gauge("effects_waiting", "Effects that were not delivered yet"),
            originator_texts: families.gauge(
                "originator_texts",
                "Texts of the last half hour that arrived or did not, by originator",
            ),
            originator_demoted: families
                .gauge("originator_demoted", "Whether too few of an originator's texts to a country arrived"),
            processes: families.gauge("processes", "Processes that reported lately, by role"),
            oncall_gaps: families
                .gauge("oncall_gaps", "Times of the next 7 days at which a step would text nobody"),
            canary_failures: families.gauge(
                "canary_failures",
                "Canaries of an originator in a row that did not arrive, 5 at most",
            ),
            canary_success: families.gauge(
                "canary_last_success_timestamp_seconds",
                "When the slot of an originator's last canary that arrived began",
            ),
            canary_delivery: families.gauge(
                "canary_delivery_milliseconds",
                "From the request of an originator's last canary to its receipt",
            ),
            calendar_age: families
                .gauge("calendar_age_seconds", "For how long the copy of a calendar was not confirmed"),
            calendar_failures: families.gauge(
                "calendar_failures",
                "Tries to read a calendar that failed since the last that did not",
            ),
            problems: families.gauge("problems", "Problems that `callout status` shows"),
        }
    }

    /// Shows nothing: what is known is out of date.
    pub fn clear(&self) {
        for gauges in [
            &self.queue_messages,
            &self.queue_consumers,
            &self.waiting,
            &self.oldest,
            &self.effects,
            &self.processes,
        ] {
            gauges.clear();
        }
        self.originator_texts.clear();
        self.originator_demoted.clear();
        self.canary_failures.clear();
        self.canary_success.clear();
        self.canary_delivery.clear();
        self.calendar_age.clear();
        self.calendar_failures.clear();
        self.oncall_gaps.clear();
        self.problems.clear();
    }

    /// Shows a status. `problems` are those found in it.
    pub fn show(&self, status: &Status, problems: usize) {
        // Destinations and roles come and go.
        self.clear();
        for queue in &status.queues {
            let labels = labels([("queue", &queue.name)]);
            self.queue_messages.get_or_create(&labels).set(gauge(queue.depth));
            self.queue_consumers.get_or_create(&labels).set(queue.consumers.into());
        }
        let backlog = &status.backlog;
        for (kind, Waiting { count, since }) in [
            ("events", backlog.events),
            ("overdue", backlog.overdue),
            ("needs_review", backlog.needs_review),
            ("dead_letters", backlog.dead_letters),
            ("in_doubt", Waiting { count: status.in_doubt, since: None }),
            ("retries", status.retry_waits.texts),
        ] {
            let labels = labels([("kind", kind)]);
            let age = since.map_or(0, |since| status.now.duration_since(since).as_secs().max(0));
            self.waiting.get_or_create(&labels).set(gauge(count));
            self.oldest.get_or_create(&labels).set(age);
        }
        for (destination, count) in &backlog.effects {
            self.effects.get_or_create(&labels([("destination", destination)])).set(gauge(*count));
        }
        for OriginatorStatus { count, is_demoted, .. } in &status.originators {
            let (originator, country) = (count.originator.as_str(), count.calling_code.to_string());
            for (result, texts) in [("delivered", count.arrived.delivered), ("failed", count.arrived.failed)]
            {
                let labels = labels([("originator", originator), ("country", &country), ("result", result)]);
                self.originator_texts.get_or_create(&labels).set(texts.into());
            }
            let labels = labels([("originator", originator), ("country", &country)]);
            self.originator_demoted.get_or_create(&labels).set((*is_demoted).into());
        }
        for role in &status.roles {
            let alive = status.alive(role).count() as u64;
            self.processes.get_or_create(&labels([("role", role)])).set(gauge(alive));
        }
        for canary in &status.canaries {
            let labels = labels([("originator", canary.originator.as_str())]);
            self.canary_failures.get_or_create(&labels).set(canary.failures.into());
            if let Some(at) = canary.last_success {
                self.canary_success.get_or_create(&labels).set(at.as_second());
            }
            if let Some(delivery_ms) = canary.delivery_ms {
                self.canary_delivery.get_or_create(&labels).set(delivery_ms);
            }
        }
        for state in &status.calendars {
            let labels = labels([("schedule", &state.schedule), ("layer", &state.layer)]);
            self.calendar_failures.get_or_create(&labels).set(state.failures.into());
            if let Some(age) = state.age(status.now) {
                self.calendar_age.get_or_create(&labels).set(age.as_secs().max(0));
            }
        }
        self.oncall_gaps.get_or_create(&[]).set(gauge(status.gaps.len() as u64));
        self.problems.get_or_create(&[]).set(gauge(problems as u64));
    }
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
