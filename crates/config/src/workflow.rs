//! One workflow file. In: its text, and the directory. Out: a compiled workflow whose targets exist.
//!
//! Never: leaves an error to be found when the first event arrives.

use std::{path::Path, sync::Arc};

use domain::{
    agent::{AgentAck, AgentMay, AgentPolicy, HOLD_LONGEST_S},
    approval::{APPROVAL_EXPIRES_MAX_S, APPROVAL_EXPIRES_MIN_S},
    content::LinkPolicy,
    directory::Directory,
    doubt::DoubtSchedule,
    limits::{
        DEADLINE_S_MAX, DEADLINE_S_MIN, DOUBT_QUESTIONS_MAX, NOT_AFTER_S_DEFAULT, NOT_AFTER_S_MAX, POLLS_MAX,
        RECIPIENTS_PER_STEP_MAX, SEGMENTS_MAX, STEPS_MAX,
    },
    oncall::LayerName,
    phone::E164,
    poll::PollSchedule,
    retry::RetryPolicy,
    team::meet,
    workflow::{Category, Lane, OnDoubt, Stage, Step, Target, Workflow, WorkflowDefinition, WorkflowError},
};

use crate::{
    escalation::{self, PlacedStep},
    grouping,
    people::{CONTACTS, ONCALL},
    problem::Problems,
    quiet_hours::{Calendars, QuietDefaults, QuietFields, read_of_workflow},
    reader::{Document, Placed, Section},
    seconds::parse_seconds,
    team::read_team,
};

/// What workflows are read with: people, calendars, and what holds for those that say nothing themselves.
pub(crate) struct Around<'a> {
    /// People and rotations.
    pub(crate) directory: &'a Directory,
    /// Windows of quiet hours, by the calendar's name.
    pub(crate) calendars: &'a Calendars,
    /// Quiet hours by category.
    pub(crate) quiet_defaults: &'a QuietDefaults,
}

pub(crate) fn read(
    path: &Path,
    text: &str,
    around: &Around<'_>,
    problems: &mut Problems,
) -> Option<Workflow> {
    let before = problems.0.len();
    let mut doc = Document::new(path, text, problems);
    let mut top = doc.parse();
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let event = top.required_text(&mut doc, "event");
    let team: Option<Arc<str>> = read_team(&mut doc, &mut top, "").map(Into::into);
    let template = top.required_text(&mut doc, "template");
    if !top.has("schema") {
        top.missing("schema", "schema: required, the JSON Schema of the event's data".to_owned());
    }
    let schema = top.json("schema");
    let mut definition = WorkflowDefinition::new(&name, "", "", serde_json::Value::Null, Vec::new());
    definition.resolved_by = top.text(&mut doc, "resolved_by").map(|text| text.value);
    definition.shared_subjects =
        top.texts(&mut doc, "shared_subjects").into_iter().map(|source| source.value).collect();
    definition.lane = choice(&mut doc, &mut top, "lane", &LANES).unwrap_or_default();
    definition.category = choice(&mut doc, &mut top, "category", &CATEGORIES).unwrap_or_default();
    definition.on_doubt = choice(&mut doc, &mut top, "on_doubt", &ON_DOUBT).unwrap_or_default();
    if definition.lane == Lane::Critical {
        definition.doubt_ask_after = DoubtSchedule::urgent();
    }
    if let Some(after) = read_schedule(&mut doc, &mut top, "doubt_ask_after", DOUBT_QUESTIONS_MAX) {
        definition.doubt_ask_after = DoubtSchedule(after);
    }
    if let Some(after) = read_schedule(&mut doc, &mut top, "poll_after", POLLS_MAX) {
        definition.poll_after = PollSchedule(after);
    }
    definition.stage = read_stage(&mut doc, &mut top);
    definition.max_segments =
        top.integer(&mut doc, "max_segments", 1..u32::from(SEGMENTS_MAX) + 1).unwrap_or(1) as u8;
    definition.link_hosts = top.texts(&mut doc, "link_hosts").into_iter().map(|host| host.value).collect();
    definition.links = choice(&mut doc, &mut top, "links", &LINKS).unwrap_or_default();
    for url in top.texts(&mut doc, "media_urls") {
        match url.value.parse() {
            Ok(parsed) => definition.media_urls.push(parsed),
            Err(_) => {
                doc.problem(&url.at, "media_urls: expected addresses that begin with https://".to_owned())
            }
        }
    }
    definition.not_after_s =
        top.seconds(&mut doc, "not_after", 1..NOT_AFTER_S_MAX + 1).unwrap_or(NOT_AFTER_S_DEFAULT);
    let quiet_fields = read_quiet_hours(&mut doc, &mut top, around, &mut definition);
    definition.retry =
        top.section(&mut doc, "retry").map_or_else(RetryPolicy::default, |s| read_retry(&mut doc, s));
    definition.recipient_hourly_max = top.integer(&mut doc, "recipient_hourly_max", 1..1_001);
    definition.bare_word = top.boolean(&mut doc, "bare_word").unwrap_or_default();
    definition.all_clear = read_all_clear(&mut doc, &mut top);
    (definition.agents, definition.approvers) = read_agents(&mut doc, &mut top, around.directory);
    let (grouping, group_fields) = grouping::read(&mut doc, &mut top, &definition);
    definition.grouping = grouping;
    let escalation = escalation::read(&mut doc, &mut top, &mut definition);
    let mut targets = Vec::new();
    let steps = read_steps(&mut doc, &mut top, around.directory, team.as_deref(), &mut targets);
    definition.steps = escalation::check(&mut doc, &escalation, steps, &definition);
    definition.exhausted_ticket = read_ticket(&mut doc, &mut top, "exhausted");
    definition.undeliverable_ticket = read_ticket(&mut doc, &mut top, "undeliverable");
    definition.needs_review_ticket = read_ticket(&mut doc, &mut top, "needs_review");
    top.finish(&mut doc);
    if definition.steps.is_empty() {
        return None;
    }
    let (event, template, schema) = (event?, template?, schema?);
    definition.event = event.value;
    definition.template = template.value.clone();
    definition.schema = schema.value;
    let workflow = Workflow { team, ..compile(&mut doc, definition, &template, &schema.at)? };
    check_fields(&mut doc, &workflow, &targets, &quiet_fields, &group_fields);
    (problems.0.len() == before).then_some(workflow)
}

