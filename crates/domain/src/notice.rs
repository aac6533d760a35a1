//! Texts that callout sends by itself to people it has texted: answers to their replies, and all-clears.
//!
//! In: what is to be said to which phone. Out: an event that opens a run in a built-in workflow, where consent,
//! the environment, rate limits and doubt are treated as for every other text.
//! Never: answers a phone more than [`ANSWERS_HOURLY_MAX`] times an hour, so that two machines cannot keep each other
//! busy. What acknowledges, or decides on an approval, is confirmed in any case: a code does that once.

mod wording;

use serde_json::{Map, Value, json};

use crate::{
    ack_code::AckCode,
    compose::{ComposeRules, Composed, compose},
    event::{Event, EventKey},
    gsm7,
    id::{RunId, short},
    limits::{ALL_CLEAR_WINDOW_S, ANSWERS_HOURLY_MAX, NOTICE_NOT_AFTER_S, SEGMENTS_MAX},
    phone::E164,
    plural::counted,
    provider::{ProviderMessageId, Text},
    template::{Given, Template, TemplateError},
    workflow::{
        AtOnce, Category, Grouping, Lane, OnDoubt, Stage, Step, Target, Workflow, WorkflowDefinition,
        WorkflowError,
    },
};
pub use wording::{Language, NoticeKind};

/// The source of all notices, which no producer may use: what they send has a source of its own.
pub const SOURCE: &str = "callout";
/// What a template of a notice may use. Each is a text, empty where it has no meaning.
const FIELDS: [&str; 6] = [ABOUT, "by", "at", "state", "choices", "code"];

/// The names of the built-in workflows.
pub const WORKFLOWS: [&str; 5] = [ANSWER, ALL_CLEAR, TEST_PAGE, CANARY, APPROVAL];
/// The workflow of test pages, which `test_page` defines.
pub const TEST_PAGE: &str = "callout.test-page";
/// The workflow of texts that ask for an approval, which `approval_text` defines.
pub const APPROVAL: &str = "callout.approval";
/// The workflow of canaries, which `canary` defines.
pub const CANARY: &str = "callout.canary";
const ANSWER: &str = "callout.answer";
/// The workflow of texts that something is over.
pub(crate) const ALL_CLEAR: &str = "callout.all-clear";
/// The field with what a notice is about.
pub(crate) const ABOUT: &str = "about";
/// The field with what groups a notice, where its template may not use it.
const GROUP: &str = "group";
/// Most segments of a notice.
const NOTICE_SEGMENTS_MAX: u8 = 2;
/// A number of nobody, for texts that are only measured.
const SAMPLE_PHONE: &str = "+14155550100";

/// The wording of every notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    language: Language,
    texts: [String; NoticeKind::ALL.len()],
}

impl Wording {
    /// The usual wording in a language.
    pub fn new(language: Language) -> Self {
        Self { language, texts: NoticeKind::ALL.map(|kind| kind.text(language).to_owned()) }
    }

    /// Replaces the template of one kind.
    ///
    /// # Errors
    /// Everything that is wrong with the template.
    pub fn replace(&mut self, kind: NoticeKind, template: &str) -> Result<(), Vec<TemplateError>> {
        if template.trim().is_empty() {
            return Err(vec![TemplateError { line: 1, message: "must not be empty".to_owned() }]);
        }
        Template::compile_with(template, &FIELDS)?;
        template.clone_into(&mut self.texts[kind as usize]);
        Ok(())
    }

    /// Its language.
    pub fn language(&self) -> Language {
        self.language
    }

    fn text(&self, kind: NoticeKind) -> &str {
        &self.texts[kind as usize]
    }
}

impl Default for Wording {
    fn default() -> Self {
        Self::new(Language::English)
    }
}

/// The built-in workflows.
#[derive(Debug, Clone)]
pub struct Notices {
    language: Language,
    answer: Workflow,
    /// As `answer`, and under its name, without a limit.
    confirmation: Workflow,
    all_clear: Workflow,
}

/// What one notice says. Its fields are those that a template may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoticeFields {
    /// What the runs are about.
    pub about: String,
    /// Who acknowledged.
    pub by: String,
    /// When, in the recipient's time zone.
    pub at: String,
    /// How the run ended.
    pub state: String,
    /// Open codes, each with what it is about.
    pub choices: String,
    /// The only open code.
    pub code: String,
    /// The workflow with whose other all-clears it is told of; empty where it goes by itself.
    pub group: String,
}

