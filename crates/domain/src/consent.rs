//! Consent of one phone number. In: entries, in any order. Out: what may be sent.
//!
//! Never: forgets an entry; the store appends them, and this is their sum.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{phone::E164, words, workflow::Category};

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentChange {
    /// STOP, or the provider's refusal for it: nothing may be sent.
    OptOut,
    /// START: lifts the opt-out.
    OptIn,
    /// A grant for a category.
    Grant(Category),
    /// A grant taken back.
    Revoke(Category),
}

impl ConsentChange {
    /// What changed, in a word or two.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptOut => "opted out",
            Self::OptIn => "opted in",
            Self::Grant(_) => "granted",
            Self::Revoke(_) => "revoked",
        }
    }
}

/// One line of the consent log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentEntry {
    /// Whose consent.
    pub number: E164,
    /// What changed.
    pub change: ConsentChange,
    /// When it changed.
    pub at: Timestamp,
    /// Where it is known from: `reply`, `provider`, `operator`, `import`.
    pub source: String,
    /// What names the proof, for example a message SID. With `source` it makes the entry repeatable.
    pub evidence: String,
    /// What the person was shown or told when they agreed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub wording: String,
    /// How they said so, for example `web form`, `sms` or `phone call`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// Who recorded it, where a person did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
}

impl ConsentEntry {
    /// An entry that is known from a text or from the provider, and not from a person who recorded it.
    pub fn observed(
        number: E164,
        change: ConsentChange,
        at: Timestamp,
        source: &str,
        evidence: String,
    ) -> Self {
        let (wording, channel, by) = (String::new(), "sms".to_owned(), String::new());
        Self { number, change, at, source: source.to_owned(), evidence, wording, channel, by }
    }
}

/// The categories whose texts go only to those who agreed to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantNeeds(pub BTreeSet<Category>);

impl Default for GrantNeeds {
    /// Marketing.
    fn default() -> Self {
        Self(BTreeSet::from([Category::Marketing]))
    }
}

/// The sum of a number's entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The latest opt-out or opt-in, and whether it was an opt-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt: Option<(Timestamp, bool)>,
    /// The latest grant or revocation by category, and whether it was a grant.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub grants: BTreeMap<Category, (Timestamp, bool)>,
}

impl Consent {
    /// Adds an entry. The latest by time wins; of two at one time the one that forbids.
    pub fn apply(&mut self, entry: &ConsentEntry) {
        match entry.change {
            ConsentChange::OptOut => latest(&mut self.opt, entry.at, true, true),
            ConsentChange::OptIn => latest(&mut self.opt, entry.at, false, true),
            ConsentChange::Grant(category) => self.grant(category, entry.at, true),
            ConsentChange::Revoke(category) => self.grant(category, entry.at, false),
        }
    }

    /// Since when nothing may be sent at all.
    pub fn opted_out_since(&self) -> Option<Timestamp> {
        self.opt.and_then(|(at, out)| out.then_some(at))
    }

    /// Whether a text opts in again that is no keyword in itself: `YES` of somebody who had opted out. Twilio takes it so,
    /// and says so to them (Twilio, default opt-in keywords: START, YES, UNSTOP); of anybody else it is a reply.
    pub fn is_lifted_by(&self, body: &str) -> bool {
        self.opted_out_since().is_some() && words::words(body) == ["yes"] && !words::asks(body)
    }

    /// Whether there is a grant for this category.
    pub fn is_granted(&self, category: Category) -> bool {
        self.grants.get(&category).is_some_and(|(_, granted)| *granted)
    }

    /// Whether a text of this category may be sent at all.
    pub fn permits(&self, category: Category, needs: &GrantNeeds) -> bool {
        self.opted_out_since().is_none() && (!needs.0.contains(&category) || self.is_granted(category))
    }

    fn grant(&mut self, category: Category, at: Timestamp, granted: bool) {
        let mut current = self.grants.get(&category).copied();
        latest(&mut current, at, granted, false);
        self.grants.extend(current.map(|state| (category, state)));
    }
}

fn latest(current: &mut Option<(Timestamp, bool)>, at: Timestamp, value: bool, forbids: bool) {
    let replaces = current.is_none_or(|(since, _)| at > since || (at == since && value == forbids));
    if replaces {
        *current = Some((at, value));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(change: ConsentChange, second: i64) -> ConsentEntry {
        let (number, at) = ("+14155550100".parse().unwrap(), Timestamp::from_second(second).unwrap());
        ConsentEntry::observed(number, change, at, "reply", String::new())
    }

    #[test]
    fn a_later_start_lifts_a_stop() {
        let mut consent = Consent::default();
        consent.apply(&entry(ConsentChange::OptOut, 10));
        assert_eq!(consent.opted_out_since(), Some(Timestamp::from_second(10).unwrap()));
        consent.apply(&entry(ConsentChange::OptIn, 11));
        assert_eq!(consent.opted_out_since(), None);
    }

    #[test]
    fn of_two_entries_of_one_moment_the_one_that_forbids_counts() {
        for changes in
            [[ConsentChange::OptOut, ConsentChange::OptIn], [ConsentChange::OptIn, ConsentChange::OptOut]]
        {
            let mut consent = Consent::default();
            changes.into_iter().for_each(|change| consent.apply(&entry(change, 10)));
            assert!(consent.opted_out_since().is_some());
        }
        let (grant, revoke) =
            (ConsentChange::Grant(Category::Marketing), ConsentChange::Revoke(Category::Marketing));
        for changes in [[grant, revoke], [revoke, grant]] {
            let mut consent = Consent::default();
            changes.into_iter().for_each(|change| consent.apply(&entry(change, 10)));
            assert!(!consent.is_granted(Category::Marketing));
        }
    }

    proptest! {
        #[test]
        fn the_order_in_which_entries_arrive_does_not_matter(
            mut seconds in proptest::collection::vec((0i64..5, 0u8..4), 0..8), swap in 0usize..8
        ) {
            let change = |kind| match kind {
                0 => ConsentChange::OptOut,
                1 => ConsentChange::OptIn,
                2 => ConsentChange::Grant(Category::Marketing),
                _ => ConsentChange::Revoke(Category::Marketing),
            };
            let sum = |entries: &[(i64, u8)]| {
                let mut consent = Consent::default();
                entries.iter().for_each(|(second, kind)| consent.apply(&entry(change(*kind), *second)));
                consent
            };
            let before = sum(&seconds);
            if !seconds.is_empty() {
                let by = swap % seconds.len();
                seconds.rotate_left(by);
            }
            prop_assert_eq!(sum(&seconds), before);
        }
    }
}
