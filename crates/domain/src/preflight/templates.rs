//! What workflows would say with fields as long as their schema allows. In: workflows. Out: findings, and the longest texts.
//!
//! Never: guesses; each text is composed as it would be for an event.

use serde_json::{Map, Value};

use super::{Check, Finding, Findings};
use crate::{
    ack_code::AckCode,
    compose::{ComposeRules, Composed, compose},
    content::LinkPolicy,
    gsm7,
    plural::counted,
    schema::{FieldSchema, Long},
    segment::Encoding,
    template::Given,
    workflow::{Category, Stage, Workflow},
};

/// An acknowledgement code of the right form.
const CODE: &str = "K7X4";
/// What the links of texts end in, as long as a real one.
const LINK_END: &str = "/a/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
/// Most characters outside GSM-7 that a finding names.
const CHARACTERS_MAX: usize = 8;
/// Hosts that anybody shortens links with; carriers filter texts that have them.
const SHORTENERS: [&str; 12] = [
    "bit.ly",
    "buff.ly",
    "cutt.ly",
    "goo.gl",
    "is.gd",
    "ow.ly",
    "rb.gy",
    "rebrand.ly",
    "shorturl.at",
    "t.co",
    "t.ly",
    "tinyurl.com",
];

/// What a workflow's longest text came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledText {
    /// The workflow.
    pub workflow: String,
    /// The segments that it takes.
    pub segments: u8,
    /// Whether the template itself has a link.
    pub has_links: bool,
}

/// What was found in all workflows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Templates {
    /// The findings.
    pub findings: Vec<Finding>,
    /// The longest text of each workflow that can be composed.
    pub texts: Vec<FilledText>,
}

/// What is wrong with the texts of workflows, or that they are right. `link_base` is what the links of texts begin with,
/// `recipient` the longest name that a text may show.
pub fn templates<'a>(
    workflows: impl IntoIterator<Item = &'a Workflow>,
    link_base: &str,
    recipient: &str,
) -> Templates {
    let mut found = Findings::of(Check::Templates);
    let mut texts = Vec::new();
    for workflow in workflows {
        let code: Option<AckCode> =
            if workflow.definition.wants_acknowledgement() { CODE.parse().ok() } else { None };
        let link = format!("{}{LINK_END}", link_base.trim_end_matches('/'));
        let given =
            Given { ack: code.as_ref(), ack_url: code.is_some().then_some(&link), recipient, step: 1 };
        texts.extend(of_workflow(workflow, &given, &mut found));
    }
    Templates { findings: found.found, texts }
}

fn of_workflow(workflow: &Workflow, given: &Given<'_>, found: &mut Findings) -> Option<FilledText> {
    let (name, definition) = (workflow.name(), &workflow.definition);
    let place = format!("workflows/{name}.toml, workflow {name}");
    configured(workflow, &place, found);
    let rules = ComposeRules {
        template: &workflow.template,
        max_segments: definition.max_segments,
        link_hosts: &definition.link_hosts,
        links: definition.links,
        plain: name,
        before: if definition.ack_expires_s.is_some() { definition.ack_expired_text() } else { "" },
    };
    let short = match compose(&rules, &filled(workflow, Fill::Short), given) {
        Ok(composed) => composed,
        Err(refused) => {
            let remedy = "list the host under link_hosts, or take the link out of the template";
            found.error("link_refused", format!("{place}: no text is sent: {refused}"), remedy);
            return None;
        }
    };
    if let Some(change) = short.changes.iter().find(|change| change.field == "template") {
        let what = format!("{place}: the template cannot be used: {}", change.reason);
        found.error(
            "plain",
            what,
            "shorten the template, or raise max_segments; until then a plain text is sent",
        );
        return None;
    }
    worded(workflow, &place, &short, found);
    let longest = compose(&rules, &filled(workflow, Fill::Longest), given).ok()?;
    cut_fields(workflow, &place, &longest, found);
    let unicode = compose(&rules, &filled(workflow, Fill::Unicode), given).ok()?;
    let (segments, most) = (longest.segments.count, longest.segments.count.max(unicode.segments.count));
    found.ok(
        "fits",
        format!(
            "{place}: at most {} with plain fields, {} where one has characters outside GSM-7",
            counted(segments, "segment"),
            counted(unicode.segments.count, "segment")
        ),
    );
    Some(FilledText {
        workflow: name.to_owned(),
        segments: most,
        has_links: has_links(&rules, workflow, given),
    })
}

