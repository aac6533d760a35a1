//! The rules of quiet hours. In: the workflow's windows, the recipient, the event and the time. Out: a verdict with the zone
//! that it is of; none where the workflow has no quiet hours.
//!
//! Never: lets a text wait beyond the time at which its event is of no use.

use jiff::tz::TimeZone;

use super::{
    decision::{Decision, Rule, Verdict, decision},
    input::PolicyInput,
};
use crate::{
    quiet_hours::{AfterWait, Place},
    time::after_s,
};

/// What quiet hours say; `None` where the workflow has none.
///
/// A text that would wait for too long is not kept until that is so: when it is quiet no more is known from the start.
pub(super) fn quiet_hours(input: &PolicyInput<'_>) -> Option<Decision> {
    let PolicyInput { workflow, recipient, data, waits_since, not_after, now, .. } = *input;
    let hours = workflow.quiet_hours.as_ref()?;
    let Some(place) = Place::of(recipient, hours.time_zone.as_deref()) else {
        let (verdict, rule) = if hours.urgent {
            (Verdict::Send, Rule::QuietUrgent)
        } else {
            (Verdict::Suppress, Rule::QuietZoneUnknown)
        };
        return Some(decision(verdict, rule, [("time_zone", "unknown".to_owned())]));
    };
    let quiet = hours.quiet(&place.zones, data, now);
    let named = quiet.as_ref().map(|quiet| quiet.zone).or(place.zones.first());
    let name = named.and_then(TimeZone::iana_name).unwrap_or("UTC").to_owned();
    let mut inputs = vec![("time_zone", name), ("time_zone_from", place.source.as_str().to_owned())];
    // It is quiet in the one that is named, or in none of them.
    if place.zones.len() > 1 {
        inputs.push(("time_zones", place.zones.len().to_string()));
    }
    let Some(quiet) = quiet else { return Some(decision(Verdict::Send, Rule::Passed, inputs)) };
    inputs.push(("window", quiet.window.to_string()));
    inputs.push(("until", quiet.until.to_string()));
    let at_most = hours.defer_at_most_s.filter(|_| hours.then != AfterWait::Digest);
    let waits_until = at_most.map(|most_s| after_s(waits_since.unwrap_or(now), most_s));
    let (verdict, rule) = if hours.urgent {
        (Verdict::Send, Rule::QuietUrgent)
    } else if let Some(most) = waits_until.filter(|most| quiet.until > *most) {
        inputs.push(("waits_until", most.to_string()));
        let rule = match hours.then {
            AfterWait::Escalate => Rule::QuietEscalated,
            AfterWait::Drop | AfterWait::Digest => Rule::QuietDropped,
        };
        (Verdict::Suppress, rule)
    } else if quiet.until >= not_after {
        (Verdict::Suppress, Rule::QuietPastDeadline)
    } else {
        (Verdict::Defer(quiet.until), Rule::QuietHours)
    };
    Some(decision(verdict, rule, inputs))
}
