//! What each adapter makes of recorded payloads, and of anything else.
//!
//! Alertmanager's are from 0.25 (Debian 12): three alerts of a group, a fourth that joins, one that is over, the end. The
//! others are in the documented forms, with values of our own.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{report::subject_of, *};
use crate::{
    event::Event,
    limits::{ATTRIBUTE_BYTES_MAX, EVENT_DATA_BYTES_MAX},
    schema::FieldSchema,
};

const FIRING: &str = include_str!("../../tests/it/recorded/alertmanager_firing.json");
const JOINED: &str = include_str!("../../tests/it/recorded/alertmanager_joined.json");
const ONE_RESOLVED: &str = include_str!("../../tests/it/recorded/alertmanager_one_resolved.json");
const RESOLVED: &str = include_str!("../../tests/it/recorded/alertmanager_resolved.json");
const GRAFANA: &str = include_str!("../../tests/it/recorded/grafana.json");
const PAGERDUTY: &str = include_str!("../../tests/it/recorded/pagerduty.json");
const FINISHED: &str = include_str!("../../tests/it/recorded/openclaw_finished.json");
const FAILURE_ALERT: &str = include_str!("../../tests/it/recorded/openclaw_failure_alert.json");

fn now() -> Timestamp {
    "2026-11-29T07:00:00Z".parse().unwrap()
}

/// The schema of the incident workflow that callout ships.
fn incident() -> FieldSchema {
    FieldSchema::compile(&json!({
        "type": "object", "required": ["severity", "title", "service"], "additionalProperties": false,
        "properties": {
            "severity": {"type": "string", "enum": ["critical", "high", "low"]},
            "title": {"type": "string", "minLength": 1, "maxLength": 400},
            "service": {"type": "string", "minLength": 1, "maxLength": 80},
        },
    }))
    .unwrap()
}

