//! What agents ask for and people decide on: once, by somebody else, and only while it is what was shown.

use conformance::{
    fixture::at,
    roles::{directory, event, paging_definition},
};
use control::{Answer, ApprovalView, Asked, ControlError, Principal, Request};
use domain::{
    acceptance::NotAccepted,
    agent::{AgentMay, AgentPolicy, AgentRefusal, Observation},
    approval::{Approval, ApprovalDecision, ApprovalRefusal, ApprovalState, ApprovalTold},
    approval_text::ApprovalAsked,
    effect::{OutcomeEvent, OutcomeKind},
    event::Event,
    id::RunId,
    outbound::{Destinations, Subscription},
    run::RunPhase,
    token::{Scope, Token, TokenRequest},
    workflow::{Lane, Step, Target, Workflow, WorkflowDefinition},
};
use ports::{EffectEnd, Queue};
use runtime::WorkflowRegistry;

use crate::harness::{World, with_token};

/// An agent whose token is stored.
async fn agent(world: &World) -> Principal {
    let request = TokenRequest {
        is_agent: true,
        label: "helper".to_owned(),
        scopes: [Scope::Read, Scope::Escalate].into(),
        raises: ["incident.*".to_owned()].into(),
        teams: [].into(),
        expires_at: None,
    };
    let token = Token::mint(request, "ada", &[9; 32], at(0)).unwrap().0;
    world.store.add_token(&token).await.unwrap();
    Principal::agent_with_token(&token)
}

/// The `n`th event, as the agent sends it.
fn own(n: u32) -> Event {
    let mut event = event(n);
    event.key.source = "/callout/tokens/helper".to_owned();
    event
}

async fn ask(world: &World, who: &Principal, n: u32) -> Approval {
    let asked = world.control.ask_to_raise(who, &own(n)).await.unwrap();
    let Asked::Approval(approval) = asked else { panic!("{asked:?}") };
    *approval
}

async fn decide(
    world: &World,
    who: &Principal,
    id: &str,
    approve: bool,
) -> Result<ApprovalView, ControlError> {
    let request = Request::DecideApproval { id: id.to_owned(), approve, why: "seen".to_owned() };
    let answer = world.control.execute(who, request).await?;
    let Answer::Approval { approval } = answer else { panic!("{answer:?}") };
    Ok(*approval)
}

