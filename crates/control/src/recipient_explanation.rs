//! Why somebody was texted around a time, or was not. In: a number or a contact, and a span of time. Out: who was on call,
//! consent and silences then, the runs that texted them, and those that named them and did not reach them, with why.
//!
//! Never: shows a whole number, or decides anything: what is not stored is not told.

use std::{collections::BTreeSet, ops::ControlFlow};

use domain::{
    consent::Consent,
    directory::{Contact, Directory},
    phone::E164,
    run::{Run, RunPhase},
    silence::Silence,
    timeline::{Entry, TimelineEvent},
    workflow::{Step, Target, Workflow},
};
use jiff::{SignedDuration, Timestamp};
use ports::store::RunFilter;
use runtime::RoleError;

use crate::{
    consent_view::ConsentView,
    control::{Control, of_all_teams},
    error::ControlError,
    explanation::{Explanation, why_ended},
    oncall::view,
    principal::Principal,
    recipient_explanation_view::{NotReached, RecipientExplanation, TargetMissed, TextView, Whom},
    request::Answer,
    run_list::each_run,
    silence_view::SilenceView,
    view::{MessageView, RunView},
};

/// How long before the span a run may have been opened and still be told of, if it was under way in the span.
const OPENED_BEFORE: SignedDuration = SignedDuration::from_hours(24);
/// The longest span.
const SPAN_MAX: SignedDuration = SignedDuration::from_hours(31 * 24);
/// Most runs that one answer tells of.
const EXPLAINED_MAX: usize = 200;

/// Who is meant, and what may lead to them.
struct Person {
    number: E164,
    /// That one, and the other numbers of the same contacts.
    numbers: BTreeSet<E164>,
    contacts: BTreeSet<String>,
    /// Schedule and layer.
    layers: BTreeSet<(String, String)>,
}

