//! `[grouping]` of workflows. In: tables. Out: what a workflow is read with, or an error with its line.

use domain::workflow::{AtOnce, Flapping, Grouping};

use crate::{env, examples, problems};

const FILE: &str = "workflows/alert-storm.toml";

#[test]
fn the_example_says_what_belongs_together_and_what_is_never_held() {
    let (config, _) = config::load(&examples().join("callout.toml"), &env, config::Scope::SERVER).unwrap();
    let storm = config.workflows.iter().find(|workflow| workflow.name() == "alert-storm").unwrap();
    let expected = Grouping {
        by: vec!["service".to_owned()],
        window_s: 300,
        at_once: Some(AtOnce { field: "severity".to_owned(), values: vec!["critical".to_owned()] }),
        flapping: Some(Flapping { changes: 4, within_s: 600 }),
    };
    assert_eq!(storm.definition.grouping.as_ref(), Some(&expected));
    assert!(storm.definition.gathers_quiet());
}

/// The example with its table in the place of the one there.
#[test]
fn each_mistake_in_grouping_is_said_with_what_to_write() {
    let example = std::fs::read_to_string(examples().join(FILE)).unwrap();
    let start = example.find("[grouping]").unwrap();
    let end = example.find("[quiet_hours]").unwrap();
    let with = |table: &str, other: (&str, &str)| {
        let text = format!("{}{table}\n{}", &example[..start], &example[end..]);
        problems(FILE, &text.replace(other.0, other.1))
    };
    let whole = "[grouping]\nwindow = \"5m\"\n";
    for (table, other, expected) in [
        ("[grouping]\n", ("", ""), "grouping.window: required, from \"10s\" to \"6h\", for example \"5m\""),
        ("[grouping]\nwindow = \"1s\"\n", ("", ""), "grouping.window: expected a time such as"),
        (whole, ("\"standard\"", "\"critical\""), "grouping: texts of lane \"critical\" always go at once"),
        (
            &*format!("{whole}by = [\"host\"]"),
            ("", ""),
            "grouping.by: field \"host\" is not declared in the schema",
        ),
        (
            &*format!("{whole}at_once = {{ field = \"level\", values = [\"critical\"] }}"),
            ("", ""),
            "grouping.at_once.field: field \"level\" is not declared in the schema",
        ),
        (
            &*format!("{whole}flapping = {{ changes = 4 }}"),
            ("", ""),
            "grouping.flapping.within: required; write { changes = 4, within = \"10m\" }",
        ),
        (
            &*format!("{whole}flapping = {{ changes = 4, within = \"10m\" }}"),
            ("resolved_by = \"alert.closed\"", ""),
            "grouping.flapping: counts how often a subject opens and is resolved; give resolved_by as well",
        ),
        (&*format!("{whole}group_wait = \"30s\""), ("", ""), "group_wait"),
    ] {
        let found = with(table, other);
        assert!(found.contains(expected), "{expected}\nis not in\n{found}");
    }
}
