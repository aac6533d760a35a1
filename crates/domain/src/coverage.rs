//! Times at which a step would text nobody. In: workflows, the directory, overrides, and a span of days. Out: gaps.
//!
//! Never: judges a step that also texts a number of the event or by a calendar that was not read, or a workflow that sends
//! nothing.

use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::{
    directory::{Contact, Directory},
    limits::COVERAGE_DAYS_MAX,
    oncall::{LayerName, Override, calendar::Clash, shifts},
    phone::E164,
    policy::Environment,
    time::after_s,
    workflow::{Stage, Step, Target, Workflow},
};

/// Seconds of a day.
const DAY_S: i64 = 24 * 3_600;

/// A time at which a step would text nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Of which workflow.
    pub workflow: String,
    /// The number of the step, from 1.
    pub step: u8,
    /// Since when.
    pub from: Timestamp,
    /// Until when; absent where it lasts as long as was looked ahead.
    pub until: Option<Timestamp>,
    /// Why, of the first target.
    pub why: String,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workflow, step, from, until, why } = self;
        let minute = |at: &Timestamp| at.strftime("%Y-%m-%d %H:%MZ").to_string();
        write!(f, "step {step} of workflow {workflow} texts nobody from {}", minute(from))?;
        match until {
            Some(until) => write!(f, " to {}: {why}", minute(until)),
            None => write!(f, " on: {why}"),
        }
    }
}

/// Events of a layer's calendar of which it is not plain whom they mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerClash {
    /// The schedule.
    pub schedule: String,
    /// Its layer.
    pub layer: String,
    /// The people, and since when.
    #[serde(flatten)]
    pub clash: Clash,
}

impl fmt::Display for LayerClash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the calendar of {}/{}: {}", self.schedule, self.layer, self.clash)
    }
}

/// The clashes of all calendars from `from` on for so many days.
pub fn clashes(directory: &Directory, from: Timestamp, days: u16) -> Vec<LayerClash> {
    let until = after_s(from, i64::from(days.clamp(1, COVERAGE_DAYS_MAX)) * DAY_S);
    let of_layer = directory.calendars.iter().flat_map(|((schedule, layer), calendar)| {
        let clashes = calendar.shifts.iter().flat_map(move |shifts| shifts.clashes(from, until));
        clashes.map(move |clash| LayerClash { schedule: schedule.clone(), layer: layer.clone(), clash })
    });
    of_layer.collect()
}

/// What may keep a person from being texted.
#[derive(Debug, Clone, Copy)]
pub struct Barred<'a> {
    /// Who may be texted here.
    pub environment: &'a Environment,
    /// Who has opted out.
    pub opted_out: &'a BTreeSet<E164>,
}

/// The gaps from `from` on for so many days, in the order of workflows, steps and times.
pub fn gaps<'a>(
    workflows: impl IntoIterator<Item = &'a Workflow>,
    directory: &Directory,
    overrides: &[Override],
    barred: Barred<'_>,
    from: Timestamp,
    days: u16,
) -> Vec<Gap> {
    let until = after_s(from, i64::from(days.clamp(1, COVERAGE_DAYS_MAX)) * DAY_S);
    let mut found = Vec::new();
    for workflow in workflows.into_iter().filter(|workflow| workflow.definition.stage != Stage::Shadow) {
        for (number, step) in (1_u8..).zip(&workflow.definition.steps) {
            if step.notify.iter().any(|target| is_open(target, directory)) {
                continue;
            }
            let why = |at: Timestamp| nobody(workflow, step, directory, overrides, barred, at);
            let mut open: Option<Gap> = None;
            for at in changes(step, directory, overrides, from, until) {
                match (why(at), &mut open) {
                    (Some(why), None) => {
                        let workflow = workflow.name().to_owned();
                        open = Some(Gap { workflow, step: number, from: at, until: None, why });
                    }
                    (None, Some(_)) => {
                        found.extend(open.take().map(|gap| Gap { until: Some(at), ..gap }));
                    }
                    (Some(_), Some(_)) | (None, None) => {}
                }
            }
            found.extend(open);
        }
    }
    found
}

/// Whether it cannot be known whom a target means: the event says, or a calendar that was not read.
fn is_open(target: &Target, directory: &Directory) -> bool {
    match target {
        Target::Field(_) => true,
        Target::OnCall { schedule, layer } => directory
            .calendars
            .get(&(schedule.clone(), layer.clone()))
            .is_some_and(|calendar| calendar.shifts.is_none()),
        Target::Contact(_) => false,
    }
}

