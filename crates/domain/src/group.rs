//! What is remembered of texts that belong together: when the first went out, which wait, and which digest tells of them.
//!
//! In: messages that ask, and the time. Out: whether each goes at once, waits, or is told by a digest.
//! Never: holds a number or a text. Never: is the only place that knows of a message that waits: its run does, and is due
//! when the group's window ends.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::{MessageId, short},
    limits::{DIGEST_MEMBERS_MAX, FLAP_CHANGES_MAX, GROUP_KEPT_S, GROUP_WAITING_MAX},
    phone::E164,
    time::after_s,
    workflow::Flapping,
};

/// Names a group: texts of one workflow to one recipient that belong together. Made of hashes alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey(String);

impl GroupKey {
    /// The group of events that say this in the fields by which the workflow groups.
    pub fn of_values(workflow: &str, values: &[String], number: &E164) -> Self {
        let mut parts = vec!["group", workflow, number.as_str()];
        parts.extend(values.iter().map(String::as_str));
        Self(short(&parts))
    }

    /// What waits for one recipient's quiet hours to end.
    pub fn of_quiet_hours(workflow: &str, number: &E164) -> Self {
        Self(short(&["quiet", workflow, number.as_str()]))
    }

    /// How often a subject opened and was resolved.
    pub fn of_subject(workflow: &str, source: &str, subject: &str) -> Self {
        Self(short(&["subject", workflow, source, subject]))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a group remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Until when texts are held; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// The message that was texted and began the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<MessageId>,
    /// The messages that wait, in the order in which they came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<MessageId>,
    /// The digests of the last while, latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    digests: Vec<Gathered>,
    /// When its subject opened or was resolved, each under a name of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<(String, Timestamp)>,
}

/// The set of one digest, as it was gathered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Gathered {
    /// The message whose text is the digest.
    carrier: MessageId,
    /// The others that it tells of.
    members: Vec<MessageId>,
    /// When it was gathered.
    at: Timestamp,
}

/// What came of asking a group about a new text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// It goes at once.
    First,
    /// It waits until this time.
    Held(Timestamp),
}

/// How a message asks to join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joining {
    /// The first text of a window goes at once, and holds those that follow for so many seconds.
    Window(u32),
    /// The same, but it waits though it is the first: its subject is flapping.
    Flapping(u32),
    /// It waits until this time in any case, with all others that do.
    Until(Timestamp),
}

impl Group {
    /// A message asks whether it goes at once. The same message gets the same answer, however often it asks within the
    /// window.
    pub fn join(&mut self, message: &MessageId, joining: Joining, now: Timestamp) -> Joined {
        if let Joining::Until(until) = joining {
            return if self.take_in(message) { Joined::Held(until) } else { Joined::First };
        }
        if self.first.as_ref() == Some(message) && self.until.is_some_and(|until| now < until) {
            return Joined::First;
        }
        let (window_s, is_flapping) = match joining {
            Joining::Window(window_s) => (window_s, false),
            Joining::Flapping(window_s) => (window_s, true),
            Joining::Until(_) => (0, false),
        };
        // What is over, and was not gathered yet, takes in who comes before that.
        let open_until =
            self.until.filter(|until| now < *until || (!is_flapping && !self.waiting.is_empty()));
        match open_until {
            Some(until) if self.take_in(message) => Joined::Held(until),
            Some(_) => Joined::First,
            None => {
                let until = after_s(now, window_s);
                self.until = Some(until);
                self.first = (!is_flapping).then(|| message.clone());
                if is_flapping && self.take_in(message) { Joined::Held(until) } else { Joined::First }
            }
        }
    }

    /// Until when texts are held; absent before the first.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Has a message wait. Returns whether it does: of too many no more do.
    fn take_in(&mut self, message: &MessageId) -> bool {
        if self.waiting.contains(message) || self.carrier_of(message).is_some() {
            return true;
        }
        let has_room = self.waiting.len() < GROUP_WAITING_MAX;
        if has_room {
            self.waiting.push(message.clone());
        }
        has_room
    }

    /// The message whose digest tells of this one: itself, or another.
    pub fn carrier_of(&self, message: &MessageId) -> Option<&MessageId> {
        let gathered = self.digests.iter().rev();
        let mut of = gathered.filter(|one| one.carrier == *message || one.members.contains(message));
        of.next().map(|one| &one.carrier)
    }

    /// The others that the digest of this message tells of, where it was gathered.
    pub fn members_of(&self, carrier: &MessageId) -> Option<&[MessageId]> {
        let gathered = self.digests.iter().rev().find(|one| one.carrier == *carrier);
        gathered.map(|one| one.members.as_slice())
    }

    /// The messages that may be told of together with this one: those that wait, and those of a digest that never came.
    /// `lost` is the message that was to carry that one.
    pub fn candidates(&self, message: &MessageId, lost: Option<&MessageId>) -> Vec<MessageId> {
        let of_lost = lost.and_then(|lost| self.members_of(lost)).unwrap_or_default();
        let all = of_lost.iter().chain(&self.waiting);
        all.filter(|other| *other != message).take(DIGEST_MEMBERS_MAX).cloned().collect()
    }

    /// Gathers a digest: `message` tells of itself and of `members`; with none of these it goes by itself. `gone` are those
    /// that wait for nothing any more. The next window begins.
    pub fn gather(
        &mut self,
        message: &MessageId,
        members: &[MessageId],
        gone: &[MessageId],
        lost: Option<&MessageId>,
        window_s: Option<u32>,
        now: Timestamp,
    ) {
        self.waiting.retain(|one| one != message && !members.contains(one) && !gone.contains(one));
        self.digests.retain(|one| Some(&one.carrier) != lost && after_s(one.at, GROUP_KEPT_S) > now);
        if !members.is_empty() {
            self.digests.push(Gathered { carrier: message.clone(), members: members.to_vec(), at: now });
        }
        if let Some(window_s) = window_s {
            self.first = Some(message.clone());
            self.until = Some(after_s(now, window_s));
        }
    }

