//! `callout runs explain` and `callout explain`. In: a run, or a recipient and a time. Out: why somebody was texted, or was not.
//!
//! Never: decides; it prints what was decided and stored.

use control::{Answer, ExplainedLine, Explanation, Request, StepExplanation, TextExplanation};
use domain::id::RunId;

use crate::{
    args::{Common, Output},
    control_client::{UNEXPECTED_ANSWER, execute},
    output,
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
    output::line(format!("  step {} began {}", step.step, output::time(step.started_at)));
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
