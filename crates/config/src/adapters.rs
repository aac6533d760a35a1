//! The adapters of a source: `[source.alertmanager]` and its like. In: tables. Out: what each adapter makes, its templates
//! compiled.
//!
//! Never: a type that the source may not send, or a template that uses what its adapter does not have.

use domain::{
    adapter::{Adapter, AdapterField, AdapterSettings, Adapters, Per},
    event::holds_type,
    template::is_field_name,
};

use crate::reader::{Document, Placed, Section};

pub(crate) fn read_adapters(doc: &mut Document<'_>, source: &mut Section<'_>, types: &[String]) -> Adapters {
    let mut adapters = Vec::new();
    for adapter in Adapter::ALL {
        if let Some(section) = source.section(doc, adapter.name()) {
            adapters.push((adapter, read_adapter(doc, section, adapter, types)));
        }
    }
    Adapters(adapters)
}

fn read_adapter(
    doc: &mut Document<'_>,
    mut section: Section<'_>,
    adapter: Adapter,
    types: &[String],
) -> AdapterSettings {
    let mut settings = AdapterSettings::default();
    let at = section.at.clone();
    for (key, kind) in [("opens", &mut settings.opens), ("resolves", &mut settings.resolves)] {
        let text = section.text(doc, key);
        let place = text.as_ref().map_or_else(|| at.clone(), |text| text.at.clone());
        if let Some(text) = text {
            *kind = text.value;
        }
        if !types.is_empty() && !holds_type(types, kind) {
            let name = adapter.name();
            doc.problem(
                &place,
                format!(
                    "source.{name}.{key}: {kind:?} is not among the types of the source, {}",
                    types.join(", ")
                ),
            );
        }
    }
    if matches!(adapter, Adapter::Alertmanager | Adapter::Grafana)
        && let Some(per) = section.text(doc, "per")
    {
        match per.value.as_str() {
            "group" => settings.per = Per::Group,
            "alert" => settings.per = Per::Alert,
            other => {
                let name = adapter.name();
                let message = format!("source.{name}.per: expected \"group\" or \"alert\", not {other:?}");
                doc.problem(&per.at, message);
            }
        }
    }
    if let Some(fields) = section.section(doc, "fields") {
        for (name, source) in fields.into_texts(doc) {
            settings.fields.extend(read_field(doc, adapter, &name, &source));
        }
    }
    section.finish(doc);
    settings
}

fn read_field(
    doc: &mut Document<'_>,
    adapter: Adapter,
    name: &str,
    source: &Placed<String>,
) -> Option<AdapterField> {
    let label = format!("source.{}.fields.{name}", adapter.name());
    if !is_field_name(name) {
        let message = "a template of a text could not use it; take letters, digits and _, and not ack, recipient or step";
        doc.problem(&source.at, format!("{label}: {message}"));
        return None;
    }
    match AdapterField::compile(adapter, name, &source.value) {
        Ok(field) => Some(field),
        Err(errors) => {
            for error in errors {
                doc.problem_within(&source.at, error.line, format!("{label}: {}", error.message));
            }
            None
        }
    }
}