/// What a workflow says beside its text.
fn configured(workflow: &Workflow, place: &str, found: &mut Findings) {
    let definition = &workflow.definition;
    if definition.stage == Stage::Shadow {
        found.note("shadow", format!("{place}: stage shadow sends nothing"), "");
    }
    for host in
        definition.link_hosts.iter().filter(|host| SHORTENERS.contains(&host.to_ascii_lowercase().as_str()))
    {
        found.warning(
            "shortener",
            format!("{place}: carriers filter texts with links of {host}, which anybody can make"),
            "link to a host of your own",
        );
    }
}

/// What a text says whatever its fields hold.
fn worded(workflow: &Workflow, place: &str, short: &Composed, found: &mut Findings) {
    let definition = &workflow.definition;
    for change in short.changes.iter().filter(|change| change.reason.starts_with("link to ")) {
        let what = format!("{place}: the text has a {}: it is made harmless", change.reason);
        found.warning("link_unlisted", what, "list the host under link_hosts");
    }
    if short.segments.encoding == Encoding::Ucs2 {
        found.warning(
            "ucs2",
            format!(
                "{place}: the template has {}, outside GSM-7: every segment holds 70 characters instead of 160",
                outside_gsm7(&short.text.0)
            ),
            "write the text with characters of GSM-7 where costs matter",
        );
    }
    if definition.category == Category::Marketing && !says_stop(&short.text.0) {
        found.error(
            "opt_out",
            format!("{place}: a text of category marketing does not say how to opt out"),
            "add a sentence such as: Reply STOP to opt out",
        );
    }
}

/// Fields that are cut when they are as long as they may be.
fn cut_fields(workflow: &Workflow, place: &str, longest: &Composed, found: &mut Findings) {
    for field in &longest.shortened {
        let path: Vec<&str> = field.split('.').collect();
        let long = workflow.schema.longest(&path);
        let may_have = match long {
            Some(Long { chars, is_bounded: true, .. }) => format!("may have {}", counted(chars, "character")),
            Some(_) | None => "may be of any length".to_owned(),
        };
        let what = format!(
            "{place}: the field `{field}` {may_have}, and is cut where it does not fit into {}",
            counted(workflow.definition.max_segments.max(1), "segment")
        );
        found.note("cut", what, "give it a maxLength that fits, or raise max_segments");
    }
}

/// What fields are filled with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    /// As little as possible.
    Short,
    /// As much as the schema allows, in GSM-7.
    Longest,
    /// The same, outside of it.
    Unicode,
}

/// Data that has every field of the template.
fn filled(workflow: &Workflow, fill: Fill) -> Map<String, Value> {
    let mut data = Map::new();
    for name in workflow.template.fields() {
        let path: Vec<&str> = name.split('.').collect();
        crate::unguarded_fields::put(&mut data, &path, value_of(&workflow.schema, &path, fill));
    }
    data
}

fn value_of(schema: &FieldSchema, path: &[&str], fill: Fill) -> Value {
    let sample = || schema.samples(path).into_iter().next().unwrap_or_else(|| Value::from("x"));
    if fill == Fill::Short {
        return sample();
    }
    let Some(long) = schema.longest(path) else { return sample() };
    match long.value {
        Some(value) => value,
        None => Value::from(if fill == Fill::Unicode { "\u{436}" } else { "x" }.repeat(long.chars)),
    }
}

/// The characters of a text that are outside GSM-7, as a list for people.
fn outside_gsm7(text: &str) -> String {
    let mut characters: Vec<char> = text.chars().filter(|c| gsm7::septets(*c).is_none()).collect();
    characters.sort_unstable();
    characters.dedup();
    let shown: Vec<String> = characters.iter().take(CHARACTERS_MAX).map(|c| format!("{c:?}")).collect();
    shown.join(", ")
}

/// Whether a text names the keyword that opts out.
fn says_stop(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| word.eq_ignore_ascii_case("stop"))
}