/// The numbers that steps of these workflows may text between now and then, as far as the directory knows them.
pub fn numbers(directory: &Directory) -> BTreeSet<E164> {
    directory.contacts.values().flat_map(Contact::numbers).cloned().collect()
}

/// Why a step would text nobody at this time; `None` where it would text somebody.
fn nobody(
    workflow: &Workflow,
    step: &Step,
    directory: &Directory,
    overrides: &[Override],
    barred: Barred<'_>,
    at: Timestamp,
) -> Option<String> {
    let mut first = None;
    for target in &step.notify {
        let why = match directory.resolve(target, &Map::new(), None, overrides, at) {
            // One number that may be texted is enough; the others are passed over.
            Ok(recipient) if recipient.numbers().all(|number| barred.opted_out.contains(number)) => {
                format!("{} ({target}) has opted out", recipient.name)
            }
            Ok(recipient)
                if recipient.numbers().all(|number| {
                    barred.opted_out.contains(number) || !workflow.may_text(number, barred.environment)
                }) =>
            {
                format!(
                    "{} ({target}) may not be texted in {}: see allow_recipients and [canary]",
                    recipient.name, barred.environment.name
                )
            }
            Ok(_) => return None,
            Err(why) => why,
        };
        first = first.or(Some(why));
    }
    Some(first.unwrap_or_else(|| "it names nobody".to_owned()))
}

