//! Whether an event's texts may reach anybody, as far as the configuration alone tells.
//!
//! In: a workflow, an event's data, the directory, overrides and the environment. Out: why nobody is texted.
//! Never: decides about opt-outs; the caller asks for those of the numbers that it gets.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Stage, Workflow};
use crate::{
    directory::Directory, event::Event, oncall::Override, phone::E164, policy::Environment, time::after_s,
};

/// Whom an event may text, as far as the configuration tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Nobody, and why.
    Nobody(String),
    /// These numbers at most, each unless it opted out.
    Numbers(BTreeSet<E164>),
}

impl Workflow {
    /// Whom an event with this data, which happened at this time, may text, with those who are on call now.
    pub fn reach(
        &self,
        data: &Map<String, Value>,
        happened_at: Timestamp,
        directory: &Directory,
        overrides: &[Override],
        environment: &Environment,
        now: Timestamp,
    ) -> Reach {
        let name = self.name();
        if self.definition.stage == Stage::Shadow {
            return Reach::Nobody(format!(
                "workflow {name} is in stage shadow: it decides, and sends nothing"
            ));
        }
        if now >= after_s(happened_at, self.definition.not_after_s) {
            return Reach::Nobody(format!(
                "workflow {name} texts nobody about an event that is older than its not_after"
            ));
        }
        let (mut numbers, mut unresolved, mut is_barred) = (BTreeSet::new(), None, false);
        for target in self.definition.steps.iter().flat_map(|step| &step.notify) {
            match directory.resolve(target, data, None, overrides, now) {
                Ok(recipient) => {
                    let may: Vec<&E164> =
                        recipient.numbers().filter(|number| self.may_text(number, environment)).collect();
                    is_barred |= may.is_empty();
                    numbers.extend(may.into_iter().cloned());
                }
                Err(error) => unresolved = unresolved.or(Some(error)),
            }
        }
        if let (true, false, Some(error)) = (numbers.is_empty(), is_barred, unresolved) {
            return Reach::Nobody(format!("workflow {name} finds nobody to text: {error}"));
        }
        if numbers.is_empty() {
            return Reach::Nobody(format!(
                "workflow {name} texts none of its recipients in {}: see allow_recipients and [canary]",
                environment.name
            ));
        }
        Reach::Numbers(numbers)
    }

    /// Why no event can resolve the run that this event opens; `None` where one can, or the workflow expects none.
    pub fn never_resolved(&self, event: &Event) -> Option<String> {
        let resolved_by = self.definition.resolved_by.as_deref().filter(|_| event.subject.is_none())?;
        let name = self.name();
        Some(format!(
            "workflow {name}: the event has no subject, so no event of type {resolved_by} can resolve its run"
        ))
    }

    /// Whether stage and environment let this number be texted. Of a canary by percentage any may be.
    pub(crate) fn may_text(&self, number: &E164, environment: &Environment) -> bool {
        let is_staged = match &self.definition.stage {
            Stage::Shadow => false,
            Stage::Canary { recipients, percent } => *percent > 0 || recipients.contains(number),
            Stage::Live => true,
        };
        is_staged && environment.allow_recipients.as_ref().is_none_or(|allowed| allowed.contains(number))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        directory::Contact,
        workflow::{Step, Target, WorkflowDefinition},
    };

