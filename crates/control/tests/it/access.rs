//! Who may do what, and what is not there.

use conformance::{
    fixture::{at, letter},
    roles::SOURCE,
};
use control::{Answer, ControlError, Principal, Request, RunQuery};
use domain::{
    effect::OutcomeEvent,
    id::RunId,
    message::ReviewVerdict,
    timeline::DeadLetter,
    token::{Scope, Token, TokenRequest},
};
use ports::store::DeadLetterFilter;
use serde_json::json;

use crate::harness::{World, with_token};

fn changes(id: &RunId) -> [Request; 6] {
    let id = id.clone();
    [
        Request::Acknowledge { id: id.clone() },
        Request::ResolveReview { id: id.clone(), message: None, verdict: ReviewVerdict::NotSent },
        Request::Escalate { id: id.clone() },
        Request::Cancel { id },
        Request::Replay { id: "letter".to_owned() },
        Request::Discard { id: "letter".to_owned() },
    ]
}

#[tokio::test]
async fn who_may_read_changes_nothing_and_sees_no_texts() {
    let world = World::new();
    let id = world.open(1).await;
    for request in changes(&id) {
        let refused = world.ask(&[Scope::Read, Scope::ReadTexts], request.clone()).await;
        assert!(
            matches!(&refused, Err(ControlError::Forbidden { name, scope: Scope::Operate }) if name == "ada"),
            "{request:?}: {refused:?}"
        );
    }
    assert_eq!(world.runs.load(&id).await.unwrap().unwrap().version, 1);
    let show = |reveal| Request::ShowRun { id: id.clone(), reveal };
    let shown = world.ask(&[Scope::Read], show(false)).await.unwrap();
    let Answer::Run { run, changed: false, version: 1 } = shown else { panic!("{shown:?}") };
    assert!(run.messages.iter().all(|message| message.text.is_none()));
    for scopes in [&[Scope::Read][..], &[Scope::Operate]] {
        let refused = world.ask(scopes, show(true)).await;
        assert!(
            matches!(refused, Err(ControlError::Forbidden { scope: Scope::ReadTexts, .. })),
            "{refused:?}"
        );
    }
    let revealed = world.ask(&[Scope::Read, Scope::ReadTexts], show(true)).await.unwrap();
    let Answer::Run { run, .. } = revealed else { panic!("{revealed:?}") };
    assert!(run.messages.iter().all(|message| message.text.is_some()), "{run:?}");
    // Who may see texts may see what they belong to.
    assert!(world.ask(&[Scope::ReadTexts], show(false)).await.is_ok());
}

#[tokio::test]
async fn a_token_limited_to_a_team_sees_and_changes_what_is_the_teams() {
    let world = World::new();
    let id = world.open(1).await;
    world.kill(&id, 1).await;
    let letters = || Request::ListDeadLetters { filter: DeadLetterFilter::default(), after: None, max: 10 };
    let list = || Request::ListRuns(RunQuery { max: 10, ..RunQuery::default() });
    let seen = async |principal: &Principal| {
        let runs = world.control.execute(principal, list()).await.unwrap();
        let Answer::Runs { runs, .. } = runs else { panic!("{runs:?}") };
        let letters = world.control.execute(principal, letters()).await.unwrap();
        let Answer::DeadLetters { letters, .. } = letters else { panic!("{letters:?}") };
        (runs.len(), letters.len())
    };
    let all = [Scope::Read, Scope::Operate];
    let payments = with_token(&all, &["payments"]);
    // Its workflow is of no team yet.
    assert_eq!(seen(&payments).await, (0, 0));
    assert_eq!(seen(&with_token(&all, &[])).await, (1, 1));
    world.give_to("payments").await;
    assert_eq!(seen(&payments).await, (1, 1));
    let platform = with_token(&all, &["platform"]);
    assert_eq!(seen(&platform).await, (0, 0));
    let letter = world.letter_ids().await.remove(0);
    for request in changes(&id).into_iter().take(4) {
        let hidden = world.control.execute(&platform, request.clone()).await;
        assert!(matches!(hidden, Err(ControlError::NotFound(_))), "{request:?}: {hidden:?}");
    }
    for request in [Request::Discard { id: letter.clone() }, Request::Replay { id: letter.clone() }] {
        world.control.execute(&platform, request).await.unwrap();
        assert_eq!(world.letter_ids().await, std::slice::from_ref(&letter));
    }
    let of_all = world.control.execute(&payments, Request::AuditCounts).await;
    assert!(matches!(of_all, Err(ControlError::OfAllTeams(_))), "{of_all:?}");
    let cancelled = world.control.execute(&payments, Request::Cancel { id }).await.unwrap();
    assert!(matches!(cancelled, Answer::Run { changed: true, .. }), "{cancelled:?}");
}

#[tokio::test]
async fn the_runs_of_a_shared_workflow_are_the_teams_of_their_sources() {
    let world = World::new();
    let id = world.open(1).await;
    let lost = DeadLetter { source: Some(SOURCE.to_owned()), ..letter("lost", 1, 0) };
    world.store.add_dead_letter(&lost).await.unwrap();
    let sees = async |team: &str| {
        let principal = with_token(&[Scope::Read], &[team]);
        let shown =
            world.control.execute(&principal, Request::ShowRun { id: id.clone(), reveal: false }).await;
        let lost = Request::ShowDeadLetter { id: lost.id.clone() };
        (shown.is_ok(), world.control.execute(&principal, lost).await.is_ok())
    };
    assert_eq!(sees("payments").await, (false, false));
    world.give_source_to("payments").await;
    assert_eq!((sees("payments").await, sees("platform").await), ((true, true), (false, false)));
    // What reached a team's own workflow is that team's, whoever sent it.
    world.give_to("platform").await;
    assert_eq!((sees("payments").await, sees("platform").await), ((false, false), (true, false)));
}

