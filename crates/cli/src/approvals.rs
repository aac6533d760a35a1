//! `callout approvals list|show|approve|deny`. In: arguments. Out: what agents ask for, and what was decided.

use control::{Answer, ApprovalView, Request};
use domain::approval::ApprovalState;

use crate::{
    args::{Approvals, Common, Decision, Output},
    control_client::{UNEXPECTED_ANSWER, execute},
    output,
};

/// Carries out a command.
pub(crate) async fn run(common: &Common, command: Approvals) -> anyhow::Result<()> {
    let (by, request) = match command {
        Approvals::List(args) => return list(common, args.all).await,
        Approvals::Show { id } => (String::new(), Request::ShowApproval { id }),
        Approvals::Approve(Decision { id, why, by }) => {
            (by, Request::DecideApproval { id, approve: true, why })
        }
        Approvals::Deny(Decision { id, why, by }) => {
            (by, Request::DecideApproval { id, approve: false, why })
        }
    };
    let Answer::Approval { approval } = execute(&common.config, &by, request).await? else {
        anyhow::bail!(UNEXPECTED_ANSWER);
    };
    match common.output {
        Output::Json => output::json(&approval)?,
        Output::Text => show(&approval),
    }
    Ok(())
}

async fn list(common: &Common, all: bool) -> anyhow::Result<()> {
    let answer = execute(&common.config, "", Request::ListApprovals).await?;
    let Answer::Approvals { mut approvals } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
    let waits = |state| matches!(state, ApprovalState::Pending | ApprovalState::Approved);
    approvals.retain(|approval| all || waits(approval.state));
    if common.output == Output::Json {
        return output::json(&approvals);
    }
    if approvals.is_empty() {
        output::line("nothing waits for a person; --all shows what is over");
    }
    for approval in &approvals {
        let ApprovalView { id, state, asked_at, expires_at, .. } = approval;
        let (asked, expires) = (output::time(*asked_at), output::time(*expires_at));
        let line =
            format!("{id}  {}  asked {asked}, expires {expires}  {}", state.as_str(), sentence(approval));
        output::wrapped(&line, 4);
    }
    Ok(())
}

/// What is asked for, in one line.
fn sentence(approval: &ApprovalView) -> String {
    let (by, workflows) = (&approval.by, approval.workflows.join(", "));
    match (&approval.event, &approval.run) {
        (Some(event), _) => {
            let about = event.subject.as_ref().unwrap_or(&event.id);
            format!("agent {by} asks to raise {} about {about} through {workflows}", event.r#type)
        }
        (None, run) => {
            let step = approval.previews.first().map_or(0, |preview| preview.step);
            let run = run.as_deref().unwrap_or_default();
            format!("agent {by} asks to have run {run} of {workflows} page step {step} now")
        }
    }
}

fn show(approval: &ApprovalView) {
    output::wrapped(&format!("{}  {}  {}", approval.id, approval.state.as_str(), sentence(approval)), 4);
    output::line(format!("  asked    {}", output::time(approval.asked_at)));
    output::line(format!("  expires  {}", output::time(approval.expires_at)));
    for approver in &approval.asked {
        let code = approver.error_code.map(|code| format!("code {code}"));
        let details: Vec<String> = approver.reason.clone().into_iter().chain(code).collect();
        let why = if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
        let line = format!("  by text  to {} ({}): {}{why}", approver.name, approver.to, approver.status);
        output::wrapped(&line, 11);
    }
    for (name, value) in approval.event.iter().flat_map(|event| &event.fields) {
        output::wrapped(&format!("  field    {name}: {value}"), 11);
    }
    for preview in &approval.previews {
        for text in &preview.texts {
            let said = text.text.as_deref().unwrap_or("held back by a rule");
            let line = format!("  text     to {} ({}), {} SMS: {said}", text.to, text.target, text.segments);
            output::wrapped(&line, 11);
        }
        if preview.texts.is_empty() {
            output::line(format!("  text     to nobody, through {}", preview.workflow));
        }
    }
    if let Some(decision) = &approval.decision {
        let verdict = if decision.approved { "approved" } else { "denied" };
        let why = if decision.why.is_empty() { String::new() } else { format!(": {}", decision.why) };
        output::wrapped(&format!("  {verdict} by {} at {}{why}", decision.by, output::time(decision.at)), 4);
    }
    if let Some(result) = &approval.result {
        match &result.refused {
            Some(code) => output::line(format!("  not done: {code}")),
            None => {
                let runs: Vec<String> = result.runs.iter().map(ToString::to_string).collect();
                output::line(format!("  done     {}", runs.join(", ")));
            }
        }
    }
}
