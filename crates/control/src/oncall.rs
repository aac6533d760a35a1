//! Who is on call, and changes to that. In: the configuration in force and overrides of the store. Out: layers with their
//! shifts; stored overrides.
//!
//! Never: an override of somebody or of a schedule that is not configured, or one without who made it.

use domain::{
    directory::Directory,
    oncall::{LayerName, Override, copy::CalendarState, shifts, swap, turns},
};
use jiff::{SignedDuration, Timestamp};
use runtime::RoleError;

use crate::{
    calendar::calendar,
    control::{Control, of_all_teams},
    error::ControlError,
    layer::{LayerQuery, LayerView, NewOverride, OverrideView, ShiftSwap},
    principal::Principal,
    request::Answer,
};

/// The longest span that is shown, and the longest override.
const SPAN_MAX: SignedDuration = SignedDuration::from_hours(366 * 24);
/// How far ahead what was changed is shown.
const SHOWN_AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);
/// A feed shows the turns of the last week.
const FEED_BACK: SignedDuration = SignedDuration::from_hours(8 * 24);
/// And those of so many days ahead: a quarter of a year.
const FEED_DAYS: u16 = 92;
/// The longest reason, in characters.
const WHY_CHARS_MAX: usize = 200;

impl Control {
    /// Layers with their shifts from `from`, which is now without it, to `until`.
    pub(crate) async fn on_call(
        &self,
        query: &LayerQuery,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Answer, ControlError> {
        Ok(Answer::OnCall { layers: self.layers(query, from, until).await? })
    }

    /// Their turns as iCalendar, of one person or of all.
    pub(crate) async fn show_calendar(
        &self,
        query: &LayerQuery,
        contact: Option<&str>,
        days: Option<u16>,
    ) -> Result<Answer, ControlError> {
        let now = self.ports.clock.now();
        if let Some(name) = contact.filter(|name| !self.ports.runs.directory().contacts.contains_key(*name)) {
            return Err(ControlError::Unusable(format!("no contact is named {name:?}")));
        }
        let (directory, from) = (self.ports.runs.directory(), now - FEED_BACK);
        let until = now + SignedDuration::from_hours(24 * i64::from(days.unwrap_or(FEED_DAYS))).min(SPAN_MAX);
        let keys = keys(&directory, query)?;
        // Those that have ended cut turns that began before.
        let overrides = self.overrides(from - SPAN_MAX).await?;
        let of = |(schedule, layer): &(String, String)| {
            let name = LayerName { schedule, layer };
            (format!("{schedule}/{layer}"), turns(name, directory.plan_of(name), &overrides, from, until))
        };
        let layers: Vec<_> = keys.into_iter().map(of).collect();
        Ok(Answer::Calendar { text: calendar(&layers, contact, now) })
    }

    async fn layers(
        &self,
        query: &LayerQuery,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Vec<LayerView>, ControlError> {
        let from = from.unwrap_or_else(|| self.ports.clock.now());
        let until = until.unwrap_or(from + SHOWN_AHEAD);
        if until <= from || until.duration_since(from) > SPAN_MAX {
            return Err(ControlError::Unusable(
                "the end must be after the beginning, by a year at most".to_owned(),
            ));
        }
        let directory = self.ports.runs.directory();
        let overrides = self.overrides(from).await?;
        let keys = keys(&directory, query)?;
        let view = |key| view(&directory, key, &overrides, from, until);
        let mut layers: Vec<LayerView> = keys.into_iter().map(view).collect();
        for state in if directory.calendars.is_empty() { Vec::new() } else { self.calendars().await? } {
            let of = |layer: &&mut LayerView| layer.schedule == state.schedule && layer.layer == state.layer;
            if let Some(layer) = layers.iter_mut().find(of) {
                layer.calendar = Some(state);
            }
        }
        Ok(layers)
    }

    /// Has somebody take over for a while.
    pub(crate) async fn add_override(
        &self,
        principal: &Principal,
        new: NewOverride,
    ) -> Result<Answer, ControlError> {
        let NewOverride { schedule, layer, contact, from, until, why } = new;
        let now = self.ports.clock.now();
        let held = Override {
            from: from.unwrap_or(now),
            until,
            contact,
            by: principal.name.clone(),
            why,
            made_at: Some(now),
            schedule,
            layer,
        };
        self.check_override(principal, &held, now)?;
        self.keep_overrides(principal, std::slice::from_ref(&held), now).await
    }

    /// Gives two people each other's next shift.
    pub(crate) async fn swap_shifts(
        &self,
        principal: &Principal,
        asked: ShiftSwap,
    ) -> Result<Answer, ControlError> {
        let ShiftSwap { schedule, layer, contacts: [one, other], after, why } = asked;
        let (directory, now) = (self.ports.runs.directory(), self.ports.clock.now());
        let (after, by) = (after.unwrap_or(now).max(now), principal.name.clone());
        let until = after + SPAN_MAX;
        let made = Override {
            schedule,
            layer,
            contact: one.clone(),
            from: after,
            until,
            by,
            why,
            made_at: Some(now),
        };
        self.check_override(principal, &made, now)?;
        self.check_override(principal, &Override { contact: other.clone(), ..made.clone() }, now)?;
        let name = LayerName { schedule: &made.schedule, layer: &made.layer };
        let (plan, overrides) = (directory.plan_of(name), self.overrides(now).await?);
        let swapped = swap(name, plan, &overrides, [&one, &other], after, &made)
            .map_err(|fault| ControlError::Unusable(fault.to_string()))?;
        self.keep_overrides(principal, &swapped, now).await
    }

    /// Takes an override back.
    pub(crate) async fn remove_override(
        &self,
        principal: &Principal,
        id: &str,
    ) -> Result<Answer, ControlError> {
        if !principal.teams.is_empty() {
            return Err(of_all_teams(principal));
        }
        let now = self.ports.clock.now();
        let overrides = self.overrides(now).await?;
        let held = overrides.into_iter().find(|held| held.id() == id);
        let held = held.ok_or_else(|| ControlError::NoOverride(id.to_owned()))?;
        // Who was on call stays as it was.
        let was_in_force = held.from < now && now < held.until;
        let kept = was_in_force.then(|| Override { until: now, ..held.clone() });
        if !self.ports.overrides.end_override(&held, kept.as_ref()).await.map_err(RoleError::from)? {
            return Err(ControlError::NoOverride(id.to_owned()));
        }
        let (schedule, layer) = (&held.schedule, &held.layer);
        tracing::info!(id, schedule, layer, by = principal.name, "an on-call override was taken back");
        self.layer_of(&held, now).await
    }

    /// What is known of the calendars that are configured. One that was not tried yet is not among them.
    pub(crate) async fn calendars(&self) -> Result<Vec<CalendarState>, ControlError> {
        let directory = self.ports.runs.directory();
        let mut states = self.ports.calendars.calendars().await.map_err(RoleError::from)?;
        states
            .retain(|state| directory.calendars.contains_key(&(state.schedule.clone(), state.layer.clone())));
        Ok(states)
    }

    async fn overrides(&self, now: Timestamp) -> Result<Vec<Override>, ControlError> {
        Ok(self.ports.overrides.overrides(now).await.map_err(RoleError::from)?)
    }

    fn check_override(
        &self,
        principal: &Principal,
        held: &Override,
        now: Timestamp,
    ) -> Result<(), ControlError> {
        if !principal.teams.is_empty() {
            return Err(of_all_teams(principal));
        }
        let directory = self.ports.runs.directory();
        let query = LayerQuery { schedule: Some(held.schedule.clone()), layer: Some(held.layer.clone()) };
        if !directory.has_layer(LayerName { schedule: &held.schedule, layer: &held.layer }) {
            return Err(no_layer(&directory, &query));
        }
        if !directory.contacts.contains_key(&held.contact) {
            let known: Vec<&str> = directory.contacts.keys().map(String::as_str).collect();
            let (name, known) = (&held.contact, known.join(", "));
            return Err(ControlError::Unusable(format!("no contact is named {name:?}; there are {known}")));
        }
        let unusable = if held.until <= held.from {
            Some("an override must end after it begins")
        } else if held.until <= now {
            Some("an override must end in the future")
        } else if held.until.duration_since(held.from) > SPAN_MAX {
            Some("an override may last a year; change the rotation in oncall.toml instead")
        } else if held.why.trim().is_empty() {
            Some("say why, in 1 to 200 characters: others read it")
        } else if held.why.chars().count() > WHY_CHARS_MAX {
            Some("the reason is too long: 200 characters at most")
        } else {
            None
        };
        unusable.map_or(Ok(()), |why| Err(ControlError::Unusable(why.to_owned())))
    }

    /// Stores overrides and shows their layer. The first of two may be stored alone if the process dies: it is listed then,
    /// and can be taken back.
    async fn keep_overrides(
        &self,
        principal: &Principal,
        overrides: &[Override],
        now: Timestamp,
    ) -> Result<Answer, ControlError> {
        let Some(first) = overrides.first() else { return Ok(Answer::OnCall { layers: Vec::new() }) };
        for held in overrides {
            self.ports.overrides.add_override(held).await.map_err(RoleError::from)?;
            let Override { schedule, layer, contact, from, until, why, .. } = held;
            let (id, by) = (held.id(), &principal.name);
            tracing::info!(id, schedule, layer, contact, %from, %until, why, by, "an on-call override was made");
        }
        self.layer_of(first, now).await
    }

    async fn layer_of(&self, held: &Override, now: Timestamp) -> Result<Answer, ControlError> {
        let (schedule, layer) = (Some(held.schedule.clone()), Some(held.layer.clone()));
        let until = (now + SHOWN_AHEAD).max(held.until).min(now + SPAN_MAX);
        self.on_call(&LayerQuery { schedule, layer }, Some(now), Some(until)).await
    }
}

/// The layers that are meant.
fn keys<'a>(directory: &'a Directory, query: &LayerQuery) -> Result<Vec<&'a (String, String)>, ControlError> {
    let is_meant = |(schedule, layer): &&(String, String)| {
        query.schedule.as_ref().is_none_or(|only| only == schedule)
            && query.layer.as_ref().is_none_or(|only| only == layer)
    };
    let keys: Vec<_> = directory.layers().into_iter().filter(is_meant).collect();
    if keys.is_empty() && (query.schedule.is_some() || query.layer.is_some()) {
        return Err(no_layer(directory, query));
    }
    Ok(keys)
}

