//! Who is who, and who is on call. In: contacts, rotations, calendars, overrides and the time. Out: recipients.
//!
//! Never: decides whose turn it is; `oncall` does.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    field_path::{number_at, text_at},
    oncall::{CalendarShifts, LayerName, LayerPlan, OnCall, Override, Rotation, on_call},
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
    /// Where they go next, in order, when a text to the number before was not delivered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_numbers: Vec<E164>,
    /// IANA time zone, for quiet hours.
    pub time_zone: String,
    /// Whose it is: workflows of other teams may not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// By which events of calendars mean it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl Contact {
    /// Its numbers, in the order in which they are tried.
    pub fn numbers(&self) -> impl Iterator<Item = &E164> {
        std::iter::once(&self.number).chain(&self.more_numbers)
    }
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
    /// The person's other numbers that are tried after this one, in order; none once the run has ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_numbers: Vec<E164>,
    /// IANA time zone, where known.
    pub time_zone: Option<String>,
    /// The override by which the recipient was on call; absent where a rotation said so, or no schedule was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_over: Option<TakenOver>,
}

/// The override by which somebody was on call. Kept with what it says, for overrides are forgotten once they have ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOver {
    /// What names the override.
    pub id: String,
    /// Who made it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl TakenOver {
    fn of(held: &Override) -> Self {
        Self { id: held.id(), by: held.by.clone(), why: held.why.clone() }
    }
}

impl Recipient {
    /// The numbers of the person, this one first, in the order in which they are tried.
    pub fn numbers(&self) -> impl Iterator<Item = &E164> {
        std::iter::once(&self.number).chain(&self.more_numbers)
    }

    /// The name to show: the recipient's own, or the masked number where there is none.
    pub fn shown_name(&self) -> String {
        if self.name.is_empty() { self.number.masked() } else { self.name.clone() }
    }

    /// Whether the event named the number, not a contact.
    pub(crate) fn is_of_event(&self) -> bool {
        self.target.starts_with("field:")
    }
}

/// Contacts, on-call rotations and calendars.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// By name.
    pub contacts: BTreeMap<String, Contact>,
    /// By schedule and layer. No two of one layer hold at once.
    pub rotations: BTreeMap<(String, String), Vec<Rotation>>,
    /// Calendars by schedule and layer, one of each at most.
    pub calendars: BTreeMap<(String, String), Calendar>,
}

/// The calendar of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// IANA time zone of its days, and of times that name none.
    pub time_zone: String,
    /// Where it is read.
    pub source: CalendarSource,
    /// How often, in seconds.
    pub refresh_s: u32,
    /// Its shifts as they were read last; absent before.
    pub shifts: Option<Arc<CalendarShifts>>,
}

/// Where a calendar is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalendarSource {
    /// A file.
    File(PathBuf),
    /// The address in this environment variable, or in the file that the variable with `_FILE` names: it holds a secret.
    UrlIn {
        /// The variable.
        variable: String,
        /// Whether it may be on a private address.
        allow_private: bool,
    },
}

impl Directory {
    /// The contact with this number: the first by key, should several share it.
    pub fn contact_with(&self, number: &E164) -> Option<&Contact> {
        self.contacts.values().find(|contact| contact.numbers().any(|own| own == number))
    }

    /// The rotations of a layer.
    pub fn rotations_of(&self, layer: LayerName<'_>) -> &[Rotation] {
        let key = (layer.schedule.to_owned(), layer.layer.to_owned());
        self.rotations.get(&key).map_or(&[], Vec::as_slice)
    }

    /// What says who is on call in a layer.
    pub fn plan_of(&self, layer: LayerName<'_>) -> LayerPlan<'_> {
        let key = (layer.schedule.to_owned(), layer.layer.to_owned());
        let calendar = self.calendars.get(&key).and_then(|calendar| calendar.shifts.as_deref());
        LayerPlan { calendar, rotations: self.rotations_of(layer) }
    }

    /// Every schedule with its layers.
    pub fn layers(&self) -> BTreeSet<&(String, String)> {
        self.rotations.keys().chain(self.calendars.keys()).collect()
    }

    /// Whether there is such a layer.
    pub fn has_layer(&self, layer: LayerName<'_>) -> bool {
        let key = (layer.schedule.to_owned(), layer.layer.to_owned());
        self.rotations.contains_key(&key) || self.calendars.contains_key(&key)
    }

    /// The time zone in which people read the times of a layer.
    pub fn zone_of(&self, layer: LayerName<'_>) -> Option<&str> {
        let key = (layer.schedule.to_owned(), layer.layer.to_owned());
        let of_rotation = self.rotations_of(layer).first().map(|rotation| rotation.time_zone.as_str());
        of_rotation.or_else(|| self.calendars.get(&key).map(|calendar| calendar.time_zone.as_str()))
    }

    /// Who is on call in a layer.
    pub fn on_call<'a>(
        &'a self,
        layer: LayerName<'_>,
        overrides: &'a [Override],
        now: Timestamp,
    ) -> Option<OnCall<'a>> {
        on_call(layer, self.plan_of(layer), overrides, now)
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
            Target::Contact(name) => self.contact(name, target, None),
            Target::OnCall { schedule, layer } => {
                let layer = LayerName { schedule, layer };
                let who = self.on_call(layer, overrides, now);
                let who = who.ok_or_else(|| format!("nobody is on call for {target}"))?;
                self.contact(who.contact, target, who.held.map(TakenOver::of))
            }
            Target::Field(path) => {
                let number = number_at(data, path).map_err(|error| format!("field {path}: {error}"))?;
                let time_zone =
                    time_zone_field.and_then(|path| text_at(data, path)).filter(|name| zone(name).is_some());
                Ok(Recipient {
                    target: target.to_string(),
                    name: String::new(),
                    number,
                    more_numbers: Vec::new(),
                    time_zone: time_zone.map(str::to_owned),
                    taken_over: None,
                })
            }
        }
    }

    fn contact(
        &self,
        name: &str,
        target: &Target,
        taken_over: Option<TakenOver>,
    ) -> Result<Recipient, String> {
        let contact = self.contacts.get(name).ok_or_else(|| format!("{target}: no contact named {name}"))?;
        Ok(Recipient {
            target: target.to_string(),
            name: contact.name.clone(),
            number: contact.number.clone(),
            more_numbers: contact.more_numbers.clone(),
            time_zone: Some(contact.time_zone.clone()),
            taken_over,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oncall::TurnLength;

    fn weekly() -> Rotation {
        Rotation {
            time_zone: "Europe/Berlin".into(),
            start: "2026-03-23".parse().unwrap(),
            handover: "09:00".parse().unwrap(),
            turn: TurnLength::Days(7),
            members: vec!["ada".into(), "ben".into()],
            hours: None,
        }
    }

    #[test]
    fn targets_resolve_to_people_overrides_first() {
        let contact = |number: &str| Contact {
            name: "Name".into(),
            number: number.parse().unwrap(),
            more_numbers: Vec::new(),
            time_zone: "Europe/Berlin".into(),
            team: None,
            email: None,
        };
        let directory = Directory {
            contacts: [("ada".into(), contact("+491510000001")), ("ben".into(), contact("+491510000002"))]
                .into(),
            rotations: [(("platform".into(), "primary".into()), vec![weekly()])].into(),
            calendars: BTreeMap::new(),
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
            by: String::new(),
            why: String::new(),
            made_at: None,
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
