//! Checks `deploy/kubernetes` against public schemas and against what our roles need.
//!
//! In: the files as they are. Out: a failed test for each error in them.
//! Never: applies them: there is no cluster in a test. `cargo xtask deploy-test` renders the overlays.

use std::{collections::BTreeSet, path::PathBuf, process::Command};

use serde_json::{Value, json};

use crate::{
    deploy::{ROLES, documents},
    tools::{python, root, succeed},
};

fn manifest(name: &str) -> PathBuf {
    root().join("deploy/kubernetes").join(name)
}

fn role(role: &str) -> PathBuf {
    manifest(&format!("base/{role}.yaml"))
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> Vec<&'a Value> {
    documents.iter().filter(|document| document["kind"] == kind).collect()
}

fn matches_schema(schema: &str, file: &str) {
    let schema = root().join("tests/fleet/schemas").join(schema);
    succeed(python("check-jsonschema").arg("--schemafile").arg(schema).arg(manifest(file)));
}

#[test]
fn the_manifests_are_valid() {
    let of_kubernetes = ["ingress", "network-policies"].into_iter().chain(ROLES).map(role);
    let said = succeed(python("kubernetes-validate").arg("--strict").args(of_kubernetes));
    assert!(!said.contains("WARN"), "{said}");
    matches_schema("keda-scaled-object.json", "overlays/keda/keda-senders.yaml");
    matches_schema("keda-trigger-authentication.json", "overlays/keda/keda-rabbitmq.yaml");
    matches_schema("pod-monitor.json", "components/pod-monitor/pod-monitor.yaml");
    for folder in ["base", "overlays/keda", "overlays/plain", "components/pod-monitor"] {
        matches_schema("kustomization.json", &format!("{folder}/kustomization.yaml"));
        let kustomization = documents(&[manifest(folder).join("kustomization.yaml")]).remove(0);
        let listed = kustomization["resources"].as_array().unwrap().iter().filter_map(Value::as_str);
        let listed: BTreeSet<&str> = listed.filter(|name| !name.starts_with("..")).collect();
        let names = std::fs::read_dir(manifest(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let names: BTreeSet<String> = names.map(|name| name.into_string().unwrap()).collect();
        let is_resource = |name: &&str| name.ends_with(".yaml") && *name != "kustomization.yaml";
        assert_eq!(listed, names.iter().map(String::as_str).filter(is_resource).collect(), "{folder}");
    }
}

/// H12: what a change of configuration, a drained node, a full log and a stranger meet.
#[test]
fn h12_the_base_says_who_gets_in_and_a_change_of_configuration_reaches_the_pods() {
    let kustomization = documents(&[manifest("base/kustomization.yaml")]).remove(0);
    let generated = kustomization["configMapGenerator"].as_array().unwrap();
    let files: Vec<&str> =
        generated.iter().flat_map(|map| map["files"].as_array().unwrap()).filter_map(Value::as_str).collect();
    for file in &files {
        assert!(manifest("base").join(file).exists(), "{file}");
    }
    let names: Vec<_> = generated.iter().map(|map| &map["name"]).collect();
    assert_eq!(names, ["callout-config", "callout-workflows"]);
    assert_ne!(kustomization["images"][0]["newTag"], "latest");
    let ingress = documents(&[role("ingress")]).remove(0);
    let rules = &ingress["spec"]["rules"];
    let paths: Vec<_> =
        rules[0]["http"]["paths"].as_array().unwrap().iter().map(|path| &path["path"]).collect();
    assert_eq!((rules.as_array().unwrap().len(), paths), (1, vec![&json!("/v1/twilio/"), &json!("/a/")]));
    let policies = documents(&[role("network-policies")]);
    assert_eq!(
        policies[0]["spec"]["policyTypes"],
        json!(["Ingress", "Egress"]),
        "nothing else gets in or out"
    );
    let mut callout = Command::new(env!("CARGO_BIN_EXE_callout"));
    callout.args(["check", "--config"]).arg(manifest("base/config/callout.toml"));
    for (name, value) in [
        ("CALLOUT_AMQP_URL", "amqp://callout-ingest:x@rabbitmq:5672/%2F"),
        ("CALLOUT_REDIS_URL", "redis://redis:6379"),
        ("CALLOUT_KEY_MONITORING", "key"),
        ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
        ("TWILIO_AUTH_TOKEN", "token"),
    ] {
        callout.env(name, value);
    }
    succeed(&mut callout);
}

#[test]
fn every_role_has_probes_bounds_a_budget_and_its_own_secret() {
    for name in ROLES {
        let (documents, role) = (documents(&[role(name)]), name);
        let deployment = of_kind(&documents, "Deployment")[0];
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/component"], role);
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["args"], json!(["serve", role, "--listen", "0.0.0.0:8080"]));
        for (probe, path) in
            [("startupProbe", "/healthz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")]
        {
            assert_eq!(container[probe]["httpGet"]["path"], path, "{role}: {probe}");
            let port = if path == "/readyz" { "monitoring" } else { "http" };
            assert_eq!(container[probe]["httpGet"]["port"], port, "{role}: {probe}");
        }
        for bound in ["requests", "limits"] {
            assert!(container["resources"][bound]["memory"].is_string(), "{role}: {bound}");
        }
        // More than the five log files of 10 MiB that a kubelet keeps.
        assert_eq!(container["resources"]["limits"]["ephemeral-storage"], "256Mi", "{role}");
        let budget = of_kind(&documents, "PodDisruptionBudget")[0];
        assert_eq!(budget["spec"]["unhealthyPodEvictionPolicy"], "AlwaysAllow", "{role}");
        assert_eq!(container["envFrom"], json!([{"secretRef": {"name": format!("callout-{role}")}}]));
        let named: Vec<_> = container["env"].as_array().unwrap().iter().map(|env| &env["name"]).collect();
        assert_eq!(named, ["CALLOUT_CONFIG"], "{role}: whatever else there is may be a secret");
        for target in [budget, deployment] {
            assert_eq!(&target["spec"]["selector"]["matchLabels"], labels, "{role}");
        }
        let answers = matches!(role, "ingest" | "callback");
        assert_eq!(of_kind(&documents, "Service").len(), usize::from(answers || role == "api"));
        assert_eq!(of_kind(&documents, "HorizontalPodAutoscaler").len(), usize::from(answers));
        let fixed = deployment["spec"].get("replicas").is_some();
        assert_eq!(
            fixed,
            matches!(role, "escalation" | "integrations" | "api"),
            "{role}: an autoscaler or an overlay says how many"
        );
    }
}

/// Senders are scaled by every queue that they consume, and by no other.
#[test]
fn keda_looks_at_the_queues_of_the_senders() {
    let scaled = documents(&[manifest("overlays/keda/keda-senders.yaml")]).remove(0);
    assert_eq!(scaled["spec"]["scaleTargetRef"]["name"], "callout-sender");
    let sender = documents(&[role("sender")]);
    assert_eq!(of_kind(&sender, "Deployment")[0]["metadata"]["name"], "callout-sender");
    let authentication = documents(&[manifest("overlays/keda/keda-rabbitmq.yaml")]).remove(0);
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