impl Notices {
    /// Compiles the workflows of a wording.
    ///
    /// # Errors
    /// When a template is not usable. Those that [`Wording::replace`] took are.
    pub fn compile(wording: &Wording) -> Result<Self, Vec<WorkflowError>> {
        let cases = NoticeKind::ALL
            .into_iter()
            .filter(|kind| *kind != NoticeKind::AllClear)
            .map(|kind| format!("{{% if kind == '{}' %}}{}{{% endif %}}", kind.key(), wording.text(kind)));
        let confirmation = definition(ANSWER, &cases.collect::<String>());
        let mut answer = confirmation.clone();
        answer.recipient_hourly_max = Some(ANSWERS_HOURLY_MAX);
        let mut all_clear = definition(ALL_CLEAR, wording.text(NoticeKind::AllClear));
        let by_itself = AtOnce { field: GROUP.to_owned(), values: vec![String::new()] };
        all_clear.grouping = Some(Grouping {
            by: vec![GROUP.to_owned()],
            window_s: ALL_CLEAR_WINDOW_S,
            at_once: Some(by_itself),
            flapping: None,
        });
        Ok(Self {
            language: wording.language,
            answer: Workflow::compile(answer)?,
            confirmation: Workflow::compile(confirmation)?,
            all_clear: Workflow::compile(all_clear)?,
        })
    }

    /// The language of the wording.
    pub fn language(&self) -> Language {
        self.language
    }

    /// All workflows, to be kept for the runs that they open.
    pub fn workflows(&self) -> [&Workflow; 3] {
        [&self.answer, &self.confirmation, &self.all_clear]
    }

    /// The answers that name one of these open codes, each with what it is about; a reply may quote them.
    pub fn naming(&self, codes: &[(AckCode, &str)], to: &E164) -> Vec<Text> {
        let choices: Vec<String> = codes.iter().map(|(code, about)| format!("{code} {about}")).collect();
        let which = NoticeFields { choices: choices.join(", "), ..Default::default() };
        let single = codes.iter().map(|(code, about)| {
            let (about, code) = ((*about).to_owned(), code.to_string());
            (NoticeKind::NotUnderstood, NoticeFields { about, code, ..Default::default() })
        });
        let said = single.chain([(NoticeKind::Which, which)]).filter_map(|(kind, fields)| {
            self.composed(kind, to, &fields, NOTICE_SEGMENTS_MAX).map(|composed| composed.text)
        });
        said.collect()
    }

    /// What is costly about the wording, by its key: more segments than one although the fields are short, or an
    /// alphabet that takes twice the room.
    pub fn warnings(&self) -> Vec<String> {
        let Ok(to) = SAMPLE_PHONE.parse() else { return Vec::new() };
        let warning = |kind: NoticeKind| {
            let Composed { text, segments, changes, .. } =
                self.composed(kind, &to, &sample_fields(), SEGMENTS_MAX)?;
            let key = kind.key();
            if let Some(change) = changes.first() {
                return Some(format!("replies.{key}: {} is changed: {}", change.field, change.reason));
            }
            let outside = text.0.chars().find(|c| gsm7::septets(*c).is_none());
            let alphabet = outside.map(|c| {
                format!("`{c}` is not in the GSM-7 alphabet, so a segment holds 70 characters instead of 160")
            });
            let length = (segments.count > 1).then(|| {
                let count = counted(segments.count, "segment");
                format!("the text takes {count}, and may take {NOTICE_SEGMENTS_MAX} at most")
            });
            let wrong: Vec<_> = alphabet.into_iter().chain(length).collect();
            (!wrong.is_empty()).then(|| format!("replies.{key}: {}", wrong.join("; ")))
        };
        NoticeKind::ALL.into_iter().filter_map(warning).collect()
    }

    /// The text of a notice.
    fn composed(
        &self,
        kind: NoticeKind,
        to: &E164,
        fields: &NoticeFields,
        max_segments: u8,
    ) -> Option<Composed> {
        let (event, workflow) = self.event(kind, "", to, fields);
        let rules = ComposeRules {
            template: &workflow.template,
            max_segments,
            link_hosts: &[],
            links: workflow.definition.links,
            plain: "",
            before: "",
        };
        compose(&rules, &event.data, &Given::default()).ok()
    }

    /// The run of the answer to a text, whatever it says: a text is answered once.
    pub fn answer_run(&self, text: &ProviderMessageId) -> RunId {
        RunId::derive(SOURCE, &answer_id(text), self.answer.name(), None)
    }

    /// The answer to a text.
    pub fn answer(
        &self,
        text: &ProviderMessageId,
        kind: NoticeKind,
        to: &E164,
        fields: &NoticeFields,
    ) -> (Event, &Workflow) {
        self.event(kind, &answer_id(text), to, fields)
    }

