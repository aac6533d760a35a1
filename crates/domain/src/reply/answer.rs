//! What a reply is answered with. In: what it means, and the runs whose codes its phone holds. Out: a notice, or none.
//!
//! Never: answers a machine: an automatic answer or a copy of our own text gets none.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};

use super::abouts::{named, short};
use super::{open_code::OpenCode, reading::Meaning};
use crate::{
    ack_code::AckCode,
    directory::Contact,
    id::RunId,
    notice::{Language, NoticeFields, NoticeKind},
    quiet_hours,
    run::RunPhase,
};

/// Most runs that an answer lists; it says how many more there are.
const CHOICES_MAX: usize = 6;

/// A code that a phone may send back, with its run as it was when the reply came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCode {
    /// The code, as replies are read with it.
    pub open: OpenCode,
    /// Where its run stood.
    pub phase: RunPhase,
    /// The time zone of the phone's owner, where the message has one.
    pub time_zone: Option<String>,
    /// Whether its text tells of other runs as well; it is active as long as one of them is.
    pub is_digest: bool,
    /// Whether its text asks for an approval.
    pub is_approval: bool,
    /// Whether its text was not sent yet, as far as the store knows. Who names its code has it all the same.
    pub is_untold: bool,
}

/// Whether a reply is answered: neither machines nor strangers are. `is_contact` says that the phone is one of our own
/// people's, who are answered without a code too.
pub fn is_answered(meaning: Meaning, known: &[KnownCode], is_contact: bool) -> bool {
    let is_machine = matches!(meaning, Meaning::Automatic | Meaning::Quoted);
    !is_machine && (is_contact || !known.is_empty())
}

/// The runs that an answer may name, each with the code that was looked up first. `taken` holds what the reply did to
/// the runs that it is about.
pub fn candidates(known: &[KnownCode], taken: &BTreeMap<RunId, Taken>) -> Vec<Candidate> {
    let mut by_run: BTreeMap<&RunId, Candidate> = BTreeMap::new();
    for KnownCode { open, phase, is_approval, is_untold, .. } in known {
        let run = &open.message.run;
        let taken = taken.get(run);
        if *is_untold && taken.is_none() {
            continue;
        }
        by_run.entry(run).or_insert_with(|| Candidate {
            run: run.clone(),
            about: open.about.clone(),
            code: open.code,
            is_approval: *is_approval,
            is_meant: taken.is_some(),
            phase: taken.map_or(*phase, |taken| taken.before),
            taken: taken.cloned(),
            acknowledged: None,
        });
    }
    by_run.into_values().collect()
}

/// The time zone in which a phone is told a time: that of the contact it belongs to, else the first that its messages
/// name, else UTC.
pub fn time_zone(contact: Option<&Contact>, known: &[KnownCode]) -> TimeZone {
    let of_contact = contact.map(|contact| contact.time_zone.as_str());
    let of_messages = known.iter().filter_map(|known| known.time_zone.as_deref());
    of_contact.into_iter().chain(of_messages).find_map(quiet_hours::zone).unwrap_or(TimeZone::UTC)
}

/// What a reply did to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Where the run stood just before.
    pub before: RunPhase,
    /// Where it stood just after.
    pub after: RunPhase,
    /// Whom its step still waits for, by name.
    pub awaited: Vec<String>,
    /// Whether its acknowledgement expires unless it is renewed, as this reply did.
    pub is_renewed: bool,
}

/// A run whose code the phone holds, as it was before the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The run.
    pub run: RunId,
    /// What it is about.
    pub about: String,
    /// The phone's code for it.
    pub code: AckCode,
    /// Whether it asks for an approval, so that nobody owns what they agree to.
    pub is_approval: bool,
    /// Whether the reply is about it.
    pub is_meant: bool,
    /// Where it stood.
    pub phase: RunPhase,
    /// What the reply did to it, where it is about it.
    pub taken: Option<Taken>,
    /// Who had acknowledged it, and when; needed where [`Candidate::was_acknowledged`].
    pub acknowledged: Option<(String, Timestamp)>,
}

impl Candidate {
    /// Where it stands since the reply.
    fn after(&self) -> RunPhase {
        self.taken.as_ref().map_or(self.phase, |taken| taken.after)
    }

