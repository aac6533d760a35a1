//! Whom events of a calendar mean. In: occurrences and the contacts. Out: shifts, and the events that mean nobody or several.
//!
//! Never: drops an event without a word.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    directory::Contact,
    oncall::calendar::{CalendarShift, CalendarShifts, NotTaken, Occurrence},
};

/// Gives each occurrence to the contact that it means: the one whose `email` takes part; else the one whose name, key or
/// `email` is the summary, in any case; else the only one whose name, key or `email` is a part of it.
///
/// Returns the shifts, and once each the events that mean nobody, or several, with how often each takes place after `now`.
pub fn assign(
    occurrences: &[Occurrence],
    contacts: &BTreeMap<String, Contact>,
    now: Timestamp,
) -> (CalendarShifts, Vec<NotTaken>) {
    let people = People::new(contacts);
    let (mut shifts, mut not_taken) = (Vec::new(), BTreeMap::<(&str, &str), NotTaken>::new());
    for occurrence in occurrences {
        let Occurrence { uid, summary, from, until, .. } = occurrence;
        match people.meant(occurrence) {
            Ok(contact) => {
                shifts.push(CalendarShift { from: *from, until: *until, contact: contact.to_owned() });
            }
            Err(why) => {
                let (uid_of, summary_of) = (uid.clone(), summary.clone());
                let new = || NotTaken { uid: uid_of, summary: summary_of, from: Some(*from), why, ahead: 0 };
                let event = not_taken.entry((uid, summary)).or_insert_with(new);
                event.ahead += u32::from(now < *until);
            }
        }
    }
    (CalendarShifts::new(shifts), not_taken.into_values().collect())
}

/// What titles of events say where somebody is away, in lower case, with spaces for hyphens.
const AWAY: &str = "out of office|out of the office|ooo|o.o.o|on vacation|on leave|pto|time off|day off|annual leave|\
                    sick leave|maternity leave|paternity leave|parental leave|unavailable|not available|not on call|\
                    no on call|off call|off work|sabbatical|canceled|cancelled|declined|\
                    urlaub|abwesend|abwesenheit|krank|elternzeit|abgesagt|absent|absente|congé|congés|conge|conges|\
                    en vacances|ausente|vacaciones|de baja|fuera de la oficina|férias|ferie|vakantie";
/// What may say so, and may be the name of a shift: "Holiday on-call: Ada".
const PERHAPS_AWAY: &str = "vacation|vacations|holiday|holidays|sick|away|leave";
/// What says that it is a shift.
const ON_CALL: &str =
    "on call|oncall|shift|duty|primary|secondary|bereitschaft|dienst|schicht|astreinte|garde|guardia";

/// Whether an event says that somebody is away, so that it puts nobody on call. Whom it names beside that does not matter:
/// who covers has an event of their own.
fn is_absence(summary: &str) -> bool {
    let summary = summary.replace(['-', '\u{2010}', '\u{2011}'], " ");
    let has = |words: &str| words.split('|').any(|words| whole_words(&summary, words).next().is_some());
    has(AWAY) || has(PERHAPS_AWAY) && !has(ON_CALL)
}

/// Where words stand in a text as whole ones; both in lower case.
fn whole_words<'a>(text: &'a str, words: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
    text.match_indices(words).map(|(at, found)| (at, at + found.len())).filter(|(at, end)| {
        let before = text[..*at].chars().next_back();
        let after = text[*end..].chars().next();
        [before, after].into_iter().flatten().all(|c| !c.is_alphanumeric())
    })
}

/// What contacts are known by, in lower case.
struct People<'a> {
    by_email: BTreeMap<String, &'a str>,
    words: Vec<(String, &'a str)>,
}

impl<'a> People<'a> {
    fn new(contacts: &'a BTreeMap<String, Contact>) -> Self {
        let email = |contact: &Contact| contact.email.as_ref().map(|email| email.to_lowercase());
        let by_email = contacts.iter().filter_map(|(key, contact)| Some((email(contact)?, key.as_str())));
        let words = contacts.iter().flat_map(|(key, contact)| {
            let words = [Some(key.to_lowercase()), Some(contact.name.to_lowercase()), email(contact)];
            words.into_iter().flatten().filter(|word| !word.is_empty()).map(|word| (word, key.as_str()))
        });
        Self { by_email: by_email.collect(), words: words.collect() }
    }