    #[test]
    fn a_shadow_workflow_and_a_recipient_who_is_not_allowed_are_said() {
        let check_aged = |stage: Stage, allowed: Option<&str>, age_s: i64| {
            let step = Step { notify: vec![Target::Field("phone".into())], ..Step::default() };
            let schema = json!({"type": "object", "properties": {"phone": {"type": "string"}}});
            let mut definition = WorkflowDefinition::new("note", "note", "{{ phone }}", schema, vec![step]);
            definition.stage = stage;
            let happened_at = Timestamp::UNIX_EPOCH - jiff::SignedDuration::from_secs(age_s);
            let environment = Environment {
                name: "staging".into(),
                allow_recipients: allowed.map(|number| [number.parse().unwrap()].into()),
                ..Environment::default()
            };
            let data = json!({"phone": "+14155550100"});
            let workflow = Workflow::compile(definition).unwrap();
            workflow.reach(
                data.as_object().unwrap(),
                happened_at,
                &Directory::default(),
                &[],
                &environment,
                Timestamp::UNIX_EPOCH,
            )
        };
        let check = |stage: Stage, allowed: Option<&str>| check_aged(stage, allowed, 60);
        let says = |reach: Reach, part: &str| matches!(&reach, Reach::Nobody(why) if why.contains(part));
        let me = "+14155550100";
        let mine = Reach::Numbers([me.parse().unwrap()].into());
        assert!(says(check_aged(Stage::Live, None, 2 * 24 * 3_600), "not_after"));
        assert_eq!(check(Stage::Live, None), mine);
        assert_eq!(check(Stage::Live, Some(me)), mine);
        assert!(says(check(Stage::Live, Some("+14155550101")), "in staging"));
        assert!(says(check(Stage::Shadow, Some(me)), "stage shadow"));
        assert!(says(check(Stage::Canary { recipients: Vec::new(), percent: 0 }, Some(me)), "[canary]"));
        let canary = Stage::Canary { recipients: vec![me.parse().unwrap()], percent: 0 };
        assert_eq!(check(canary, Some(me)), mine);
    }

    #[test]
    fn who_is_on_call_is_asked_and_nobody_is_said() {
        let step = |target: &str| Step { notify: vec![target.parse().unwrap()], ..Step::default() };
        let contact = |number: &str| Contact {
            name: "Name".into(),
            number: number.parse().unwrap(),
            more_numbers: vec![format!("{number}9").parse().unwrap()],
            time_zone: "UTC".into(),
            team: None,
            email: None,
        };
        let contacts =
            [("ada".into(), contact("+14155550101")), ("ben".into(), contact("+14155550102"))].into();
        let directory = Directory { contacts, ..Directory::default() };
        let environment = Environment { name: "production".into(), ..Environment::default() };
        let reach = |target: &str, overrides: &[Override]| {
            let schema = json!({"type": "object", "properties": {"title": {"type": "string"}}});
            let definition = WorkflowDefinition::new("page", "page", "x", schema, vec![step(target)]);
            let definition = WorkflowDefinition { stage: Stage::Live, ..definition };
            let now = Timestamp::UNIX_EPOCH;
            let workflow = Workflow::compile(definition).unwrap();
            workflow.reach(&Map::new(), now, &directory, overrides, &environment, now)
        };
        let ben = Override {
            schedule: "platform".into(),
            layer: "primary".into(),
            contact: "ben".into(),
            from: Timestamp::MIN,
            until: Timestamp::MAX,
            by: String::new(),
            why: String::new(),
            made_at: None,
        };
        let both = |number: &str| {
            Reach::Numbers([number.parse().unwrap(), format!("{number}9").parse().unwrap()].into())
        };
        assert_eq!(reach("contact:ada", &[]), both("+14155550101"), "each of their numbers may be texted");
        assert_eq!(reach("oncall:platform", &[ben]), both("+14155550102"));
        let nobody = "workflow page finds nobody to text: nobody is on call for oncall:platform";
        assert_eq!(reach("oncall:platform", &[]), Reach::Nobody(nobody.into()));
    }

    #[test]
    fn an_event_without_a_subject_is_never_resolved_where_a_workflow_resolves() {
        let check = |resolved_by: Option<&str>, subject: Option<&str>| {
            let step = Step { notify: Vec::new(), ..Step::default() };
            let schema = json!({"type": "object", "properties": {"phone": {"type": "string"}}});
            let mut definition = WorkflowDefinition::new("note", "note", "{{ phone }}", schema, vec![step]);
            definition.resolved_by = resolved_by.map(str::to_owned);
            let mut event =
                json!({"specversion": "1.0", "id": "1", "source": "s", "type": "note", "subject": subject});
            event["data"] = json!({"phone": "+14155550100"});
            Workflow::compile(definition).unwrap().never_resolved(&Event::from_value(event).unwrap())
        };
        let warning = check(Some("note.over"), None).unwrap();
        assert!(warning.contains("no subject, so no event of type note.over"), "{warning}");
        assert_eq!(check(Some("note.over"), Some("db-1")), None);
        assert_eq!(check(None, None), None);
    }
}
