//! Who is who, and who is on call. In: contacts, rotations, overrides and the time. Out: recipients.
//!
//! Never: reads a calendar of the machine; handovers are computed in the rotation's own zone.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan, Unit, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    field_path::{number_at, text_at},
    phone::E164,
    quiet_hours::zone,
    workflow::Target,
};

/// A person that steps may notify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The name that texts show.
    pub name: String,
    /// Where texts go.
    pub number: E164,
    /// IANA time zone, for quiet hours.
    pub time_zone: String,
    /// Whose it is: workflows of other teams may not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

/// One layer of an on-call schedule: people who take turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// IANA time zone of the handover.
    pub time_zone: String,
    /// The first day of the first turn.
    pub start: civil::Date,
    /// The local time of every handover.
    pub handover: civil::Time,
    /// How many days one turn lasts, 1 or more.
    pub days: u16,
    /// Contact names, in turn.
    pub members: Vec<String>,
}

impl Rotation {
    /// Whose turn it is; the first member's before the rotation begins. `None` without members or with an unknown zone.
    pub fn on_call(&self, now: Timestamp) -> Option<&str> {
        let turn = self.turn(&zone(&self.time_zone)?, now)?;
        let index = usize::try_from(turn).ok()? % self.members.len().max(1);
        self.members.get(index).map(String::as_str)
    }

    /// When the turn that holds at `now` ends.
    pub fn next_handover(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = zone(&self.time_zone)?;
        self.handover_to(&zone, self.turn(&zone, now)? + 1)
    }

    /// The number of the turn that holds at `now`, from 0.
    fn turn(&self, zone: &TimeZone, now: Timestamp) -> Option<i64> {
        let today = now.to_zoned(zone.clone()).date();
        let days = i64::from(self.start.until((Unit::Day, today)).ok()?.get_days().max(0));
        let turn = days / i64::from(self.days.max(1));
        let is_ahead = self.handover_to(zone, turn)? > now;
        Some(if is_ahead { (turn - 1).max(0) } else { turn })
    }

    /// When a turn begins: at the local time of the handover, on whatever day. Only a day that skips that time moves
    /// its handover with the clock; on one that has it twice the first counts.
    fn handover_to(&self, zone: &TimeZone, turn: i64) -> Option<Timestamp> {
        let day = self.start.checked_add((turn * i64::from(self.days.max(1))).days()).ok()?;
        day.to_datetime(self.handover).to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
    }
}

/// Somebody takes over for a while, whatever the rotation says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Which schedule.
    pub schedule: String,
    /// Which layer of it.
    pub layer: String,
    /// Contact name.
    pub contact: String,
    /// The first instant of the override.
    pub from: Timestamp,
    /// The first instant after the override.
    pub until: Timestamp,
}

/// Whom one text goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// How the recipient was chosen, for example `oncall:platform` or `contact:head-of-ops`.
    pub target: String,
    /// The name that texts show; empty for a number from an event.
    pub name: String,
    /// Where the text goes.
    pub number: E164,
    /// IANA time zone, where known.
    pub time_zone: Option<String>,
}

impl Recipient {
    /// The name to show: the recipient's own, or the masked number where there is none.
    pub fn shown_name(&self) -> String {
        if self.name.is_empty() { self.number.masked() } else { self.name.clone() }
    }
}

/// Contacts and on-call rotations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// By name.
    pub contacts: BTreeMap<String, Contact>,
    /// By schedule and layer.
    pub rotations: BTreeMap<(String, String), Rotation>,
}

impl Directory {
    /// The contact with this number: the first by key, should several share it.
    pub fn contact_with(&self, number: &E164) -> Option<&Contact> {
        self.contacts.values().find(|contact| contact.number == *number)
    }

    /// Whom a target means for this event at this time.
    ///
    /// # Errors
    /// What is missing: a person on call, an unknown contact, a field that holds no number.
    pub fn resolve(
        &self,
        target: &Target,
        data: &Map<String, Value>,
        time_zone_field: Option<&str>,
        overrides: &[Override],
        now: Timestamp,
    ) -> Result<Recipient, String> {
        match target {
            Target::Contact(name) => self.contact(name, target),
            Target::OnCall { schedule, layer } => {
                let held = overrides
                    .iter()
                    .rfind(|o| o.schedule == *schedule && o.layer == *layer && o.from <= now && now < o.until)
                    .map(|o| o.contact.as_str());
                let name = held
                    .or_else(|| self.rotations.get(&(schedule.clone(), layer.clone()))?.on_call(now))
                    .ok_or_else(|| format!("nobody is on call for {target}"))?;
                self.contact(name, target)
            }
            Target::Field(path) => {
                let number = number_at(data, path).map_err(|error| format!("field {path}: {error}"))?;
                let time_zone =
                    time_zone_field.and_then(|path| text_at(data, path)).filter(|name| zone(name).is_some());
                Ok(Recipient {
                    target: target.to_string(),
                    name: String::new(),
                    number,
                    time_zone: time_zone.map(str::to_owned),
                })
            }
        }
    }

