//! A dead text gets another chance. In: what an operator asks for. Out: whether the text waits again, and its run.
//!
//! Never: replays twice what was asked for once.

use domain::{
    provider::FailureClass,
    run::{Replay, RunPhase, StepContext},
    timeline::{Command, DeadLetter, Effects, sentence},
};

use serde_json::json;

use crate::world::{World, at, audiences, not_sent, paging, reminder};

fn replay(world: &mut World, epoch: u32) -> (Replay, Effects) {
    let mut ctx = StepContext::new(&world.workflow, &world.environment, world.now);
    let what = world.run.replay(1, epoch, "Ada", &mut ctx);
    (what, ctx.effects)
}

/// The first text died at once; so did the run, if nobody else was told.
fn dead(sizes: &[u16]) -> (World, u32) {
    let mut world = World::open(reminder(), audiences(sizes));
    world.at(5).answer(1, &not_sent(FailureClass::Recipient, 21_211)).look();
    let epoch = world.message(1).epoch();
    (world, epoch)
}

#[test]
fn a_dead_text_waits_again_once_and_its_run_is_taken_up() {
    let (mut world, epoch) = dead(&[1]);
    world.is(RunPhase::Exhausted, 0, &["dead"]);
    world.at(10);
    for other in [epoch - 1, epoch + 1] {
        assert_eq!(replay(&mut world, other), (Replay::NotDead, Effects::default()));
    }
    let (what, fx) = replay(&mut world, epoch);
    assert_eq!(what, Replay::Queued);
    world.is(RunPhase::Active, 0, &["queued"]);
    assert_eq!((world.run.closed_at(), world.run.clock_from()), (None, at(10)), "its deadlines begin again");
    let message = world.message(1);
    assert_eq!((message.first_attempt_at(), message.counted_attempts()), (None, 0), "and so do its attempts");
    let [Command::Dispatch { epoch: given, .. }] = &fx.commands[..] else { panic!("{:?}", fx.commands) };
    assert!(*given > epoch && *given == message.epoch());
    assert_eq!(replay(&mut world, epoch).0, Replay::NotDead);
    assert_eq!(replay(&mut world, *given).0, Replay::NotDead, "it waits");
}

#[test]
fn where_others_of_the_step_are_under_way_its_clock_goes_on() {
    let (mut world, epoch) = dead(&[2]);
    world.at(10);
    assert_eq!(replay(&mut world, epoch).0, Replay::Queued);
    assert_eq!((world.run.phase(), world.run.clock_from()), (RunPhase::Active, at(0)));
}

#[test]
fn what_is_of_no_use_any_more_is_not_replayed() {
    let (mut world, epoch) = dead(&[1]);
    world.now = world.run.not_after();
    assert!(
        matches!(replay(&mut world, epoch), (Replay::Stale(why), fx) if why.contains("of use until") && fx == Effects::default())
    );
    let before = world.run.not_after().as_second() - at(0).as_second() - 1;
    assert_eq!(replay(world.at(before), epoch).0, Replay::Queued);

    let (mut world, epoch) = dead(&[2]);
    world.acknowledge("Ada");
    assert!(matches!(replay(&mut world, epoch).0, Replay::Stale(why) if why.contains("acknowledged")));

    let mut world = World::open(paging(), audiences(&[1, 1]));
    world.at(5).answer(1, &not_sent(FailureClass::Recipient, 21_211)).look();
    assert_eq!(world.run.step(), 1);
    let epoch = world.message(1).epoch();
    assert!(matches!(replay(&mut world, epoch).0, Replay::Stale(why) if why.contains("another step")));
}

#[test]
fn a_letter_that_is_put_away_leaves_its_text_dead_and_says_who_did_it() {
    let (world, _) = dead(&[1]);
    let before = world.run.clone();
    let letter = |message| {
        let letter =
            json!({"id": "l-1", "reason": "refused", "error": "no phone", "at": at(5), "message": message});
        serde_json::from_value::<DeadLetter>(letter).unwrap()
    };
    let number = world.run.message_id(1);
    for (letter, destination, expected) in [
        (letter(Some(number)), None, "dead letter of the text to Ben discarded by Ada"),
        (letter(None), Some("desk".to_owned()), "dead letter for desk discarded by Ada"),
    ] {
        let mut ctx = StepContext::new(&world.workflow, &world.environment, at(10));
        world.run.discard(&letter, destination, "Ada", &mut ctx);
        let [line] = &ctx.effects.timeline[..] else { panic!("{:?}", ctx.effects) };
        assert_eq!(sentence(&line.what, "Ben"), expected);
        assert_eq!((line.at, line.message), (at(10), letter.message.map(|message| message.number)));
        assert_eq!(ctx.effects.discarded, ["l-1"]);
    }
    assert_eq!(world.run, before);
}

#[test]
fn a_run_that_is_taken_up_goes_on_to_its_next_step() {
    let mut world = World::open(paging(), audiences(&[1, 1]));
    world.at(5).answer(1, &not_sent(FailureClass::Recipient, 21_211)).look().take_commands();
    world.answer(2, &not_sent(FailureClass::Recipient, 21_211)).look().is(
        RunPhase::Exhausted,
        1,
        &["dead", "dead"],
    );
    let epoch = world.message(1).epoch();
    assert_eq!(replay(world.at(60), epoch).0, Replay::Queued);
    world.is(RunPhase::Active, 0, &["queued", "dead"]);
    world.at(360).look().is(RunPhase::Active, 1, &["cancelled", "dead", "queued"]);
    world.at(960).look();
    assert_eq!(world.run.phase(), RunPhase::Exhausted);
}
