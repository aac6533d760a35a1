//! Runs that operators acknowledge, cancel or review.

use conformance::{fixture::at, roles::ADA};
use control::{Answer, ControlError, Principal, Request, RunConditions, RunQuery};
use domain::{id::RunId, message::ReviewVerdict, recipient_hash::RecipientKey, run::RunPhase, token::Scope};

use crate::harness::{World, with_token};

fn not_sent(id: &RunId, message: Option<u16>) -> Request {
    Request::ResolveReview { id: id.clone(), message, verdict: ReviewVerdict::NotSent }
}

#[tokio::test]
async fn an_acknowledgement_names_the_operator_and_withdraws_what_waits() {
    let world = World::new();
    let id = world.open(1).await;
    let (run, changed) = world.changes(Request::Acknowledge { id }).await;
    assert_eq!((run.phase, changed), (RunPhase::Acknowledged, true));
    assert!(run.messages.iter().all(|message| message.status == "cancelled"), "{:?}", run.messages);
    assert!(run.timeline.iter().any(|line| line.text == "acknowledged by ada (operator)"));
}

#[tokio::test]
async fn an_acknowledgement_of_an_ended_run_leaves_it_as_it_ended() {
    let world = World::new();
    let id = world.open(1).await;
    let (cancelled, changed) = world.changes(Request::Cancel { id: id.clone() }).await;
    assert!(changed);
    world.clock.set(at(60));
    let (run, changed) = world.changes(Request::Acknowledge { id: id.clone() }).await;
    assert!(changed, "its timeline got a line, and it another version");
    assert_eq!((run.phase, run.closed_at), (RunPhase::Cancelled, cancelled.closed_at));
    assert_eq!(run.messages, cancelled.messages);
    assert!(!world.changes(Request::Cancel { id }).await.1);
}

#[tokio::test]
async fn the_only_held_text_needs_no_name_and_of_several_one_must_be_named() {
    let world = World::new();
    let id = world.open(1).await;
    world.hold(&id, 1).await;
    world.hold(&id, 2).await;
    let unnamed = world.operate(not_sent(&id, None)).await;
    let Err(ControlError::SeveralToReview { run, numbers }) = unnamed else { panic!("{unnamed:?}") };
    assert_eq!((&run, numbers), (&id, vec![1, 2]));
    assert!(world.changes(not_sent(&id, Some(2))).await.1);
    assert!(matches!(world.operate(not_sent(&id, Some(2))).await, Err(ControlError::NothingToReview(_))));
    assert!(world.changes(not_sent(&id, None)).await.1);
    assert!(matches!(world.operate(not_sent(&id, None)).await, Err(ControlError::NothingToReview(_))));
}

#[tokio::test]
async fn lists_hold_what_matches_and_no_whole_number() {
    let world = World::new();
    let unclear = world.open(1).await;
    world.hold(&unclear, 1).await;
    world.open(2).await;
    let list = |needs_review| Request::ListRuns(RunQuery { needs_review, max: 10, ..RunQuery::default() });
    let all = world.operate(list(false)).await.unwrap();
    let Answer::Runs { runs, more: false, stopped_after: None, .. } = &all else { panic!("{all:?}") };
    assert_eq!(runs.len(), 2);
    assert!(!serde_json::to_string(&all).unwrap().contains("4155550101"));
    let only_held = world.operate(list(true)).await.unwrap();
    let Answer::Runs { runs, .. } = &only_held else { panic!("{only_held:?}") };
    assert_eq!(runs.iter().map(|run| run.id.clone()).collect::<Vec<_>>(), [unclear.to_string()]);
}

#[tokio::test]
async fn runs_are_found_by_the_hash_of_a_recipient_where_there_is_a_key() {
    let key = RecipientKey::new("k".repeat(32));
    for key in [None, key] {
        let world = World::hashing_with(key.clone());
        let id = world.open(1).await;
        let list = |number: &str| {
            let other = RecipientKey::new("o".repeat(32)).unwrap();
            let to_hash = Some(key.as_ref().unwrap_or(&other).hash(&number.parse().unwrap()));
            let conditions = RunConditions { to_hash, ..RunConditions::default() };
            Request::ListRuns(RunQuery { conditions, max: 10, ..RunQuery::default() })
        };
        let found = world.operate(list(ADA)).await;
        let Some(key) = &key else {
            assert!(matches!(found, Err(ControlError::NoRecipientKey)), "{found:?}");
            continue;
        };
        let Ok(Answer::Runs { runs, .. }) = found else { panic!("{found:?}") };
        assert_eq!(runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), [id.as_str()]);
        assert_eq!(runs[0].messages[0].to_hash, Some(key.hash(&ADA.parse().unwrap()).to_string()));
        let nobody = world.operate(list("+14155550199")).await.unwrap();
        assert!(matches!(&nobody, Answer::Runs { runs, .. } if runs.is_empty()), "{nobody:?}");
    }
}

#[tokio::test]
async fn a_list_that_left_older_runs_unseen_names_the_last_that_was_looked_at() {
    let world = World::new();
    for n in 1..=3 {
        world.open(n).await;
    }
    let conditions = RunConditions { subject: Some("nothing".to_owned()), ..RunConditions::default() };
    let query = RunQuery { conditions, max: 10, ..RunQuery::default() };
    let all = world.operate(Request::ListRuns(RunQuery { max: 10, ..RunQuery::default() })).await.unwrap();
    let Answer::Runs { runs, .. } = &all else { panic!("{all:?}") };
    let ada = with_token(&[Scope::Read], &[]);
    for (looked_at_max, last) in [(2, Some(runs[1].id.parse().unwrap())), (4, None)] {
        let control = world.control.clone().looking_at(looked_at_max);
        let found = control.execute(&ada, Request::ListRuns(query.clone())).await.unwrap();
        assert_eq!(
            found,
            Answer::Runs { runs: Vec::new(), more: false, stopped_after: last, unreadable: Vec::new() }
        );
    }
}

#[tokio::test]
async fn a_change_at_an_old_version_is_refused_and_does_nothing() {
    let world = World::new();
    let id = world.open(1).await;
    let ada = Principal::operator("ada");
    let at = async |request: Request, version| world.control.execute_at(&ada, request, Some(version)).await;
    for request in [
        Request::Acknowledge { id: id.clone() },
        Request::Escalate { id: id.clone() },
        Request::Cancel { id: id.clone() },
    ] {
        let stale = at(request, 7).await;
        assert!(matches!(&stale, Err(ControlError::Changed { run, version: 1 }) if *run == id), "{stale:?}");
    }
    let done = at(Request::Acknowledge { id: id.clone() }, 1).await.unwrap();
    assert!(matches!(done, Answer::Run { changed: true, version: 2, .. }), "{done:?}");
    let stale = at(Request::Cancel { id }, 1).await;
    assert!(matches!(stale, Err(ControlError::Changed { version: 2, .. })), "{stale:?}");
}

#[tokio::test]
async fn a_run_that_is_escalated_moves_on_and_ends_after_its_last_step() {
    let world = World::new();
    let id = world.open(1).await;
    let (run, changed) = world.changes(Request::Escalate { id: id.clone() }).await;
    assert!(changed);
    assert_eq!(run.phase, RunPhase::Exhausted);
    assert!(run.messages.iter().all(|message| message.status == "cancelled"), "{:?}", run.messages);
    assert!(run.timeline.iter().any(|line| line.text.contains("escalated by ada")), "{:?}", run.timeline);
    assert!(!world.changes(Request::Escalate { id }).await.1);
}