impl Control {
    /// Why somebody was texted within a span of time, or was not.
    pub(crate) async fn explain_recipient(
        &self,
        principal: &Principal,
        whom: Whom,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Answer, ControlError> {
        if !principal.teams.is_empty() {
            return Err(of_all_teams(principal));
        }
        if until <= from || until.duration_since(from) > SPAN_MAX {
            return Err(ControlError::Unusable(
                "the end must be after the beginning, by a month at most".to_owned(),
            ));
        }
        let directory = self.ports.runs.directory();
        let number = number_of(whom, &directory)?;
        let contacts =
            directory.contacts.iter().filter(|(_, contact)| contact.numbers().any(|own| *own == number));
        let contacts: Vec<(&String, &Contact)> = contacts.collect();
        let numbers = contacts.iter().flat_map(|(_, contact)| contact.numbers()).chain([&number]);
        let numbers: BTreeSet<E164> = numbers.cloned().collect();
        let contacts: BTreeSet<String> = contacts.into_iter().map(|(name, _)| name.clone()).collect();
        let overrides = self.ports.overrides.overrides(from).await.map_err(RoleError::from)?;
        let held = overrides.iter().filter(|held| held.from < until && contacts.contains(&held.contact));
        let held = held.map(|held| (held.schedule.clone(), held.layer.clone()));
        let turns = directory.rotations.iter().filter(|(_, rotations)| {
            rotations.iter().flat_map(|rotation| &rotation.members).any(|member| contacts.contains(member))
        });
        let by_calendar = directory.calendars.iter().filter(|(_, calendar)| {
            calendar
                .shifts
                .iter()
                .flat_map(|shifts| shifts.iter())
                .any(|shift| contacts.contains(&shift.contact))
        });
        let turns = turns.map(|(layer, _)| layer).chain(by_calendar.map(|(layer, _)| layer));
        let layers: BTreeSet<_> = turns.cloned().chain(held).collect();
        let on_call = layers.iter().map(|layer| view(&directory, layer, &overrides, from, until)).collect();
        let person = Person { number, numbers, contacts, layers };

        let silences = self.ports.silences.silences(from).await.map_err(RoleError::from)?;
        let silences = silences.into_iter().filter(|silence| silence.from < until);
        let (runs, incomplete) = self.under_way(from, until).await?;
        let (mut texted, mut not_reached) = (Vec::new(), Vec::new());
        for run in runs.iter().rev() {
            if run.messages().iter().any(|message| person.numbers.contains(&message.recipient().number)) {
                let timeline = self.ports.list.timeline(run.id()).await.map_err(RoleError::from)?;
                texted.push(Explanation::of(&RunView::new(run, &timeline, self.ports.runs.recipient_key())));
            } else {
                not_reached.extend(self.not_reached(run, &person, &directory).await?);
            }
            if texted.len() + not_reached.len() == EXPLAINED_MAX {
                break;
            }
        }
        let incomplete = incomplete || texted.len() + not_reached.len() == EXPLAINED_MAX;
        Ok(Answer::RecipientExplained {
            explanation: Box::new(RecipientExplanation {
                to: person.number.masked(),
                from,
                until,
                on_call,
                consent: self.consent_at(&person.number, until).await?,
                silences: silences
                    .map(|silence: Silence| SilenceView { id: silence.id(), silence })
                    .collect(),
                texted,
                not_reached,
                incomplete,
                contacts: person.contacts.into_iter().collect(),
            }),
        })
    }

    /// The texts to a number, latest first, of runs opened since a time.
    pub(crate) async fn texts_to(
        &self,
        principal: &Principal,
        to: &E164,
        since: Option<Timestamp>,
        max: u16,
    ) -> Result<Answer, ControlError> {
        let (mut texts, mut more) = (Vec::new(), false);
        let key = self.ports.runs.recipient_key();
        let looked = each_run(&*self.ports.list, RunFilter::default(), self.looked_at_max, |run| {
            if since.is_some_and(|since| run.opened_at() < since) {
                return ControlFlow::Break(());
            }
            let numbered = run.messages().iter().rev();
            let to_number = numbered.filter(|message| message.recipient().number == *to);
            for message in to_number.filter(|_| self.sees_run(principal, &run)) {
                if texts.len() == usize::from(max) {
                    more = true;
                    return ControlFlow::Break(());
                }
                texts.push(TextView {
                    run: run.id().to_string(),
                    workflow: run.workflow().to_owned(),
                    subject: run.subject().map(str::to_owned),
                    event_id: run.event().id.clone(),
                    opened_at: run.opened_at(),
                    message: MessageView::new(&run, message, key),
                });
            }
            ControlFlow::Continue(())
        })
        .await
        .map_err(RoleError::from)?;
        Ok(Answer::Texts {
            texts,
            more: more || looked.stopped_after.is_some() || !looked.unreadable.is_empty(),
        })
    }

    /// The runs that were under way within a span, latest first, and whether some were not looked at.
    async fn under_way(&self, from: Timestamp, until: Timestamp) -> Result<(Vec<Run>, bool), ControlError> {
        let earliest = domain::time::after(from, -OPENED_BEFORE);
        let mut runs = Vec::new();
        let looked = each_run(&*self.ports.list, RunFilter::default(), self.looked_at_max, |run| {
            if run.opened_at() < earliest {
                return ControlFlow::Break(());
            }
            if run.opened_at() < until && run.closed_at().is_none_or(|closed| closed >= from) {
                runs.push(run);
            }
            ControlFlow::Continue(())
        })
        .await
        .map_err(RoleError::from)?;
        // One that cannot be read may have been one of them.
        Ok((runs, looked.stopped_after.is_some() || !looked.unreadable.is_empty()))
    }

    async fn consent_at(&self, number: &E164, at: Timestamp) -> Result<ConsentView, ControlError> {
        let entries = self.ports.consent.consent_log(number).await.map_err(RoleError::from)?;
        let entries: Vec<_> = entries.into_iter().filter(|entry| entry.at < at).collect();
        let mut consent = Consent::default();
        entries.iter().for_each(|entry| consent.apply(entry));
        Ok(self.view_of(&consent, entries))
    }

    /// Why a run did not text a person whom its workflow names, if it does.
    async fn not_reached(
        &self,
        run: &Run,
        person: &Person,
        directory: &Directory,
    ) -> Result<Option<NotReached>, ControlError> {
        let workflow = self.ports.runs.workflow_of(run).await?;
        let named = named_by(run, &workflow, person, directory);
        if named.is_empty() {
            return Ok(None);
        }
        let timeline = self.ports.list.timeline(run.id()).await.map_err(RoleError::from)?;
        let view = RunView::new(run, &timeline, None);
        let missed = |(step, target): (u8, &Target)| TargetMissed {
            step: step + 1,
            target: target.to_string(),
            why: missed(run, step, &target.to_string(), &timeline, &view),
        };
        Ok(Some(NotReached {
            run: view.id.clone(),
            workflow: view.workflow.clone(),
            event_id: view.event_id.clone(),
            subject: view.subject.clone(),
            opened_at: view.opened_at,
            phase: view.phase,
            why: named.into_iter().map(missed).collect(),
        }))
    }
}

fn number_of(whom: Whom, directory: &Directory) -> Result<E164, ControlError> {
    match whom {
        Whom::Number(number) => Ok(number),
        Whom::Contact(name) => {
            let known = directory.contacts.get(&name).map(|contact| contact.number.clone());
            known.ok_or_else(|| no_contact(&name, directory))
        }
    }
}

/// The error for a contact that is not configured.
pub(crate) fn no_contact(name: &str, directory: &Directory) -> ControlError {
    let known: Vec<&str> = directory.contacts.keys().map(String::as_str).collect();
    let known = if known.is_empty() {
        "none is configured".to_owned()
    } else {
        format!("there are {}", known.join(", "))
    };
    ControlError::NoContact(format!("no contact is named {name:?}; {known}"))
}

/// The targets of a workflow that may lead to a person, each with the index of its step.
fn named_by<'a>(
    run: &Run,
    workflow: &'a Workflow,
    person: &Person,
    directory: &Directory,
) -> Vec<(u8, &'a Target)> {
    let leads_to = |target: &Target| match target {
        Target::Contact(name) => person.contacts.contains(name),
        Target::OnCall { schedule, layer } => person.layers.contains(&(schedule.clone(), layer.clone())),
        Target::Field(_) => {
            let alone = Step { notify: vec![target.clone()], ..Step::default() };
            let found = run.recipients(&alone, &workflow.definition, directory, &[], run.opened_at()).found;
            found.iter().any(|recipient| person.numbers.contains(&recipient.number))
        }
    };
    let steps = (0..).zip(&workflow.definition.steps);
    let targets = steps.flat_map(|(index, step)| step.notify.iter().map(move |target| (index, target)));
    targets.filter(|(_, target)| leads_to(target)).collect()
}

/// Why a target of a step did not lead to somebody.
fn missed(run: &Run, step: u8, target: &str, timeline: &[Entry], view: &RunView) -> String {
    let started = timeline.iter().find_map(|entry| {
        let TimelineEvent::StepStarted { step: started, unresolved, .. } = &entry.what else { return None };
        (*started == step).then_some(unresolved)
    });
    let Some(unresolved) = started else {
        let began = if run.phase() == RunPhase::Active { "has not begun" } else { "never began" };
        return format!("step {} {began}: {}", step + 1, why_ended(view));
    };
    if let Some(message) =
        run.messages().iter().find(|message| message.step() == step && message.recipient().target == target)
    {
        let recipient = message.recipient();
        let by = recipient.taken_over.as_ref().map(|held| {
            let by = if held.by.is_empty() { String::new() } else { format!(" made by {}", held.by) };
            format!(", by override {}{by}", held.id)
        });
        let who = recipient.shown_name();
        return format!("{target} was {who} then{}", by.unwrap_or_default());
    }
    let reason = unresolved.iter().find(|reason| reason.contains(target));
    reason.cloned().unwrap_or_else(|| "it led to a phone that another target of the step led to".to_owned())
}