/// A layer within a span of time.
pub(crate) fn view(
    directory: &Directory,
    (schedule, layer): &(String, String),
    overrides: &[Override],
    from: Timestamp,
    until: Timestamp,
) -> LayerView {
    let name = LayerName { schedule, layer };
    let plan = directory.plan_of(name);
    let of_layer = overrides.iter().filter(|held| held.schedule == *schedule && held.layer == *layer);
    LayerView {
        schedule: schedule.clone(),
        layer: layer.clone(),
        time_zone: directory.zone_of(name).unwrap_or("UTC").to_owned(),
        shifts: shifts(name, plan, overrides, from, until),
        overrides: of_layer.map(|held| OverrideView { id: held.id(), held: held.clone() }).collect(),
        calendar: None,
        clashes: plan.calendar.map(|calendar| calendar.clashes(from, until)).unwrap_or_default(),
    }
}

fn no_layer(directory: &Directory, query: &LayerQuery) -> ControlError {
    let known: Vec<String> =
        directory.layers().into_iter().map(|(schedule, layer)| format!("{schedule}/{layer}")).collect();
    let known = if known.is_empty() {
        "none is configured".to_owned()
    } else {
        format!("there are {}", known.join(", "))
    };
    let (schedule, layer) = (query.schedule.as_deref().unwrap_or("*"), query.layer.as_deref().unwrap_or("*"));
    ControlError::NoSchedule(format!("no schedule {schedule}/{layer}; {known}"))
}
