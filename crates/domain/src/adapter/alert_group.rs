//! Alertmanager's webhook, and Grafana's, which has its form. In: a notification of a group of alerts. Out: one report of
//! the group, or one of each alert.
//!
//! The format is Alertmanager's `webhook_config` (prometheus.io/docs/alerting/latest/configuration), and Grafana's webhook
//! contact point (grafana.com/docs/grafana/latest/alerting/configure-notifications).
//! Never: takes a version that it does not know, or a group for another because their labels read the same.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    kind::Adapter,
    payload::{cut_bytes, first_text, object, only, short_digest, text_of},
    report::{Identity, Report, Says, subject_of},
    settings::Per,
};
use crate::{
    limits::{ATTRIBUTE_BYTES_MAX, EVENT_BATCH_MAX},
    plural::counted,
    schema::{FieldError, fit::worst_severity},
};

/// What the two senders of this form do differently.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    adapter: Adapter,
    version: &'static str,
    wrong_version: &'static str,
}

pub(super) const ALERTMANAGER: Format = Format {
    adapter: Adapter::Alertmanager,
    version: "4",
    wrong_version: "expected \"4\", as Alertmanager's webhook has it; Grafana posts to /v1/sources/grafana",
};
pub(super) const GRAFANA: Format = Format {
    adapter: Adapter::Grafana,
    version: "1",
    wrong_version: "expected \"1\", as Grafana's webhook contact point has it; Alertmanager posts to \
                    /v1/sources/alertmanager",
};

/// Reads a notification.
pub(super) fn read(body: &[u8], format: Format, per: Per) -> Result<Vec<Report>, Vec<FieldError>> {
    let payload = object(body)?;
    let group = Group::of(&payload, format)?;
    Ok(match per {
        Per::Group => vec![group.report()],
        Per::Alert => group
            .alerts_by_age()
            .into_iter()
            .take(EVENT_BATCH_MAX)
            .map(|alert| group.report_of(alert))
            .collect(),
    })
}

struct Group<'a> {
    format: Format,
    payload: &'a Map<String, Value>,
    key: &'a str,
    alerts: Vec<&'a Value>,
    says: Says,
    truncated: u64,
}

impl<'a> Group<'a> {
    fn of(payload: &'a Map<String, Value>, format: Format) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut wrong = |pointer: &str, message: &str| errors.push(FieldError::new(pointer, message));
        if payload.get("version").and_then(Value::as_str) != Some(format.version) {
            wrong("/version", format.wrong_version);
        }
        let key = payload.get("groupKey").and_then(Value::as_str).filter(|key| !key.is_empty());
        if key.is_none() {
            wrong("/groupKey", "required: it tells one group from another");
        }
        let alerts: Vec<&Value> = payload
            .get("alerts")
            .and_then(Value::as_array)
            .map(|alerts| alerts.iter().filter(|alert| alert.is_object()).collect())
            .unwrap_or_default();
        if alerts.is_empty() {
            wrong("/alerts", "expected at least one alert");
        }
        let says = match payload.get("status").and_then(Value::as_str) {
            Some("firing") => Says::Opens,
            Some("resolved") => Says::Resolves,
            _ => {
                wrong("/status", "expected \"firing\" or \"resolved\"");
                Says::Opens
            }
        };
        let truncated = payload.get("truncatedAlerts").and_then(Value::as_u64).unwrap_or_default();
        match key {
            Some(key) if errors.is_empty() => Ok(Self { format, payload, key, alerts, says, truncated }),
            Some(_) | None => Err(errors),
        }
    }