    /// The all-clear of a resolving event for a phone, and the run that it opens: one, however many runs the event ends.
    /// Where the texts of the run's workflow are grouped, those that follow wait for a digest.
    pub fn all_clear(
        &self,
        by: &EventKey,
        to: &E164,
        about: &str,
        of: &WorkflowDefinition,
    ) -> (Event, &Workflow, RunId) {
        let is_grouped = of.grouping.is_some() && of.lane != Lane::Critical;
        let group = if is_grouped { of.name.clone() } else { String::new() };
        let fields = NoticeFields { about: about.to_owned(), group, ..Default::default() };
        // Ids are shown and logged; a number is not.
        let id = format!("all-clear/{}", short(&[&by.source, &by.id, to.as_str()]));
        let (event, workflow) = self.event(NoticeKind::AllClear, &id, to, &fields);
        let run = RunId::derive(SOURCE, &event.key.id, workflow.name(), None);
        (event, workflow, run)
    }

    /// A notice, and the workflow that it opens a run in. Two notices with one `id` are one.
    fn event(&self, kind: NoticeKind, id: &str, to: &E164, fields: &NoticeFields) -> (Event, &Workflow) {
        let workflow = match kind {
            NoticeKind::AllClear => &self.all_clear,
            NoticeKind::Acknowledged | NoticeKind::Allowed | NoticeKind::Refused => &self.confirmation,
            NoticeKind::AlreadyAcknowledged
            | NoticeKind::Ended
            | NoticeKind::Which
            | NoticeKind::Declined
            | NoticeKind::StillAcknowledged
            | NoticeKind::AcknowledgedPartly
            | NoticeKind::HandedOver
            | NoticeKind::NothingOpen
            | NoticeKind::NotUnderstood => &self.answer,
        };
        let NoticeFields { about, by, at, state, choices, code, group } = fields;
        let values = [about, by, at, state, choices, code];
        let mut data: Map<String, Value> = FIELDS
            .iter()
            .zip(values)
            .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
            .collect();
        data.insert(GROUP.to_owned(), group.as_str().into());
        data.insert("kind".to_owned(), kind.key().into());
        data.insert("phone".to_owned(), to.as_str().into());
        let key = EventKey { source: SOURCE.to_owned(), id: id.to_owned() };
        let event = Event {
            key,
            kind: workflow.definition.event.clone(),
            subject: None,
            time: None,
            data,
            traceparent: None,
        };
        (event, workflow)
    }
}

/// Short values, as they are usual.
fn sample_fields() -> NoticeFields {
    NoticeFields {
        about: "db-1".into(),
        by: "Ada".into(),
        at: "09:12".into(),
        state: "resolved".into(),
        choices: "N933 db-1, 44MC api".into(),
        code: "44MC".into(),
        group: String::new(),
    }
}

fn answer_id(text: &ProviderMessageId) -> String {
    format!("answer/{text}")
}

fn schema() -> Value {
    let names = FIELDS.iter().chain(&["kind", "phone"]);
    let properties: Map<String, Value> =
        names.clone().chain(&[GROUP]).map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
    json!({ "type": "object", "properties": properties, "required": names.collect::<Vec<_>>() })
}

