//! The overlays, rendered, and what they come to checked against schemas.
//!
//! In: `deploy/kubernetes`. Out: that each overlay renders, and that a change of configuration changes the pods.
//! Never: talks to a cluster. Needs `kubectl` for its kustomize; where there is none, it says so and goes on.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{
    place::{Place, holds},
    shell::{attempt, command, expect, read, run},
};
use crate::output::say;

/// Reads documents of YAML.
const READ: &str =
    "import json, sys, yaml; print(json.dumps([d for d in yaml.safe_load_all(open(sys.argv[1])) if d]))";
/// Kinds that are not Kubernetes' own, and the schemas of the parts that are used.
const FOREIGN: [(&str, &str); 3] = [
    ("PodMonitor", "pod-monitor.json"),
    ("ScaledObject", "keda-scaled-object.json"),
    ("TriggerAuthentication", "keda-trigger-authentication.json"),
];

/// Renders and checks them.
pub(super) fn check(place: &Place) -> Result<()> {
    if attempt(&mut command("sh", &["-c", "command -v kubectl"]))?.code != Some(0) {
        say("SKIPPED: there is no kubectl, so the overlays of deploy/kubernetes were not rendered");
        return Ok(());
    }
    let copy = place.folder.join("kubernetes");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    run(command("cp", &["--recursive"]).arg(place.source.join("deploy/kubernetes")).arg(&copy))?;
    for overlay in ["keda", "plain"] {
        let documents = render(place, &copy, overlay)?;
        validate(place, overlay, &documents)?;
        let names = config_maps(&documents);
        let config = copy.join("base/config/contacts.toml");
        let before = fs::read_to_string(&config)?;
        fs::write(&config, format!("{before}# edited\n"))?;
        let changed = config_maps(&render(place, &copy, overlay)?);
        fs::write(&config, before)?;
        expect(names != changed && names.is_subset(&mounted(&documents)), || {
            format!("H12, {overlay}: an edit leaves {names:?} as they were, or pods mount others")
        })?;
        let has_keda = documents.iter().any(|document| document["kind"] == "ScaledObject");
        expect(has_keda == (overlay == "keda"), || format!("H12, {overlay}: KEDA is there or is not"))?;
        holds(
            "H12",
            &format!("the overlay {overlay} renders, matches its schemas, and an edit reaches the pods"),
        );
    }
    Ok(())
}

fn render(place: &Place, copy: &Path, overlay: &str) -> Result<Vec<Value>> {
    let rendered = read(command("kubectl", &["kustomize"]).arg(copy.join("overlays").join(overlay)))?;
    let file = place.folder.join(format!("{overlay}.yaml"));
    fs::write(&file, rendered)?;
    let documents = read(Command::new(place.python("python")?).args(["-c", READ]).arg(&file))?;
    Ok(serde_json::from_str(&documents)?)
}

fn validate(place: &Place, overlay: &str, documents: &[Value]) -> Result<()> {
    let folder = place.folder.join("rendered");
    fs::create_dir_all(&folder)?;
    for (number, document) in documents.iter().enumerate() {
        let file = folder.join(format!("{overlay}-{number}.json"));
        fs::write(&file, document.to_string())?;
        let kind = document["kind"].as_str().context("a kind")?;
        match FOREIGN.iter().find(|(foreign, _)| *foreign == kind) {
            Some((_, schema)) => {
                let schema = place.source.join("tests/fleet/schemas").join(schema);
                let program = place.python("check-jsonschema")?;
                read(Command::new(program).arg("--schemafile").arg(schema).arg(&file))?;
            }
            None => {
                let program = place.python("kubernetes-validate")?;
                read(Command::new(program).arg("--strict").arg(&file))?;
            }
        }
    }
    if documents.len() < 15 {
        bail!("H12, {overlay}: only {} documents", documents.len());
    }
    Ok(())
}

fn config_maps(documents: &[Value]) -> BTreeSet<String> {
    let maps = documents.iter().filter(|document| document["kind"] == "ConfigMap");
    maps.filter_map(|map| map["metadata"]["name"].as_str().map(str::to_owned)).collect()
}

/// What deployments mount.
fn mounted(documents: &[Value]) -> BTreeSet<String> {
    let deployments = documents.iter().filter(|document| document["kind"] == "Deployment");
    let volumes =
        deployments.filter_map(|one| one["spec"]["template"]["spec"]["volumes"].as_array()).flatten();
    volumes.filter_map(|volume| volume["configMap"]["name"].as_str().map(str::to_owned)).collect()
}
