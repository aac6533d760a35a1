//! Silences: events about which nobody is texted for a while. In: what an event says, the time. Out: whether a silence holds.
//!
//! Never: hides an event: its run opens, and says which silence held. Never: a silence of everything.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{field_path::text_at, id::short};

/// Which events are meant. Absent conditions match all, and those that are given must all match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceMatch {
    /// Through this workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// From this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// With a subject of this pattern, in which `*` stands for anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// With these texts in these fields of their data; patterns as well.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// What a silence looks at.
#[derive(Debug, Clone, Copy)]
pub struct Silenceable<'a> {
    /// The workflow's name.
    pub workflow: &'a str,
    /// The event's source.
    pub source: &'a str,
    /// Its subject.
    pub subject: Option<&'a str>,
    /// Its data.
    pub data: &'a Map<String, Value>,
}

/// Nobody is texted about events that match, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Which events.
    #[serde(flatten)]
    pub of: SilenceMatch,
    /// The first instant of the silence.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// Who made it.
    pub by: String,
    /// Why.
    pub why: String,
    /// When it was made.
    pub made_at: Timestamp,
}

/// Why a silence cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SilenceFault {
    /// It would silence everything.
    #[error(
        "this silences every event: name a workflow, a source, a subject or a field; a workflow that shall text nobody has \
         stage = \"shadow\""
    )]
    Everything,
    /// It ends before it begins.
    #[error("a silence must end after it begins")]
    Backwards,
    /// It is over already.
    #[error("a silence must end in the future")]
    Over,
    /// It lasts too long.
    #[error("a silence lasts 30 days at most; what is for good belongs into the configuration")]
    TooLong,
    /// Nobody would know why.
    #[error("say why, in 1 to 200 characters")]
    NoReason,
}

/// The longest silence, in seconds: 30 days.
const LONGEST_S: i64 = 30 * 24 * 3_600;
/// The longest reason, in characters.
const WHY_CHARS_MAX: usize = 200;

impl Silence {
    /// What names it: derived from what it says.
    pub fn id(&self) -> String {
        let of = serde_json::to_string(&self.of).unwrap_or_default();
        let times = [self.from, self.until, self.made_at].map(|at| at.to_string());
        let [from, until, made_at] = &times;
        short(&["silence", &of, from, until, made_at, &self.by])[..10].to_owned()
    }

    /// Whether it may be made at `now`.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, now: Timestamp) -> Result<(), SilenceFault> {
        let SilenceMatch { workflow, source, subject, fields } = &self.of;
        let says_something = |pattern: &String| pattern.chars().any(|c| !matches!(c, '*' | '?'));
        let is_narrow = workflow.as_ref().is_some_and(says_something)
            || source.as_ref().is_some_and(says_something)
            || subject.as_ref().is_some_and(says_something)
            || fields.values().any(says_something);
        if !is_narrow {
            Err(SilenceFault::Everything)
        } else if self.until <= self.from {
            Err(SilenceFault::Backwards)
        } else if self.until <= now {
            Err(SilenceFault::Over)
        } else if self.until.duration_since(self.from.max(now)).as_secs() > LONGEST_S {
            Err(SilenceFault::TooLong)
        } else if self.why.trim().is_empty() || self.why.chars().count() > WHY_CHARS_MAX {
            Err(SilenceFault::NoReason)
        } else {
            Ok(())
        }
    }

    /// Whether it holds for an event at `now`.
    pub fn holds(&self, event: &Silenceable<'_>, now: Timestamp) -> bool {
        self.from <= now && now < self.until && self.of.fits(event)
    }
}

impl SilenceMatch {
    /// Whether it means an event.
    pub fn fits(&self, event: &Silenceable<'_>) -> bool {
        let Self { workflow, source, subject, fields } = self;
        let fits = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_ref().is_none_or(|pattern| is.is_some_and(|is| matches(pattern, is)))
        };
        fits(workflow, Some(event.workflow))
            && fits(source, Some(event.source))
            && fits(subject, event.subject)
            && fields
                .iter()
                .all(|(path, pattern)| text_at(event.data, path).is_some_and(|text| matches(pattern, text)))
    }
}

/// Whether a text fits a pattern, in which `*` stands for any number of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn silence(of: SilenceMatch) -> Silence {
        Silence {
            of,
            from: at(10),
            until: at(20),
            by: "ada".into(),
            why: "maintenance".into(),
            made_at: at(5),
        }
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn a_pattern_has_stars_for_anything() {
        for (pattern, text, fits) in [
            ("db-1", "db-1", true),
            ("db-1", "db-11", false),
            ("db-*", "db-", true),
            ("*-1", "db-1", true),
            ("d*-*1", "db-eu-11", true),
            ("d*-*1", "db-eu-12", false),
            ("*b*", "abc", true),
            ("**", "", true),
            ("ab*ba", "aba", false),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn all_conditions_must_match_within_the_time() {
        let data = json!({"severity": "low", "host": {"name": "db-1"}});
        let event = Silenceable {
            workflow: "paging",
            source: "monitoring",
            subject: Some("disk/db-1"),
            data: data.as_object().unwrap(),
        };
        let of =
            SilenceMatch { workflow: some("paging"), subject: some("disk/*"), ..SilenceMatch::default() };
        let held = silence(of.clone());
        assert_eq!([9, 10, 19, 20].map(|s| held.holds(&event, at(s))), [false, true, true, false]);
        assert!(!held.holds(&Silenceable { subject: None, ..event }, at(10)));
        assert!(!held.holds(&Silenceable { workflow: "other", ..event }, at(10)));
        let with = |path: &str, text: &str| {
            let fields = [(path.to_owned(), text.to_owned())].into();
            silence(SilenceMatch { fields, ..of.clone() }).holds(&event, at(10))
        };
        assert!(with("severity", "low") && with("host.name", "db-*"));
        assert!(!with("severity", "high") && !with("rack", "*1"));
    }

    #[test]
    fn what_silences_everything_or_for_ever_cannot_be() {
        let narrow = || silence(SilenceMatch { source: some("monitoring"), ..SilenceMatch::default() });
        let check = |silence: Silence| silence.check(at(0));
        assert_eq!(check(narrow()), Ok(()));
        assert_eq!(check(silence(SilenceMatch::default())), Err(SilenceFault::Everything));
        let stars = SilenceMatch { workflow: some("*"), subject: some("**"), ..SilenceMatch::default() };
        assert_eq!(check(silence(stars)), Err(SilenceFault::Everything));
        let any_text = SilenceMatch { subject: some("?*"), ..SilenceMatch::default() };
        assert_eq!(check(silence(any_text)), Err(SilenceFault::Everything));
        assert_eq!(check(Silence { until: at(10), ..narrow() }), Err(SilenceFault::Backwards));
        assert_eq!(narrow().check(at(20)), Err(SilenceFault::Over));
        assert_eq!(check(Silence { until: at(31 * 24 * 3_600), ..narrow() }), Err(SilenceFault::TooLong));
        assert_eq!(check(Silence { why: " ".into(), ..narrow() }), Err(SilenceFault::NoReason));
    }
}