    /// A message that asked is not sent after all: what began with it is over, unless others wait already.
    pub fn leave(&mut self, message: &MessageId) {
        self.waiting.retain(|one| one != message);
        if self.first.as_ref() == Some(message) && self.waiting.is_empty() {
            (self.first, self.until) = (None, None);
        }
    }

    /// Its subject opened or was resolved, which `name` tells apart from other times. Returns whether it is flapping.
    pub fn note_change(&mut self, name: &str, flapping: Flapping, now: Timestamp) -> bool {
        self.changes.retain(|(_, at)| after_s(*at, flapping.within_s) > now);
        if !self.changes.iter().any(|(known, _)| known == name) {
            self.changes.push((name.to_owned(), now));
        }
        let more = self.changes.len().saturating_sub(FLAP_CHANGES_MAX);
        self.changes.drain(..more);
        self.changes.len() >= usize::from(flapping.changes)
    }

    /// Until when it must be remembered.
    pub fn kept_until(&self, now: Timestamp) -> Timestamp {
        let changed = self.changes.last().map(|(_, at)| *at);
        let latest = [self.until, changed].into_iter().flatten().max().unwrap_or(now);
        after_s(latest.max(now), GROUP_KEPT_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RunId;

    fn message(name: &str) -> MessageId {
        MessageId { run: RunId::derive("test", name, "w", None), number: 1 }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    const WINDOW: Joining = Joining::Window(300);

    #[test]
    fn the_first_goes_at_once_and_those_that_follow_wait_for_the_end_of_the_window() {
        let mut group = Group::default();
        let [a, b, c] = ["a", "b", "c"].map(message);
        assert_eq!(group.join(&a, WINDOW, at(0)), Joined::First);
        assert_eq!(group.join(&b, WINDOW, at(10)), Joined::Held(at(300)));
        assert_eq!(group.join(&a, WINDOW, at(20)), Joined::First, "asked again");
        assert_eq!(group.join(&b, WINDOW, at(20)), Joined::Held(at(300)), "asked again");
        assert_eq!(group.join(&c, WINDOW, at(301)), Joined::Held(at(300)), "others wait still");
        assert_eq!(group.candidates(&b, None), std::slice::from_ref(&c));
        group.gather(&b, std::slice::from_ref(&c), &[], None, Some(300), at(302));
        assert_eq!((group.carrier_of(&b), group.carrier_of(&c)), (Some(&b), Some(&b)));
        assert_eq!(group.carrier_of(&a), None);
        let d = message("d");
        assert_eq!(group.join(&d, WINDOW, at(303)), Joined::Held(at(602)), "a digest is a text of the group");
        group.gather(&d, &[], &[], None, Some(300), at(602));
        assert_eq!(group.join(&message("e"), WINDOW, at(903)), Joined::First, "nothing came for a window");
    }

    #[test]
    fn those_of_a_digest_that_never_came_are_gathered_again() {
        let mut group = Group::default();
        let [a, b, c, d] = ["a", "b", "c", "d"].map(message);
        for one in [&a, &b, &c] {
            group.join(one, WINDOW, at(0));
        }
        group.gather(&b, std::slice::from_ref(&c), &[], None, Some(300), at(300));
        group.join(&d, WINDOW, at(310));
        assert_eq!(group.candidates(&c, Some(&b)), std::slice::from_ref(&d));
        group.gather(&c, std::slice::from_ref(&d), &[], Some(&b), Some(300), at(600));
        assert_eq!(
            (group.carrier_of(&c), group.carrier_of(&d), group.carrier_of(&b)),
            (Some(&c), Some(&c), None)
        );
    }

    #[test]
    fn a_message_that_is_not_sent_holds_nobody() {
        let mut group = Group::default();
        let [a, b] = ["a", "b"].map(message);
        group.join(&a, WINDOW, at(0));
        group.leave(&a);
        assert_eq!(group.join(&b, WINDOW, at(1)), Joined::First);
    }

    #[test]
    fn what_waits_for_quiet_hours_waits_with_all_others() {
        let mut group = Group::default();
        let [a, b] = ["a", "b"].map(message);
        assert_eq!(group.join(&a, Joining::Until(at(50)), at(0)), Joined::Held(at(50)));
        assert_eq!(group.join(&b, Joining::Until(at(50)), at(40)), Joined::Held(at(50)));
        assert_eq!(group.candidates(&a, None), [b]);
    }

    #[test]
    fn a_subject_flaps_when_it_changed_so_often_and_one_change_counts_once() {
        let mut group = Group::default();
        let flapping = Flapping { changes: 3, within_s: 100 };
        assert!(!group.note_change("a", flapping, at(0)));
        assert!(!group.note_change("a", flapping, at(1)));
        assert!(!group.note_change("b", flapping, at(2)));
        assert!(group.note_change("c", flapping, at(3)));
        assert!(!group.note_change("d", flapping, at(103)));
        assert_eq!(group.join(&message("x"), Joining::Flapping(300), at(104)), Joined::Held(at(404)));
    }

    #[test]
    fn of_too_many_that_wait_the_next_goes_at_once() {
        let mut group = Group { until: Some(at(10)), ..Group::default() };
        group.waiting = (0..GROUP_WAITING_MAX).map(|n| message(&n.to_string())).collect();
        assert_eq!(group.join(&message("one more"), WINDOW, at(1)), Joined::First);
        assert_eq!(group.candidates(&message("0"), None).len(), DIGEST_MEMBERS_MAX);
    }
}