    fn contact(&self, name: &str, target: &Target) -> Result<Recipient, String> {
        let contact = self.contacts.get(name).ok_or_else(|| format!("{target}: no contact named {name}"))?;
        Ok(Recipient {
            target: target.to_string(),
            name: contact.name.clone(),
            number: contact.number.clone(),
            time_zone: Some(contact.time_zone.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn weekly() -> Rotation {
        Rotation {
            time_zone: "Europe/Berlin".into(),
            start: "2026-03-23".parse().unwrap(),
            handover: "09:00".parse().unwrap(),
            days: 7,
            members: vec!["ada".into(), "ben".into()],
        }
    }

    #[test]
    fn turns_change_at_the_local_handover_through_a_clock_change() {
        let rotation = weekly();
        // Berlin springs forward on 2026-03-29, so the handover of the 30th is at 07:00Z.
        assert_eq!(rotation.on_call("2026-03-30T06:59:59Z".parse().unwrap()), Some("ada"));
        assert_eq!(rotation.on_call("2026-03-30T07:00:00Z".parse().unwrap()), Some("ben"));
        assert_eq!(rotation.on_call("2026-04-06T07:00:00Z".parse().unwrap()), Some("ada"));
        assert_eq!(rotation.on_call("2020-01-01T00:00:00Z".parse().unwrap()), Some("ada"));
        assert_eq!(
            rotation.next_handover("2026-03-29T12:00:00Z".parse().unwrap()),
            Some("2026-03-30T07:00:00Z".parse().unwrap())
        );
    }

    #[test]
    fn c1_a_rotation_that_starts_in_a_skipped_hour_hands_over_at_its_own_time_later() {
        let rotation = Rotation {
            time_zone: "America/Denver".into(),
            start: "2026-03-08".parse().unwrap(),
            handover: "02:30".parse().unwrap(),
            days: 1,
            ..weekly()
        };
        // 02:30 on the 9th is 08:30Z; on the 8th the clock jumps over it, to 03:30, 09:30Z.
        for (now, name, next) in [
            ("2026-03-08T09:29:59Z", "ada", "2026-03-09T08:30:00Z"),
            ("2026-03-09T08:29:59Z", "ada", "2026-03-09T08:30:00Z"),
            ("2026-03-09T08:30:00Z", "ben", "2026-03-10T08:30:00Z"),
            ("2026-07-01T08:29:59Z", "ada", "2026-07-01T08:30:00Z"),
        ] {
            let now: Timestamp = now.parse().unwrap();
            assert_eq!(rotation.on_call(now), Some(name), "{now}");
            assert_eq!(rotation.next_handover(now), Some(next.parse().unwrap()), "{now}");
        }
        // In the night that the clocks go back 01:30 comes twice, and one handover.
        let autumn = Rotation { handover: "01:30".parse().unwrap(), ..rotation };
        let at = |now: &str| autumn.on_call(now.parse().unwrap()).map(str::to_owned);
        let after = at("2026-11-01T07:30:00Z");
        assert_ne!(at("2026-11-01T07:29:59Z"), after);
        assert_eq!(at("2026-11-01T08:10:00Z"), after);
        assert_eq!(at("2026-11-01T08:30:00Z"), after);
    }

    #[test]
    fn targets_resolve_to_people_overrides_first() {
        let contact = |number: &str| Contact {
            name: "Name".into(),
            number: number.parse().unwrap(),
            time_zone: "Europe/Berlin".into(),
            team: None,
        };
        let directory = Directory {
            contacts: [("ada".into(), contact("+491510000001")), ("ben".into(), contact("+491510000002"))]
                .into(),
            rotations: [(("platform".into(), "primary".into()), weekly())].into(),
        };
        let now: Timestamp = "2026-03-24T12:00:00Z".parse().unwrap();
        let data = json!({"customer": {"phone": "+14155550100", "zone": "America/New_York"}, "bad": "x"});
        let resolve = |target: &str, overrides: &[Override]| {
            let target: Target = target.parse().unwrap();
            directory
                .resolve(&target, data.as_object().unwrap(), Some("customer.zone"), overrides, now)
                .map(|recipient| recipient.number.as_str().to_owned())
        };
        assert_eq!(resolve("oncall:platform", &[]), Ok("+491510000001".into()));
        assert_eq!(resolve("field:customer.phone", &[]), Ok("+14155550100".into()));
        assert!(resolve("field:bad", &[]).unwrap_err().contains("field bad"));
        assert!(resolve("oncall:platform/secondary", &[]).unwrap_err().contains("nobody is on call"));
        assert!(resolve("contact:eve", &[]).unwrap_err().contains("eve"));
        let hour = jiff::SignedDuration::from_hours(1);
        let ben = Override {
            schedule: "platform".into(),
            layer: "primary".into(),
            contact: "ben".into(),
            from: now,
            until: now + hour,
        };
        let ada = Override { contact: "ada".into(), ..ben.clone() };
        assert_eq!(resolve("oncall:platform", &[ada, ben.clone()]), Ok("+491510000002".into()), "the latest");
        for elsewhere in [
            Override { schedule: "database".into(), ..ben.clone() },
            Override { layer: "secondary".into(), ..ben.clone() },
            Override { from: now + hour, until: now + hour * 2, ..ben.clone() },
            Override { from: now - hour, until: now, ..ben },
        ] {
            assert_eq!(
                resolve("oncall:platform", std::slice::from_ref(&elsewhere)),
                Ok("+491510000001".into()),
                "{elsewhere:?}"
            );
        }
    }
}
