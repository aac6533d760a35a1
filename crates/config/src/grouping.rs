//! `[grouping]` of a workflow. In: the table. Out: which texts belong together, and how long they are held.
//!
//! Never: takes a table that would hold nothing.

use domain::{
    limits::{FLAP_CHANGES_MAX, FLAP_WITHIN_S_MAX, GROUP_BY_MAX, GROUP_WINDOW_S_MAX, GROUP_WINDOW_S_MIN},
    workflow::{AtOnce, Flapping, Grouping, Lane, WorkflowDefinition},
};

use crate::{
    reader::{Document, Placed, Section},
    seconds::in_units,
};

/// Reads it, with the fields of the event that it looks at, each with its key.
pub(crate) fn read(
    doc: &mut Document<'_>,
    top: &mut Section<'_>,
    definition: &WorkflowDefinition,
) -> (Option<Grouping>, Vec<(&'static str, Placed<String>)>) {
    let Some(mut section) = top.section(doc, "grouping") else { return (None, Vec::new()) };
    let at = section.at.clone();
    if definition.lane == Lane::Critical {
        let message = "grouping: texts of lane \"critical\" always go at once; take another lane, and name what is \
                       never held in [grouping.at_once]";
        doc.problem(&at, message.to_owned());
    }
    let by = section.texts(doc, "by");
    if by.len() > GROUP_BY_MAX {
        doc.problem(&at, format!("grouping.by: name at most {GROUP_BY_MAX} fields"));
    }
    let windows = GROUP_WINDOW_S_MIN..GROUP_WINDOW_S_MAX + 1;
    if !section.has("window") {
        let (least, most) = (in_units(GROUP_WINDOW_S_MIN), in_units(GROUP_WINDOW_S_MAX));
        let message =
            format!("grouping.window: required, from \"{least}\" to \"{most}\", for example \"5m\"");
        section.missing("window", message);
    }
    let window_s = section.seconds(doc, "window", windows);
    let mut fields: Vec<_> = by.iter().map(|field| ("grouping.by", copied(field))).collect();
    let at_once = section.section(doc, "at_once").and_then(|section| read_at_once(doc, section));
    fields.extend(at_once.iter().map(|(_, field)| ("grouping.at_once.field", copied(field))));
    let flapping =
        section.section(doc, "flapping").and_then(|section| read_flapping(doc, section, definition));
    section.finish(doc);
    let by = by.into_iter().map(|field| field.value).collect();
    let at_once = at_once.map(|(at_once, _)| at_once);
    (window_s.map(|window_s| Grouping { by, window_s, at_once, flapping }), fields)
}

fn copied(field: &Placed<String>) -> Placed<String> {
    Placed { value: field.value.clone(), at: field.at.clone() }
}

fn read_at_once(doc: &mut Document<'_>, mut section: Section<'_>) -> Option<(AtOnce, Placed<String>)> {
    let field = section.required_text(doc, "field");
    let message = "grouping.at_once.values: name what the field says then, for example [\"critical\"]";
    let values = section.required_texts(doc, "values", message);
    section.finish(doc);
    let field = field?;
    let values = values.into_iter().map(|value| value.value).collect();
    Some((AtOnce { field: field.value.clone(), values }, field))
}

fn read_flapping(
    doc: &mut Document<'_>,
    mut section: Section<'_>,
    definition: &WorkflowDefinition,
) -> Option<Flapping> {
    if definition.resolved_by.is_none() {
        let message =
            "grouping.flapping: counts how often a subject opens and is resolved; give resolved_by as well";
        doc.problem(&section.at.clone(), message.to_owned());
    }
    for key in ["changes", "within"] {
        if !section.has(key) {
            let message =
                format!("grouping.flapping.{key}: required; write {{ changes = 4, within = \"10m\" }}");
            section.missing(key, message);
        }
    }
    let changes = section.integer(doc, "changes", 2..FLAP_CHANGES_MAX as u32 + 1);
    let within_s = section.seconds(doc, "within", 1..FLAP_WITHIN_S_MAX + 1);
    section.finish(doc);
    Some(Flapping { changes: changes? as u16, within_s: within_s? })
}
