//! Shifts as a feed shows them: each with its own beginning and end, whenever it is asked for. In: a layer's plan and
//! overrides, a span of time. Out: turns.
//!
//! Never: a turn that is cut where the span begins or ends: what names it is derived from its beginning.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{CalendarShifts, LayerName, LayerPlan, Override, on_call};

/// One person's time by one override, one event of a calendar or one turn of a rotation, as far as nothing interrupts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// The contact's name.
    pub contact: String,
}

/// What a turn is by, with when that begins: of two turns by the same thing one goes on with the other.
#[derive(Debug, Clone, PartialEq, Eq)]
enum By {
    Override(String),
    Event(Timestamp, Timestamp),
    Rotation(usize, Timestamp),
}

/// Most turns of one answer: a year of turns of an hour.
const TURNS_MAX: usize = 9_000;
/// How far back the beginning of the first turn is looked for.
const BACK_MAX: SignedDuration = SignedDuration::from_hours(366 * 24);

/// The turns that are under way at some time of a span.
pub fn turns(
    layer: LayerName<'_>,
    plan: LayerPlan<'_>,
    overrides: &[Override],
    from: Timestamp,
    until: Timestamp,
) -> Vec<Turn> {
    let of_layer: Vec<&Override> = overrides.iter().filter(|held| held.is_of(layer)).collect();
    let of_calendar = plan.calendar.into_iter().flat_map(CalendarShifts::iter);
    let mut edges: Vec<Timestamp> = of_layer.iter().flat_map(|held| [held.from, held.until]).collect();
    edges.extend(of_calendar.flat_map(|shift| [shift.from, shift.until]));
    edges.sort_unstable();
    let who = |at: Timestamp| who(layer, plan, overrides, at);
    let began = who(from).map_or(from, |(began, ..)| began.min(from));
    let mut now = began.max(from.checked_sub(BACK_MAX).unwrap_or(from));
    let mut found = Vec::<(Option<By>, Turn)>::new();
    while found.len() < TURNS_MAX {
        let by_rotation = plan.rotations.iter().filter_map(|rotation| rotation.next_change(now));
        let edge = edges.get(edges.partition_point(|at| *at <= now)).copied();
        let next = by_rotation.chain(edge).min().unwrap_or(Timestamp::MAX);
        let (by, contact) =
            who(now).map_or_else(|| (None, String::new()), |(_, by, contact)| (Some(by), contact));
        match found.last_mut().filter(|(last, _)| *last == by) {
            Some((_, turn)) => turn.until = next,
            None if now >= until => break,
            None => found.push((by, Turn { from: now, until: next, contact })),
        }
        if next == Timestamp::MAX {
            break;
        }
        now = next;
    }
    let turns = found.into_iter().filter_map(|(by, turn)| by.map(|_| turn));
    turns.filter(|turn| from < turn.until).collect()
}