    fn meant(&self, occurrence: &Occurrence) -> Result<&'a str, String> {
        let lower = |text: &String| text.trim().to_lowercase();
        let taking_part = occurrence.attendees.iter().filter_map(|email| self.by_email.get(&lower(email)));
        let taking_part: BTreeSet<&str> = taking_part.copied().collect();
        let summary = lower(&occurrence.summary);
        if is_absence(&summary) {
            return Err(
                "says that somebody is away; name who covers for them in an event of its own".to_owned()
            );
        }
        let equal = self.words.iter().filter(|(word, _)| *word == summary).map(|(_, key)| *key).collect();
        let parts = self.parts(&summary);
        for of in [&taking_part, &equal, &parts] {
            if let (Some(only), 1) = (of.first(), of.len()) {
                return Ok(only);
            }
        }
        let several = [taking_part, equal, parts].into_iter().find(|of| !of.is_empty());
        Err(several.map_or_else(
            || {
                "names no contact: give the contact an email that takes part, or put its name into the title"
                    .to_owned()
            },
            |of| {
                let names: Vec<&str> = of.into_iter().collect();
                format!("names several contacts: {}", names.join(", "))
            },
        ))
    }

    /// Contacts whose words stand in a text, and not within a longer word of another: Ada is not meant by "Ada Long" where
    /// that is somebody else.
    fn parts(&self, text: &str) -> BTreeSet<&'a str> {
        let mut spans = Vec::new();
        for (word, key) in &self.words {
            spans.extend(whole_words(text, word).map(|(at, end)| (at, end, *key)));
        }
        let is_within = |(at, end, _): &(usize, usize, &str)| {
            spans.iter().any(|(from, to, _)| from <= at && end <= to && to - from > end - at)
        };
        spans.iter().filter(|span| !is_within(span)).map(|(_, _, key)| *key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(name: &str, email: Option<&str>) -> Contact {
        Contact {
            name: name.to_owned(),
            number: "+14155550100".parse().unwrap(),
            more_numbers: Vec::new(),
            time_zone: "UTC".to_owned(),
            team: None,
            email: email.map(str::to_owned),
        }
    }

    fn occurrence(summary: &str, attendees: &[&str]) -> Occurrence {
        Occurrence {
            uid: summary.to_owned(),
            summary: summary.to_owned(),
            attendees: attendees.iter().map(|&email| email.to_owned()).collect(),
            from: "2026-01-05T00:00:00Z".parse().unwrap(),
            until: "2026-01-06T00:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn an_event_means_who_takes_part_else_who_is_named() {
        let contacts = [
            ("ada".to_owned(), contact("Ada", Some("Ada@Example.com"))),
            ("ada-long".to_owned(), contact("Ada Long", None)),
            ("ben".to_owned(), contact("Benedikt Ö", Some("ben@example.com"))),
        ]
        .into();
        let meant = |summary: &str, attendees: &[&str]| {
            let (shifts, not_taken) = assign(&[occurrence(summary, attendees)], &contacts, Timestamp::MIN);
            let who = shifts.iter().next().map(|shift| shift.contact.clone());
            who.ok_or_else(|| not_taken.into_iter().next().unwrap().why)
        };
        for (summary, attendees, who) in [
            ("Ada Long", ["ada@example.com"].as_slice(), "ada"),
            ("On call", &["boss@example.com", "BEN@example.com"], "ben"),
            ("ADA", &[], "ada"),
            ("On Call - Ada Long - Platform", &[], "ada-long"),
            ("[L1] ben", &[], "ben"),
            ("benedikt ö (platform)", &[], "ben"),
            ("ben@example.com: Platform", &[], "ben"),
            ("Handover from boss: Ben", &["ada@example.com", "ben@example.com"], "ben"),
        ] {
            assert_eq!(meant(summary, attendees).as_deref(), Ok(who), "{summary}");
        }
        for summary in ["Adalbert", "Bender", "Team lunch", ""] {
            assert!(meant(summary, &[]).unwrap_err().contains("names no contact"), "{summary}");
        }
        assert_eq!(meant("Ada and Ben", &[]).unwrap_err(), "names several contacts: ada, ben");
        for away in [
            "Ben out of office",
            "Ben Out-of-Office",
            "OOO: Ben",
            "Ben - PTO",
            "ben (Urlaub)",
            "Congés Ben",
            "Ben vacation",
            "Ben sick",
            "Ben not on-call",
            "Canceled: Ben on call",
            "Ada covers for Ben, on vacation",
        ] {
            assert!(meant(away, &["ben@example.com"]).unwrap_err().contains("is away"), "{away}");
        }
        for on_call in ["Holiday on-call: Ben", "Sick bay shift - Ben", "Ben Ptolemy", "Off hours: Ben"] {
            assert_eq!(meant(on_call, &[]).as_deref(), Ok("ben"), "{on_call}");
        }
        let twice = [occurrence("Team lunch", &[]), occurrence("Team lunch", &[])];
        let not_taken = assign(&twice, &contacts, Timestamp::MIN).1;
        assert_eq!(
            not_taken.iter().map(|event| event.ahead).collect::<Vec<_>>(),
            [2],
            "an event is said once"
        );
    }
}