    /// Where it stood before the reply: what the reply did knows it better than what was read before.
    fn before(&self) -> RunPhase {
        self.taken.as_ref().map_or(self.phase, |taken| taken.before)
    }

    /// Whether the answer says who acknowledged it before.
    pub fn was_acknowledged(&self) -> bool {
        self.is_meant && self.phase == RunPhase::Acknowledged
    }
}

/// The answer to a reply that [`is_answered`]. `zone` is that of its sender.
pub fn answer(
    meaning: Meaning,
    candidates: &[Candidate],
    language: Language,
    zone: &TimeZone,
) -> (NoticeKind, NoticeFields) {
    let meant: Vec<&Candidate> = candidates.iter().filter(|candidate| candidate.is_meant).collect();
    let open: Vec<&Candidate> =
        candidates.iter().filter(|candidate| candidate.phase == RunPhase::Active).collect();
    match meaning {
        Meaning::Acknowledge => acknowledged(&meant, language, zone),
        Meaning::HandOver => handed_over(&meant, language, zone),
        Meaning::Negated if meant.iter().any(|candidate| candidate.was_acknowledged()) => {
            let taken: Vec<&Candidate> =
                meant.into_iter().filter(|candidate| candidate.was_acknowledged()).collect();
            (NoticeKind::StillAcknowledged, acknowledged_before(&taken, zone))
        }
        Meaning::Negated if meant.iter().any(|candidate| candidate.phase == RunPhase::Active) => {
            (NoticeKind::Declined, NoticeFields { about: abouts(&meant), ..Default::default() })
        }
        Meaning::Negated if !meant.is_empty() => ended(&meant, language),
        Meaning::Negated
        | Meaning::Ambiguous
        | Meaning::NeedsCode
        | Meaning::NothingOpen
        | Meaning::UnknownCode
        | Meaning::NotUnderstood
        | Meaning::Automatic
        | Meaning::Quoted => match open.as_slice() {
            [] => (NoticeKind::NothingOpen, NoticeFields::default()),
            [only] => {
                let fields = NoticeFields {
                    about: only.about.clone(),
                    code: only.code.to_string(),
                    ..Default::default()
                };
                (NoticeKind::NotUnderstood, fields)
            }
            several => {
                let named = several.iter().take(CHOICES_MAX);
                let mut choices: Vec<String> =
                    named.map(|open| format!("{} {}", open.code, short(&open.about))).collect();
                let more = several.len().saturating_sub(CHOICES_MAX);
                choices.extend((more > 0).then(|| format!("+{more}")));
                (NoticeKind::Which, NoticeFields { choices: choices.join(", "), ..Default::default() })
            }
        },
    }
}

/// The answer to a reply that acknowledges: what is new of it, else what was there before.
fn acknowledged(meant: &[&Candidate], language: Language, zone: &TimeZone) -> (NoticeKind, NoticeFields) {
    let is_renewed = |candidate: &Candidate| {
        candidate.was_acknowledged() && candidate.taken.as_ref().is_some_and(|taken| taken.is_renewed)
    };
    let (partly, fresh): (Vec<&Candidate>, Vec<&Candidate>) = meant
        .iter()
        .copied()
        .filter(|candidate| candidate.before() == RunPhase::Active || is_renewed(candidate))
        .partition(|candidate| candidate.after() == RunPhase::Active && candidate.taken.is_some());
    if !fresh.is_empty() {
        let allows = fresh.iter().all(|candidate| candidate.is_approval);
        let kind = if allows { NoticeKind::Allowed } else { NoticeKind::Acknowledged };
        return (kind, NoticeFields { about: abouts(&fresh), ..Default::default() });
    }
    if !partly.is_empty() {
        let awaited = partly.iter().filter_map(|candidate| candidate.taken.as_ref());
        let names: Vec<&str> = awaited.flat_map(|taken| &taken.awaited).map(String::as_str).collect();
        let fields = NoticeFields { about: abouts(&partly), by: names.join(", "), ..Default::default() };
        return (NoticeKind::AcknowledgedPartly, fields);
    }
    let taken: Vec<&Candidate> =
        meant.iter().copied().filter(|candidate| candidate.acknowledged.is_some()).collect();
    if taken.is_empty() {
        ended(meant, language)
    } else {
        (NoticeKind::AlreadyAcknowledged, acknowledged_before(&taken, zone))
    }
}

