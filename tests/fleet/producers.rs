//! The programs in `examples/producers/`, run unchanged. In: titles. Out: texts of the runs that they open.

use std::process::Command;

use serde_json::json;

use crate::{
    rights,
    tools::{fail, node, python, root, succeed},
};

const ON_CALL: &str = "+14155550101";

fn programs() -> [(&'static str, Command); 3] {
    let at = |name: &str| root().join("examples/producers").join(name);
    let (mut python, mut node, shell) =
        (python("python"), node(), Command::new(at("rabbitmqadmin/publish.sh")));
    python.arg(at("python/publish.py"));
    node.arg(at("node/publish.js"));
    [("python", python), ("node", node), ("rabbitmqadmin", shell)]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_examples_publish_opens_runs_in_both_modes() {
    let broker = rights::broker();
    // The management API asks for it, AMQP does not.
    broker.ctl(&["set_user_tags", "monitoring", "management"]);
    let (fleet, _turn) = rights::fleet("producers").await;
    let mut published = Vec::new();
    for (language, mut program) in programs() {
        program.env("AMQP_URL", rights::url("monitoring"));
        program.env("MANAGEMENT_PORT", broker.management_port().to_string());
        let title = format!("Structured by {language}");
        published.push((succeed(program.arg(&title)), title));
        // The last argument again, in the other mode.
        let title = format!("Binary by {language}");
        let mut binary = Command::new(program.get_program());
        let arguments: Vec<_> = program.get_args().collect();
        binary.args(&arguments[..arguments.len() - 1]).args(["--binary", &title]);
        binary.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        published.push((succeed(&mut binary), title));
    }
    for (id, title) in published {
        let run = domain::id::RunId::derive("monitoring", &id, "incident-paging", Some("db-1")).to_string();
        let run = fleet.run_until(&run, |run| run["messages"][0]["status"] == "delivered").await;
        assert_eq!(run["source"], "monitoring", "{run}");
        let body = format!("HIGH: {title} (db-1).");
        let texts = fleet.sim.phone(ON_CALL).texts();
        assert_eq!(texts.iter().filter(|text| text.body.starts_with(&body)).count(), 1, "{title}");
    }
    assert_eq!(fleet.json(&["dlq", "list", "--source", "monitoring"]), json!([]));
}

#[test]
fn the_examples_say_that_an_event_was_not_published() {
    let broker = rights::broker();
    for (language, mut program) in programs() {
        // May publish `invoice.*` and `appointment.*`, and no incidents.
        program.env("AMQP_URL", rights::url("billing"));
        program.env("MANAGEMENT_PORT", broker.management_port().to_string());
        let said = fail(&mut program);
        assert!(said.contains("publish"), "{language}: {said}");
        let said = fail(program.env_remove("AMQP_URL"));
        assert!(said.contains("AMQP_URL"), "{language}: {said}");
    }
}
