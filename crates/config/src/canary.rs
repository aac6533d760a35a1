//! `[canary]`: texts that tell whether originators still send. In: the table. Out: how often, and to whom.
//!
//! Never: a canary to somebody who is not configured.

use std::{collections::BTreeMap, path::Path};

use domain::{
    canary::CanarySettings,
    directory::Directory,
    limits::{CANARY_EVERY_S_MAX, CANARY_EVERY_S_MIN},
};

use crate::{
    people::CONTACTS,
    problem::Problems,
    reader::{Document, Section},
};

/// Under which name the line of the contact is noted.
const TO: &str = "canary.to";

pub(crate) fn read_canary(
    doc: &mut Document<'_>,
    top: &mut Section<'_>,
    lines: &mut BTreeMap<String, usize>,
) -> Option<CanarySettings> {
    let mut section = top.section(doc, "canary")?;
    if !section.has("every") {
        section.missing("every", "canary.every: required, for example \"1h\"".to_owned());
    }
    let every_s = section.seconds(doc, "every", CANARY_EVERY_S_MIN..CANARY_EVERY_S_MAX + 1);
    let to = section.required_text(doc, "to");
    section.finish(doc);
    doc.note_line(lines, TO, to.as_ref());
    Some(CanarySettings { every_s: every_s?, contact: to?.value })
}

/// Reports a contact that is not there.
pub(crate) fn check_canary(
    file: &Path,
    canary: &Option<CanarySettings>,
    lines: &BTreeMap<String, usize>,
    directory: &Directory,
    problems: &mut Problems,
) {
    let Some(CanarySettings { contact, .. }) = canary else { return };
    if !directory.contacts.contains_key(contact) {
        let line = lines.get(TO).copied();
        problems.add(file, line, format!("canary.to: no contact is named {contact:?} in {CONTACTS}"));
        if let Some(problem) = problems.0.last_mut() {
            problem.missing_in = Some(CONTACTS);
        }
    }
}