#[tokio::test]
async fn the_stream_is_read_with_the_scope_read_and_shows_a_team_its_own() {
    let world = World::new();
    let happened = |n: u32, workflow: Option<&str>| -> OutcomeEvent {
        let event =
            json!({"id": format!("event-{n}"), "kind": "run.opened", "at": at(0), "workflow": workflow});
        serde_json::from_value(event).unwrap()
    };
    for (n, workflow) in [(1, Some("paging")), (2, Some("of-others")), (3, None)] {
        world.store.log_outcome(&happened(n, workflow), 100).await.unwrap();
    }
    world.give_to("payments").await;
    let nobody = Principal { scopes: [].into(), ..with_token(&[Scope::Read], &[]) };
    let read = |after| [Request::FindPosition { after: Some(after) }, Request::ReadStream { after }];
    for request in read(0) {
        let refused = world.control.execute(&nobody, request).await;
        assert!(matches!(refused, Err(ControlError::Forbidden { scope: Scope::Read, .. })), "{refused:?}");
    }
    let last = world.store.last_logged().await.unwrap();
    for (teams, expected) in [(&[][..], 3), (&["payments"][..], 1), (&["platform"][..], 0)] {
        let [_, request] = read(0);
        let page = world.control.execute(&with_token(&[Scope::Read], teams), request).await.unwrap();
        // What is another team's is read past all the same.
        let Answer::Stream { events, after } = page else { panic!("{page:?}") };
        assert_eq!((events.len(), after), (expected, last), "{teams:?}");
    }
}

#[tokio::test]
async fn tokens_are_handed_out_by_who_has_the_machine_alone() {
    let world = World::new();
    let request = TokenRequest {
        is_agent: false,
        label: "tool".to_owned(),
        scopes: [Scope::Read].into(),
        raises: [].into(),
        teams: [].into(),
        expires_at: None,
    };
    let (token, _) = Token::mint(request, "ada", &[1; 32], world.runs.now()).unwrap();
    let requests = || {
        [
            Request::AddToken { token: token.clone() },
            Request::ListTokens,
            Request::RevokeToken { id: token.id.clone() },
        ]
    };
    for request in requests() {
        let refused =
            world.ask(&[Scope::Read, Scope::ReadTexts, Scope::Operate, Scope::Calendar], request).await;
        assert!(matches!(refused, Err(ControlError::NotLocal)), "{refused:?}");
    }
    for (request, expected) in requests().into_iter().zip([vec![token.clone()], vec![token.clone()], vec![]])
    {
        assert_eq!(world.operate(request).await.unwrap(), Answer::Tokens { tokens: expected });
    }
    let again = world.operate(Request::RevokeToken { id: token.id.clone() }).await;
    assert!(matches!(&again, Err(ControlError::NoToken(id)) if *id == token.id), "{again:?}");
}

#[tokio::test]
async fn a_label_of_a_token_in_force_is_not_given_to_another_team() {
    let world = World::new();
    let minted = |seed: u8, teams: &[&str], expires_at| {
        let request = TokenRequest {
            is_agent: false,
            label: "ci".to_owned(),
            scopes: [].into(),
            raises: ["paging.*".to_owned()].into(),
            teams: teams.iter().map(|team| (*team).to_owned()).collect(),
            expires_at,
        };
        Token::mint(request, "ada", &[seed; 32], world.runs.now()).unwrap().0
    };
    let add = async |token: &Token| world.operate(Request::AddToken { token: token.clone() }).await;
    let first = minted(1, &["red"], Some(at(60)));
    add(&first).await.unwrap();
    add(&minted(2, &["red"], None)).await.unwrap();
    let refused = add(&minted(3, &["blue"], None)).await.unwrap_err();
    assert!(matches!(&refused, ControlError::LabelOfOthers { label, .. } if label == "ci"), "{refused:?}");
    let Answer::Tokens { tokens } = world.operate(Request::ListTokens).await.unwrap() else { panic!() };
    assert_eq!(tokens.len(), 2, "it was not made");
}

#[tokio::test]
async fn what_is_not_there_is_reported_as_not_found() {
    let world = World::new();
    let unknown = RunId::derive("monitoring", "e-9", "paging", None);
    let of_runs = changes(&unknown)
        .into_iter()
        .take(4)
        .chain([Request::ShowRun { id: unknown.clone(), reveal: false }]);
    for request in of_runs {
        let answer = world.operate(request.clone()).await;
        assert!(
            matches!(&answer, Err(ControlError::NotFound(id)) if *id == unknown),
            "{request:?}: {answer:?}"
        );
    }
    let letter = world.operate(Request::ShowDeadLetter { id: "e-9".to_owned() }).await;
    assert!(matches!(&letter, Err(ControlError::NoDeadLetter(id)) if id == "e-9"), "{letter:?}");
}
