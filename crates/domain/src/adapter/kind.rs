//! The tools that callout takes reports from. In: nothing. Out: their names, and what their payloads have.
//!
//! Never: reads a payload; the mapper of each does.

/// A kind of tool that callout takes reports from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Adapter {
    /// Alertmanager's webhook, version 4.
    Alertmanager,
    /// Grafana's webhook contact point, version 1.
    Grafana,
    /// PagerDuty's Events API v2.
    PagerDuty,
    /// Webhooks of OpenClaw's automations.
    OpenClaw,
}

/// The names of a group of alerts. Grafana sends what Alertmanager sends, and then members of its own.
const ALERT_GROUP: [&str; 17] = [
    "labels",
    "annotations",
    "alert",
    "alerts",
    "count",
    "truncatedAlerts",
    "status",
    "receiver",
    "groupLabels",
    "commonLabels",
    "commonAnnotations",
    "externalURL",
    "groupKey",
    "title",
    "message",
    "state",
    "orgId",
];
/// How many of them Alertmanager sends: the first.
const OF_ALERTMANAGER: usize = 13;

impl Adapter {
    /// All adapters.
    pub const ALL: [Self; 4] = [Self::Alertmanager, Self::Grafana, Self::PagerDuty, Self::OpenClaw];

    /// Its name in paths, configuration and ids.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alertmanager => "alertmanager",
            Self::Grafana => "grafana",
            Self::PagerDuty => "pagerduty",
            Self::OpenClaw => "openclaw",
        }
    }

    /// The names that templates of its fields may use: members of the payload, and what its mapper adds to them.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Alertmanager => ALERT_GROUP.split_at(OF_ALERTMANAGER).0,
            Self::Grafana => &ALERT_GROUP,
            Self::PagerDuty => &[
                "summary",
                "source",
                "severity",
                "timestamp",
                "component",
                "group",
                "class",
                "custom_details",
                "dedup_key",
                "client",
                "client_url",
                "event_action",
            ],
            Self::OpenClaw => &[
                "jobId",
                "jobName",
                "agentId",
                "action",
                "status",
                "runAtMs",
                "durationMs",
                "deliveryStatus",
            ],
        }
    }
}