/// The answer to a reply that hands on: what pages now, else how it ended.
fn handed_over(meant: &[&Candidate], language: Language, zone: &TimeZone) -> (NoticeKind, NoticeFields) {
    // Who hands on what asks for an approval has refused it, which ends its run.
    let refused: Vec<&Candidate> = meant
        .iter()
        .copied()
        .filter(|candidate| candidate.is_approval && candidate.before() == RunPhase::Active)
        .collect();
    if !refused.is_empty() && refused.len() == meant.len() {
        return (NoticeKind::Refused, NoticeFields { about: abouts(&refused), ..Default::default() });
    }
    let paging: Vec<&Candidate> =
        meant.iter().copied().filter(|candidate| candidate.after() == RunPhase::Active).collect();
    if !paging.is_empty() {
        return (NoticeKind::HandedOver, NoticeFields { about: abouts(&paging), ..Default::default() });
    }
    match meant.iter().find(|candidate| candidate.after() == RunPhase::Acknowledged) {
        Some(kept) => (NoticeKind::AlreadyAcknowledged, acknowledged_before(&[kept], zone)),
        None => ended(meant, language),
    }
}

/// How the first of these runs ended.
fn ended(meant: &[&Candidate], language: Language) -> (NoticeKind, NoticeFields) {
    let Some(first) = meant.first() else { return (NoticeKind::NothingOpen, NoticeFields::default()) };
    let state = language.state(first.after()).to_owned();
    (NoticeKind::Ended, NoticeFields { about: abouts(meant), state, ..Default::default() })
}

/// Who acknowledged the first of these runs, and when.
fn acknowledged_before(taken: &[&Candidate], zone: &TimeZone) -> NoticeFields {
    let about = abouts(taken);
    let first = taken.first().and_then(|candidate| candidate.acknowledged.as_ref());
    let Some((by, at)) = first else { return NoticeFields { about, ..Default::default() } };
    let at = at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
    NoticeFields { about, by: by.clone(), at, ..Default::default() }
}

