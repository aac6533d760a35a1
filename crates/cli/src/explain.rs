//! `callout runs explain`, `callout explain` and `callout messages`. In: a run, or a recipient and a time. Out: why somebody was texted, or was not.
//!
//! Never: decides; it prints what was decided and stored.

use control::{
    Answer, ConsentView, ExplainedLine, Explanation, NotReached, RecipientExplanation, Request, SilenceView,
    StepExplanation, TextExplanation, TextView, Whom,
};
use domain::{id::RunId, workflow::Category};
use ports::{Clock as _, SystemClock};
use twilio::error_code::meaning;

use crate::{
    args::{Common, Explain, Messages, Output},
    control_client::{UNEXPECTED_ANSWER, execute},
    oncall, output, silence,
};

/// Where the sentences of lines begin, in characters.
const SENTENCES: usize = 31;

/// Says why a run went as it did.
pub(crate) async fn run(common: &Common, id: RunId) -> anyhow::Result<()> {
    let answer = execute(&common.config, "", Request::ShowRun { id, reveal: false }).await?;
    let Answer::Run { run, .. } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
    let explanation = Explanation::of(&run);
    if common.output == Output::Json {
        return output::json(&explanation);
    }
    print(&explanation);
    Ok(())
}

/// Says why somebody was texted around a time, or was not.
pub(crate) async fn recipient(common: &Common, args: Explain) -> anyhow::Result<()> {
    let at = args.at.unwrap_or_else(|| SystemClock.now());
    let whom = match (args.whom.recipient, args.whom.contact) {
        (Some(number), _) => Whom::Number(number),
        (None, contact) => Whom::Contact(contact.unwrap_or_default()),
    };
    let request = Request::ExplainRecipient { whom, from: at - args.window, until: at + args.window };
    let answer = execute(&common.config, "", request).await?;
    let Answer::RecipientExplained { explanation } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
    if common.output == Output::Json {
        return output::json(&explanation);
    }
    print_recipient(&explanation);
    Ok(())
}

/// Lists the texts to a number.
pub(crate) async fn messages(common: &Common, args: Messages) -> anyhow::Result<()> {
    let Messages { to, since, max } = args;
    let answer = execute(&common.config, "", Request::ListTexts { to, since, max }).await?;
    let Answer::Texts { texts, more } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
    if more {
        output::note("there may be older ones: see them with a greater --max");
    }
    if common.output == Output::Json {
        return output::json(&texts);
    }
    if texts.is_empty() {
        output::line("no texts to that number");
    }
    for TextView { run, workflow, subject, event_id, opened_at, message } in &texts {
        let code =
            message.error_code.map(|code| format!(", error {code}: {}", meaning(code))).unwrap_or_default();
        let reason = message
            .reason
            .clone()
            .or_else(|| message.in_digest())
            .map(|reason| format!(" ({reason})"))
            .unwrap_or_default();
        let about = subject.as_ref().unwrap_or(event_id);
        let (at, status) = (output::time(*opened_at), &message.status);
        output::wrapped(&format!("{at}  {run}  {workflow}  {about}  {status}{code}{reason}"), 4);
    }
    Ok(())
}

fn print_recipient(explanation: &RecipientExplanation) {
    let RecipientExplanation {
        contacts,
        to,
        from,
        until,
        on_call,
        consent,
        silences,
        texted,
        not_reached,
        incomplete,
    } = explanation;
    let who = if contacts.is_empty() { "no contact".to_owned() } else { contacts.join(", ") };
    output::line(format!("{who} ({to}), {} - {}", output::time(*from), output::time(*until)));
    output::line("");
    output::line("on call");
    if on_call.is_empty() {
        output::line("  a member of no schedule");
    }
    oncall::print_layers(on_call);
    output::line("");
    print_consent(consent);
    output::line("");
    output::line("silences");
    if silences.is_empty() {
        output::line("  none is stored for that time");
    }
    for SilenceView { id, silence } in silences {
        output::wrapped(&format!("  {}", silence::sentence(id, silence)), 4);
    }
    output::line("");
    output::line("runs that texted them, or would have");
    if texted.is_empty() {
        output::line("  none");
    }
    texted.iter().for_each(print);
    output::line("");
    output::line("runs that name them and did not reach them");
    if not_reached.is_empty() {
        output::line("  none");
    }
    for NotReached { run, workflow, event_id, subject, opened_at, phase, why } in not_reached {
        let about = subject.as_ref().unwrap_or(event_id);
        let (at, phase) = (output::time(*opened_at), phase.as_str());
        output::wrapped(&format!("run {run}  workflow {workflow}  {phase}  opened {at}  {about}"), 4);
        for missed in why {
            let text = format!("  step {} {}: {}", missed.step, missed.target, missed.why);
            output::wrapped(&text, 4);
        }
    }
    if *incomplete {
        output::note("not all runs of that time are told of: name a shorter --window");
    }
}

