//! Every phase of a run times everything that can happen to it, as one table.
//!
//! In: a run in each phase, made by real transitions. Out: a snapshot that is read by eye against the design.
//! Never: leaves out a phase: the test counts them.

use std::{collections::BTreeSet, fmt::Write as _};

use domain::{
    consent::{Consent, ConsentChange, ConsentEntry},
    message::Message,
    policy::Environment,
    provider::{FailureClass, ProviderStatus},
    run::{Run, RunPhase, StepContext},
    timeline::Effects,
    workflow::{Stage, Workflow, WorkflowDefinition},
};

use crate::{
    show,
    world::{World, at, audiences, event, not_sent, paging, reminder, sent},
};

type Build = fn() -> World;
type Do = fn(&mut World);

/// A run that was opened at 0; its text is with the provider, and at 60 nothing more has happened.
fn submitted(definition: WorkflowDefinition) -> World {
    let mut world = World::open(definition, audiences(&[1, 1]));
    world.answer(1, &sent(1)).at(60);
    world
}

fn phases() -> Vec<(&'static str, Build)> {
    vec![
        ("active, queued behind a lost command", || World::open(paging(), audiences(&[5, 1]))),
        ("active, dispatching", || World::open(paging(), audiences(&[1, 1]))),
        ("active, submitted", || submitted(paging())),
        ("active, delivered, ack awaited", || {
            let mut world = submitted(paging());
            world.status(1, 1, ProviderStatus::Delivered);
            world
        }),
        ("active, retry_wait", || {
            let mut world = World::open(paging(), audiences(&[1, 1]));
            world.answer(1, &not_sent(FailureClass::RetrySoon, 20_429)).at(60);
            world
        }),
        ("active, last step, submitted", || {
            let mut world = submitted(paging());
            world.status(1, 1, ProviderStatus::Failed).look().take_commands();
            world.answer(2, &sent(2));
            world
        }),
        ("active, receipt alone awaited", || submitted(reminder())),
        ("acknowledged", || {
            let mut world = submitted(paging());
            world.acknowledge("Ada");
            world
        }),
        ("completed", || {
            let mut world = submitted(reminder());
            world.status(1, 1, ProviderStatus::Delivered);
            world
        }),
        ("resolved", || {
            let mut world = submitted(paging());
            world.resolve();
            world
        }),
        ("exhausted", || {
            let mut world = World::open(paging(), audiences(&[]));
            world.at(60);
            world
        }),
        ("suppressed", || {
            let definition = WorkflowDefinition { stage: Stage::Shadow, ..paging() };
            World::open(definition, audiences(&[1, 1]))
        }),
        ("expired", || World::open_at(paging(), audiences(&[1, 1]), &event(), at(86_400))),
        ("cancelled", || {
            let mut world = submitted(paging());
            world.cancel();
            world
        }),
    ]
}

fn start(world: &mut World, step: u8) {
    let audience = audiences(&[2]).remove(0);
    world.transition(|run, _, ctx| run.start_step(step, &audience, ctx));
}

fn events() -> Vec<(&'static str, Do)> {
    vec![
        ("start the same step", |world| start(world, world.run.step())),
        ("start the next step", |world| start(world, world.run.step() + 1)),
        ("look at 119", |world| _ = world.at(119).look()),
        ("look at 120", |world| _ = world.at(120).look()),
        ("look at 300", |world| _ = world.at(300).look()),
        ("look at 1,000", |world| _ = world.at(1_000).look()),
        ("look at not_after", |world| _ = world.at(86_400).look()),
        ("acknowledge", |world| _ = world.acknowledge("Ada")),
        ("escalate", |world| _ = world.escalate()),
        ("resolve", |world| _ = world.resolve()),
        ("cancel", |world| _ = world.cancel()),
        ("first text sent", |world| _ = world.status(1, 1, ProviderStatus::Sent)),
        ("first text delivered", |world| _ = world.status(1, 1, ProviderStatus::Delivered).look()),
        ("first text failed", |world| _ = world.status(1, 1, ProviderStatus::Failed).look()),
        ("first text undelivered", |world| _ = world.status(1, 1, ProviderStatus::Undelivered).look()),
        ("first text refused for good", |world| {
            if !world.requests.is_empty() {
                world.answer(1, &not_sent(FailureClass::Recipient, 21_211)).look();
            }
        }),
        ("first text suppressed", |world| {
            let Some(message) = world.run.message(1).cloned() else { return };
            let number = message.recipient().number.clone();
            let (change, evidence) = (ConsentChange::OptOut, String::new());
            let mut consent = Consent::default();
            consent.apply(&ConsentEntry::observed(number.clone(), change, at(0), "reply", evidence));
            world.consent.insert(number.as_str().to_owned(), consent);
            world.dispatch(1, message.epoch());
            world.look();
        }),
        ("last text failed", |world| {
            let last = world.run.messages().len() as u16;
            if last > 0 {
                world.status(last, u64::from(last), ProviderStatus::Failed).look();
            }
        }),
    ]
}

fn show_run(world: &World) -> String {
    let run = &world.run;
    let shown = |m: &Message| format!("{}:{}", m.step(), m.phase().name());
    let messages: Vec<String> = run.messages().iter().map(shown).collect();
    let due = world.next_due().map_or("-".to_owned(), show::second);
    format!("{} step {} [{}] due {due}", run.phase().as_str(), run.step(), messages.join(" "))
}

#[test]
fn every_phase_of_a_run_answers_every_event_as_the_table_says() {
    let mut table = String::new();
    for (name, build) in phases() {
        writeln!(table, "{name}: {}", show_run(&build())).unwrap();
        let mut unchanged = Vec::new();
        for (what, happens) in events() {
            let mut world = build();
            let before = world.run.clone();
            (world.log, world.commands) = (Effects::default(), Vec::new());
            happens(&mut world);
            world.log.commands = std::mem::take(&mut world.commands);
            if world.run == before && world.log == Effects::default() {
                unchanged.push(what);
                continue;
            }
            let after = if world.run == before { "(same)".to_owned() } else { show_run(&world) };
            writeln!(table, "  {what:<28} -> {after} | {}", show::effects(&world.log)).unwrap();
        }
        writeln!(table, "  no change: {}\n", unchanged.join("; ")).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_table_names_every_phase_of_a_run() {
    let named: BTreeSet<RunPhase> = phases().iter().map(|(_, build)| build().run.phase()).collect();
    assert_eq!(named, RunPhase::ALL.into_iter().collect());
    for phase in RunPhase::ALL {
        // A new phase breaks this match; add it to `RunPhase::ALL`, and to the table.
        match phase {
            RunPhase::Active | RunPhase::Acknowledged | RunPhase::Completed | RunPhase::Resolved => {}
            RunPhase::Exhausted | RunPhase::Suppressed | RunPhase::Expired | RunPhase::Cancelled => {}
        }
    }
}

#[test]
fn opening_keeps_the_event_and_texts_nobody() {
    let workflow = Workflow::compile(paging()).unwrap();
    let environment = Environment::default();
    let mut ctx = StepContext::new(&workflow, &environment, at(5));
    let run = Run::open(&event(), &mut ctx);
    assert_eq!(run, Run::open(&event(), &mut StepContext::new(&workflow, &environment, at(5))));
    assert_eq!((run.phase(), run.messages().len(), run.not_after()), (RunPhase::Active, 0, at(86_400)));
    assert_eq!(show::effects(&ctx.effects), "opened");
    assert_eq!(run.next_due(&workflow), Some(at(5)));
}
