//! Texts that recipients send back.

use axum::http::StatusCode;
use conformance::{
    fixture::{at, sid},
    roles::ADA,
};
use domain::{
    message::MessagePhase, policy::Rule, provider::ProviderMessageId, reply::Meaning, run::RunPhase,
    timeline::TimelineEvent,
};

use crate::harness::World;

fn is_acknowledged(what: &TimelineEvent) -> bool {
    matches!(what, TimelineEvent::Acknowledged { .. } | TimelineEvent::AcknowledgedLate { .. })
}

/// What is answered to a text of Ada's.
async fn answer_to(world: &World, text: &ProviderMessageId, body: &str) -> String {
    world.text(text, ADA, body).await;
    let answer = world.runs.workflows().notices().unwrap().answer_run(text);
    world.run(&answer).await.message(1).unwrap().text().unwrap().0.to_string()
}

#[tokio::test]
async fn a_reply_with_the_code_acknowledges_once_however_often_it_is_posted() {
    let world = World::new();
    let id = world.open_and_send(1, &sid("reply", 1)).await;
    let code = world.run(&id).await.message(1).unwrap().ack().unwrap();
    for _ in 0..3 {
        let (status, body) = world.text(&sid("reply", 2), ADA, code.as_str()).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("<Response"), "the provider must send nothing back: {body}");
        assert_eq!(world.run(&id).await.phase(), RunPhase::Acknowledged);
        assert_eq!(world.count(&id, is_acknowledged).await, 1);
    }
}

#[tokio::test]
async fn a_process_that_dies_before_the_answer_leaves_it_to_the_repetition() {
    let world = World::new();
    let id = world.open_and_send(1, &sid("crash", 1)).await;
    let code = world.run(&id).await.message(1).unwrap().ack().unwrap();
    let reply = sid("crash", 2);
    let answer = world.runs.workflows().notices().unwrap().answer_run(&reply);
    // What the reply says is stored, and the process dies.
    let taken = world
        .runs
        .apply(&id, |run, ctx| run.take_reply(&reply, 1, Meaning::Acknowledge, None, Some(&answer), ctx));
    taken.await.unwrap().unwrap();
    assert!(world.runs.load(&answer).await.unwrap().is_none());
    for _ in 0..2 {
        assert_eq!(world.text(&reply, ADA, code.as_str()).await.0, StatusCode::OK);
        let answer = world.run(&answer).await;
        assert_eq!((answer.messages().len(), answer.workflow()), (1, "callout.answer"));
        assert_eq!(world.count(&id, is_acknowledged).await, 1);
    }
}

#[tokio::test]
async fn a_code_of_another_phone_acknowledges_nothing() {
    let world = World::new();
    let id = world.open_and_send(1, &sid("stranger", 1)).await;
    let code = world.run(&id).await.message(1).unwrap().ack().unwrap();
    let (status, _) = world.text(&sid("stranger", 2), "+14155550199", code.as_str()).await;
    assert_eq!((status, world.run(&id).await.phase()), (StatusCode::OK, RunPhase::Active));
}

