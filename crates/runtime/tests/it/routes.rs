//! Which workflows an event reaches, by its type and its source.

use conformance::roles::{SOURCE, paging_definition};
use domain::{
    team::SourceTeams,
    workflow::{Workflow, WorkflowDefinition},
};
use runtime::{Routes, WorkflowRegistry};

fn workflow(name: &str, team: Option<&str>) -> Workflow {
    let definition = WorkflowDefinition { name: name.to_owned(), ..paging_definition() };
    Workflow { team: team.map(Into::into), ..Workflow::compile(definition).unwrap() }
}

fn names<'a>(routes: &Routes<'a>) -> Vec<&'a str> {
    routes.opens.iter().map(|workflow| workflow.name()).collect()
}

#[test]
fn a_team_s_source_reaches_the_workflows_of_its_team_and_of_none() {
    let workflows = [workflow("all", None), workflow("blue", Some("blue")), workflow("red", Some("red"))];
    let teams = SourceTeams::new([(SOURCE.to_owned(), "red".to_owned())]);
    let registry = WorkflowRegistry::new(workflows).with_teams(teams);
    let kind = paging_definition().event;
    assert_eq!(names(&registry.routes(&kind, SOURCE)), ["all", "red"]);
    assert_eq!(names(&registry.routes(&kind, "another")), ["all", "blue", "red"]);
    assert!(registry.routes("unknown", SOURCE).is_empty());
    assert_eq!(registry.unroutable(SOURCE), "no workflow of team red, or of none, takes events of this type");
    assert_eq!(registry.team_of(Some("blue"), Some(SOURCE)), Some("blue"));
    assert_eq!(registry.team_of(Some("all"), Some(SOURCE)), Some("red"));
    assert_eq!(registry.team_of(Some("all"), Some("another")), None);
}
