//! What tools send. In: a byte for the adapter, then the body. Out: reports whose events read back and fit the shipped
//! workflow, or errors that say where.
#![no_main]

use std::sync::LazyLock;

use domain::{
    adapter::{Adapter, AdapterSettings, Per, Says},
    event::Event,
    schema::FieldSchema,
};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// The schema of the incident workflow that callout ships.
static INCIDENT: LazyLock<FieldSchema> = LazyLock::new(|| {
    FieldSchema::compile(&json!({
        "type": "object", "required": ["severity", "title", "service"], "additionalProperties": false,
        "properties": {
            "severity": {"type": "string", "enum": ["critical", "high", "low"]},
            "title": {"type": "string", "minLength": 1, "maxLength": 400},
            "service": {"type": "string", "minLength": 1, "maxLength": 80},
        },
    }))
    .expect("a schema")
});

fuzz_target!(|input: &[u8]| {
    let Some((first, body)) = input.split_first() else { return };
    let adapter = Adapter::ALL[usize::from(*first) % Adapter::ALL.len()];
    let now = Timestamp::from_second(1_800_000_000).expect("a time");
    for per in [Per::Group, Per::Alert] {
        let settings = AdapterSettings { per, ..AdapterSettings::default() };
        match adapter.read(body, &settings, now) {
            Ok(reports) => {
                assert!(!reports.is_empty());
                for report in reports {
                    let event = report.event("tool", &settings, &[&*INCIDENT], 0, now);
                    assert_eq!(INCIDENT.validate(&event.data), []);
                    assert_eq!(event.key, report.key("tool", report.says, 0));
                    assert_ne!(report.key("tool", Says::Opens, 0), report.key("tool", Says::Resolves, 0));
                    assert_eq!(Event::from_json(&event.to_json()), Ok(event));
                }
            }
            Err(errors) => {
                assert!(!errors.is_empty());
                assert!(errors.iter().all(|e| e.pointer.is_empty() || e.pointer.starts_with('/')), "{errors:?}");
            }
        }
    }
});
