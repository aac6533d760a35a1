//! The doors of a source: `[source.alertmanager]` and its like. In: tables. Out: what each door makes, its templates
//! compiled.
//!
//! Never: a type that the source may not send, or a template that uses what its door does not have.

use domain::{
    door::{Door, DoorField, DoorSettings, Doors, Per},
    event::holds_type,
    template::is_field_name,
};

use crate::reader::{Document, Placed, Section};

pub(crate) fn read_doors(doc: &mut Document<'_>, source: &mut Section<'_>, types: &[String]) -> Doors {
    let mut doors = Vec::new();
    for door in Door::ALL {
        if let Some(section) = source.section(doc, door.name()) {
            doors.push((door, read_door(doc, section, door, types)));
        }
    }
    Doors(doors)
}

fn read_door(doc: &mut Document<'_>, mut section: Section<'_>, door: Door, types: &[String]) -> DoorSettings {
    let mut settings = DoorSettings::default();
    let at = section.at.clone();
    for (key, kind) in [("opens", &mut settings.opens), ("resolves", &mut settings.resolves)] {
        let text = section.text(doc, key);
        let place = text.as_ref().map_or_else(|| at.clone(), |text| text.at.clone());
        if let Some(text) = text {
            *kind = text.value;
        }
        if !types.is_empty() && !holds_type(types, kind) {
            let name = door.name();
            doc.problem(
                &place,
                format!(
                    "source.{name}.{key}: {kind:?} is not among the types of the source, {}",
                    types.join(", ")
                ),
            );
        }
    }
    if matches!(door, Door::Alertmanager | Door::Grafana)
        && let Some(per) = section.text(doc, "per")
    {
        match per.value.as_str() {
            "group" => settings.per = Per::Group,
            "alert" => settings.per = Per::Alert,
            other => {
                let name = door.name();
                let message = format!("source.{name}.per: expected \"group\" or \"alert\", not {other:?}");
                doc.problem(&per.at, message);
            }
        }
    }
    if let Some(fields) = section.section(doc, "fields") {
        for (name, source) in fields.into_texts(doc) {
            settings.fields.extend(read_field(doc, door, &name, &source));
        }
    }
    section.finish(doc);
    settings
}

fn read_field(doc: &mut Document<'_>, door: Door, name: &str, source: &Placed<String>) -> Option<DoorField> {
    let label = format!("source.{}.fields.{name}", door.name());
    if !is_field_name(name) {
        let message = "a template of a text could not use it; take letters, digits and _, and not ack, recipient or step";
        doc.problem(&source.at, format!("{label}: {message}"));
        return None;
    }
    match DoorField::compile(door, name, &source.value) {
        Ok(field) => Some(field),
        Err(errors) => {
            for error in errors {
                doc.problem_within(&source.at, error.line, format!("{label}: {}", error.message));
            }
            None
        }
    }
}
