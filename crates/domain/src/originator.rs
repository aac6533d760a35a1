//! Which number or service a text comes from, where there are several.
//!
//! In: the originators in their order, what became of their latest texts, the recipient. Out: an originator, and why not
//! the one before it.
//! Never: leaves a text without an originator because all of them are in trouble.

mod name;
mod receipts;

use crate::phone::{CallingCode, E164};

pub use name::{NotOriginatorName, OriginatorName};
pub use receipts::{Arrived, Receipt, ReceiptCount, ReceiptTally, slice_of, slices_at};

/// A number or messaging service that texts come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Originator {
    /// Its name.
    pub name: OriginatorName,
    /// The countries that it texts; all of them when empty.
    pub calling_codes: Vec<CallingCode>,
}

impl Originator {
    fn texts(&self, code: CallingCode) -> bool {
        self.calling_codes.is_empty() || self.calling_codes.contains(&code)
    }
}

/// The originators, the preferred first, with what became of their latest texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Originators {
    first: Originator,
    others: Vec<Originator>,
    receipts: Vec<ReceiptCount>,
}

/// The originator of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its name.
    pub name: OriginatorName,
    /// Why it is not another one; absent for the preferred one.
    pub instead: Option<Instead>,
}

/// Why a text does not come from the originator that is preferred for its country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instead {
    /// That originator.
    pub of: OriginatorName,
    /// Why.
    pub because: Because,
    /// The same in words.
    pub reason: String,
}

/// What speaks against an originator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// Too few of its latest texts to the country arrived.
    Demoted(Arrived),
    /// An attempt of the same text from it was refused or not delivered.
    FailedBefore,
}

impl Because {
    /// The reason in words, about texts to this country.
    fn words(self, code: CallingCode) -> String {
        match self {
            Self::Demoted(Arrived { delivered, failed }) => {
                format!(
                    "{delivered} of its latest {} texts to {code} arrived",
                    delivered.saturating_add(failed)
                )
            }
            Self::FailedBefore => "an attempt from it failed".to_owned(),
        }
    }
}

impl Originators {
    /// These originators, the preferred first; one with the default name where there are none.
    pub fn new(all: Vec<Originator>) -> Self {
        let mut all = all.into_iter();
        Self { first: all.next().unwrap_or_default(), others: all.collect(), receipts: Vec::new() }
    }

    /// The same originators, after these receipts.
    pub fn after(&self, receipts: Vec<ReceiptCount>) -> Self {
        Self { receipts, ..self.clone() }
    }

    /// Whether there is a choice at all.
    pub fn are_several(&self) -> bool {
        !self.others.is_empty()
    }

    /// The names of all of them, the preferred first.
    pub fn names(&self) -> impl Iterator<Item = &OriginatorName> {
        [&self.first].into_iter().chain(&self.others).map(|one| &one.name)
    }

    /// The name of the preferred one.
    pub fn first(&self) -> &OriginatorName {
        &self.first.name
    }

    /// The originator of a text: the first that may text the recipient's country, has not just failed with it and is not
    /// demoted there. Where none is left, the one whose texts arrive most often.
    pub fn choose(&self, to: &E164, spent: &[&OriginatorName]) -> Choice {
        if !self.are_several() {
            return Choice { name: self.first.name.clone(), instead: None };
        }
        let code = CallingCode::of(to);
        let all = || [&self.first].into_iter().chain(&self.others).map(|o| (&o.name, o.texts(code)));
        let able: Vec<&OriginatorName> = all().filter(|(_, texts)| *texts).map(|(name, _)| name).collect();
        let preferred = able.first().copied().unwrap_or(&self.first.name);
        let arrived = |name: &OriginatorName| self.arrived(name, code);
        let is_spent = |name: &OriginatorName| spent.contains(&name);
        let sound = able.iter().find(|name| !is_spent(name) && !arrived(name).is_poor());
        let best = || able.iter().rev().max_by_key(|name| (!is_spent(name), arrived(name).percent()));
        let chosen = sound.or_else(best).copied().unwrap_or(preferred);
        let because =
            if is_spent(preferred) { Because::FailedBefore } else { Because::Demoted(arrived(preferred)) };
        let instead = (chosen != preferred).then(|| Instead {
            of: preferred.clone(),
            because,
            reason: because.words(code),
        });
        Choice { name: chosen.clone(), instead }
    }

    /// Whether one that has not failed with a text may send it.
    pub fn offers_another(&self, to: &E164, spent: &[&OriginatorName]) -> bool {
        let code = CallingCode::of(to);
        let mut all = [&self.first].into_iter().chain(&self.others);
        all.any(|one| one.texts(code) && !spent.contains(&&one.name))
    }

