//! The `[[twilio.originator]]` tables of `callout.toml`. In: their text. Out: numbers and services with their countries, the
//! preferred first.
//!
//! Never: leaves a country that no originator texts.

use std::collections::BTreeSet;

use domain::{
    originator::{Originator, OriginatorName},
    phone::CallingCode,
};
use twilio::{SenderAddress, SidKind};

use crate::reader::{Document, Placed, Section};

/// One number or service that texts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginatorSettings {
    /// Its name and its countries.
    pub originator: Originator,
    /// The number.
    pub from: Option<String>,
    /// The messaging service, instead of a number.
    pub messaging_service_sid: Option<String>,
}

/// The number or the service of a table; both, or one that cannot be, are a problem.
pub(crate) fn read_address(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    label: &str,
) -> (Option<Placed<String>>, Option<Placed<String>>) {
    let from = section.parsed::<SenderAddress>(doc, "from");
    let from = from.map(|from| Placed { value: from.value.into_string(), at: from.at });
    let service = section.text(doc, "messaging_service_sid");
    if let (Some(_), Some(service)) = (&from, &service) {
        doc.problem(&service.at, format!("{label}: give from or messaging_service_sid, not both"));
    }
    let is_sid = |service: &&Placed<String>| SidKind::MessagingService.matches(&service.value);
    if let Some(service) = service.as_ref().filter(|service| !is_sid(service)) {
        let expected = SidKind::MessagingService.expected();
        doc.problem(&service.at, format!("{label}.messaging_service_sid: expected {expected}"));
    }
    (from, service)
}

/// What earlier tables have.
#[derive(Default)]
struct Known {
    names: BTreeSet<OriginatorName>,
    addresses: BTreeSet<String>,
}

pub(crate) fn read_originators(doc: &mut Document<'_>, section: &mut Section<'_>) -> Vec<OriginatorSettings> {
    let mut known = Known::default();
    let sections = section.sections(doc, "originator");
    let last = sections.last().map(|section| section.at.clone());
    let all: Vec<_> =
        sections.into_iter().filter_map(|section| read_originator(doc, section, &mut known)).collect();
    let texts_all = |settings: &OriginatorSettings| settings.originator.calling_codes.is_empty();
    if let Some(at) = last.filter(|_| !all.is_empty() && !all.iter().any(texts_all)) {
        let message =
            "twilio.originator: one must be without countries, for recipients of every other country";
        doc.problem(&at, message.to_owned());
    }
    all
}

fn read_originator(
    doc: &mut Document<'_>,
    mut section: Section<'_>,
    known: &mut Known,
) -> Option<OriginatorSettings> {
    if !section.has("name") {
        section.missing("name", "twilio.originator.name: required, for example \"us-toll-free\"".to_owned());
    }
    let name = section.parsed::<OriginatorName>(doc, "name");
    if let Some(name) = name.as_ref().filter(|name| !known.names.insert(name.value.clone())) {
        let message = format!("twilio.originator.name: {} names another originator already", name.value);
        doc.problem(&name.at, message);
    }
    let has_address = section.has("from") || section.has("messaging_service_sid");
    let (from, service) = read_address(doc, &mut section, "twilio.originator");
    if !has_address {
        section.missing("from", "twilio.originator: give from or messaging_service_sid".to_owned());
    }
    if let Some(same) =
        from.iter().chain(&service).find(|address| !known.addresses.insert(address.value.clone()))
    {
        let message =
            "twilio.originator: another originator has this number or service: name its countries there";
        doc.problem(&same.at, message.to_owned());
    }
    let mut calling_codes = Vec::new();
    let (names_countries, at) = (section.has("countries"), section.at.clone());
    for code in section.texts(doc, "countries") {
        match code.value.parse::<CallingCode>() {
            Ok(code) => calling_codes.push(code),
            Err(error) => doc.problem(&code.at, format!("twilio.originator.countries: {error}")),
        }
    }
    if names_countries && calling_codes.is_empty() {
        let message =
            "twilio.originator.countries: names none: leave it out for an originator of all countries";
        doc.problem(&at, message.to_owned());
    }
    section.finish(doc);
    Some(OriginatorSettings {
        originator: Originator { name: name?.value, calling_codes },
        from: from.map(|from| from.value),
        messaging_service_sid: service.map(|service| service.value),
    })
}
