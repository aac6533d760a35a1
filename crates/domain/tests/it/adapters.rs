//! Runs of subjects that tools report on again. In: a run in each phase. Out: whether another report opens a run.

use domain::{
    adapter::{Adapter, AdapterField, AdapterSettings, Adapters, holds_back},
    run::RunPhase,
    workflow::{Workflow, WorkflowDefinition},
};

use crate::world::{World, at, audiences, definition, paging, step};

const DAY_S: i64 = 24 * 3600;

fn resolvable() -> WorkflowDefinition {
    WorkflowDefinition { resolved_by: Some("incident.resolved".to_owned()), ..paging() }
}

fn holds(world: &World, second: i64) -> bool {
    holds_back(&world.run, &world.workflow, &AdapterSettings::default(), at(second))
}

#[test]
fn an_active_run_holds_reports_of_its_subject_back() {
    let world = World::open(paging(), audiences(&[1, 1]));
    assert_eq!(world.run.phase(), RunPhase::Active);
    assert!(holds(&world, 1) && holds(&world, 3 * DAY_S));
}

#[test]
fn an_acknowledged_run_holds_them_back_for_a_day_where_the_tool_can_end_it() {
    let acknowledged = |definition| {
        let mut world = World::open(definition, audiences(&[1, 1]));
        world.acknowledge("Ada");
        assert_eq!(world.run.phase(), RunPhase::Acknowledged);
        world
    };
    let world = acknowledged(resolvable());
    assert!(holds(&world, DAY_S - 1));
    assert!(!holds(&world, DAY_S), "the report of the end may have been lost");
    assert!(!holds(&acknowledged(paging()), 1), "nothing would ever end it");
}

#[test]
fn a_run_that_is_over_holds_nothing_back() {
    let mut resolved = World::open(resolvable(), audiences(&[1, 1]));
    assert!(resolved.resolve());
    let mut cancelled = World::open(resolvable(), audiences(&[1, 1]));
    assert!(cancelled.cancel());
    assert!(!holds(&resolved, 1) && !holds(&cancelled, 1));
}

#[test]
fn what_an_adapter_cannot_do_as_configured_is_said() {
    let field = |name| AdapterField::compile(Adapter::Alertmanager, name, "{{ labels.team }}").unwrap();
    let settings =
        AdapterSettings { fields: vec![field("title"), field("team")], ..AdapterSettings::default() };
    let adapters = Adapters(vec![(Adapter::Alertmanager, settings)]);
    let mut narrow = definition(vec![step(None, None)]);
    narrow.schema["required"] = serde_json::json!(["region"]);
    narrow.schema["properties"]["region"] = serde_json::json!({"type": "string"});
    let warnings = adapters.warnings("prometheus", &[Workflow::compile(narrow).unwrap()]);
    let place = "source \"prometheus\", [source.alertmanager]:";
    let expected = [
        format!("{place} no workflow of \"incident.created\" declares the field \"team\"; it is left out"),
        format!(
            "{place} workflow paging is not resolved by \"incident.resolved\", so its runs go on when the tool says that \
             it is over"
        ),
        format!(
            "{place} workflow paging requires the field \"region\", which nothing fills; a text is written as \
             \"unknown\", anything else is refused. Give it in [source.alertmanager.fields]"
        ),
    ];
    assert_eq!(warnings, expected);
    let usual = Adapters::default().warnings("prometheus", &[]);
    assert_eq!(usual, [""; 0], "an adapter that nobody configured may be one that nobody uses");
}

#[test]
fn what_fires_again_since_the_same_time_is_back_once_it_was_resolved_and_is_no_late_copy() {
    let body = include_bytes!("recorded/alertmanager_firing.json");
    let reports = Adapter::Alertmanager.read(body, &AdapterSettings::default(), at(0)).unwrap();
    let mut world = World::open(resolvable(), audiences(&[1]));
    let is_back = |world: &World, second: i64| reports[0].is_back_after(&world.run, at(second));
    assert!(!is_back(&world, DAY_S), "it is being paged for");
    world.at(100).resolve();
    for (second, back) in [(100, false), (159, false), (160, true)] {
        assert_eq!(is_back(&world, second), back, "{second}");
    }
    let mut cancelled = World::open(resolvable(), audiences(&[1]));
    cancelled.at(100).cancel();
    assert!(!is_back(&cancelled, DAY_S), "its repetitions page nobody");
}