fn reports(adapter: Adapter, body: &str, settings: &AdapterSettings) -> Vec<Report> {
    adapter.read(body.as_bytes(), settings, now()).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn event_of(report: &Report, settings: &AdapterSettings) -> Event {
    let event = report.event("tool", settings, &[&incident()], 0, now());
    assert_eq!(incident().validate(&event.data), []);
    assert_eq!(Event::from_json(&event.to_json()).as_ref(), Ok(&event), "it is a valid event");
    event
}

/// The one event that a body makes without configuration.
fn event(adapter: Adapter, body: &str) -> Event {
    let settings = AdapterSettings::default();
    let [report] = &reports(adapter, body, &settings)[..] else { panic!("expected one report") };
    event_of(report, &settings)
}

fn changed(body: &str, pointer: &str, value: Value) -> String {
    let mut body: Value = serde_json::from_str(body).unwrap();
    *body.pointer_mut(pointer).unwrap() = value;
    body.to_string()
}

fn errors(adapter: Adapter, body: &str) -> Vec<String> {
    let errors = adapter.read(body.as_bytes(), &AdapterSettings::default(), now()).unwrap_err();
    errors.into_iter().map(|error| error.pointer).collect()
}

fn fields(adapter: Adapter, fields: &[(&str, &str)]) -> AdapterSettings {
    let compiled =
        fields.iter().map(|(name, source)| AdapterField::compile(adapter, name, source).unwrap()).collect();
    AdapterSettings { fields: compiled, ..AdapterSettings::default() }
}

#[test]
fn d11_a_group_of_alerts_is_one_event_that_fits_the_shipped_workflow() {
    let event = event(Adapter::Alertmanager, FIRING);
    assert_eq!(event.kind, "incident.created");
    assert_eq!(event.key.source, "tool");
    assert_eq!(event.subject.as_deref(), Some("DiskAlmostFull north c4153a8a7d1b"));
    let title = "3 alerts: Disk almost full";
    assert_eq!(Value::Object(event.data), json!({"title": title, "severity": "critical", "service": "node"}));
    assert_eq!(event.time, Some(now()), "not since when it fires, which may be days ago");
}

#[test]
fn a_group_has_one_subject_and_one_id_for_as_long_as_its_oldest_alert_fires() {
    let opened = event(Adapter::Alertmanager, FIRING);
    let joined = event(Adapter::Alertmanager, JOINED);
    assert_eq!((&joined.key, &joined.subject), (&opened.key, &opened.subject));
    assert_eq!(joined.data["title"], "4 alerts: Disk almost full");
    let resolved = event(Adapter::Alertmanager, RESOLVED);
    assert_eq!((resolved.kind.as_str(), &resolved.subject), ("incident.resolved", &opened.subject));
    assert_ne!(resolved.key, opened.key);
    let again = event(Adapter::Alertmanager, &FIRING.replace("06:36:38", "09:12:01"));
    assert_ne!(again.key, opened.key, "it fires anew");
    assert_eq!(again.subject, opened.subject);
    let of_pair = event(Adapter::Alertmanager, &FIRING.replace("alerts.example.org", "other.example.org"));
    assert_eq!(of_pair, opened, "the other Alertmanager of a pair says the same");
}

#[test]
fn an_alert_that_is_over_is_no_part_of_what_fires() {
    let event = event(Adapter::Alertmanager, ONE_RESOLVED);
    assert_eq!(
        (event.kind.as_str(), &event.data["title"]),
        ("incident.created", &json!("3 alerts: Disk almost full"))
    );
}

#[test]
fn a_group_that_does_not_say_since_when_it_fires_is_told_apart_by_its_runs() {
    let settings = AdapterSettings::default();
    let body = ["0", "1", "2"].into_iter().fold(FIRING.to_owned(), |body, alert| {
        changed(&body, &format!("/alerts/{alert}/startsAt"), json!("soon"))
    });
    assert!(reports(Adapter::Alertmanager, &body, &settings)[0].is_counted());
    let one = changed(FIRING, "/alerts/0/startsAt", Value::Null);
    assert_eq!(
        event(Adapter::Alertmanager, &one).key,
        event(Adapter::Alertmanager, FIRING).key,
        "the others say so"
    );
}

#[test]
fn each_alert_is_an_event_where_that_is_asked_for() {
    let settings = AdapterSettings { per: Per::Alert, ..AdapterSettings::default() };
    let events: Vec<Event> = reports(Adapter::Alertmanager, ONE_RESOLVED, &settings)
        .iter()
        .map(|report| event_of(report, &settings))
        .collect();
    let said: Vec<_> = events.iter().map(|e| (e.kind.as_str(), e.subject.as_deref().unwrap())).collect();
    let (opens, resolves) = ("incident.created", "incident.resolved");
    assert_eq!(
        said,
        [
            (opens, "2ff30495038e6566"),
            (opens, "728479fea270358f"),
            (opens, "653b4542a94f4ad4"),
            (resolves, "809b3c34abfad031"),
        ]
    );
    assert_eq!(events[0].data["title"], "Disk almost full");
    let first =
        reports(Adapter::Alertmanager, FIRING, &settings).into_iter().map(|r| event_of(&r, &settings));
    let same = first.filter(|event| event.key == events[0].key).count();
    assert_eq!(same, 1, "the same alert in another notification is the same event");
}

#[test]
fn fields_are_templates_over_what_the_tool_sent() {
    let settings = fields(
        Adapter::Alertmanager,
        &[
            (
                "title",
                "{{ labels.alertname | upper }}:{% for one in alerts %} {{ one.labels.instance }}{% endfor %}",
            ),
            ("severity", "{{ labels.nothing }}"),
            ("service", "{{ groupLabels.cluster }}/{{ alert.labels.job }}"),
            ("runbook", "{{ annotations.runbook_url }}"),
        ],
    );
    let report = &reports(Adapter::Alertmanager, FIRING, &settings)[0];
    let expected = json!({
        "title": "DISKALMOSTFULL: db-1:9100 db-2:9100 db-3:9100", "severity": "critical", "service": "north/node"
    });
    assert_eq!(
        Value::Object(event_of(report, &settings).data),
        expected,
        "an empty one is as usual, or absent"
    );
    let wrong = AdapterField::compile(Adapter::Alertmanager, "title", "{{ label.x }}").unwrap_err();
    assert!(
        wrong[0].message.starts_with("`label.x` is not known here; there are labels, annotations"),
        "{wrong:?}"
    );
}

#[test]
fn all_fields_together_fit_an_event() {
    let names: Vec<String> = (0..60).map(|n| format!("f{n}")).collect();
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), "{{ labels.job }}")).collect();
    let settings = fields(Adapter::Alertmanager, &all);
    let long = changed(FIRING, "/commonLabels/job", json!("\u{1}".repeat(5_000)));
    let event = reports(Adapter::Alertmanager, &long, &settings)[0].event("tool", &settings, &[], 0, now());
    assert_eq!(event.data.len(), 65);
    assert_eq!(Event::from_json(&event.to_json()), Ok(event));
}