    fn arrived(&self, name: &OriginatorName, code: CallingCode) -> Arrived {
        let of = |count: &&ReceiptCount| count.originator == *name && count.calling_code == code;
        self.receipts.iter().find(of).map_or_else(Arrived::default, |count| count.arrived)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ORIGINATOR_RECEIPTS_MIN;

    const GERMAN: &str = "+4915112345678";

    fn name(text: &str) -> OriginatorName {
        text.parse().unwrap()
    }

    fn originator(text: &str, codes: &[&str]) -> Originator {
        Originator {
            name: name(text),
            calling_codes: codes.iter().map(|code| code.parse().unwrap()).collect(),
        }
    }

    fn count(text: &str, code: &str, delivered: u32, failed: u32) -> ReceiptCount {
        let arrived = Arrived { delivered, failed };
        ReceiptCount { originator: name(text), calling_code: code.parse().unwrap(), arrived }
    }

    /// The one chosen, and why not the preferred one.
    fn chosen(originators: &Originators, failed_before: Option<&str>) -> (String, Option<&'static str>) {
        let failed_before = failed_before.map(name);
        let spent: Vec<_> = failed_before.iter().collect();
        let choice = originators.choose(&GERMAN.parse().unwrap(), &spent);
        (
            choice.name.to_string(),
            choice.instead.map(|instead| match instead.because {
                Because::Demoted(_) => "demoted",
                Because::FailedBefore => "failed_before",
            }),
        )
    }

    #[test]
    fn the_first_that_texts_the_country_is_chosen_until_its_texts_do_not_arrive() {
        let all = vec![originator("us", &["+1"]), originator("de", &["+49"]), originator("any", &[])];
        let all = Originators::new(all);
        assert_eq!(chosen(&all, None), ("de".into(), None));
        let enough = ORIGINATOR_RECEIPTS_MIN;
        for (receipts, expected) in [
            (count("de", "+49", 0, enough - 1), ("de", None)),
            (count("de", "+49", 0, enough), ("any", Some("demoted"))),
            (count("de", "+1", 0, enough), ("de", None)),
            (count("de", "+49", enough, 1), ("de", None)),
        ] {
            let after = all.after(vec![receipts.clone()]);
            assert_eq!(chosen(&after, None), (expected.0.into(), expected.1), "{receipts:?}");
        }
        let both = all.after(vec![count("de", "+49", 5, 15), count("any", "+49", 2, 18)]);
        assert_eq!(chosen(&both, None), ("de".into(), None), "the better of two bad ones");
        let both = all.after(vec![count("de", "+49", 2, 18), count("any", "+49", 5, 15)]);
        assert_eq!(chosen(&both, None), ("any".into(), Some("demoted")));
    }

    #[test]
    fn another_attempt_comes_from_another_originator() {
        let all = Originators::new(vec![originator("a", &[]), originator("b", &[])]);
        assert_eq!(chosen(&all, Some("a")), ("b".into(), Some("failed_before")));
        assert_eq!(chosen(&all, Some("b")), ("a".into(), None));
        let poor = all.after(vec![count("b", "+49", 0, 20)]);
        assert_eq!(
            chosen(&poor, Some("a")),
            ("b".into(), Some("failed_before")),
            "one that failed is no better"
        );
    }

    #[test]
    fn there_is_another_until_all_that_text_the_country_have_failed() {
        let all = Originators::new(vec![
            originator("us", &["+1"]),
            originator("de", &["+49"]),
            originator("any", &[]),
        ]);
        let (de, any) = (name("de"), name("any"));
        let offers = |spent: &[&OriginatorName]| all.offers_another(&GERMAN.parse().unwrap(), spent);
        assert!(offers(&[]) && offers(&[&de]) && !offers(&[&de, &any]));
        assert!(
            !Originators::default().offers_another(&GERMAN.parse().unwrap(), &[&OriginatorName::default()])
        );
    }

    #[test]
    fn an_only_originator_sends_whatever_becomes_of_its_texts() {
        let only = Originators::default().after(vec![count("default", "+49", 0, 100)]);
        assert_eq!(chosen(&only, Some("default")), ("default".into(), None));
        let elsewhere = Originators::new(vec![originator("us", &["+1"])]);
        assert_eq!(chosen(&elsewhere, None), ("us".into(), None));
    }

    #[test]
    fn a_reason_is_in_words() {
        let all = Originators::new(vec![originator("a", &[]), originator("b", &[])]);
        let choice = all.after(vec![count("a", "+49", 3, 9)]).choose(&GERMAN.parse().unwrap(), &[]);
        let reason = choice.instead.map(|instead| instead.reason);
        assert_eq!(reason.as_deref(), Some("3 of its latest 12 texts to +49 arrived"));
    }
}