fn abouts(candidates: &[&Candidate]) -> String {
    named(candidates.iter().map(|candidate| candidate.about.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::MessageId;

    fn candidate(about: &str, phase: RunPhase, is_meant: bool) -> Candidate {
        let code = if about == "db-1" { "44MC" } else { "N933" }.parse().unwrap();
        let at = "2026-03-02T08:12:00Z".parse().unwrap();
        let acknowledged = (phase == RunPhase::Acknowledged).then(|| ("Ada".to_owned(), at));
        let run = RunId::derive("monitor", about, "paging", None);
        let about = about.to_owned();
        Candidate { run, about, code, is_approval: false, is_meant, phase, taken: None, acknowledged }
    }

    fn check(meaning: Meaning, candidates: &[Candidate], kind: NoticeKind, fields: NoticeFields) {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(answer(meaning, candidates, Language::English, &zone), (kind, fields), "{meaning:?}");
    }

    #[test]
    fn b4_each_reply_gets_the_answer_that_helps() {
        let none = NoticeFields::default;
        let db = || "db-1".to_owned();
        let [active, taken, resolved] = [RunPhase::Active, RunPhase::Acknowledged, RunPhase::Resolved]
            .map(|p| candidate("db-1", p, true));
        let api = candidate("api", RunPhase::Active, false);
        check(
            Meaning::Acknowledge,
            &[active.clone(), api.clone()],
            NoticeKind::Acknowledged,
            NoticeFields { about: db(), ..none() },
        );
        check(
            Meaning::Acknowledge,
            std::slice::from_ref(&taken),
            NoticeKind::AlreadyAcknowledged,
            NoticeFields { about: db(), by: "Ada".into(), at: "09:12".into(), ..none() },
        );
        check(
            Meaning::Negated,
            &[taken, active.clone()],
            NoticeKind::StillAcknowledged,
            NoticeFields { about: db(), by: "Ada".into(), at: "09:12".into(), ..none() },
        );
        check(
            Meaning::Acknowledge,
            std::slice::from_ref(&resolved),
            NoticeKind::Ended,
            NoticeFields { about: db(), state: "resolved".into(), ..none() },
        );
        check(
            Meaning::Negated,
            std::slice::from_ref(&active),
            NoticeKind::Declined,
            NoticeFields { about: db(), ..none() },
        );
        check(
            Meaning::Negated,
            std::slice::from_ref(&resolved),
            NoticeKind::Ended,
            NoticeFields { about: db(), state: "resolved".into(), ..none() },
        );
        let late = candidate("api", RunPhase::Acknowledged, true);
        check(
            Meaning::Acknowledge,
            &[resolved.clone(), late],
            NoticeKind::AlreadyAcknowledged,
            NoticeFields { about: "api".into(), by: "Ada".into(), at: "09:12".into(), ..none() },
        );
        for meaning in [Meaning::NotUnderstood, Meaning::UnknownCode, Meaning::NeedsCode] {
            let fields = NoticeFields { about: db(), code: "44MC".into(), ..none() };
            check(meaning, std::slice::from_ref(&active), NoticeKind::NotUnderstood, fields);
        }
        let which = NoticeFields { choices: "44MC db-1, N933 api".into(), ..none() };
        for meaning in [Meaning::Ambiguous, Meaning::UnknownCode, Meaning::NotUnderstood] {
            check(meaning, &[active.clone(), api.clone()], NoticeKind::Which, which.clone());
        }
        let many: Vec<Candidate> = std::iter::repeat_n(api.clone(), 8).collect();
        let choices = format!("{}, +2", ["N933 api"; 6].join(", "));
        check(Meaning::Ambiguous, &many, NoticeKind::Which, NoticeFields { choices, ..none() });
        for meaning in [Meaning::NothingOpen, Meaning::UnknownCode, Meaning::Negated] {
            let over = Candidate { is_meant: false, ..resolved.clone() };
            check(meaning, &[over], NoticeKind::NothingOpen, none());
        }
    }

    #[test]
    fn nobody_owns_what_they_allow_an_agent() {
        let about = |about: &str| NoticeFields { about: about.into(), ..NoticeFields::default() };
        let page = candidate("api", RunPhase::Active, true);
        let asked = Candidate { is_approval: true, ..candidate("db-1", RunPhase::Active, true) };
        let alone = std::slice::from_ref(&asked);
        check(Meaning::Acknowledge, alone, NoticeKind::Allowed, about("db-1"));
        check(Meaning::HandOver, alone, NoticeKind::Refused, about("db-1"));
        check(Meaning::Acknowledge, &[asked, page], NoticeKind::Acknowledged, about("db-1, api"));
    }

    /// What was over by the time that the reply was taken is not the sender's now.
    #[test]
    fn an_answer_names_no_run_that_was_over_before() {
        let was = |phase| Taken { before: phase, after: phase, awaited: Vec::new(), is_renewed: false };
        let active = candidate("db-1", RunPhase::Active, true);
        let gone =
            Candidate { taken: Some(was(RunPhase::Resolved)), ..candidate("web", RunPhase::Active, true) };
        check(
            Meaning::Acknowledge,
            &[gone, active],
            NoticeKind::Acknowledged,
            NoticeFields { about: "db-1".into(), ..NoticeFields::default() },
        );
    }

    #[test]
    fn who_takes_part_hears_who_is_awaited_and_who_hands_over_that_it_goes_on() {
        let after = |before, after, awaited: &[&str]| {
            let awaited = awaited.iter().map(|name| (*name).to_owned()).collect();
            let taken = Some(Taken { before, after, awaited, is_renewed: false });
            [Candidate { taken, ..candidate("db-1", before, true) }]
        };
        let none = NoticeFields::default;
        let (active, acknowledged) = (RunPhase::Active, RunPhase::Acknowledged);
        let about = || NoticeFields { about: "db-1".into(), ..none() };
        let partly = NoticeFields { by: "Ben, Eve".into(), ..about() };
        let awaited = after(active, active, &["Ben", "Eve"]);
        check(Meaning::Acknowledge, &awaited, NoticeKind::AcknowledgedPartly, partly);
        check(Meaning::Acknowledge, &after(active, acknowledged, &[]), NoticeKind::Acknowledged, about());
        check(Meaning::HandOver, &after(acknowledged, active, &[]), NoticeKind::HandedOver, about());
        let over = NoticeFields { state: "escalated to a ticket".into(), ..about() };
        check(Meaning::HandOver, &after(active, RunPhase::Exhausted, &[]), NoticeKind::Ended, over);
        let renewed = Taken { before: acknowledged, after: acknowledged, awaited: vec![], is_renewed: true };
        let renewed = Candidate { taken: Some(renewed), ..candidate("db-1", acknowledged, true) };
        check(Meaning::Acknowledge, &[renewed], NoticeKind::Acknowledged, about());
    }

    fn known(about: &str, number: u16, time_zone: Option<&str>) -> KnownCode {
        let Candidate { run, about, code, phase, .. } = candidate(about, RunPhase::Active, false);
        let open = OpenCode {
            code,
            message: MessageId { run, number },
            about,
            is_active: true,
            bare_word: false,
            code_only: false,
            page: None,
            answers: Vec::new(),
        };
        let time_zone = time_zone.map(str::to_owned);
        KnownCode { open, phase, time_zone, is_digest: false, is_approval: false, is_untold: false }
    }

    #[test]
    fn b4_neither_machines_nor_strangers_are_answered() {
        let codes = [known("db-1", 1, None)];
        for (meaning, codes, is_contact, expected) in [
            (Meaning::NotUnderstood, &codes[..], false, true),
            (Meaning::NotUnderstood, &[], true, true),
            (Meaning::NotUnderstood, &[], false, false),
            (Meaning::Automatic, &codes, true, false),
            (Meaning::Quoted, &codes, true, false),
        ] {
            assert_eq!(is_answered(meaning, codes, is_contact), expected, "{meaning:?} {is_contact}");
        }
    }

    #[test]
    fn a_run_is_one_candidate_as_it_stood_before_the_reply() {
        let (db, again, api) = (known("db-1", 1, None), known("db-1", 2, None), known("api", 1, None));
        let taken = Taken {
            before: RunPhase::Acknowledged,
            after: RunPhase::Acknowledged,
            awaited: Vec::new(),
            is_renewed: false,
        };
        let taken = [(db.open.message.run.clone(), taken)].into();
        let mut found = candidates(&[db, again, api], &taken);
        found.sort_by(|a, b| a.about.cmp(&b.about));
        let [api, db] = &found[..] else { panic!("{found:?}") };
        assert_eq!((api.is_meant, api.phase, api.was_acknowledged()), (false, RunPhase::Active, false));
        assert_eq!((db.is_meant, db.phase, db.was_acknowledged()), (true, RunPhase::Acknowledged, true));
    }

    #[test]
    fn no_answer_names_a_text_that_was_not_sent_unless_its_code_is_named() {
        let untold = [KnownCode { is_untold: true, ..known("db-1", 1, None) }];
        assert!(candidates(&untold, &BTreeMap::new()).is_empty());
        let (before, after) = (RunPhase::Active, RunPhase::Acknowledged);
        let taken = Taken { before, after, awaited: Vec::new(), is_renewed: false };
        assert_eq!(candidates(&untold, &[(untold[0].open.message.run.clone(), taken)].into()).len(), 1);
    }

    #[test]
    fn times_are_told_in_the_first_time_zone_that_is_known() {
        let codes = [
            known("db-1", 1, None),
            known("db-1", 2, Some("Mars/Base")),
            known("api", 1, Some("Europe/Berlin")),
            known("api", 2, Some("America/Denver")),
        ];
        assert_eq!(time_zone(None, &codes).iana_name(), Some("Europe/Berlin"));
        assert_eq!(time_zone(None, &codes[..1]), TimeZone::UTC);
        let contact = |time_zone: &str| Contact {
            name: "Ada".into(),
            number: "+14155550101".parse().unwrap(),
            more_numbers: Vec::new(),
            time_zone: time_zone.to_owned(),
            team: None,
            email: None,
        };
        assert_eq!(time_zone(Some(&contact("Asia/Tokyo")), &codes).iana_name(), Some("Asia/Tokyo"));
    }
}