async fn refused(world: &World, who: &Principal, id: &str) -> ApprovalRefusal {
    match decide(world, who, id, true).await {
        Err(ControlError::Approval(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn published(world: &World) -> u64 {
    world.bus.depth(Queue::Events(Lane::Standard)).await.unwrap()
}

/// From now on this is the workflow.
async fn replace(world: &World, definition: WorkflowDefinition) {
    let workflows = WorkflowRegistry::new([Workflow::compile(definition).unwrap()]);
    world.runs.replace(workflows, directory(), Destinations::default()).await.unwrap();
}

fn ada() -> Principal {
    Principal::operator("ada")
}

#[tokio::test]
async fn what_an_agent_asks_for_is_done_once_when_somebody_else_agrees() {
    let world = World::new();
    let helper = agent(&world).await;
    let asked = ask(&world, &helper, 1).await;
    assert_eq!(ask(&world, &helper, 1).await, asked, "the same call is the same approval");
    assert_eq!(world.store.approvals().await.unwrap().len(), 1);
    assert_eq!(published(&world).await, 0, "nothing is raised before");
    assert!(asked.previews[0].texts[0].text.as_deref().unwrap().contains("(code)"), "{asked:?}");

    let by_its_name = Principal::operator("helper");
    assert_eq!(refused(&world, &by_its_name, &asked.id).await, ApprovalRefusal::OwnRequest);
    let agents = decide(&world, &helper, &asked.id, true).await;
    assert!(matches!(agents, Err(ControlError::Agent(AgentRefusal::NotForAgents))), "{agents:?}");
    let operator = decide(&world, &with_token(&[Scope::Read, Scope::Operate], &[]), &asked.id, true).await;
    assert!(matches!(operator, Err(ControlError::Forbidden { .. })), "{operator:?}");

    let approver = with_token(&[Scope::Approve], &[]);
    let used = decide(&world, &approver, &asked.id, true).await.unwrap();
    assert_eq!(used.state, ApprovalState::Used);
    assert_eq!(used.result.as_ref().map(|result| result.runs.len()), Some(1), "{used:?}");
    assert_eq!(published(&world).await, 1);
    assert_eq!(decide(&world, &approver, &asked.id, true).await.unwrap(), used, "said twice it is said once");
    assert_eq!(refused(&world, &ada(), &asked.id).await, ApprovalRefusal::AlreadyDecided);
    let known = world.control.ask_to_raise(&helper, &own(1)).await.unwrap();
    assert!(matches!(known, Asked::Known(runs) if runs == used.result.unwrap().runs));
    assert_eq!(published(&world).await, 1);
}

#[tokio::test]
async fn a_no_is_for_good_and_the_agent_sees_its_own_wishes_alone() {
    let world = World::new();
    let helper = agent(&world).await;
    let asked = ask(&world, &helper, 1).await;
    let denied = decide(&world, &ada(), &asked.id, false).await.unwrap();
    assert_eq!(
        (denied.state, denied.decision.as_ref().map(|d| d.why.as_str())),
        (ApprovalState::Denied, Some("seen"))
    );
    assert_eq!(ask(&world, &helper, 1).await.state(at(0)), ApprovalState::Denied);
    assert_eq!(
        refused(&world, &Principal::operator("eve"), &asked.id).await,
        ApprovalRefusal::AlreadyDecided
    );

    let other = Principal { token: "another".to_owned(), name: "other".to_owned(), ..helper.clone() };
    let show = |who: Principal| {
        let (control, id) = (world.control.clone(), asked.id.clone());
        async move { control.execute(&who, Request::ShowApproval { id }).await }
    };
    assert!(show(helper.clone()).await.is_ok());
    assert!(matches!(show(other).await, Err(ControlError::NoApproval(_))));
    let listed = world.control.execute(&helper, Request::ListApprovals).await;
    assert!(matches!(listed, Err(ControlError::Agent(AgentRefusal::NotForAgents))), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_decide_at_one_moment_one_wins() {
    let world = World::new();
    let helper = agent(&world).await;
    let asked = ask(&world, &helper, 1).await;
    let tasks = (0..8).map(|n| {
        let (control, id) = (world.control.clone(), asked.id.clone());
        let request = Request::DecideApproval { id, approve: n % 2 == 0, why: String::new() };
        tokio::spawn(
            async move { control.execute(&Principal::operator(format!("person {n}")), request).await },
        )
    });
    let mut won = Vec::new();
    for decided in futures::future::join_all(tasks).await {
        match decided.unwrap() {
            Ok(Answer::Approval { approval }) => won.push(approval),
            Err(ControlError::Approval(ApprovalRefusal::AlreadyDecided)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(won.len(), 1, "{won:?}");
    let approved = won[0].decision.as_ref().unwrap().approved;
    assert_eq!(published(&world).await, u64::from(approved));
}

/// As a process leaves it that died after the yes was stored.
async fn left_approved(world: &World, asked: &Approval) {
    let held = world.store.approval(&asked.id).await.unwrap().unwrap();
    let decision = ApprovalDecision {
        approved: true,
        by: "ada".to_owned(),
        via: "operator".to_owned(),
        at: at(0),
        why: String::new(),
    };
    let approved = Approval { decision: Some(decision), ..held.value };
    world.store.keep_approval(&approved, held.version, 10, at(0)).await.unwrap();
}

async fn state(world: &World, asked: &Approval) -> (ApprovalState, Option<String>) {
    let held = world.store.approval(&asked.id).await.unwrap().unwrap().value;
    (held.state(at(0)), held.result.and_then(|result| result.refused))
}

#[tokio::test]
async fn what_was_approved_is_done_though_its_process_died_before_or_after_doing_it() {
    let world = World::new();
    let helper = agent(&world).await;
    let (before, after) = (ask(&world, &helper, 1).await, ask(&world, &helper, 2).await);
    left_approved(&world, &before).await;
    world.control.carry_on_approvals().await.unwrap();
    assert_eq!(state(&world, &before).await, (ApprovalState::Used, None));
    assert_eq!(published(&world).await, 1);

    // It was raised, and its run is open; the result was not stored.
    left_approved(&world, &after).await;
    let workflows = world.runs.workflows();
    world.runs.open_notice(&own(2), workflows.workflows().next().unwrap()).await.unwrap();
    for _ in 0..2 {
        world.control.carry_on_approvals().await.unwrap();
    }
    assert_eq!(state(&world, &after).await, (ApprovalState::Used, None));
    assert_eq!(published(&world).await, 1, "it is not raised a second time");
}

#[tokio::test]
async fn destinations_are_told_what_is_asked_for_and_what_came_of_it() {
    let world = World::new();
    let helper = agent(&world).await;
    let gateway = Subscription {
        name: "gateway".to_owned(),
        events: [OutcomeKind::ApprovalRequested, OutcomeKind::ApprovalDecided].into(),
        ..Subscription::default()
    };
    let same = WorkflowRegistry::new(world.runs.workflows().workflows().cloned());
    world.runs.replace(same, directory(), Destinations(vec![gateway])).await.unwrap();
    let told = async || {
        let waiting = world.store.take_effects("gateway", at(10), at(11), 10).await.unwrap();
        let mut said = Vec::new();
        for effect in waiting {
            let OutcomeEvent { kind, approval, by, detail, workflow, .. } = effect.event.clone();
            let said_of = (kind, approval.unwrap(), by.unwrap(), detail.unwrap());
            assert_eq!(workflow.as_deref(), Some("paging"));
            said.push(said_of);
            world.store.end_effect(&effect, EffectEnd::Delivered).await.unwrap();
        }
        said
    };
    let of = |kind, approval: &Approval, by: &str, detail: &str| {
        (kind, approval.id.clone(), by.to_owned(), detail.to_owned())
    };
    let (asked, done) = (OutcomeKind::ApprovalRequested, OutcomeKind::ApprovalDecided);

    let (first, second) = (ask(&world, &helper, 1).await, ask(&world, &helper, 2).await);
    let mut requested = told().await;
    requested.sort_by_key(|said| said.1 != first.id);
    assert_eq!(requested, [&first, &second].map(|approval| of(asked, approval, "helper", "raise")));
    decide(&world, &ada(), &first.id, false).await.unwrap();
    assert_eq!(told().await, [of(done, &first, "ada", "denied")]);

    // A process that died after the yes, and one that died after telling of it.
    left_approved(&world, &second).await;
    assert_eq!(told().await, []);
    world.control.carry_on_approvals().await.unwrap();
    assert_eq!(told().await, [of(done, &second, "ada", "approved")]);
    world.control.carry_on_approvals().await.unwrap();
    assert_eq!(told().await, [], "once");
    let held = world.store.approval(&second.id).await.unwrap().unwrap();
    let not_noted = Approval { told: Some(ApprovalTold::Requested), ..held.value };
    world.store.keep_approval(&not_noted, held.version, 10, at(0)).await.unwrap();
    world.control.carry_on_approvals().await.unwrap();
    assert_eq!(told().await, [of(done, &second, "ada", "approved")], "rather twice than not at all");
}

#[tokio::test]
async fn what_has_changed_since_it_was_shown_is_not_done() {
    let world = World::new();
    let helper = agent(&world).await;
    let asked = ask(&world, &helper, 1).await;

    let stop =
        |label: Option<&str>| Request::StopAgents { label: label.map(str::to_owned), why: String::new() };
    world.operate(stop(Some("helper"))).await.unwrap();
    assert_eq!(refused(&world, &ada(), &asked.id).await, ApprovalRefusal::Stopped);
    assert!(matches!(world.operate(stop(Some("helpr"))).await, Err(ControlError::NoAgent(_))));
    world.operate(Request::StartAgents { label: Some("helper".to_owned()) }).await.unwrap();

    let mut directory = directory();
    directory.contacts.get_mut("ada").unwrap().number = "+14155550177".parse().unwrap();
    let workflows = world.runs.workflows();
    let same = || WorkflowRegistry::new(workflows.workflows().cloned());
    world.runs.replace(same(), directory, Destinations::default()).await.unwrap();
    assert_eq!(refused(&world, &ada(), &asked.id).await, ApprovalRefusal::PreviewChanged);
    let again = ask(&world, &helper, 1).await;
    assert_ne!(again.id, asked.id, "what is shown now is another wish");

    let mut never = paging_definition();
    never.agents.raise = AgentMay::Never;
    replace(&world, never).await;
    let refusal = decide(&world, &ada(), &asked.id, true).await;
    assert!(matches!(refusal, Err(ControlError::Agent(AgentRefusal::Never))), "{refusal:?}");
    let mut other = paging_definition();
    other.template = "Other words: {{ title }}. Reply {{ ack }}".to_owned();
    replace(&world, other).await;
    assert_eq!(refused(&world, &ada(), &asked.id).await, ApprovalRefusal::PolicyChanged);

    world.runs.replace(same(), conformance::roles::directory(), Destinations::default()).await.unwrap();
    world.store.remove_token(&helper.token).await.unwrap();
    assert_eq!(refused(&world, &ada(), &asked.id).await, ApprovalRefusal::TokenGone);
    // What was approved before it changed is refused where it is carried on, and not for ever.
    left_approved(&world, &again).await;
    world.control.carry_on_approvals().await.unwrap();
    assert_eq!(state(&world, &again).await, (ApprovalState::Used, Some("token_gone".to_owned())));
    world.clock.set(at(30 * 60));
    assert_eq!(refused(&world, &ada(), &asked.id).await, ApprovalRefusal::Expired);
    assert_eq!(published(&world).await, 0);
}

#[tokio::test]
async fn a_text_that_asks_is_over_once_somebody_has_decided_in_another_way() {
    let world = World::new();
    let mut asking = paging_definition();
    asking.approvers = ["ada".to_owned()].into();
    replace(&world, asking).await;
    let helper = agent(&world).await;
    let asked = ask(&world, &helper, 1).await;
    let run = ApprovalAsked { approval: &asked, approvers: &[] }.run();
    let phase = async || world.runs.load(&run).await.unwrap().unwrap().value.phase();
    assert_eq!(phase().await, RunPhase::Active);
    decide(&world, &Principal::operator("ben"), &asked.id, false).await.unwrap();
    assert_eq!(phase().await, RunPhase::Cancelled);
}

#[tokio::test]
async fn one_agent_does_not_fill_the_list() {
    let world = World::new();
    let helper = agent(&world).await;
    for n in 1..=10 {
        ask(&world, &helper, n).await;
    }
    let eleventh = world.control.ask_to_raise(&helper, &own(11)).await;
    assert_eq!(eleventh, Err(NotAccepted::Agent(AgentRefusal::ApprovalsPending)));
    world.clock.set(at(30 * 60));
    ask(&world, &helper, 12).await;
    let expired = ask(&world, &helper, 1).await;
    assert_eq!(expired.asked_at, at(30 * 60), "what has expired may be asked for again");
}

/// Three steps, of which agents may start the second.
fn steps() -> WorkflowDefinition {
    let mut definition = paging_definition();
    let step = |name: &str| Step {
        notify: vec![Target::Contact(name.to_owned())],
        ack_within_s: Some(600),
        ..Step::default()
    };
    definition.steps = vec![step("ada"), step("ben"), step("ada")];
    definition.agents.escalate = AgentMay::Approve;
    definition
}

async fn ask_to_escalate(world: &World, who: &Principal, run: &RunId) -> Approval {
    let version = world.runs.load(run).await.unwrap().unwrap().version;
    world.control.ask_to_escalate(who, run, version).await.unwrap()
}

#[tokio::test]
async fn a_run_moves_on_once_when_a_person_agrees_and_not_when_it_has_moved() {
    let world = World::new();
    replace(&world, steps()).await;
    let helper = agent(&world).await;
    let run = world.open(1).await;
    let step = async || world.runs.load(&run).await.unwrap().unwrap().value.step();
    let asked = ask_to_escalate(&world, &helper, &run).await;
    assert_eq!((asked.previews[0].step, asked.previews[0].texts.len()), (2, 1), "{asked:?}");
    // A receipt or a note changes the version, and not what is meant.
    world
        .runs
        .apply(&run, |run, ctx| {
            run.observe("other", Observation::Investigating, &AgentPolicy::default(), ctx)
        })
        .await
        .unwrap();
    assert_eq!(ask_to_escalate(&world, &helper, &run).await, asked);
    assert_eq!(step().await, 0);
    let used = decide(&world, &ada(), &asked.id, true).await.unwrap();
    assert_eq!((used.state, step().await), (ApprovalState::Used, 1));
    let timeline = world.store.timeline(&run).await.unwrap();
    assert!(format!("{timeline:?}").contains("escalated by ada for agent helper"), "{timeline:?}");

    let last = ask_to_escalate(&world, &helper, &run).await;
    world.operate(Request::Escalate { id: run.clone() }).await.unwrap();
    assert_eq!(step().await, 2);
    assert_eq!(refused(&world, &ada(), &last.id).await, ApprovalRefusal::StaleVersion);
    // A process that died after the step began, and before it stored that.
    left_approved(&world, &last).await;
    world.control.carry_on_approvals().await.unwrap();
    assert_eq!(state(&world, &last).await, (ApprovalState::Used, None));
    assert_eq!(step().await, 2);
}
