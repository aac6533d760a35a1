//! Who is on call from when to when. In: a layer's rotations and overrides, a span of time. Out: shifts without gaps between
//! them, and what gives two people each other's next shift.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{LayerName, Override, Rotation, on_call};

/// One person's time, or nobody's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// The contact's name; absent where nobody is on call.
    pub contact: Option<String>,
    /// The override that it is by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_override: Option<String>,
}

/// Most shifts of one answer: a year of shifts of an hour.
const SHIFTS_MAX: usize = 9_000;

/// The shifts of a layer within a span. Neighbours differ in their person or in the override that they are by.
pub fn shifts(
    layer: LayerName<'_>,
    rotations: &[Rotation],
    overrides: &[Override],
    from: Timestamp,
    until: Timestamp,
) -> Vec<Shift> {
    let of_layer: Vec<&Override> = overrides.iter().filter(|held| held.is_of(layer)).collect();
    let (mut shifts, mut now) = (Vec::<Shift>::new(), from);
    while now < until && shifts.len() < SHIFTS_MAX {
        let by_rotation = rotations.iter().filter_map(|rotation| rotation.next_change(now));
        let by_override = of_layer.iter().flat_map(|held| [held.from, held.until]).filter(|at| *at > now);
        let next = by_rotation.chain(by_override).min().unwrap_or(until).min(until);
        let who = on_call(layer, rotations, overrides, now);
        let contact = who.map(|who| who.contact.to_owned());
        let by_override = who.and_then(|who| who.held).map(Override::id);
        match shifts.last_mut().filter(|last| last.contact == contact && last.by_override == by_override) {
            Some(last) => last.until = next,
            None => shifts.push(Shift { from: now, until: next, contact, by_override }),
        }
        now = next;
    }
    shifts
}

/// Why two people's shifts cannot be swapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwapFault {
    /// They are one person.
    #[error("{0} and {0} are one person")]
    Same(String),
    /// One has no shift soon.
    #[error("{0} has no shift within a year: see `callout oncall show`")]
    NoShift(String),
}

/// Gives two people each other's next shift after `now`; what has passed of one under way stays. `made` has who, why and
/// when.
///
/// # Errors
/// When one of them has none within a year.
pub fn swap(
    layer: LayerName<'_>,
    rotations: &[Rotation],
    overrides: &[Override],
    people: [&str; 2],
    now: Timestamp,
    made: &Override,
) -> Result<[Override; 2], SwapFault> {
    let [one, other] = people;
    if one == other {
        return Err(SwapFault::Same(one.to_owned()));
    }
    let until = now + SignedDuration::from_hours(366 * 24);
    let all = shifts(layer, rotations, overrides, now, until);
    let next = |name: &str| {
        let found = all.iter().find(|shift| shift.contact.as_deref() == Some(name));
        found.ok_or_else(|| SwapFault::NoShift(name.to_owned()))
    };
    let takes = |contact: &str, shift: &Shift| Override {
        contact: contact.to_owned(),
        from: shift.from,
        until: shift.until,
        ..made.clone()
    };
    Ok([takes(other, next(one)?), takes(one, next(other)?)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oncall::{OnCallHours, TurnLength};

    const PLATFORM: LayerName<'_> = LayerName { schedule: "platform", layer: "primary" };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rotation(hours: Option<OnCallHours>) -> Rotation {
        Rotation {
            time_zone: "UTC".into(),
            start: "2026-01-05".parse().unwrap(),
            handover: "09:00".parse().unwrap(),
            turn: TurnLength::Days(7),
            members: vec!["ada".into(), "ben".into()],
            hours,
        }
    }

    fn held(contact: &str, from: &str, until: &str) -> Override {
        Override {
            schedule: "platform".into(),
            layer: "primary".into(),
            contact: contact.into(),
            from: at(from),
            until: at(until),
            by: "eve".into(),
            why: "dentist".into(),
            made_at: Some(at("2026-01-05T00:00:00Z")),
        }
    }

    /// From when, until when, who; `*` marks what an override says.
    fn shown(shifts: &[Shift]) -> Vec<String> {
        let hour = |at: Timestamp| at.to_string()[5..13].to_owned();
        let who = |shift: &Shift| {
            let mark = if shift.by_override.is_some() { "*" } else { "" };
            format!("{}{mark}", shift.contact.as_deref().unwrap_or("nobody"))
        };
        shifts
            .iter()
            .map(|shift| format!("{} {} {}", hour(shift.from), hour(shift.until), who(shift)))
            .collect()
    }

    #[test]
    fn shifts_follow_one_another_and_overrides_cut_them() {
        let overrides = [
            held("eve", "2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z"),
            Override {
                layer: "secondary".into(),
                ..held("eve", "2026-01-08T00:00:00Z", "2026-01-09T00:00:00Z")
            },
        ];
        let (from, until) = (at("2026-01-05T12:00:00Z"), at("2026-01-20T00:00:00Z"));
        let found = shifts(PLATFORM, &[rotation(None)], &overrides, from, until);
        assert_eq!(
            shown(&found),
            [
                "01-05T12 01-06T00 ada",
                "01-06T00 01-07T00 eve*",
                "01-07T00 01-12T09 ada",
                "01-12T09 01-19T09 ben",
                "01-19T09 01-20T00 ada"
            ]
        );
        assert_eq!(found[1].by_override, Some(overrides[0].id()));
        assert_ne!(overrides[0].id(), overrides[1].id());
    }

    #[test]
    fn hours_in_which_no_rotation_holds_are_nobody_s() {
        let hours = OnCallHours {
            weekdays: Vec::new(),
            from: "08:00".parse().unwrap(),
            until: "20:00".parse().unwrap(),
        };
        let (from, until) = (at("2026-01-06T00:00:00Z"), at("2026-01-07T00:00:00Z"));
        let found = shifts(PLATFORM, &[rotation(Some(hours))], &[], from, until);
        assert_eq!(
            shown(&found),
            ["01-06T00 01-06T08 nobody", "01-06T08 01-06T20 ada", "01-06T20 01-07T00 nobody"]
        );
        let none = shifts(PLATFORM, &[], &[], from, until);
        assert_eq!(shown(&none), ["01-06T00 01-07T00 nobody"]);
    }

    #[test]
    fn two_people_get_each_other_s_next_shift() {
        let (rotations, made) = ([rotation(None)], held("", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"));
        let now = at("2026-01-06T00:00:00Z");
        let swapped = swap(PLATFORM, &rotations, &[], ["ada", "ben"], now, &made).unwrap();
        let until = at("2026-01-20T00:00:00Z");
        let found = shifts(PLATFORM, &rotations, &swapped, now, until);
        assert_eq!(
            shown(&found),
            ["01-06T00 01-12T09 ben*", "01-12T09 01-19T09 ada*", "01-19T09 01-20T00 ada"]
        );
        assert_eq!((swapped[0].by.as_str(), swapped[0].why.as_str()), ("eve", "dentist"));
        let refused = |people| swap(PLATFORM, &rotations, &[], people, now, &made).unwrap_err();
        assert_eq!(refused(["ada", "ada"]), SwapFault::Same("ada".into()));
        assert_eq!(refused(["ada", "joe"]), SwapFault::NoShift("joe".into()));
    }
}
