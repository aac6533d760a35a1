//! What a workflow says about how it escalates. In: keys of the workflow and of its steps. Out: their values.
//!
//! Never: takes a combination that cannot do what it says.

use domain::{
    limits::{ACK_EXPIRIES_MAX, DEADLINE_S_MAX, DEADLINE_S_MIN, REPEATS_MAX},
    workflow::{AcknowledgedBy, Step, WorkflowDefinition},
};

use crate::{
    reader::{Document, Placed, Section},
    seconds::in_units,
};

/// Most characters before the text of a page that comes again.
const EXPIRED_TEXT_CHARS_MAX: usize = 40;

/// Keys of the workflow whose values are judged once its steps are known.
pub(crate) struct Escalation {
    ack_expires: Option<Placed<u32>>,
    ack_expired_text: Option<Placed<String>>,
}

/// A step with the places of what is judged once all steps are known.
pub(crate) struct PlacedStep {
    pub(crate) step: Step,
    continue_after: Option<Placed<u32>>,
    delay: Option<Placed<u32>>,
}

/// Reads `repeat`, `ack_expires` and `ack_expired_text`.
pub(crate) fn read(
    doc: &mut Document<'_>,
    top: &mut Section<'_>,
    definition: &mut WorkflowDefinition,
) -> Escalation {
    definition.repeat = top.integer(doc, "repeat", 0..u32::from(REPEATS_MAX) + 1).unwrap_or(0) as u8;
    let ack_expires = top.parsed_seconds(doc, "ack_expires", DEADLINE_S_MIN..DEADLINE_S_MAX + 1);
    let ack_expired_text = top.text(doc, "ack_expired_text");
    definition.ack_expires_s = ack_expires.as_ref().map(|expires| expires.value);
    definition.ack_expired_text = ack_expired_text.as_ref().map(|text| text.value.clone());
    Escalation { ack_expires, ack_expired_text }
}

/// Reads `acknowledged_by`, `continue_after` and `delay` of a step.
pub(crate) fn read_step(doc: &mut Document<'_>, section: &mut Section<'_>, step: Step) -> PlacedStep {
    let continue_after = section.parsed_seconds(doc, "continue_after", 0..DEADLINE_S_MAX + 1);
    let delay = section.parsed_seconds(doc, "delay", DEADLINE_S_MIN..DEADLINE_S_MAX + 1);
    let acknowledged_by = section.text(doc, "acknowledged_by");
    let by = match acknowledged_by.as_ref().map(|text| text.value.as_str()) {
        None | Some("any") => AcknowledgedBy::Any,
        Some("all") => AcknowledgedBy::All,
        Some(other) => {
            let message = format!("step.acknowledged_by: expected one of any, all, not {other:?}");
            let at = acknowledged_by.as_ref().map_or(0..0, |text| text.at.clone());
            doc.problem(&at, message);
            AcknowledgedBy::Any
        }
    };
    if let Some(text) = acknowledged_by.filter(|_| step.ack_within_s.is_none()) {
        let message = "step.acknowledged_by: the step asks nobody to acknowledge; give it ack_within, or leave this out";
        doc.problem(&text.at, message.to_owned());
    }
    if let Some(after) = continue_after.as_ref().filter(|_| step.ack_within_s.is_some()) {
        let message = "step.continue_after: the step goes on whether anybody acknowledges or not; leave out ack_within, \
                       or this";
        doc.problem(&after.at, message.to_owned());
    }
    let step = Step {
        acknowledged_by: by,
        continue_after_s: continue_after.as_ref().map(|after| after.value),
        delay_s: delay.as_ref().map(|delay| delay.value),
        ..step
    };
    PlacedStep { step, continue_after, delay }
}

/// Reports what cannot be, and returns the steps.
pub(crate) fn check(
    doc: &mut Document<'_>,
    escalation: &Escalation,
    steps: Vec<PlacedStep>,
    definition: &WorkflowDefinition,
) -> Vec<Step> {
    let not_after = in_units(definition.not_after_s);
    if let Some(after) = steps.last().and_then(|last| last.continue_after.as_ref()) {
        let message =
            "step.continue_after: no step follows that it could go on to; leave it out of the last step";
        doc.problem(&after.at, message.to_owned());
    }
    for delay in steps.iter().filter_map(|step| step.delay.as_ref()) {
        if delay.value >= definition.not_after_s {
            let message = format!(
                "step.delay: the event is of no use by then; make it shorter than not_after ({not_after})"
            );
            doc.problem(&delay.at, message);
        }
    }
    if let Some(expires) = &escalation.ack_expires {
        if let Some(message) = wrong_expiry(expires.value, &steps, definition) {
            doc.problem(&expires.at, format!("ack_expires: {message}"));
        }
    } else if let Some(text) = &escalation.ack_expired_text {
        let message = "ack_expired_text: no acknowledgement expires; give ack_expires, or leave this out";
        doc.problem(&text.at, message.to_owned());
    }
    let is_long = |text: &&Placed<String>| text.value.chars().count() > EXPIRED_TEXT_CHARS_MAX;
    if let Some(text) = escalation.ack_expired_text.as_ref().filter(is_long) {
        let message = format!("ack_expired_text: expected at most {EXPIRED_TEXT_CHARS_MAX} characters");
        doc.problem(&text.at, message);
    }
    steps.into_iter().map(|placed| placed.step).collect()
}

fn wrong_expiry(expires_s: u32, steps: &[PlacedStep], definition: &WorkflowDefinition) -> Option<String> {
    let (not_after_s, not_after) = (definition.not_after_s, in_units(definition.not_after_s));
    if steps.iter().all(|placed| placed.step.ack_within_s.is_none()) {
        return Some(
            "no step asks for an acknowledgement; give one ack_within, or leave this out".to_owned(),
        );
    }
    if definition.resolved_by.is_none() {
        let message = "nothing can resolve a run of this workflow, so it would page whoever took it on again and again; name \
                       the event that resolves it in resolved_by";
        return Some(message.to_owned());
    }
    if expires_s >= not_after_s {
        return Some(format!("the event is of no use by then; make it shorter than not_after ({not_after})"));
    }
    let times = not_after_s / expires_s;
    (times > ACK_EXPIRIES_MAX).then(|| {
        format!(
            "a run could page again {times} times before not_after ({not_after}); make it longer, for {ACK_EXPIRIES_MAX} \
             times at most"
        )
    })
}
