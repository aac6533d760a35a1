//! Whether the templates of a destination can work. In: templates, and what they may use. Out: what is wrong with one.
//!
//! Never: asks a service.

use domain::effect::{OutcomeEvent, OutcomeKind};
use jiff::Timestamp;
use minijinja::{Environment, context, value::Serde};
use serde_json::Value;

use crate::{Unusable, page::headline};

/// Refuses names that mean nothing, which would be written as nothing.
pub(crate) fn names(
    templates: &Environment<'_>,
    key: &str,
    template: &str,
    known: &[&str],
) -> Result<(), Unusable> {
    let used = templates.get_template(template).map(|template| template.undeclared_variables(false));
    let is_known = |name: &String| {
        known.contains(&name.as_str()) || templates.globals().any(|(global, _)| global == name)
    };
    let strange = used.unwrap_or_default().into_iter().filter(|name| !is_known(name)).min();
    strange.map_or(Ok(()), |name| {
        let known = known.join(", ");
        Err(Unusable(format!("its {key} uses `{name}`, and there is only {known}")))
    })
}

/// Refuses a body that is no JSON where it says that it is.
pub(crate) fn json(templates: &Environment<'_>, template: &str) -> Result<(), Unusable> {
    let event = sample();
    let values = context! {
        event => Serde(event.to_cloud_event()),
        headline => headline(&event),
        ticket_body => "db-1: nobody took it on\nRun: ...",
        key => "key",
    };
    let rendered = templates.get_template(template).and_then(|template| template.render(values));
    let rendered =
        rendered.map_err(|error| Unusable(format!("its body cannot be made of sample values: {error}")))?;
    serde_json::from_str::<Value>(&rendered).map(drop).map_err(|error| {
        Unusable(format!(
            "its body makes no JSON of sample values: {error}; values bring their own quotes, as in {{\"title\": {{{{ headline \
             }}}}}}, or give another content_type"
        ))
    })
}

/// An event that says everything.
fn sample() -> OutcomeEvent {
    let text = |text: &str| Some(text.to_owned());
    OutcomeEvent {
        id: "sample".to_owned(),
        kind: OutcomeKind::RunExhausted,
        at: Timestamp::UNIX_EPOCH,
        run: domain::id::RunId::derive("monitoring", "e-1", "paging", Some("db-1")).into(),
        workflow: text("paging"),
        source: text("monitoring"),
        event_id: text("e-1"),
        subject: text("a \"quoted\" name"),
        phase: Some(domain::run::RunPhase::Exhausted),
        step: Some(0),
        message: Some(1),
        by: text("Ada"),
        detail: text("the steps are used up"),
        ticket: text("https://tickets.example/7"),
        approval: text("a0123456789ab"),
    }
}