fn print_consent(consent: &ConsentView) {
    let ConsentView { opted_out_since, permitted, entries, .. } = consent;
    output::line("consent at the end of that time");
    let permitted: Vec<_> = permitted.iter().copied().map(Category::as_str).collect();
    match opted_out_since {
        Some(since) => output::line(format!("  opted out of everything since {}", output::time(*since))),
        None if permitted.is_empty() => output::line("  no texts may be sent"),
        None => output::line(format!("  texts may be sent: {}", permitted.join(", "))),
    }
    for entry in entries {
        let (at, change) = (output::time(entry.at), entry.change.as_str());
        output::wrapped(&format!("  {at}  {change}, known from {}: {}", entry.source, entry.evidence), 4);
    }
}

/// Prints one run.
fn print(explanation: &Explanation) {
    let Explanation { run, workflow, source, event_id, subject, opened_at, phase, steps, rest, why_ended } =
        explanation;
    output::line(format!("run {run}  workflow {workflow}  {}", phase.as_str()));
    let about = subject.as_ref().map(|subject| format!(" about {subject}")).unwrap_or_default();
    output::line(format!("  opened {} by event {event_id} of {source}{about}", output::time(*opened_at)));
    for step in steps {
        print_step(step);
    }
    if !rest.is_empty() {
        output::line("  the run");
        rest.iter().for_each(print_line);
    }
    output::wrapped(&format!("  why it ended so: {why_ended}"), 4);
}

fn print_step(step: &StepExplanation) {
    let round = if step.round > 1 { format!(" of round {}", step.round) } else { String::new() };
    output::line(format!("  step {}{round} began {}", step.step, output::time(step.started_at)));
    for reason in &step.not_notified {
        output::wrapped(&format!("    not notified: {reason}"), 6);
    }
    for text in &step.texts {
        let TextExplanation { message, name, to, target, status, lines, .. } = text;
        let who = if name.is_empty() { to.clone() } else { format!("{name} ({to})") };
        output::wrapped(&format!("    text {message} to {who}, {}: {status}", chosen_by(text, target)), 6);
        lines.iter().for_each(print_line);
    }
    if let Some(over) = &step.over {
        output::wrapped(&format!("    step {} is over: {over}", step.step), 6);
    }
}

fn chosen_by(text: &TextExplanation, target: &str) -> String {
    match &text.taken_over {
        Some(held) => {
            let by = if held.by.is_empty() { String::new() } else { format!(" made by {}", held.by) };
            let why = if held.why.is_empty() { String::new() } else { format!(" ({})", held.why) };
            format!("by {target}, override {}{by}{why}", held.id)
        }
        None if target.starts_with("oncall:") => format!("by {target}, rotation"),
        None => format!("by {target}"),
    }
}

fn print_line(line: &ExplainedLine) {
    let ExplainedLine { at, about, text, verdict } = line;
    let verdict = verdict.as_ref().map(|verdict| {
        let inputs: Vec<_> = verdict.inputs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let inputs = if inputs.is_empty() { String::new() } else { format!("; {}", inputs.join(", ")) };
        format!(" [rule {}, rules version {}{inputs}]", verdict.rule, verdict.policy)
    });
    let time = at.strftime("%H:%M:%S%.3f");
    output::wrapped(&format!("      {time}  {about:<9}  {text}{}", verdict.unwrap_or_default()), SENTENCES);
}
