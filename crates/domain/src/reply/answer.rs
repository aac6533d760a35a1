//! What a reply is answered with. In: what it means, and the runs whose codes its phone holds. Out: a notice, or none.
//!
//! Never: answers a machine: an automatic answer or a copy of our own text gets none.

use jiff::{Timestamp, tz::TimeZone};

use super::Meaning;
use crate::{
    ack_code::AckCode,
    notice::{Language, NoticeFields, NoticeKind},
    run::RunPhase,
};

/// A run whose code the phone holds, as it was before the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What it is about.
    pub about: String,
    /// The phone's code for it.
    pub code: AckCode,
    /// Whether the reply is about it.
    pub is_meant: bool,
    /// Where it stood.
    pub phase: RunPhase,
    /// Who had acknowledged it, and when.
    pub acknowledged: Option<(String, Timestamp)>,
}

impl Meaning {
    /// Whether such a reply is answered.
    pub fn is_answered(self) -> bool {
        !matches!(self, Self::Automatic | Self::Quoted)
    }
}

/// The answer to a reply. `zone` is that of its sender.
pub fn answer(
    meaning: Meaning,
    candidates: &[Candidate],
    language: Language,
    zone: &TimeZone,
) -> Option<(NoticeKind, NoticeFields)> {
    if !meaning.is_answered() {
        return None;
    }
    let meant: Vec<&Candidate> = candidates.iter().filter(|candidate| candidate.is_meant).collect();
    let open: Vec<&Candidate> =
        candidates.iter().filter(|candidate| candidate.phase == RunPhase::Active).collect();
    Some(match meaning {
        Meaning::Acknowledge => acknowledged(&meant, language, zone),
        Meaning::Negated if !meant.is_empty() => {
            (NoticeKind::Declined, NoticeFields { about: abouts(&meant), ..Default::default() })
        }
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
                let choices: Vec<String> =
                    several.iter().map(|open| format!("{} {}", open.code, open.about)).collect();
                (NoticeKind::Which, NoticeFields { choices: choices.join(", "), ..Default::default() })
            }
        },
    })
}

/// The answer to a reply that acknowledges: what is new of it, else what was there before.
fn acknowledged(meant: &[&Candidate], language: Language, zone: &TimeZone) -> (NoticeKind, NoticeFields) {
    let fresh: Vec<&Candidate> =
        meant.iter().copied().filter(|candidate| candidate.phase == RunPhase::Active).collect();
    if !fresh.is_empty() {
        return (NoticeKind::Acknowledged, NoticeFields { about: abouts(&fresh), ..Default::default() });
    }
    let Some(first) = meant.first() else { return (NoticeKind::NothingOpen, NoticeFields::default()) };
    let about = abouts(meant);
    match &first.acknowledged {
        Some((by, at)) if first.phase == RunPhase::Acknowledged => {
            let at = at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
            let fields = NoticeFields { about, by: by.clone(), at, ..Default::default() };
            (NoticeKind::AlreadyAcknowledged, fields)
        }
        Some(_) | None => {
            let state = language.state(first.phase).to_owned();
            (NoticeKind::Ended, NoticeFields { about, state, ..Default::default() })
        }
    }
}

fn abouts(candidates: &[&Candidate]) -> String {
    candidates.iter().map(|candidate| candidate.about.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(about: &str, phase: RunPhase, is_meant: bool) -> Candidate {
        let code = if about == "db-1" { "44MC" } else { "N933" }.parse().unwrap();
        let at = "2026-03-02T08:12:00Z".parse().unwrap();
        let acknowledged = (phase == RunPhase::Acknowledged).then(|| ("Ada".to_owned(), at));
        Candidate { about: about.to_owned(), code, is_meant, phase, acknowledged }
    }

    fn check(meaning: Meaning, candidates: &[Candidate], kind: NoticeKind, fields: NoticeFields) {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(
            answer(meaning, candidates, Language::English, &zone),
            Some((kind, fields)),
            "{meaning:?}"
        );
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
            &[taken],
            NoticeKind::AlreadyAcknowledged,
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
        for meaning in [Meaning::NotUnderstood, Meaning::UnknownCode, Meaning::NeedsCode] {
            let fields = NoticeFields { about: db(), code: "44MC".into(), ..none() };
            check(meaning, std::slice::from_ref(&active), NoticeKind::NotUnderstood, fields);
        }
        let which = NoticeFields { choices: "44MC db-1, N933 api".into(), ..none() };
        for meaning in [Meaning::Ambiguous, Meaning::UnknownCode, Meaning::NotUnderstood] {
            check(meaning, &[active.clone(), api.clone()], NoticeKind::Which, which.clone());
        }
        for meaning in [Meaning::NothingOpen, Meaning::UnknownCode, Meaning::Negated] {
            let over = Candidate { is_meant: false, ..resolved.clone() };
            check(meaning, &[over], NoticeKind::NothingOpen, none());
        }
        for meaning in [Meaning::Automatic, Meaning::Quoted] {
            assert_eq!(
                answer(meaning, std::slice::from_ref(&active), Language::English, &TimeZone::UTC),
                None
            );
        }
    }
}