/// The times at which it may change whom a step texts, the first of them `from`.
fn changes(
    step: &Step,
    directory: &Directory,
    overrides: &[Override],
    from: Timestamp,
    until: Timestamp,
) -> BTreeSet<Timestamp> {
    let mut times = BTreeSet::from([from]);
    for target in &step.notify {
        let Target::OnCall { schedule, layer } = target else { continue };
        let layer = LayerName { schedule, layer };
        let shifts = shifts(layer, directory.plan_of(layer), overrides, from, until);
        times.extend(shifts.into_iter().map(|shift| shift.from));
    }
    times
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        directory::Contact,
        oncall::{Rotation, TurnLength},
        workflow::WorkflowDefinition,
    };

    const ADA: &str = "+14155550101";
    const BEN: &str = "+14155550102";

    fn now() -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn directory() -> Directory {
        let contact = |name: &str, number: &str| Contact {
            name: name.into(),
            number: number.parse().unwrap(),
            more_numbers: Vec::new(),
            time_zone: "UTC".into(),
            team: None,
            email: None,
        };
        let daily = Rotation {
            time_zone: "UTC".into(),
            start: "2026-03-01".parse().unwrap(),
            handover: "09:00".parse().unwrap(),
            turn: TurnLength::Days(1),
            members: vec!["ada".into(), "ben".into()],
            hours: None,
        };
        Directory {
            contacts: [("ada".into(), contact("Ada", ADA)), ("ben".into(), contact("Ben", BEN))].into(),
            rotations: [(("platform".into(), "primary".into()), vec![daily])].into(),
            ..Directory::default()
        }
    }

    fn workflow(steps: &[&[&str]]) -> Workflow {
        staged(Stage::Live, steps)
    }

    fn staged(stage: Stage, steps: &[&[&str]]) -> Workflow {
        let steps = steps.iter().map(|targets| Step {
            notify: targets.iter().map(|target| target.parse().unwrap()).collect(),
            ..Step::default()
        });
        let schema = json!({"type": "object", "properties": {"phone": {"type": "string"}}});
        let definition = WorkflowDefinition::new("page", "page", "x", schema, steps.collect());
        Workflow::compile(WorkflowDefinition { stage, ..definition }).unwrap()
    }

    fn found(
        workflow: &Workflow,
        overrides: &[Override],
        allowed: Option<&[&str]>,
        out: &[&str],
    ) -> Vec<String> {
        let set = |numbers: &[&str]| numbers.iter().map(|number| number.parse().unwrap()).collect();
        let environment = Environment {
            name: "staging".into(),
            allow_recipients: allowed.map(set),
            ..Environment::default()
        };
        let opted_out: BTreeSet<E164> = set(out);
        let barred = Barred { environment: &environment, opted_out: &opted_out };
        let gaps = gaps([workflow], &directory(), overrides, barred, now(), 3);
        gaps.iter().map(ToString::to_string).collect()
    }

    fn held(contact: &str, from: &str, until: &str) -> Override {
        let (from, until) = (from.parse().unwrap(), until.parse().unwrap());
        Override {
            schedule: "platform".into(),
            layer: "primary".into(),
            contact: contact.into(),
            from,
            until,
            by: String::new(),
            why: String::new(),
            made_at: None,
        }
    }

    #[test]
    fn a_rotation_that_always_has_somebody_has_no_gap() {
        assert_eq!(found(&workflow(&[&["oncall:platform"], &["contact:ada"]]), &[], None, &[]), [""; 0]);
    }

    #[test]
    fn the_turns_of_who_may_not_be_texted_are_gaps() {
        let gaps = [
            "step 1 of workflow page texts nobody from 2026-03-03 09:00Z to 2026-03-04 09:00Z: Ada (oncall:platform) may not \
             be texted in staging: see allow_recipients and [canary]",
            "step 1 of workflow page texts nobody from 2026-03-05 09:00Z on: Ada (oncall:platform) may not be texted in \
             staging: see allow_recipients and [canary]",
        ];
        assert_eq!(found(&workflow(&[&["oncall:platform"]]), &[], Some(&[BEN]), &[]), gaps);
        // Somebody else of the step can be.
        assert_eq!(found(&workflow(&[&["oncall:platform", "contact:ben"]]), &[], Some(&[BEN]), &[]), [""; 0]);
    }

    #[test]
    fn who_has_opted_out_is_nobody() {
        let gaps = found(&workflow(&[&["contact:ben"], &["contact:ada"]]), &[], None, &[BEN]);
        assert_eq!(gaps.len(), 1);
        assert!(gaps[0].contains("from 2026-03-02 12:00Z on: Ben (contact:ben) has opted out"), "{gaps:?}");
    }

    #[test]
    fn who_can_be_reached_by_another_number_is_somebody() {
        let (workflow, mut directory) = (workflow(&[&["contact:ben"]]), directory());
        let other: E164 = "+14155550109".parse().unwrap();
        directory.contacts.get_mut("ben").unwrap().more_numbers.push(other.clone());
        let found = |allowed: Option<&[&str]>, out: &[&str]| {
            let set = |numbers: &[&str]| numbers.iter().map(|number| number.parse().unwrap()).collect();
            let environment = Environment { allow_recipients: allowed.map(set), ..Environment::default() };
            let opted_out: BTreeSet<E164> = set(out);
            let barred = Barred { environment: &environment, opted_out: &opted_out };
            gaps([&workflow], &directory, &[], barred, now(), 3).len()
        };
        assert_eq!((found(None, &[BEN]), found(Some(&[other.as_str()]), &[])), (0, 0));
        assert_eq!((found(None, &[BEN, other.as_str()]), found(Some(&[BEN]), &[BEN])), (1, 1));
        assert!(numbers(&directory).contains(&other), "its consent is asked for");
    }

    #[test]
    fn an_override_of_somebody_who_left_is_a_gap_as_long_as_it_lasts() {
        let gone = held("eve", "2026-03-02T18:00:00Z", "2026-03-03T06:00:00Z");
        let gaps = found(&workflow(&[&["oncall:platform"]]), &[gone], None, &[]);
        let gap = "from 2026-03-02 18:00Z to 2026-03-03 06:00Z: oncall:platform: no contact named eve";
        assert!(gaps.len() == 1 && gaps[0].ends_with(gap), "{gaps:?}");
    }

    #[test]
    fn a_schedule_without_people_is_covered_only_by_its_overrides() {
        let ben =
            Override { schedule: "db".into(), ..held("ben", "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z") };
        let gaps = found(&workflow(&[&["oncall:db"]]), &[ben], None, &[]);
        assert_eq!(gaps.len(), 2, "{gaps:?}");
        assert!(gaps[0].contains("to 2026-03-03 00:00Z: nobody is on call for oncall:db"), "{gaps:?}");
        assert!(gaps[1].contains("from 2026-03-04 00:00Z on"), "{gaps:?}");
    }

    #[test]
    fn what_only_an_event_knows_is_not_judged() {
        assert_eq!(found(&workflow(&[&["field:phone", "oncall:none"]]), &[], None, &[]), [""; 0]);
        assert_eq!(found(&staged(Stage::Shadow, &[&["oncall:none"]]), &[], None, &[]), [""; 0]);
    }
}