/// Since when what says who is on call holds, what that is, and who it is.
fn who(
    layer: LayerName<'_>,
    plan: LayerPlan<'_>,
    overrides: &[Override],
    at: Timestamp,
) -> Option<(Timestamp, By, String)> {
    let now = on_call(layer, plan, overrides, at)?;
    let contact = now.contact.to_owned();
    if let Some(held) = now.held {
        return Some((held.from, By::Override(held.id()), contact));
    }
    if let Some(shift) = plan.calendar.filter(|_| now.by_calendar).and_then(|calendar| calendar.at(at)) {
        return Some((shift.from, By::Event(shift.from, shift.until), contact));
    }
    let mut rotations = plan.rotations.iter().enumerate();
    let (number, began) = rotations.find_map(|(number, rotation)| {
        rotation.on_call(at)?;
        Some((number, rotation.turn_began(at)?))
    })?;
    Some((began, By::Rotation(number, began), contact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oncall::{OnCallHours, Rotation, TurnLength, calendar::CalendarShift};

    const DESK: LayerName<'_> = LayerName { schedule: "desk", layer: "primary" };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// From when, until when, who.
    fn shown(plan: LayerPlan<'_>, overrides: &[Override], from: &str, until: &str) -> Vec<String> {
        let hour = |at: Timestamp| at.to_string()[5..13].to_owned();
        let turns = turns(DESK, plan, overrides, at(from), at(until));
        turns.iter().map(|of| format!("{} {} {}", hour(of.from), hour(of.until), of.contact)).collect()
    }

    fn rotation(days: u16, members: &[&str]) -> Rotation {
        Rotation {
            time_zone: "UTC".into(),
            start: "2026-01-05".parse().unwrap(),
            handover: "09:00".parse().unwrap(),
            turn: TurnLength::Days(days),
            members: members.iter().map(|&name| name.to_owned()).collect(),
            hours: None,
        }
    }

    #[test]
    fn a_turn_is_whole_wherever_the_span_begins_and_ends() {
        let rotations = [rotation(7, &["ada", "ben"])];
        let held = Override {
            schedule: "desk".into(),
            layer: "primary".into(),
            contact: "eve".into(),
            from: at("2026-01-06T00:00:00Z"),
            until: at("2026-01-07T00:00:00Z"),
            by: String::new(),
            why: String::new(),
            made_at: None,
        };
        let plan = LayerPlan::of(&rotations);
        let whole = ["01-07T00 01-12T09 ada", "01-12T09 01-19T09 ben"];
        for from in ["2026-01-07T00:00:00Z", "2026-01-09T11:00:00Z", "2026-01-12T08:59:59Z"] {
            let found = shown(plan, std::slice::from_ref(&held), from, "2026-01-13T00:00:00Z");
            assert_eq!(found, whole, "{from}");
        }
        let of_override =
            shown(plan, std::slice::from_ref(&held), "2026-01-06T12:00:00Z", "2026-01-07T00:00:00Z");
        assert_eq!(of_override, ["01-06T00 01-07T00 eve"]);
    }

    #[test]
    fn who_is_always_on_call_has_a_turn_for_each_turn() {
        let mut alone = rotation(1, &["ada"]);
        let found = |alone: &Rotation| {
            let plan = LayerPlan::of(std::slice::from_ref(alone));
            shown(plan, &[], "2026-01-06T12:00:00Z", "2026-01-07T12:00:00Z")
        };
        assert_eq!(found(&alone), ["01-06T09 01-07T09 ada", "01-07T09 01-08T09 ada"]);
        alone.hours = Some(OnCallHours {
            weekdays: Vec::new(),
            from: "08:00".parse().unwrap(),
            until: "20:00".parse().unwrap(),
        });
        assert_eq!(
            found(&alone),
            ["01-06T09 01-06T20 ada", "01-07T08 01-07T09 ada", "01-07T09 01-07T20 ada"]
        );
    }

    #[test]
    fn before_a_rotation_begins_its_first_turn_has_one_beginning() {
        let rotations = [rotation(7, &["ada", "ben"])];
        let plan = LayerPlan::of(&rotations);
        let found = ["2025-11-01T00:00:00Z", "2025-12-24T12:00:00Z"]
            .map(|from| shown(plan, &[], from, "2025-12-30T00:00:00Z"));
        assert_eq!(found[0], ["01-04T09 01-12T09 ada"]);
        assert_eq!(found[0], found[1]);
    }

    #[test]
    fn each_event_of_a_calendar_is_one() {
        let shift = |contact: &str, from: &str, until: &str| CalendarShift {
            from: at(from),
            until: at(until),
            contact: contact.into(),
        };
        let calendar = CalendarShifts::new(vec![
            shift("ada", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z"),
            shift("ada", "2026-01-06T00:00:00Z", "2026-01-08T00:00:00Z"),
        ]);
        let plan = LayerPlan { calendar: Some(&calendar), rotations: &[] };
        let found = shown(plan, &[], "2026-01-05T12:00:00Z", "2026-01-30T00:00:00Z");
        assert_eq!(found, ["01-05T00 01-06T00 ada", "01-06T00 01-08T00 ada"]);
    }
}
