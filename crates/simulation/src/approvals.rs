//! An agent that asks, two people who agree at once, and a note of the agent that holds the next step.
//!
//! In: where processes die. Out: a report. Never: a page before somebody agreed, or two.

use std::{sync::Arc, time::Duration};

use control::{Asked, Control, Principal, Request};
use domain::{
    agent::{AgentAck, AgentMay, Observation},
    approval::{Approval, ApprovalState},
    event::{Event, EventKey},
    id::RunId,
    run::RunPhase,
    timeline::TimelineEvent,
    token::{Scope, Token, TokenRequest},
    workflow::Workflow,
};
use jiff::SignedDuration;
use ports::{ApprovalStore as _, Clock as _, RunStore as _, TokenStore as _, within};

use crate::{
    chance::Chance,
    scenario::{Report, Script, conclude, contacts, event, on_a_paused_clock, step, workflows},
    world::{Habits, World},
};

/// After so long a process that has not answered is dead.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the role `api` looks for what was approved and not done.
const CARRY_ON_EVERY_MS: u64 = 5_000;
/// How long the agent's note holds the next step, in seconds.
const HOLD_S: u32 = 900;

/// A page that an agent asks for, with deaths and faults where the script says.
///
/// # Errors
/// The first thing that must not be, with the log: a page that nobody agreed to or that is lost, one that comes twice, a step
/// that does not wait for the agent, or waits for ever.
pub fn run_approvals(script: &Script) -> Result<Report, String> {
    let Script { deaths, always, first, .. } = script.clone();
    on_a_paused_clock(async move {
        let world =
            World::start(Chance::scripted(deaths, always, first), page(), contacts(), Habits::default())
                .await;
        let log = |fault: &str| format!("{fault}\n{}", world.log().join("\n"));
        let agent = agent(&world).await?;
        let key = EventKey { source: agent.source.clone(), id: "e-1".to_owned() };
        let wanted = Event { key, ..event("page.created", 1) };
        let asked = loop {
            // Who hears nothing asks again.
            match answered(&world, |control| ask(control, agent.clone(), wanted.clone())).await {
                Some(Ok(asked)) => break asked,
                Some(Err(fault)) => return Err(log(&fault)),
                None => {}
            }
        };
        world.wait_ms(10_000).await;
        if !world.store.all_runs().is_empty() {
            return Err(log("nothing is opened before somebody agrees"));
        }
        while state(&world, &asked).await == Some(ApprovalState::Pending) {
            let decide = |name: &'static str| {
                let request =
                    Request::DecideApproval { id: asked.id.clone(), approve: true, why: String::new() };
                let decide = async move |control: Control| {
                    control.execute(&Principal::operator(name), request).await.is_ok()
                };
                answered(&world, decide)
            };
            tokio::join!(decide("ada"), decide("ben"));
        }
        while state(&world, &asked).await == Some(ApprovalState::Approved) {
            world.wait_ms(CARRY_ON_EVERY_MS).await;
            answered(&world, async |control: Control| control.carry_on_approvals().await.is_ok()).await;
        }
        world.wait_ms(10_000).await;
        let run = RunId::derive(&wanted.key.source, "e-1", "page", wanted.subject.as_deref());
        let observe = Request::Observe { id: run.clone(), note: Observation::Investigating };
        let note = |control: Control| {
            let (agent, observe) = (agent.clone(), observe.clone());
            async move { control.execute(&agent, observe).await.is_ok() }
        };
        while answered(&world, note).await != Some(true) {
            world.wait_ms(1_000).await;
        }
        let report = conclude(&world, &[wanted]).await?;
        check(&world, &report, &run).await.map_err(|fault| log(&fault))?;
        Ok(report)
    })
}

/// The page, which a person approves and an agent's note holds.
fn page() -> Vec<Workflow> {
    let page = workflows().into_iter().filter(|workflow| workflow.name() == "page");
    page.map(|workflow| {
        let mut definition = (*workflow.definition).clone();
        // Only the acknowledgement is waited for: a text that is late is no reason to go on.
        definition.steps[0] = step("first", None, Some(300));
        definition.agents.raise = AgentMay::Approve;
        definition.agents.ack = AgentAck::Hold;
        definition.agents.hold_max_s = Some(HOLD_S);
        definition.agents.hold_critical = true;
        Workflow::compile(definition).unwrap_or_else(|errors| panic!("{errors:?}"))
    })
    .collect()
}

async fn agent(world: &Arc<World>) -> Result<Principal, String> {
    let request = TokenRequest {
        label: "helper".to_owned(),
        scopes: [Scope::Read, Scope::Observe].into(),
        raises: ["page.created".to_owned()].into(),
        teams: [].into(),
        is_agent: true,
        expires_at: None,
    };
    let (token, _) =
        Token::mint(request, "ada", &[7; 32], world.clock.now()).map_err(|error| error.to_string())?;
    world.store.add_token(&token).await.map_err(|error| error.to_string())?;
    Ok(Principal::agent_with_token(&token))
}

async fn ask(control: Control, agent: Principal, event: Event) -> Result<Approval, String> {
    match control.ask_to_raise(&agent, &event).await {
        Ok(Asked::Approval(approval)) => Ok(*approval),
        other => Err(format!("{other:?}")),
    }
}

/// What one process answers; `None` where it died.
async fn answered<T, F: Future<Output = T>>(
    world: &Arc<World>,
    work: impl FnOnce(Control) -> F,
) -> Option<T> {
    within(&*world.clock, PATIENCE, work(world.operator())).await
}

async fn state(world: &Arc<World>, asked: &Approval) -> Option<ApprovalState> {
    let held = world.store.approval(&asked.id).await.ok()??;
    Some(held.value.state(world.clock.now()))
}

/// One page to each, the second when the agent's time is over.
async fn check(world: &Arc<World>, report: &Report, id: &RunId) -> Result<(), String> {
    let [run] = &report.runs[..] else { return Err(format!("one run, not {}", report.runs.len())) };
    let approvals = world.store.approvals().await.map_err(|error| error.to_string())?;
    let used = |held: &ports::Versioned<Approval>| {
        held.value
            .result
            .as_ref()
            .is_some_and(|result| result.refused.is_none() && result.runs == [id.clone()])
    };
    if approvals.len() != 1 || !approvals.iter().all(used) {
        return Err(format!("one approval, used: {approvals:?}"));
    }
    if run.phase() != RunPhase::Exhausted || report.taken.len() != 2 {
        return Err(format!("{} texts, and the run is {:?}", report.taken.len(), run.phase()));
    }
    let timeline = world.store.timeline(id).await.map_err(|error| error.to_string())?;
    let at =
        |of: fn(&TimelineEvent) -> bool| timeline.iter().find(|entry| of(&entry.what)).map(|entry| entry.at);
    let held = at(|what| matches!(what, TimelineEvent::HeldByAgent { .. }));
    let escalated = at(|what| matches!(what, TimelineEvent::Escalated { step: 0, .. }));
    let (Some(held), Some(escalated)) = (held, escalated) else {
        return Err("it was held, and escalated".to_owned());
    };
    let waited = escalated.duration_since(held);
    let hold = SignedDuration::from_secs(HOLD_S.into());
    if waited < hold || waited > hold + SignedDuration::from_secs(60) {
        return Err(format!("the next step began {waited:?} after the note"));
    }
    Ok(())
}