const LANES: [(&str, Lane); 3] =
    [("critical", Lane::Critical), ("standard", Lane::Standard), ("bulk", Lane::Bulk)];
const CATEGORIES: [(&str, Category); 3] = [
    ("operational", Category::Operational),
    ("transactional", Category::Transactional),
    ("marketing", Category::Marketing),
];
const AGENT_MAY: [(&str, AgentMay); 3] =
    [("approve", AgentMay::Approve), ("auto", AgentMay::Auto), ("never", AgentMay::Never)];
const AGENT_ACK: [(&str, AgentAck); 2] = [("observe", AgentAck::Observe), ("hold", AgentAck::Hold)];
const LINKS: [(&str, LinkPolicy); 2] = [("defang", LinkPolicy::Defang), ("refuse", LinkPolicy::Refuse)];
/// `hold` is the older spelling of `review`.
const ON_DOUBT: [(&str, OnDoubt); 3] =
    [("resend", OnDoubt::Resend), ("review", OnDoubt::Review), ("hold", OnDoubt::Review)];

fn choice<T: Clone>(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    key: &'static str,
    choices: &[(&str, T)],
) -> Option<T> {
    let text = section.text(doc, key)?;
    let chosen = choices.iter().find(|(name, _)| *name == text.value).map(|(_, value)| value.clone());
    if chosen.is_none() {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        doc.problem(&text.at, format!("{key}: expected one of {}, not {:?}", names.join(", "), text.value));
    }
    chosen
}

/// Rising times after an event, in seconds; `None` if the key is absent.
fn read_schedule(
    doc: &mut Document<'_>,
    top: &mut Section<'_>,
    key: &'static str,
    most: usize,
) -> Option<Vec<u32>> {
    let texts = top.texts(doc, key);
    let first = texts.first()?;
    let seconds: Vec<u32> = texts.iter().filter_map(|text| parse_seconds(&text.value)).collect();
    if seconds.len() != texts.len() || seconds.len() > most || !seconds.is_sorted_by(|a, b| a < b) {
        doc.problem(&first.at, format!("{key}: expected 1 to {most} rising times such as \"40s\", \"3m\""));
    }
    Some(seconds)
}

/// Whether those who were texted hear that the event is resolved.
fn read_all_clear(doc: &mut Document<'_>, top: &mut Section<'_>) -> bool {
    let Some(mut section) = top.section(doc, "resolved") else { return false };
    let notify = section.boolean(doc, "notify").unwrap_or_default();
    section.finish(doc);
    notify
}

