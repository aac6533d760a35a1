//! Statuses of our texts.

use axum::http::StatusCode;
use conformance::fixture::sid;
use domain::timeline::TimelineEvent;

use crate::harness::World;

fn is_status(what: &TimelineEvent) -> bool {
    matches!(what, TimelineEvent::Status { .. })
}

#[tokio::test]
async fn a_status_is_stored_when_it_is_answered_and_repeated_leaves_one_line() {
    let world = World::new();
    let sid = sid("repeated", 1);
    let id = world.open_and_send(1, &sid).await;
    let before = world.count(&id, is_status).await;
    for _ in 0..3 {
        assert_eq!(world.status(&sid, "delivered", "").await, StatusCode::NO_CONTENT);
        assert!(world.run(&id).await.message(1).unwrap().is_delivered());
        assert_eq!(world.count(&id, is_status).await, before + 1);
    }
    // One that was overtaken changes nothing, and is taken.
    assert_eq!(world.status(&sid, "sent", "").await, StatusCode::NO_CONTENT);
    assert!(world.run(&id).await.message(1).unwrap().is_delivered());
}

#[tokio::test]
async fn a_status_that_overtakes_our_own_answer_binds_the_sid_of_its_message() {
    let world = World::new();
    let (sid, id) = (sid("overtakes", 1), world.open(1).await);
    world.claim(&id).await;
    let message = world.run(&id).await.message_id(1);
    assert_eq!(world.status(&sid, "sent", "").await, StatusCode::NOT_FOUND);
    let query = format!("?message={message}&attempt=1");
    assert_eq!(world.status(&sid, "sent", &query).await, StatusCode::NO_CONTENT);
    assert_eq!(world.run(&id).await.message(1).unwrap().sid(), Some(&sid));
}

#[tokio::test]
async fn a_status_that_is_not_stored_is_answered_with_an_error() {
    let mut world = World::new();
    let sid = sid("not_stored", 1);
    world.open_and_send(1, &sid).await;
    world.close_store().await;
    assert_eq!(world.status(&sid, "delivered", "").await, StatusCode::SERVICE_UNAVAILABLE);
}