#[test]
fn what_alertmanager_cut_off_is_counted() {
    let cut = changed(FIRING, "/truncatedAlerts", json!(12));
    let settings = AdapterSettings::default();
    let report = &reports(Adapter::Alertmanager, &cut, &settings)[0];
    let event = report.event("tool", &settings, &[], 0, now());
    assert_eq!(event.data["title"], "3 alerts and 12 more: Disk almost full");
    assert_eq!((&event.data["count"], &event.data["truncated"]), (&json!(3), &json!(12)));
}

#[test]
fn without_common_labels_the_worst_severity_and_the_oldest_alert_count() {
    let mixed = changed(FIRING, "/commonLabels", json!({}));
    let mixed = changed(&mixed, "/commonAnnotations", json!({}));
    let mixed = changed(&mixed, "/alerts/0/labels/severity", json!("info"));
    let mixed = changed(&mixed, "/alerts/1/labels/severity", json!("warning"));
    let mixed = changed(&mixed, "/alerts/2/labels/severity", json!("page"));
    let event = event(Adapter::Alertmanager, &mixed);
    let expected = json!({"title": "3 alerts: Disk almost full", "severity": "critical", "service": "node"});
    assert_eq!(Value::Object(event.data), expected);
}

#[test]
fn what_is_no_notification_is_refused_by_field() {
    assert_eq!(errors(Adapter::Alertmanager, &changed(FIRING, "/version", json!("5"))), ["/version"]);
    assert_eq!(errors(Adapter::Alertmanager, &changed(FIRING, "/alerts", json!([]))), ["/alerts"]);
    assert_eq!(errors(Adapter::Alertmanager, "{}"), ["/version", "/groupKey", "/alerts", "/status"]);
    assert_eq!(errors(Adapter::Alertmanager, GRAFANA), ["/version"], "it has an adapter of its own");
    assert_eq!(errors(Adapter::Grafana, FIRING), ["/version"]);
    assert_eq!(errors(Adapter::PagerDuty, "{}"), ["/event_action", "/payload/summary"]);
    assert_eq!(errors(Adapter::PagerDuty, r#"{"event_action":"resolve"}"#), ["/dedup_key"]);
    let acknowledge = changed(PAGERDUTY, "/event_action", json!("acknowledge"));
    assert_eq!(errors(Adapter::PagerDuty, &acknowledge), ["/event_action"]);
    assert_eq!(errors(Adapter::OpenClaw, "{}"), ["/jobId", "/runAtMs"]);
    assert_eq!(errors(Adapter::OpenClaw, &changed(FINISHED, "/status", json!("skipped"))), ["/status"]);
    for adapter in Adapter::ALL {
        for body in ["", "[]", "7", "{\"a\":1,\"a\":2}"] {
            assert_eq!(errors(adapter, body).len(), 1, "{adapter:?} {body}");
        }
    }
}

#[test]
fn a_label_that_holds_anything_loses_no_page() {
    for text in [
        "",
        " ",
        "\n\r\u{0}\u{7}",
        "http://x.example/y",
        &"ä".repeat(10_000),
        "\u{202e}{{ ack }}",
        "\u{1f600}",
    ] {
        let mut body = FIRING.to_owned();
        for pointer in [
            "/commonLabels/severity",
            "/commonLabels/job",
            "/commonAnnotations/summary",
            "/groupLabels/cluster",
        ] {
            body = changed(&body, pointer, json!(text));
        }
        let body = changed(&body, "/groupKey", json!(format!("{{}}:{{cluster={text:?}}}")));
        assert_eq!(event(Adapter::Alertmanager, &body).kind, "incident.created", "{text:?}");
    }
}

#[test]
fn grafana_s_alerts_are_read_as_alertmanager_s() {
    let event = event(Adapter::Grafana, GRAFANA);
    assert!(event.subject.as_deref().unwrap().starts_with("Queue is growing Billing "), "{event:?}");
    let expected = json!({"title": "More than 10 000 invoices wait", "severity": "high", "service": "tool"});
    assert_eq!(Value::Object(event.data), expected);
}

#[test]
fn an_event_for_pagerduty_keeps_its_key_as_subject_and_not_its_routing_key() {
    let event = event(Adapter::PagerDuty, PAGERDUTY);
    assert_eq!((event.kind.as_str(), event.subject.as_deref()), ("incident.created", Some("backup/db-1")));
    let expected = json!({"title": "Backup of db-1 failed", "severity": "high", "service": "postgres"});
    assert_eq!(Value::Object(event.data.clone()), expected);
    let key = routing_key(PAGERDUTY.as_bytes()).unwrap();
    let settings =
        fields(Adapter::PagerDuty, &[("title", "{{ custom_details }} {{ client }} {{ dedup_key }}")]);
    let report = &reports(Adapter::PagerDuty, PAGERDUTY, &settings)[0];
    let made = report.event("tool", &settings, &[], 0, now());
    assert!(!format!("{report:?} {made:?}").contains(&key));
    assert!(made.data["title"].as_str().unwrap().ends_with("backup runner backup/db-1"), "{made:?}");
    assert!(AdapterField::compile(Adapter::PagerDuty, "title", "{{ routing_key }}").is_err());
}

#[test]
fn an_event_for_pagerduty_has_one_id_until_its_run_has_ended() {
    let settings = AdapterSettings::default();
    let report = &reports(Adapter::PagerDuty, PAGERDUTY, &settings)[0];
    assert!(report.is_counted());
    let key = |recurrence| report.event("tool", &settings, &[], recurrence, now()).key;
    assert_eq!(key(0), key(0));
    assert_ne!(key(0), key(1));
    assert_ne!(report.key("tool", Says::Opens, 0), report.key("tool", Says::Resolves, 0));
    let id = report.key("tool", Says::Opens, 0).id;
    assert!(chose_id(&id), "{id}");
    for other in ["e-1", "alertmanager:e-1", &id.replace(':', "-"), &format!("x{id}"), &id.to_uppercase()] {
        assert!(!chose_id(other), "{other}");
    }
}

#[test]
fn an_event_for_pagerduty_without_a_key_is_the_same_when_it_is_sent_again_at_once() {
    let body = changed(PAGERDUTY, "/dedup_key", Value::Null);
    let subject = |at: &str| {
        let read = Adapter::PagerDuty.read(body.as_bytes(), &AdapterSettings::default(), at.parse().unwrap());
        read.unwrap()[0].subject.clone()
    };
    assert_eq!(subject("2026-11-29T07:00:01Z"), subject("2026-11-29T07:04:59Z"));
    assert_ne!(
        subject("2026-11-29T07:00:01Z"),
        subject("2026-11-30T07:00:01Z"),
        "the next night pages again"
    );
}

#[test]
fn a_failing_automation_of_openclaw_pages_without_what_an_agent_wrote() {
    let finished = event(Adapter::OpenClaw, FINISHED);
    let alert = event(Adapter::OpenClaw, FAILURE_ALERT);
    let expected =
        json!({"title": "Automation nightly report failed", "severity": "high", "service": "openclaw"});
    for event in [&finished, &alert] {
        assert_eq!(event.kind, "incident.created");
        assert_eq!(event.subject.as_deref(), Some("7d0c3a52-08c1-4f6e-9a35-41f2d5a7c0b9"));
        assert_eq!(Value::Object(event.data.clone()), expected);
    }
    assert_eq!(finished.key, alert.key, "a failed run and the alert about it are one report");
    let next = event(Adapter::OpenClaw, &changed(FINISHED, "/runAtMs", json!(1_793_772_000_000_u64)));
    assert_ne!(finished.key, next.key);
    let ok = event(Adapter::OpenClaw, &changed(FINISHED, "/status", json!("ok")));
    assert_eq!((ok.kind.as_str(), ok.subject), ("incident.resolved", finished.subject));
    for name in ["error", "summary", "message", "diagnostics"] {
        assert!(
            AdapterField::compile(Adapter::OpenClaw, "title", &format!("{{{{ {name} }}}}")).is_err(),
            "{name}"
        );
    }
}

#[test]
fn a_subject_is_an_attribute_whatever_it_is_made_of() {
    assert_eq!(subject_of("backup/db-1"), "backup/db-1");
    let (long, other) = (subject_of(&"ä".repeat(300)), subject_of(&"ä".repeat(301)));
    assert!(long.len() <= ATTRIBUTE_BYTES_MAX && long != other, "{long} {other}");
    assert_eq!(subject_of(&long), long, "what is answered names it too");
    assert_ne!(subject_of("a\nb"), subject_of("ab"));
    assert!(!subject_of("\n").is_empty() && !subject_of("").is_empty());
}

/// Bodies that are nearly right: one of the recorded ones with a value replaced anywhere.
fn nearly_right() -> impl Strategy<Value = (Adapter, String)> {
    let recorded = prop_oneof![
        Just((Adapter::Alertmanager, FIRING)),
        Just((Adapter::Alertmanager, ONE_RESOLVED)),
        Just((Adapter::Grafana, GRAFANA)),
        Just((Adapter::PagerDuty, PAGERDUTY)),
        Just((Adapter::OpenClaw, FINISHED)),
        Just((Adapter::OpenClaw, FAILURE_ALERT)),
    ];
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({"a": [{}]})),
        Just(json!("x".repeat(40_000))),
    ];
    (recorded, any::<prop::sample::Index>(), value).prop_map(|((adapter, body), at, value)| {
        let body: Value = serde_json::from_str(body).unwrap();
        let mut pointers = Vec::new();
        collect(&body, String::new(), &mut pointers);
        (adapter, changed(&body.to_string(), at.get(&pointers).as_str(), value))
    })
}

