//! Who is on call from when to when. In: a layer's plan and overrides, a span of time. Out: shifts without gaps between
//! them, and what gives two people each other's next shift.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{CalendarShifts, LayerName, LayerPlan, Override, on_call};

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
    /// Whether it is by a calendar.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_calendar: bool,
    /// Whether it goes on after the span that was looked at, where it ends with that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub goes_on: bool,
}

impl Shift {
    fn is_continued_by(&self, next: &Self) -> bool {
        self.contact == next.contact
            && self.by_override == next.by_override
            && self.by_calendar == next.by_calendar
    }
}

/// Most shifts of one answer: a year of shifts of an hour.
const SHIFTS_MAX: usize = 9_000;

/// The shifts of a layer within a span. Neighbours differ in their person or in the override that they are by.
pub fn shifts(
    layer: LayerName<'_>,
    plan: LayerPlan<'_>,
    overrides: &[Override],
    from: Timestamp,
    until: Timestamp,
) -> Vec<Shift> {
    let of_layer: Vec<&Override> = overrides.iter().filter(|held| held.is_of(layer)).collect();
    let of_calendar = plan.calendar.into_iter().flat_map(CalendarShifts::iter);
    let mut edges: Vec<Timestamp> = of_layer.iter().flat_map(|held| [held.from, held.until]).collect();
    edges.extend(of_calendar.flat_map(|shift| [shift.from, shift.until]));
    edges.sort_unstable();
    let (mut shifts, mut now) = (Vec::<Shift>::new(), from);
    let shift = |from, until| {
        let who = on_call(layer, plan, overrides, from);
        Shift {
            from,
            until,
            contact: who.map(|who| who.contact.to_owned()),
            by_override: who.and_then(|who| who.held).map(Override::id),
            by_calendar: who.is_some_and(|who| who.by_calendar),
            goes_on: false,
        }
    };
    while now < until && shifts.len() < SHIFTS_MAX {
        let by_rotation = plan.rotations.iter().filter_map(|rotation| rotation.next_change(now));
        let edge = edges.get(edges.partition_point(|at| *at <= now)).copied();
        let next = by_rotation.chain(edge).min().unwrap_or(until).min(until);
        let found = shift(now, next);
        match shifts.last_mut().filter(|last| last.is_continued_by(&found)) {
            Some(last) => last.until = next,
            None => shifts.push(found),
        }
        now = next;
    }
    if let Some(last) = shifts.last_mut().filter(|last| last.until == until) {
        last.goes_on = last.is_continued_by(&shift(until, until));
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
    plan: LayerPlan<'_>,
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
    let all = shifts(layer, plan, overrides, now, until);
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
    use crate::oncall::{OnCallHours, Rotation, TurnLength, calendar::CalendarShift};

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
        let found = shifts(PLATFORM, LayerPlan::of(&[rotation(None)]), &overrides, from, until);
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
        assert_eq!(
            found.iter().map(|shift| shift.goes_on).collect::<Vec<_>>(),
            [false, false, false, false, true]
        );
        assert_ne!(overrides[0].id(), overrides[1].id());
    }

    #[test]
    fn a_calendar_comes_after_overrides_and_before_rotations() {
        let shift = |contact: &str, from: &str, until: &str| CalendarShift {
            from: at(from),
            until: at(until),
            contact: contact.into(),
        };
        let calendar = CalendarShifts::new(vec![
            shift("joe", "2026-01-06T00:00:00Z", "2026-01-08T00:00:00Z"),
            shift("ada", "2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z"),
        ]);
        let rotations = [rotation(None)];
        let plan = LayerPlan { calendar: Some(&calendar), rotations: &rotations };
        let overrides = [held("eve", "2026-01-07T00:00:00Z", "2026-01-09T00:00:00Z")];
        let (from, until) = (at("2026-01-05T12:00:00Z"), at("2026-01-12T00:00:00Z"));
        let found = shifts(PLATFORM, plan, &overrides, from, until);
        assert_eq!(
            shown(&found),
            [
                "01-05T12 01-06T00 ada",
                "01-06T00 01-07T00 joe",
                "01-07T00 01-09T00 eve*",
                "01-09T00 01-10T00 ada",
                "01-10T00 01-11T00 ada",
                "01-11T00 01-12T00 ada"
            ]
        );
        let by_calendar: Vec<bool> = found.iter().map(|shift| shift.by_calendar).collect();
        assert_eq!(by_calendar, [false, true, false, false, true, false]);
    }

    #[test]
    fn hours_in_which_no_rotation_holds_are_nobody_s() {
        let hours = OnCallHours {
            weekdays: Vec::new(),
            from: "08:00".parse().unwrap(),
            until: "20:00".parse().unwrap(),
        };
        let (from, until) = (at("2026-01-06T00:00:00Z"), at("2026-01-07T00:00:00Z"));
        let found = shifts(PLATFORM, LayerPlan::of(&[rotation(Some(hours))]), &[], from, until);
        assert_eq!(
            shown(&found),
            ["01-06T00 01-06T08 nobody", "01-06T08 01-06T20 ada", "01-06T20 01-07T00 nobody"]
        );
        let none = shifts(PLATFORM, LayerPlan::default(), &[], from, until);
        assert_eq!(shown(&none), ["01-06T00 01-07T00 nobody"]);
    }

    #[test]
    fn two_people_get_each_other_s_next_shift() {
        let (rotations, made) = ([rotation(None)], held("", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"));
        let now = at("2026-01-06T00:00:00Z");
        let swapped = swap(PLATFORM, LayerPlan::of(&rotations), &[], ["ada", "ben"], now, &made).unwrap();
        let until = at("2026-01-20T00:00:00Z");
        let found = shifts(PLATFORM, LayerPlan::of(&rotations), &swapped, now, until);
        assert_eq!(
            shown(&found),
            ["01-06T00 01-12T09 ben*", "01-12T09 01-19T09 ada*", "01-19T09 01-20T00 ada"]
        );
        assert_eq!((swapped[0].by.as_str(), swapped[0].why.as_str()), ("eve", "dentist"));
        let refused =
            |people| swap(PLATFORM, LayerPlan::of(&rotations), &[], people, now, &made).unwrap_err();
        assert_eq!(refused(["ada", "ada"]), SwapFault::Same("ada".into()));
        assert_eq!(refused(["ada", "joe"]), SwapFault::NoShift("joe".into()));
    }
}
