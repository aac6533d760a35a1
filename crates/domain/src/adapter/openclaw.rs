//! Webhooks of OpenClaw's automations: the end of a run, and the alert that one keeps failing. In: either. Out: a report
//! whose subject is the automation.
//!
//! The shapes were captured from openclaw 2026.9; neither has an id, so an automation and the time of its run are one.
//! Never: passes on what a model or a failing program wrote: `summary`, `error`, `message` and `diagnostics` stay out.

use serde_json::{Map, Value};

use super::{
    kind::Adapter,
    payload::{cut_chars, first_text, object, only, text_of},
    report::{Identity, Report, Says, subject_of},
};
use crate::schema::FieldError;

/// Longest name of an automation that is passed on: an agent may have chosen it.
const NAME_CHARS_MAX: usize = 80;

/// Reads one webhook.
pub(super) fn read(body: &[u8]) -> Result<Report, Vec<FieldError>> {
    let payload = object(body)?;
    let mut errors = Vec::new();
    let mut required = |name: &str| {
        let text = text_of(payload.get(name));
        if text.is_none() {
            errors.push(FieldError::new(
                format!("/{name}"),
                "required: with it a run of an automation is told apart",
            ));
        }
        text.unwrap_or_default()
    };
    let (job, ran_at) = (required("jobId"), required("runAtMs"));
    let status = payload.get("status").and_then(Value::as_str);
    let action = text_of(payload.get("action"));
    // The alert about repeated failures has neither.
    let says = match (action.as_deref(), status) {
        (Some("finished"), Some("ok")) => Says::Resolves,
        (Some("finished"), Some("error")) | (None, None) => Says::Opens,
        (Some("finished"), _) => {
            errors.push(FieldError::new("/status", "expected \"ok\" or \"error\""));
            Says::Opens
        }
        _ => {
            errors.push(FieldError::new("/action", "expected \"finished\", or neither action nor status"));
            Says::Opens
        }
    };
    if !errors.is_empty() {
        return Err(errors);
    }
    let details = payload.get("job");
    let name = text_of(payload.get("jobName")).or_else(|| first_text(details, &["name"]));
    let mut name = name.unwrap_or_else(|| job.clone());
    cut_chars(&mut name, NAME_CHARS_MAX);
    let mut usual = Map::new();
    usual.insert("title".to_owned(), format!("Automation {name} failed").into());
    usual.insert("severity".to_owned(), "high".into());
    usual.insert("service".to_owned(), "openclaw".into());
    let mut view = only(&payload, Adapter::OpenClaw.names().iter().copied());
    view.insert("jobName".to_owned(), name.into());
    if let Some(agent) = first_text(details, &["agentId"]) {
        view.insert("agentId".to_owned(), agent.into());
    }
    // A failed run and the alert about it are one report, also where both are posted at the same moment.
    let identity = format!("{ran_at}:{}", if says == Says::Opens { "failed" } else { "ended" });
    let identity = Identity::Payload(identity);
    Ok(Report { adapter: Adapter::OpenClaw, says, subject: subject_of(&job), identity, view, usual })
}
