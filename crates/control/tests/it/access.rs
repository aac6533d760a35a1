//! Who may do what, and what is not there.

use control::{Access, Answer, ControlError, Request};
use domain::{id::RunId, message::ReviewVerdict};

use crate::harness::World;

fn changes(id: &RunId) -> [Request; 5] {
    let id = id.clone();
    [
        Request::Acknowledge { id: id.clone() },
        Request::ResolveReview { id: id.clone(), message: None, verdict: ReviewVerdict::NotSent },
        Request::Cancel { id },
        Request::Replay { id: "letter".to_owned() },
        Request::Discard { id: "letter".to_owned() },
    ]
}

#[tokio::test]
async fn a_viewer_may_look_and_changes_nothing() {
    let world = World::new();
    let id = world.open(1).await;
    for request in changes(&id) {
        let refused = world.ask(Access::Viewer, request.clone()).await;
        assert!(
            matches!(&refused, Err(ControlError::Forbidden(name)) if name == "ada"),
            "{request:?}: {refused:?}"
        );
    }
    assert_eq!(world.runs.load(&id).await.unwrap().unwrap().version, 1);
    let shown = world.ask(Access::Viewer, Request::ShowRun { id: id.clone(), reveal: false }).await.unwrap();
    let Answer::Run { run, changed } = shown else { panic!("{shown:?}") };
    assert_eq!((run.id, changed), (id.to_string(), false));
    assert!(run.messages.iter().all(|message| message.text.is_none()));
    let revealed = Request::ShowRun { id: id.clone(), reveal: true };
    let refused = world.ask(Access::Viewer, revealed.clone()).await;
    assert!(matches!(refused, Err(ControlError::Forbidden(_))), "{refused:?}");
    let Answer::Run { run, .. } = world.operate(revealed).await.unwrap() else { panic!() };
    assert!(run.messages.iter().all(|message| message.text.is_some()), "{run:?}");
}

#[tokio::test]
async fn what_is_not_there_is_reported_as_not_found() {
    let world = World::new();
    let unknown = RunId::derive("monitoring", "e-9", "paging", None);
    let of_runs = changes(&unknown)
        .into_iter()
        .take(3)
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
