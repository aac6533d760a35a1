//! What a binary is made of, as a CycloneDX 1.6 document. In: what `cargo metadata` prints, and `Cargo.lock`. Out: JSON.
//!
//! Never: lists what only tests or build scripts use, or anything that two runs would write differently.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

/// The bill of materials of a package of the workspace.
pub(super) fn of(package: &str, metadata: &Value, lock: &str) -> Result<Value> {
    let packages: BTreeMap<&str, &Value> =
        array(metadata, "packages").filter_map(|package| Some((package["id"].as_str()?, package))).collect();
    let used_by: BTreeMap<&str, BTreeSet<&str>> = array(&metadata["resolve"], "nodes")
        .filter_map(|node| Some((node["id"].as_str()?, array(node, "deps").filter_map(linked).collect())))
        .collect();
    let main = find(package, metadata)?["id"].as_str().context("a package without an id")?;
    let mut parts = BTreeSet::new();
    let mut todo = vec![main];
    while let Some(id) = todo.pop() {
        if parts.insert(id) {
            todo.extend(used_by.get(id).into_iter().flatten());
        }
    }
    let checksums = checksums(lock);
    let describe = |id: &str| packages.get(id).map(|package| component(package, &checksums));
    let component_of_main = describe(main).context("the package is not listed")?;
    let reference = |id: &str| describe(id).map(|component| component["bom-ref"].clone());
    let dependencies: Vec<Value> = parts
        .iter()
        .map(|id| {
            let on: Vec<_> = used_by.get(id).into_iter().flatten().filter_map(|id| reference(id)).collect();
            json!({"ref": reference(id), "dependsOn": on})
        })
        .collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": component_of_main},
        "components": parts.iter().filter(|id| **id != main).filter_map(|id| describe(id)).collect::<Vec<_>>(),
        "dependencies": dependencies,
    }))
}

/// The version of a package of the workspace.
pub(super) fn version<'a>(package: &str, metadata: &'a Value) -> Result<&'a str> {
    find(package, metadata)?["version"].as_str().context("a package without a version")
}

fn find<'a>(package: &str, metadata: &'a Value) -> Result<&'a Value> {
    let mut packages = array(metadata, "packages");
    let found = packages.find(|found| found["name"] == package && found["source"].is_null());
    found.with_context(|| format!("there is no package {package}"))
}

/// The id of a dependency that is linked; those of tests and build scripts are not.
fn linked(dependency: &Value) -> Option<&str> {
    let is_linked = array(dependency, "dep_kinds").any(|kind| kind["kind"].is_null());
    dependency["pkg"].as_str().filter(|_| is_linked)
}

fn component(package: &Value, checksums: &BTreeMap<(String, String), String>) -> Value {
    let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let (name, version) = (text("name"), text("version"));
    let is_ours = package["source"].is_null();
    // A name of the registry is not ours to use.
    let reference =
        if is_ours { format!("callout/{name}@{version}") } else { format!("pkg:cargo/{name}@{version}") };
    let mut component = Map::new();
    component.insert("type".to_owned(), (if name == "cli" { "application" } else { "library" }).into());
    component.insert("bom-ref".to_owned(), reference.clone().into());
    component.insert("name".to_owned(), name.clone().into());
    component.insert("version".to_owned(), version.clone().into());
    if let Some(license) = package["license"].as_str() {
        // Some manifests still write the old form `MIT/Apache-2.0`.
        component.insert("licenses".to_owned(), json!([{"expression": license.replace('/', " OR ")}]));
    }
    if !is_ours {
        component.insert("purl".to_owned(), reference.into());
    }
    if let Some(checksum) = checksums.get(&(name, version)) {
        component.insert("hashes".to_owned(), json!([{"alg": "SHA-256", "content": checksum}]));
    }
    Value::Object(component)
}

/// The checksums of `Cargo.lock`, by name and version. Cargo writes one value a line.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |part: &str, key: &str| {
        let line = part.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let entry =
        |part: &str| Some(((value(part, "name")?, value(part, "version")?), value(part, "checksum")?));
    lock.split("[[package]]").filter_map(entry).collect()
}

fn array<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value[key].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_listed_with_its_checksum_and_nothing_else() {
        let registry = "registry+https://example.com";
        let package = |name: &str, source: Option<&str>, license: &str| json!({"id": name, "name": name, "version": "1.0.0", "source": source, "license": license});
        let on = |name: &str, kind: Option<&str>| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": [
                package("cli", None, "Apache-2.0"), package("linked", Some(registry), "MIT/Apache-2.0"),
                package("deep", Some(registry), "MIT"), package("tests", Some(registry), "MIT"),
            ],
            "resolve": {"nodes": [
                {"id": "cli", "deps": [on("linked", None), on("tests", Some("dev"))]},
                {"id": "linked", "deps": [on("deep", None), on("tests", Some("build"))]},
                {"id": "deep", "deps": []}, {"id": "tests", "deps": []},
            ]},
        });
        let lock = "[[package]]\nname = \"deep\"\nversion = \"1.0.0\"\nchecksum = \"0f\"\n";
        let bom = of("cli", &metadata, lock).unwrap();
        let found: Vec<_> = array(&bom, "components").map(|part| part["bom-ref"].as_str().unwrap()).collect();
        assert_eq!(found, ["pkg:cargo/deep@1.0.0", "pkg:cargo/linked@1.0.0"]);
        assert_eq!(bom["components"][0]["hashes"][0]["content"], "0f");
        assert_eq!(bom["components"][1]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(bom["metadata"]["component"]["name"], "cli");
        assert_eq!(bom["dependencies"][2]["dependsOn"], json!(["pkg:cargo/deep@1.0.0"]));
    }
}
