//! Checks `docker-compose.yml` and the units against public schemas and against what our roles need.
//!
//! In: the files as they are. Out: a failed test for each error in them.
//! Never: applies them: there is no container engine in a test. `cargo xtask deploy-test` does.

use std::{path::PathBuf, process::Command};

use serde_json::{Value, json};

use crate::tools::{python, root, succeed};

/// Every role has a service and a manifest.
pub(crate) const ROLES: [&str; 6] = ["ingest", "sender", "callback", "escalation", "integrations", "api"];
/// Reads every document of YAML files, with their aliases and merges.
const READ: &str = "import json, sys, yaml; \
     print(json.dumps([d for name in sys.argv[1:] for d in yaml.safe_load_all(open(name)) if d]))";

/// What YAML files hold.
pub(crate) fn documents(files: &[PathBuf]) -> Vec<Value> {
    let read = succeed(python("python").args(["-c", READ]).args(files));
    serde_json::from_str(&read).unwrap()
}

#[test]
fn the_compose_file_is_valid_and_its_senders_can_be_scaled() {
    let file = root().join("docker-compose.yml");
    succeed(python("check-jsonschema").args(["--builtin-schema", "vendor.compose-spec"]).arg(&file));
    let compose = documents(&[file]).remove(0);
    for role in ROLES {
        let service = &compose["services"][role];
        assert_eq!(service["command"], json!(["serve", role, "--listen", "0.0.0.0:8080"]), "{role}");
        for server in ["rabbitmq", "redis"] {
            assert_eq!(service["depends_on"][server]["condition"], "service_healthy", "{role}");
            assert!(compose["services"][server]["healthcheck"]["test"].is_array(), "{server}");
        }
        assert!(service["healthcheck"]["test"].to_string().contains("/8080"), "{role}");
        assert!(service.get("container_name").is_none(), "{role}: a name of its own cannot be scaled");
        assert_eq!(service["volumes"], json!(["./deploy/compose:/etc/callout:ro"]), "{role}");
        assert_eq!((&service["read_only"], &service["cap_drop"]), (&json!(true), &json!(["ALL"])), "{role}");
    }
    for service in compose["services"].as_object().unwrap().values() {
        assert_eq!(service["restart"], "unless-stopped", "H2");
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]), "H10");
    }
    assert_eq!(compose["services"]["rabbitmq"]["hostname"], "rabbitmq", "F9 and H1: the node's name");
    for role in ["sender", "callback", "escalation", "integrations"] {
        assert!(compose["services"][role].get("ports").is_none(), "{role}: a port cannot be scaled");
    }
    // The addresses of the simulator, and those that it calls.
    let simulator = compose["services"]["twilio-sim"]["command"].to_string();
    assert!(simulator.contains("http://callback:8080/v1/twilio/inbound"), "{simulator}");
}

/// The file with its default values, as `docker compose` uses them.
#[test]
fn the_configuration_of_the_compose_file_is_valid_and_that_of_the_examples() {
    let compose = documents(&[root().join("docker-compose.yml")]).remove(0);
    let mut callout = Command::new(env!("CARGO_BIN_EXE_callout"));
    callout.args(["check", "--config"]).arg(root().join("deploy/compose/callout.toml"));
    for (name, value) in compose["services"]["sender"]["environment"].as_object().unwrap() {
        if name != "CALLOUT_CONFIG" {
            callout.env(name, with_defaults(value.as_str().unwrap()));
        }
    }
    succeed(&mut callout);
    same_as_examples("deploy/compose");
    same_as_examples("deploy/kubernetes/base/config");
}

/// Copies, because an image is built from `examples/`, and a change of what is mounted must not build it again (H9).
fn same_as_examples(folder: &str) {
    let workflows = std::fs::read_dir(root().join(folder).join("workflows")).unwrap();
    let workflows =
        workflows.map(|file| format!("workflows/{}", file.unwrap().file_name().to_str().unwrap()));
    for name in workflows.chain(["contacts.toml", "oncall.toml", "platform.ics"].map(str::to_owned)) {
        let read = |folder: &str| std::fs::read_to_string(root().join(folder).join(&name)).unwrap();
        assert!(read(folder) == read("examples"), "copy examples/{name} to {folder}");
    }
}

/// H9: what containers mount is not what the image is built from.
#[test]
fn h9_the_build_context_leaves_out_what_is_mounted() {
    let ignored = std::fs::read_to_string(root().join(".dockerignore")).unwrap();
    let mut lines = ignored.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some("*"), "everything, but for what follows");
    assert!(lines.all(|line| !line.starts_with("!deploy")));
}

/// `a ${NAME:-default} b` is `a default b`.
fn with_defaults(value: &str) -> String {
    let Some((before, rest)) = value.split_once("${") else { return value.to_owned() };
    let (variable, after) = rest.split_once('}').unwrap();
    let (_, default) = variable.split_once(":-").unwrap();
    format!("{before}{default}{}", with_defaults(after))
}

/// `systemd-analyze` wants the program to exist, so it gets the one under test.
#[test]
fn the_units_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    for (unit, instance) in
        [("callout.service", "callout.service"), ("callout@.service", "callout@sender-1.service")]
    {
        let text = std::fs::read_to_string(root().join("deploy/systemd").join(unit)).unwrap();
        let text = text.replace("/usr/local/bin/callout", env!("CARGO_BIN_EXE_callout"));
        std::fs::write(folder.path().join(unit), text).unwrap();
        let mut verify = Command::new("systemd-analyze");
        verify.args(["verify", "--man=no", "--recursive-errors=no"]).arg(folder.path().join(instance));
        let output = verify.output().expect("systemd-analyze is missing: run `cargo xtask prepare`");
        let said = String::from_utf8_lossy(&output.stderr);
        // It exits with 0 even if it ignores a key.
        let ours: Vec<_> = said.lines().filter(|line| line.contains("callout")).collect();
        assert!(output.status.success() && ours.is_empty(), "{unit}: {said}");
    }
}

/// The exposure that `systemd-analyze security` finds, from 0 to 10, is 2.0 at most.
#[test]
fn h7_the_units_are_hardened() {
    for unit in ["callout.service", "callout@.service"] {
        let mut security = Command::new("systemd-analyze");
        security.args(["security", "--offline=true", "--threshold=20", "--no-pager"]);
        succeed(security.arg(root().join("deploy/systemd").join(unit)));
        let text = std::fs::read_to_string(root().join("deploy/systemd").join(unit)).unwrap();
        for line in ["Type=notify", "StartLimitIntervalSec=0", "RestartPreventExitStatus=2 78", "UMask=0077"]
        {
            assert!(text.lines().any(|found| found == line), "{unit}: {line}");
        }
    }
}
