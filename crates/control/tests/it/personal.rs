//! What is held about a number. In: runs that texted Ada, and a dead letter that names her. Out: all of it; and nothing.

use conformance::fixture::{at, letter};
use control::{Answer, ControlError, Erasure, HeldData, Principal, Request};
use domain::{
    effect::{OutcomeEvent, OutcomeKind},
    id::RunId,
    phone::E164,
    timeline::DeadLetter,
    token::Scope,
};

use crate::harness::{World, with_token};

async fn held(world: &World, number: &E164) -> HeldData {
    let answer = world.operate(Request::ShowHeldData { number: number.clone() }).await.unwrap();
    let Answer::HeldData { held } = answer else { panic!("{answer:?}") };
    *held
}

async fn erase(world: &World, number: &E164, also_recent: bool, dry_run: bool) -> Erasure {
    let request = Request::Erase { number: number.clone(), also_recent, dry_run };
    let answer = world.operate(request).await.unwrap();
    let Answer::Erased { erasure } = answer else { panic!("{answer:?}") };
    *erasure
}

fn logged(run: &RunId, id: &str) -> OutcomeEvent {
    OutcomeEvent {
        id: id.to_owned(),
        kind: OutcomeKind::RunAcknowledged,
        at: at(1),
        run: Some(run.clone()),
        workflow: Some("paging".to_owned()),
        source: Some("monitoring".to_owned()),
        event_id: Some("1".to_owned()),
        subject: Some("Ada's flat".to_owned()),
        phase: None,
        step: None,
        message: None,
        by: Some("Ada".to_owned()),
        detail: None,
        ticket: None,
        approval: None,
    }
}

#[tokio::test]
async fn letters_of_no_run_go_and_runs_wait_for_their_end_and_their_time() {
    let world = World::new();
    let ada: E164 = "+14155550101".parse().unwrap();
    let id = world.open(1).await;
    let named = DeadLetter {
        event: Some(format!("{{\"phone\": \"{ada}\"}}", ada = ada.as_str())),
        ..letter("held", 1, 1)
    };
    world.store.add_dead_letter(&named).await.unwrap();
    world.store.add_dead_letter(&letter("held", 2, 2)).await.unwrap();
    let found = held(&world, &ada).await;
    assert!(found.fields[id.as_str()].contains_key("title"), "{:?}", found.fields);
    assert_eq!((found.runs.len(), found.dead_letters), (1, vec![named.clone()]));

    let open = erase(&world, &ada, true, false).await;
    assert_eq!((&open.under_way, &open.runs), (&vec![id.to_string()], &vec![]), "{open:?}");
    assert_eq!(open.dead_letters, [named.id]);
    assert_eq!(held(&world, &ada).await.dead_letters, []);
    world.changes(Request::Cancel { id: id.clone() }).await;
    let recent = erase(&world, &ada, false, false).await;
    assert_eq!((&*recent.too_recent[0].0, recent.runs.len()), (id.as_str(), 0), "{recent:?}");
    assert!(recent.too_recent[0].1 > at(6 * 24 * 3_600), "a week after its end");
    let other = RunId::derive("monitoring", "9", "paging", None);
    let logged = [(&id, "hers"), (&other, "another's")].map(|(run, name)| logged(run, name));
    for event in &logged {
        world.store.log_outcome(event, 10).await.unwrap();
    }
    let plan = erase(&world, &ada, true, true).await;
    assert_eq!(held(&world, &ada).await.runs.len(), 1, "nothing was changed");
    assert_eq!(erase(&world, &ada, true, false).await, plan);
    assert_eq!((plan.runs, plan.with_others), (vec![id.to_string()], 1), "Ben was texted, too");
    let log = world.store.logged_outcomes(0, 10).await.unwrap();
    let log: Vec<_> = log.into_iter().map(|(_, event)| event).collect();
    assert_eq!(log, [logged[0].without_person(), logged[1].clone()], "what the stream's readers see");
    let nothing = held(&world, &ada).await;
    assert!(nothing.runs.is_empty() && nothing.fields.is_empty() && nothing.consent.is_empty());
    assert!(nothing.dead_letters.is_empty());
}

#[tokio::test]
async fn no_token_shows_or_erases_what_is_held_about_a_person() {
    let world = World::new();
    let number: E164 = "+14155550101".parse().unwrap();
    let all = Principal { is_local: false, ..Principal::operator("somebody") };
    for request in [
        Request::ShowHeldData { number: number.clone() },
        Request::Erase { number, also_recent: true, dry_run: true },
    ] {
        for principal in [&all, &with_token(&[Scope::Operate], &[])] {
            let refused = world.control.execute(principal, request.clone()).await;
            assert!(matches!(refused, Err(ControlError::NotLocal)), "{refused:?}");
        }
    }
}