fn collect(value: &Value, at: String, pointers: &mut Vec<String>) {
    let below = |name: &str| format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| collect(value, below(name), pointers)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| collect(value, below(&n.to_string()), pointers));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    pointers.push(at);
}

/// Whatever comes in: a valid event that fits the shipped workflow, or errors that say where.
fn check(adapter: Adapter, body: &[u8]) -> Result<(), TestCaseError> {
    let all: String = adapter.names().iter().map(|name| format!("{{{{ {name} }}}}")).collect();
    for per in [Per::Group, Per::Alert] {
        let settings = AdapterSettings { per, ..fields(adapter, &[("service", all.as_str())]) };
        match adapter.read(body, &settings, now()) {
            Ok(reports) => {
                prop_assert!(!reports.is_empty());
                for report in reports {
                    let event = report.event("tool", &settings, &[&incident()], 0, now());
                    prop_assert_eq!(incident().validate(&event.data), vec![]);
                    prop_assert_eq!(Event::from_json(&event.to_json()), Ok(event));
                    let open = report.event("tool", &settings, &[], 0, now());
                    prop_assert!(Value::Object(open.data).to_string().len() <= EVENT_DATA_BYTES_MAX);
                }
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                prop_assert!(errors.iter().all(|e| e.pointer.is_empty() || e.pointer.starts_with('/')));
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_bytes_make_an_adapter_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for adapter in Adapter::ALL {
            check(adapter, &bytes)?;
        }
    }

    #[test]
    fn what_is_nearly_right_is_an_event_or_an_error((adapter, body) in nearly_right()) {
        check(adapter, body.as_bytes())?;
    }
}