    /// The alerts that fire, or all of them once none does, the longest firing first. Two Alertmanagers of a pair agree on
    /// the order.
    fn longest_first(&self) -> Vec<&'a Value> {
        let mut firing: Vec<&Value> =
            self.alerts.iter().copied().filter(|alert| says(alert) == Says::Opens).collect();
        if firing.is_empty() {
            firing.clone_from(&self.alerts);
        }
        firing.sort_by_key(|alert| by_age(alert));
        firing
    }

    /// All alerts, those that fire first, so that of too many a page is not the one that is left out.
    fn alerts_by_age(&self) -> Vec<&'a Value> {
        let mut alerts = self.alerts.clone();
        alerts.sort_by_key(|alert| (says(alert) == Says::Resolves, by_age(alert)));
        alerts
    }

    fn report(&self) -> Report {
        let alerts = self.longest_first();
        let oldest = alerts.first().copied().unwrap_or(&Value::Null);
        let labels = self.payload.get("commonLabels");
        let annotations = self.payload.get("commonAnnotations");
        let severities = alerts.iter().filter_map(|alert| severity(alert.get("labels")));
        let severity = severity(labels).or_else(|| worst_severity(severities));
        let mut title = title(labels, annotations)
            .or_else(|| title(oldest.get("labels"), oldest.get("annotations")))
            .unwrap_or_else(|| "Alert".to_owned());
        if let Some(more) = self.how_many(alerts.len()) {
            // In front, where a text that is cut to its segments keeps it.
            title = format!("{more}: {title}");
        }
        let latest = alerts.iter().filter_map(|alert| started(alert)).max();
        let identity = match self.says {
            Says::Opens => started(oldest),
            // The firing that it ends began with the first alert, of which it need not tell; the latest is told of.
            Says::Resolves => latest,
        };
        let identity = identity_of(identity);
        let all = self.alerts.iter().copied().cloned().collect();
        let about = About { labels, annotations, alert: oldest, alerts: all, count: alerts.len() };
        self.make(self.says, self.subject(), identity, about, [Some(title), severity])
    }

    /// The report of one alert, whose fingerprint is its subject.
    fn report_of(&self, alert: &'a Value) -> Report {
        let (labels, annotations) = (alert.get("labels"), alert.get("annotations"));
        let identity = identity_of(started(alert));
        let about = About { labels, annotations, alert, alerts: vec![alert.clone()], count: 1 };
        let says = if says(alert) == Says::Resolves { Says::Resolves } else { self.says };
        let said = [title(labels, annotations), severity(labels)];
        self.make(says, subject_of(&fingerprint(alert)), identity, about, said)
    }

    fn make(
        &self,
        says: Says,
        subject: String,
        identity: Identity,
        about: About<'_>,
        [title, severity]: [Option<String>; 2],
    ) -> Report {
        let names = self.format.adapter.names();
        let mut view = only(self.payload, names.iter().copied().filter(|name| *name != "alerts"));
        view.insert("alerts".to_owned(), Value::Array(about.alerts));
        view.insert("labels".to_owned(), about.labels.cloned().unwrap_or_else(|| json!({})));
        view.insert("annotations".to_owned(), about.annotations.cloned().unwrap_or_else(|| json!({})));
        view.insert("alert".to_owned(), about.alert.clone());
        view.insert("count".to_owned(), about.count.into());
        let mut usual = Map::new();
        usual.insert("title".to_owned(), title.unwrap_or_else(|| "Alert".to_owned()).into());
        usual.insert("severity".to_owned(), severity.unwrap_or_else(|| "high".to_owned()).into());
        if let Some(service) = service(about.labels).or_else(|| service(about.alert.get("labels"))) {
            usual.insert("service".to_owned(), service.into());
        }
        usual.insert("count".to_owned(), about.count.into());
        usual.insert("truncated".to_owned(), self.truncated.into());
        Report { adapter: self.format.adapter, says, subject, identity, view, usual }
    }

    /// How many alerts there are, where it is not just one.
    fn how_many(&self, alerts: usize) -> Option<String> {
        match (alerts, self.truncated) {
            (0 | 1, 0) => None,
            (_, 0) => Some(counted(alerts, "alert")),
            (_, truncated) => Some(format!("{} and {truncated} more", counted(alerts, "alert"))),
        }
    }

    /// The labels that make the group, for people, and a digest of what names it.
    fn subject(&self) -> String {
        let mut labels: Vec<(&String, String)> = self
            .payload
            .get("groupLabels")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name, text_of(Some(value))?)))
            .collect();
        labels.sort_by_key(|(name, _)| (*name != "alertname", (*name).clone()));
        let shown: Vec<_> = labels.into_iter().map(|(_, value)| value).collect();
        let mut shown: String = shown.join(" ").chars().filter(|c| !c.is_control()).collect();
        let mut digest = short_digest(&[self.key]);
        digest.truncate(12);
        cut_bytes(&mut shown, ATTRIBUTE_BYTES_MAX - digest.len() - 1);
        if shown.is_empty() { digest } else { format!("{shown} {digest}") }
    }
}

/// What a report is about.
struct About<'a> {
    labels: Option<&'a Value>,
    annotations: Option<&'a Value>,
    alert: &'a Value,
    alerts: Vec<Value>,
    count: usize,
}

fn says(alert: &Value) -> Says {
    if alert.get("status").and_then(Value::as_str) == Some("resolved") { Says::Resolves } else { Says::Opens }
}

/// Since when it fires.
fn started(alert: &Value) -> Option<Timestamp> {
    alert.get("startsAt")?.as_str()?.parse().ok()
}

/// What sorts alerts, the longest firing first.
fn by_age(alert: &Value) -> (bool, Option<Timestamp>, String) {
    let started = started(alert);
    (started.is_none(), started, fingerprint(alert))
}

/// Since when it fires tells one firing from the next; without that, each is a new one once the run of the last is over.
fn identity_of(started: Option<Timestamp>) -> Identity {
    started.map_or(Identity::Recurrence, |at| Identity::Payload(at.to_string()))
}

/// What tells an alert from all others: Alertmanager's digest of its labels, or ours.
fn fingerprint(alert: &Value) -> String {
    let labels = || alert.get("labels").map(Value::to_string).unwrap_or_default();
    text_of(alert.get("fingerprint")).unwrap_or_else(|| short_digest(&[&labels()]))
}

fn title(labels: Option<&Value>, annotations: Option<&Value>) -> Option<String> {
    first_text(annotations, &["summary", "title"])
        .or_else(|| first_text(labels, &["alertname"]))
        .or_else(|| first_text(annotations, &["description", "message"]))
}

fn severity(labels: Option<&Value>) -> Option<String> {
    first_text(labels, &["severity", "priority", "level"])
}

fn service(labels: Option<&Value>) -> Option<String> {
    first_text(labels, &["service", "service_name", "app", "job", "instance", "namespace"])
}