#[tokio::test]
async fn a_forged_text_is_forbidden_and_leaves_nothing() {
    let world = World::new();
    let id = world.open_and_send(1, &sid("forged", 1)).await;
    let run = world.runs.load(&id).await.unwrap();
    let code = world.run(&id).await.message(1).unwrap().ack().unwrap();
    for body in [code.as_str(), "STOP"] {
        let (status, _) = world.text_signed("another token", &sid("forged", 2), ADA, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    }
    assert_eq!(world.runs.load(&id).await.unwrap(), run);
    assert_eq!(world.store.consent_log(&ADA.parse().unwrap()).await.unwrap(), []);
}

#[tokio::test]
async fn stop_is_recorded_once_and_no_later_page_goes_to_that_phone() {
    let world = World::new();
    for _ in 0..2 {
        assert_eq!(world.text(&sid("stop", 1), ADA, "STOP").await.0, StatusCode::OK);
    }
    assert_eq!(world.store.consent_log(&ADA.parse().unwrap()).await.unwrap().len(), 1);
    let run = world.open(1).await;
    let run = world.run(&run).await;
    assert_eq!(*run.message(1).unwrap().phase(), MessagePhase::Suppressed { rule: Rule::OptedOut });
}

#[tokio::test]
async fn stop_and_start_leave_a_line_in_each_open_run_of_the_phone() {
    let world = World::new();
    let (open, over) =
        (world.open_and_send(1, &sid("note", 1)).await, world.open_and_send(2, &sid("note", 2)).await);
    let code = world.run(&over).await.message(1).unwrap().ack().unwrap();
    world.text(&sid("note", 3), ADA, code.as_str()).await;
    for body in ["STOP", "START"] {
        for _ in 0..2 {
            assert_eq!(world.text(&sid(body, 4), ADA, body).await.0, StatusCode::OK);
        }
    }
    let is_such = |what: &TimelineEvent| matches!(what, TimelineEvent::ConsentChanged { .. });
    assert_eq!((world.count(&open, is_such).await, world.count(&over, is_such).await), (2, 0));
    assert_eq!(world.run(&open).await.phase(), RunPhase::Active);
}

#[tokio::test]
async fn yes_opts_in_again_who_had_opted_out_and_is_a_reply_of_anybody_else() {
    let world = World::new();
    let opted_out = async || world.store.consent(&ADA.parse().unwrap()).await.unwrap().opted_out_since();
    for (n, body, is_out) in [
        (1, "yes", false),
        (2, "STOP", true),
        (3, "yes please", true),
        (4, "yes?", true),
        (5, "Yes!", false),
        (6, "YES", false),
    ] {
        world.clock.set(at(n.into()));
        world.text(&sid("yes", n), ADA, body).await;
        assert_eq!(opted_out().await.is_some(), is_out, "{body}");
    }
    // The one that lifted it, and no reply before or after it.
    assert_eq!(world.store.consent_log(&ADA.parse().unwrap()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_refusal_after_an_acknowledgement_says_whose_it_still_is() {
    let world = World::new();
    let id = world.open_and_send(1, &sid("still", 1)).await;
    let code = world.run(&id).await.message(1).unwrap().ack().unwrap();
    world.text(&sid("still", 2), ADA, &format!("ack {code}")).await;
    for (n, body) in [(3, format!("NACK {code} sorry")), (4, "no".to_owned())] {
        let said = answer_to(&world, &sid("still", n), &body).await;
        assert!(said.starts_with("db-1 was acknowledged by Ada at "), "{said}");
        assert!(said.contains("still theirs"), "{said}");
    }
}

#[tokio::test]
async fn ack_all_a_second_time_says_who_acknowledged() {
    let world = World::new();
    for n in [1, 2] {
        world.open_and_send(n, &sid("all", n)).await;
    }
    let said = answer_to(&world, &sid("all", 3), "ack all").await;
    assert!(said.starts_with("Acknowledged: ") && said.contains("db-1") && said.contains("db-2"), "{said}");
    let again = answer_to(&world, &sid("all", 4), "ack all").await;
    assert!(again.starts_with("Already acknowledged by Ada at "), "{again}");
}

#[tokio::test]
async fn a_reply_may_be_signed_and_may_name_the_subject_of_its_page() {
    for body in ["ack {code} - Ada", "ack {code} ada", "ack db-1"] {
        let world = World::new();
        let id = world.open_and_send(1, &sid("named", 1)).await;
        let other = world.open_and_send(2, &sid("named", 3)).await;
        let code = world.run(&id).await.message(1).unwrap().ack().unwrap();
        let body = body.replace("{code}", code.as_str());
        world.text(&sid("named", 2), ADA, &body).await;
        assert_eq!(world.run(&id).await.phase(), RunPhase::Acknowledged, "{body}");
        assert_eq!(world.run(&other).await.phase(), RunPhase::Active, "{body}");
    }
}

#[tokio::test]
async fn a_colleague_who_is_named_beside_the_code_leaves_it_open() {
    let world = World::new();
    let id = world.open_and_send(1, &sid("other", 1)).await;
    let code = world.run(&id).await.message(1).unwrap().ack().unwrap();
    let said = answer_to(&world, &sid("other", 2), &format!("ack {code} ben")).await;
    assert!(said.starts_with("Not understood."), "{said}");
    assert_eq!(world.run(&id).await.phase(), RunPhase::Active);
}

#[tokio::test]
async fn a_contact_who_was_texted_by_a_field_is_named_as_the_contact() {
    let world = World::new();
    let id = world.open_by_field(1, ADA).await;
    world.claim(&id).await;
    let code = world.run(&id).await.message(1).unwrap().ack().unwrap();
    world.text(&sid("field", 2), ADA, &format!("ack {code}")).await;
    let (by, _) = world.runs.acknowledged(&id).await.unwrap().unwrap();
    assert_eq!(by, "Ada");
}

#[tokio::test]
async fn a_text_that_is_not_stored_is_answered_with_an_error() {
    let mut world = World::new();
    world.close_store().await;
    for body in ["STOP", "ok"] {
        let (status, _) = world.text(&sid("closed", 1), ADA, body).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    }
}