/// Whether a text has a link whatever the event says.
fn has_links(rules: &ComposeRules<'_>, workflow: &Workflow, given: &Given<'_>) -> bool {
    let none_listed = ComposeRules { link_hosts: &[], links: LinkPolicy::Defang, ..*rules };
    let composed = compose(&none_listed, &filled(workflow, Fill::Short), given);
    let finds =
        |composed: &Composed| composed.changes.iter().any(|change| change.reason.starts_with("link to "));
    workflow.template.uses_link() || composed.as_ref().is_ok_and(finds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        preflight::Severity,
        workflow::{Step, WorkflowDefinition},
    };

    const BASE: &str = "https://sms.example.org";

    fn workflow(template: &str, change: impl FnOnce(&mut WorkflowDefinition)) -> Workflow {
        let step = Step { notify: vec!["field:phone".parse().unwrap()], ..Step::default() };
        let schema = json!({"type": "object", "required": ["phone", "title", "note"], "properties": {
            "phone": {"type": "string"}, "title": {"type": "string", "maxLength": 200}, "note": {"type": "string"},
            "level": {"enum": ["low", "critical"]}, "count": {"type": "integer"},
        }});
        let mut definition = WorkflowDefinition::new("paging", "page", template, schema, vec![step]);
        definition.stage = Stage::Live;
        change(&mut definition);
        Workflow::compile(definition).unwrap()
    }

    #[track_caller]
    fn check(template: &str, change: impl FnOnce(&mut WorkflowDefinition), expected: &[(&str, Severity)]) {
        let workflow = workflow(template, change);
        let found = templates([&workflow], BASE, "Ada").findings;
        let ids: Vec<_> =
            found.iter().map(|f| (f.id.strip_prefix("templates.").unwrap(), f.severity)).collect();
        assert_eq!(ids, expected, "{found:#?}");
        assert!(
            found.iter().all(|finding| finding.what.starts_with("workflows/paging.toml, workflow paging: "))
        );
    }

    #[test]
    fn each_fault_of_a_text_is_one_finding() {
        let fits = ("fits", Severity::Ok);
        check("{{ level }}: {{ count }} down", |_| {}, &[fits]);
        check("{{ title }}", |_| {}, &[("cut", Severity::Note), fits]);
        check("{{ title }}", |definition| definition.max_segments = 3, &[fits]);
        check("down \u{2713} {{ level }}", |_| {}, &[("ucs2", Severity::Warning), fits]);
        check(
            "{{ level }}",
            |definition| definition.stage = Stage::Shadow,
            &[("shadow", Severity::Note), fits],
        );
        check(&"x".repeat(161), |_| {}, &[("plain", Severity::Error)]);
        let link = "see https://example.org/x";
        check(link, |_| {}, &[("link_unlisted", Severity::Warning), fits]);
        check(link, |definition| definition.links = LinkPolicy::Refuse, &[("link_refused", Severity::Error)]);
        check(link, |definition| definition.link_hosts = vec!["example.org".into()], &[fits]);
        let short = |definition: &mut WorkflowDefinition| definition.link_hosts = vec!["Bit.ly".into()];
        check("see https://bit.ly/x", short, &[("shortener", Severity::Warning), fits]);
        let marketing = |definition: &mut WorkflowDefinition| definition.category = Category::Marketing;
        check("Sale!", marketing, &[("opt_out", Severity::Error), fits]);
        check("Sale! Reply STOP to opt out", marketing, &[fits]);
        check("Sale, don't stoppage", marketing, &[("opt_out", Severity::Error), fits]);
    }

    #[test]
    fn a_cut_names_the_field_and_its_length() {
        let of = |template: &str| {
            let findings = templates([&workflow(template, |_| {})], BASE, "Ada").findings;
            findings.into_iter().find(|finding| finding.id == "templates.cut").unwrap().what
        };
        assert!(
            of("{{ title }}").contains("the field `title` may have 200 characters"),
            "{}",
            of("{{ title }}")
        );
        assert!(of("{{ note }}").contains("the field `note` may be of any length"), "{}", of("{{ note }}"));
    }

    #[test]
    fn the_longest_text_is_counted_in_its_costlier_encoding() {
        let three = workflow("{{ title }}", |definition| definition.max_segments = 10);
        let texts = templates([&three], BASE, "Ada").texts;
        assert_eq!(texts, [FilledText { workflow: "paging".into(), segments: 3, has_links: false }]);
        let linked = workflow("see https://example.org/x", |_| {});
        assert!(templates([&linked], BASE, "Ada").texts[0].has_links);
    }
}
