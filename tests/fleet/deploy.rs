//! Checks `docker-compose.yml` and `deploy/` against public schemas and against what our roles need.
//!
//! In: the files as they are. Out: a failed test for each error in them.
//! Never: applies them: there is no container engine and no cluster in a test.

use std::{collections::BTreeSet, path::PathBuf, process::Command};

use serde_json::{Value, json};

use crate::tools::{python, root, succeed};

const ROLES: [&str; 4] = ["ingest", "sender", "callback", "escalation"];
/// Reads every document of YAML files, with their aliases and merges.
const READ: &str = "import json, sys, yaml; \
     print(json.dumps([d for name in sys.argv[1:] for d in yaml.safe_load_all(open(name)) if d]))";

fn documents(files: &[PathBuf]) -> Vec<Value> {
    let read = succeed(python("python").args(["-c", READ]).args(files));
    serde_json::from_str(&read).unwrap()
}

fn manifest(name: &str) -> PathBuf {
    root().join("deploy/kubernetes").join(name)
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> Vec<&'a Value> {
    documents.iter().filter(|document| document["kind"] == kind).collect()
}

fn matches_schema(schema: &str, file: &str) {
    let schema = root().join("tests/fleet/schemas").join(schema);
    succeed(python("check-jsonschema").arg("--schemafile").arg(schema).arg(manifest(file)));
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
        for volume in service["volumes"].as_array().unwrap() {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            assert!(root().join(source).exists(), "{role} mounts {source}");
        }
    }
    for role in ["sender", "callback", "escalation"] {
        assert!(compose["services"][role].get("ports").is_none(), "{role}: a port cannot be scaled");
    }
    // The addresses of the simulator, and those that it calls.
    let simulator = compose["services"]["twilio-sim"]["command"].to_string();
    assert!(simulator.contains("http://callback:8080/v1/twilio/inbound"), "{simulator}");
}

/// The file with its default values, as `docker compose` uses them.
#[test]
fn the_configuration_of_the_compose_file_is_valid() {
    let compose = documents(&[root().join("docker-compose.yml")]).remove(0);
    let service = &compose["services"]["sender"];
    let folder = tempfile::tempdir().unwrap();
    for volume in service["volumes"].as_array().unwrap() {
        let [source, target, _] = volume.as_str().unwrap().split(':').collect::<Vec<_>>()[..] else {
            panic!("{volume}")
        };
        let target = folder.path().join(target.strip_prefix("/etc/callout/").unwrap());
        std::os::unix::fs::symlink(root().join(source).canonicalize().unwrap(), target).unwrap();
    }
    let mut callout = Command::new(env!("CARGO_BIN_EXE_callout"));
    callout.args(["check", "--config"]).arg(folder.path().join("callout.toml"));
    for (name, value) in service["environment"].as_object().unwrap() {
        if name != "CALLOUT_CONFIG" {
            callout.env(name, with_defaults(value.as_str().unwrap()));
        }
    }
    succeed(&mut callout);
}

/// `a ${NAME:-default} b` is `a default b`.
fn with_defaults(value: &str) -> String {
    let Some((before, rest)) = value.split_once("${") else { return value.to_owned() };
    let (variable, after) = rest.split_once('}').unwrap();
    let (_, default) = variable.split_once(":-").unwrap();
    format!("{before}{default}{}", with_defaults(after))
}

#[test]
fn the_manifests_are_valid() {
    let files = ROLES.map(|role| manifest(&format!("{role}.yaml")));
    let said = succeed(python("kubernetes-validate").arg("--strict").args(files));
    assert!(!said.contains("WARN"), "{said}");
    matches_schema("keda-scaled-object.json", "keda-senders.yaml");
    matches_schema("keda-trigger-authentication.json", "keda-rabbitmq.yaml");
    matches_schema("kustomization.json", "kustomization.yaml");
    let kustomization = documents(&[manifest("kustomization.yaml")]).remove(0);
    let listed: BTreeSet<&str> =
        kustomization["resources"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let names = std::fs::read_dir(manifest("")).unwrap().map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<String> = names.map(|name| name.into_string().unwrap()).collect();
    let others: BTreeSet<&str> =
        names.iter().map(String::as_str).filter(|name| *name != "kustomization.yaml").collect();
    assert_eq!(listed, others);
}

#[test]
fn every_role_has_probes_bounds_a_budget_and_its_own_secret() {
    for role in ROLES {
        let documents = documents(&[manifest(&format!("{role}.yaml"))]);
        let deployment = of_kind(&documents, "Deployment")[0];
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/component"], role);
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["args"], json!(["serve", role, "--listen", "0.0.0.0:8080"]));
        for (probe, path) in
            [("startupProbe", "/healthz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")]
        {
            assert_eq!(container[probe]["httpGet"]["path"], path, "{role}: {probe}");
        }
        for bound in ["requests", "limits"] {
            assert!(container["resources"][bound]["memory"].is_string(), "{role}: {bound}");
        }
        assert_eq!(container["envFrom"], json!([{"secretRef": {"name": format!("callout-{role}")}}]));
        let named: Vec<_> = container["env"].as_array().unwrap().iter().map(|env| &env["name"]).collect();
        assert_eq!(named, ["CALLOUT_CONFIG"], "{role}: whatever else there is may be a secret");
        for target in [of_kind(&documents, "PodDisruptionBudget")[0], deployment] {
            assert_eq!(&target["spec"]["selector"]["matchLabels"], labels, "{role}");
        }
        assert_eq!(of_kind(&documents, "Service").len(), usize::from(matches!(role, "ingest" | "callback")));
    }
}

/// Senders are scaled by every queue that they consume, and by no other.
#[test]
fn keda_looks_at_the_queues_of_the_senders() {
    let scaled = documents(&[manifest("keda-senders.yaml")]).remove(0);
    assert_eq!(scaled["spec"]["scaleTargetRef"]["name"], "callout-sender");
    let sender = documents(&[manifest("sender.yaml")]);
    assert!(of_kind(&sender, "Deployment")[0]["spec"].get("replicas").is_none(), "KEDA says how many");
    let authentication = documents(&[manifest("keda-rabbitmq.yaml")]).remove(0);
    let triggers = scaled["spec"]["triggers"].as_array().unwrap();
    let looked_at: BTreeSet<&str> =
        triggers.iter().filter_map(|trigger| trigger["metadata"]["queueName"].as_str()).collect();
    for trigger in triggers {
        assert_eq!(trigger["authenticationRef"]["name"], authentication["metadata"]["name"]);
    }
    let topology = std::fs::read_to_string(root().join("deploy/rabbitmq/topology.json")).unwrap();
    let topology: Value = serde_json::from_str(&topology).unwrap();
    let queues = topology["queues"].as_array().unwrap().iter().filter_map(|queue| queue["name"].as_str());
    let is_sent = |name: &&str| name.contains(".v1.events.") || name.contains(".v1.send.");
    assert_eq!(looked_at, queues.filter(is_sent).collect());
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