fn definition(name: &str, template: &str) -> WorkflowDefinition {
    let step = Step {
        notify: vec![Target::Field("phone".to_owned())],
        deliver_within_s: Some(NOTICE_NOT_AFTER_S),
        ..Step::default()
    };
    let mut definition = WorkflowDefinition::new(name, name, template, schema(), vec![step]);
    definition.category = Category::Operational;
    definition.stage = Stage::Live;
    // A notice is never worth an operator's time: it is sent again, or too late to be of use.
    definition.on_doubt = OnDoubt::Resend;
    definition.not_after_s = NOTICE_NOT_AFTER_S;
    definition.max_segments = NOTICE_SEGMENTS_MAX;
    definition
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(notices: &Notices, kind: NoticeKind) -> String {
        let to = SAMPLE_PHONE.parse().unwrap();
        let (event, workflow) = notices.event(kind, "x", &to, &sample_fields());
        assert!(workflow.schema.validate(&event.data).is_empty());
        let composed = notices.composed(kind, &to, &sample_fields(), NOTICE_SEGMENTS_MAX).unwrap();
        assert_eq!(composed.segments.count, 1, "{}", composed.text.0);
        assert!(composed.changes.is_empty(), "{:?}", composed.changes);
        composed.text.0.into()
    }

    #[test]
    fn every_kind_says_its_own_words_in_one_segment_of_every_language() {
        for language in Language::ALL {
            let notices = Notices::compile(&Wording::new(language)).unwrap();
            assert_eq!(notices.warnings(), [""; 0]);
            let mut texts: Vec<_> = NoticeKind::ALL.map(|kind| said(&notices, kind)).to_vec();
            assert!(texts.iter().all(|text| text.len() >= 8), "{texts:?}");
            texts.sort();
            texts.dedup();
            assert_eq!(texts.len(), NoticeKind::ALL.len());
        }
    }

    /// Whoever decides hears of it, however many answers their phone had.
    #[test]
    fn what_a_code_does_once_is_confirmed_without_a_pace() {
        let (notices, to) = (Notices::compile(&Wording::default()).unwrap(), SAMPLE_PHONE.parse().unwrap());
        let unpaced = NoticeKind::ALL.into_iter().filter(|kind| {
            let (_, workflow) = notices.event(*kind, "x", &to, &sample_fields());
            workflow.definition.recipient_hourly_max.is_none() && *kind != NoticeKind::AllClear
        });
        let expected = [NoticeKind::Acknowledged, NoticeKind::Allowed, NoticeKind::Refused];
        assert!(unpaced.eq(expected));
    }

    #[test]
    fn b4_answers_say_what_is_expected() {
        let notices = Notices::compile(&Wording::default()).unwrap();
        let texts = NoticeKind::ALL.map(|kind| said(&notices, kind));
        insta::assert_snapshot!(texts.join("\n"), @r"
        Acknowledged: db-1. You own it.
        Already acknowledged by Ada at 09:12: db-1.
        Already over (resolved): db-1.
        Which one? Reply ACK with its code, or ACK ALL: N933 db-1, 44MC api
        Noted: you do not take db-1.
        db-1 was acknowledged by Ada at 09:12 and is still theirs. Nobody else is paged.
        Nothing is open for you.
        Not understood. Reply ACK 44MC to take db-1.
        Resolved: db-1.
        Noted: db-1. Still waiting for Ada.
        Handed over: db-1. The next step is paged.
        Your yes to db-1 is noted. It is done unless something has changed since.
        Your no to db-1 is noted.
        ");
    }

    #[test]
    fn a_template_of_ones_own_replaces_one_kind_and_is_checked() {
        let mut wording = Wording::default();
        wording.replace(NoticeKind::Acknowledged, "{{ about }} is yours").unwrap();
        for wrong in ["{{ choice }}", "", " "] {
            assert_eq!(wording.replace(NoticeKind::Which, wrong).unwrap_err().len(), 1, "{wrong:?}");
        }
        let notices = Notices::compile(&wording).unwrap();
        assert_eq!(said(&notices, NoticeKind::Acknowledged), "db-1 is yours");
        assert_eq!(said(&notices, NoticeKind::AllClear), "Resolved: db-1.");
    }

    #[test]
    fn a_template_may_use_the_fields_of_answers_alone() {
        let refused = |template: &str| {
            let errors = Wording::default().replace(NoticeKind::Which, template).unwrap_err();
            errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("\n")
        };
        for name in ["choice", "ack", "recipient", "step", "phone", "kind", "about.x"] {
            let expected =
                format!("`{name}` is not known here; there are about, by, at, state, choices, code");
            assert_eq!(refused(&format!("{{{{ {name} }}}}")), expected);
        }
    }

    #[test]
    fn a_wording_that_costs_more_than_one_segment_is_warned_of() {
        let warnings = |template: &str| {
            let mut wording = Wording::default();
            wording.replace(NoticeKind::Ended, template).unwrap();
            Notices::compile(&wording).unwrap().warnings().join("\n")
        };
        assert_eq!(warnings("{{ about }} is \u{201c}over\u{201d}"), "", "it is folded to GSM-7");
        assert_eq!(
            warnings("{{ about }} \u{2713}"),
            "replies.ended: `\u{2713}` is not in the GSM-7 alphabet, so a segment holds 70 characters instead of 160"
        );
        assert_eq!(
            warnings(&"x".repeat(161)),
            "replies.ended: the text takes 2 segments, and may take 2 at most"
        );
        let cyrillic = warnings(&"\u{434}".repeat(71));
        assert!(cyrillic.contains("GSM-7") && cyrillic.contains("; the text takes 2 segments"), "{cyrillic}");
        let long = warnings(&"x".repeat(400));
        assert_eq!(long, "replies.ended: the text takes 3 segments, and may take 2 at most");
        let link = warnings("see https://evil.example/x");
        assert!(link.starts_with("replies.ended: the text is changed: link to evil.example"), "{link}");
    }
}