/// What software agents may do with it. What is not said, a person decides on.
fn read_agents(
    doc: &mut Document<'_>,
    top: &mut Section<'_>,
    directory: &Directory,
) -> (AgentPolicy, Vec<String>) {
    let Some(mut section) = top.section(doc, "agents") else { return Default::default() };
    let approvers = section.texts(doc, "approvers");
    for name in approvers.iter().filter(|name| !directory.contacts.contains_key(&name.value)) {
        let message = format!("agents.approvers: no contact is named {:?} in {CONTACTS}", name.value);
        doc.unknown_name(&name.at, CONTACTS, message);
    }
    let approvers = approvers.into_iter().map(|name| name.value).collect();
    let policy = AgentPolicy {
        raise: choice(doc, &mut section, "raise", &AGENT_MAY).unwrap_or_default(),
        escalate: choice(doc, &mut section, "escalate", &AGENT_MAY).unwrap_or_default(),
        hourly_max: section.integer(doc, "hourly_max", 1..1_001),
        approval_expires_s: section.seconds(
            doc,
            "approval_expires",
            APPROVAL_EXPIRES_MIN_S..APPROVAL_EXPIRES_MAX_S + 1,
        ),
        ack: choice(doc, &mut section, "ack", &AGENT_ACK).unwrap_or_default(),
        hold_max_s: section.seconds(doc, "hold_max", 1..HOLD_LONGEST_S + 1),
        hold_critical: section.boolean(doc, "hold_critical").unwrap_or_default(),
        reply_texts: section.boolean(doc, "reply_texts").unwrap_or_default(),
    };
    section.finish(doc);
    (policy, approvers)
}

/// The queue that gets a ticket after what the section is named by.
fn read_ticket(doc: &mut Document<'_>, top: &mut Section<'_>, key: &'static str) -> Option<String> {
    let mut section = top.section(doc, key)?;
    let queue = section.text(doc, "ticket").map(|queue| queue.value);
    section.finish(doc);
    queue
}

fn read_stage(doc: &mut Document<'_>, top: &mut Section<'_>) -> Stage {
    let canary = top.section(doc, "canary").map(|mut section| {
        let percent = section.integer(doc, "percent", 0..101).unwrap_or(0) as u8;
        let mut recipients: Vec<E164> = Vec::new();
        for text in section.texts(doc, "recipients") {
            match text.value.parse() {
                Ok(number) => recipients.push(number),
                Err(error) => doc.problem(&text.at, format!("canary.recipients: {error}")),
            }
        }
        section.finish(doc);
        Stage::Canary { recipients, percent }
    });
    let canary = canary.unwrap_or(Stage::Canary { recipients: Vec::new(), percent: 0 });
    let stages = [("shadow", Stage::Shadow), ("canary", canary), ("live", Stage::Live)];
    choice(doc, top, "stage", &stages).unwrap_or_default()
}

/// The workflow's own quiet hours, else those of its category. Returns the fields of the event that they look at.
fn read_quiet_hours(
    doc: &mut Document<'_>,
    top: &mut Section<'_>,
    around: &Around<'_>,
    definition: &mut WorkflowDefinition,
) -> QuietFields {
    let own = top.section(doc, "quiet_hours").map(|section| read_of_workflow(doc, section, around.calendars));
    let of_category = || (around.quiet_defaults.get(&definition.category).cloned(), QuietFields::default());
    let (hours, mut fields) = own.unwrap_or_else(of_category);
    // The older place of the same setting.
    let time_zone_field = top.text(doc, "time_zone_field");
    if let (Some(field), Some(_)) = (&fields.zone, &time_zone_field) {
        let message = "quiet_hours.zone_field: time_zone_field says the same; leave one of them out";
        doc.problem(&field.at, message.to_owned());
    }
    fields.zone = fields.zone.or(time_zone_field);
    definition.quiet_hours = hours;
    definition.time_zone_field = fields.zone.as_ref().map(|field| field.value.clone());
    fields
}

fn read_retry(doc: &mut Document<'_>, mut section: Section<'_>) -> RetryPolicy {
    let defaults = RetryPolicy::default();
    let retry = RetryPolicy {
        base_ms: section.seconds(doc, "base", 1..3_601).map_or(defaults.base_ms, |s| s * 1_000),
        cap_ms: section.seconds(doc, "cap", 1..86_401).map_or(defaults.cap_ms, |s| s * 1_000),
        attempts_max: section
            .integer(doc, "attempts_max", 1..101)
            .map_or(defaults.attempts_max, |n| n as u16),
        total_max_s: section.seconds(doc, "total_max", 1..DEADLINE_S_MAX + 1).unwrap_or(defaults.total_max_s),
        ..defaults
    };
    section.finish(doc);
    retry
}

fn read_steps(
    doc: &mut Document<'_>,
    top: &mut Section<'_>,
    directory: &Directory,
    team: Option<&str>,
    targets: &mut Vec<Placed<Target>>,
) -> Vec<PlacedStep> {
    let message = format!("give 1 to {STEPS_MAX} steps, each written [[step]]");
    let (is_named, before) = (top.has("step"), doc.count());
    let sections = top.sections(doc, "step");
    if !is_named {
        top.missing("step", message);
    } else if sections.len() > STEPS_MAX || (sections.is_empty() && doc.count() == before) {
        doc.problem(&(0..0), message);
    }
    sections.into_iter().map(|section| read_step(doc, section, directory, team, targets)).collect()
}

fn read_step(
    doc: &mut Document<'_>,
    mut section: Section<'_>,
    directory: &Directory,
    team: Option<&str>,
    targets: &mut Vec<Placed<Target>>,
) -> PlacedStep {
    let mut notify = Vec::new();
    let message = format!("step.notify: name 1 to {RECIPIENTS_PER_STEP_MAX} targets");
    let texts = section.required_texts(doc, "notify", &message);
    if texts.len() > RECIPIENTS_PER_STEP_MAX {
        doc.problem(&section.at.clone(), message);
    }
    for text in texts {
        match text.value.parse::<Target>() {
            Ok(target) => {
                check_target(doc, &target, &text, directory);
                check_team(doc, &target, &text, directory, team);
                notify.push(target.clone());
                targets.push(Placed { value: target, at: text.at });
            }
            Err(message) => doc.problem(&text.at, message),
        }
    }
    let deadlines = DEADLINE_S_MIN..DEADLINE_S_MAX + 1;
    let deliver_within_s = section.seconds(doc, "deliver_within", deadlines.clone());
    // One that cannot be read is there all the same: the template may say how to acknowledge.
    let waits = section.has("ack_within").then_some(DEADLINE_S_MIN);
    let ack_within_s = section.seconds(doc, "ack_within", deadlines).or(waits);
    let ticket = section.text(doc, "ticket").map(|queue| queue.value);
    let step = Step { notify, deliver_within_s, ack_within_s, ticket, ..Step::default() };
    let step = escalation::read_step(doc, &mut section, step);
    section.finish(doc);
    step
}

fn check_target(doc: &mut Document<'_>, target: &Target, text: &Placed<String>, directory: &Directory) {
    let unknown = match target {
        Target::Contact(name) => !directory.contacts.contains_key(name),
        Target::OnCall { schedule, layer } => !directory.has_layer(LayerName { schedule, layer }),
        Target::Field(_) => false,
    };
    if unknown {
        let file = if matches!(target, Target::Contact(_)) { CONTACTS } else { ONCALL };
        doc.unknown_name(&text.at, file, format!("step.notify: {target} is not in {file}"));
    }
}

/// Reports contacts of other teams, which a rotation may bring along.
fn check_team(
    doc: &mut Document<'_>,
    target: &Target,
    text: &Placed<String>,
    directory: &Directory,
    team: Option<&str>,
) {
    let names: Vec<&String> = match target {
        Target::Contact(name) => vec![name],
        Target::OnCall { schedule, layer } => {
            let rotations = directory.rotations_of(LayerName { schedule, layer });
            rotations.iter().flat_map(|rotation| &rotation.members).collect()
        }
        Target::Field(_) => Vec::new(),
    };
    for name in names {
        let other = directory.contacts.get(name).and_then(|contact| contact.team.as_deref());
        if let (Some(other), Some(team), false) = (other, team, meet(team, other)) {
            let message = format!(
                "step.notify: {target} leads to contact {name} of team {other}, and the workflow is of team {team}; \
                 take the team from one of them"
            );
            doc.problem(&text.at, message);
        }
    }
}

/// Compiles the definition, and reports an error in the template at its own line.
fn compile(
    doc: &mut Document<'_>,
    definition: WorkflowDefinition,
    template: &Placed<String>,
    schema_at: &std::ops::Range<usize>,
) -> Option<Workflow> {
    let errors = match Workflow::compile(definition) {
        Ok(workflow) => return Some(workflow),
        Err(errors) => errors,
    };
    for error in errors {
        match &error {
            WorkflowError::Schema(_) => doc.problem(schema_at, error.to_string()),
            WorkflowError::Template(inner) => {
                doc.problem_within(&template.at, inner.line, format!("template: {}", inner.message));
            }
        }
    }
    None
}

fn check_fields(
    doc: &mut Document<'_>,
    workflow: &Workflow,
    targets: &[Placed<Target>],
    quiet: &QuietFields,
    grouping: &[(&'static str, Placed<String>)],
) {
    let declares = |path: &str| workflow.schema.declares(&path.split('.').collect::<Vec<_>>());
    for target in targets {
        if let Target::Field(path) = &target.value
            && !declares(path)
        {
            doc.problem(&target.at, format!("step.notify: field {path:?} is not declared in the schema"));
        }
    }
    let of_quiet = [("time_zone_field", &quiet.zone), ("quiet_hours.calendar_field", &quiet.calendar)];
    let of_quiet = of_quiet.into_iter().filter_map(|(key, field)| Some((key, field.as_ref()?)));
    for (key, field) in of_quiet.chain(grouping.iter().map(|(key, field)| (*key, field))) {
        if !declares(&field.value) {
            doc.problem(&field.at, format!("{key}: field {:?} is not declared in the schema", field.value));
        }
    }
}
