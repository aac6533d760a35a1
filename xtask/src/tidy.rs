//! Checks what the compiler does not: headers, lengths, stubs, versions, links, which file or crate uses which,
//! and what an image is built from.
//!
//! In: the work tree. Out: every finding, with its place and what to do about it.
//! Never: changes a file.

mod circles;
mod crates;
mod documents;
mod image;
mod modules;
mod tokens;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

/// The longest source file that is allowed; most are far shorter.
const LINES_MAX: usize = 1_000;

/// Checks every file of the work tree.
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut findings = Vec::new();
    let ignored = fs::read_to_string(root.join(".dockerignore"))?;
    for file in files(root)? {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let mut find = |line: usize, what: &str| findings.push(format!("{name}:{line}: {what}"));
        if name.ends_with(".rs") {
            check_source(&name, &text, &mut find);
            image::check(&name, &text, &ignored, &mut find);
        }
        // A workspace's own manifest is where its versions stand.
        if name.ends_with("Cargo.toml") && !text.lines().any(|line| line == "[workspace]") {
            check_manifest(&text, &mut find);
            crates::check_manifest(&text, &mut find);
        }
        if name.ends_with(".md") {
            documents::check(root, &name, &text, &mut find);
        }
        // Spelled in two parts, so that this file does not find itself.
        for path in [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")] {
            for (number, line) in text.lines().enumerate().filter(|(_, line)| line.contains(path)) {
                if !line.contains(concat!("/ho", "me/callout")) {
                    find(number + 1, "the path of a machine; write it relative to the work tree");
                }
            }
        }
        if name.ends_with("src/lib.rs") || name.ends_with("src/main.rs") {
            let arrows = modules::Crate::read(&file).arrows();
            let folder = file.parent().unwrap_or(root);
            for circle in circles::circles(&arrows, folder) {
                let place = circle.file.strip_prefix(root).unwrap_or(&circle.file).display().to_string();
                findings.push(format!("{place}:1: {}", circle.message));
            }
        }
    }
    if findings.is_empty() {
        crate::output::say("tidy");
        return Ok(());
    }
    let noun = if findings.len() == 1 { "finding" } else { "findings" };
    bail!("{}\n{} {noun}", findings.join("\n"), findings.len())
}

fn check_source(name: &str, text: &str, find: &mut impl FnMut(usize, &str)) {
    if !text.starts_with("//!") {
        find(1, "begin with a `//!` header: what flows in, what flows out, what it never does");
    }
    if is_test_of_other_name(name) {
        find(
            1,
            "`cargo xtask test` runs the tests in tests/it/main.rs of each crate, and tests/fleet; put it there",
        );
    }
    let lines = text.lines().count();
    if lines > LINES_MAX && !name.contains("/tests/") {
        find(lines, "longer than 1,000 lines; split it by concept");
    }
    let stubs =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[ig", "nore"), concat!("should_", "panic")];
    for (number, line) in text.lines().enumerate() {
        // A chore of its own runs it.
        if line.contains("cargo xtask agents-test") {
            continue;
        }
        if stubs.iter().any(|stub| line.contains(stub)) {
            find(number + 1, "a stub, or a test that does not run");
        }
    }
}

/// Whether cargo makes a test of this file that has another name than `it`.
fn is_test_of_other_name(name: &str) -> bool {
    let in_crate = name.strip_prefix("crates/").and_then(|name| name.split_once('/'));
    let in_crate = in_crate.map(|(_, rest)| rest).or(name.strip_prefix("xtask/")).unwrap_or_default();
    let test = in_crate.strip_prefix("tests/").unwrap_or_default();
    let test = test.strip_suffix("/main.rs").or(test.strip_suffix(".rs")).unwrap_or_default();
    !test.is_empty() && !test.contains('/') && test != "it"
}

fn check_manifest(text: &str, find: &mut impl FnMut(usize, &str)) {
    let mut in_dependencies = false;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            in_dependencies = line.contains("dependencies");
        } else if in_dependencies
            && line.contains('=')
            && !line.contains("workspace = true")
            && !line.starts_with('#')
        {
            find(
                number + 1,
                "give the version in the workspace's Cargo.toml, and write `workspace = true` here",
            );
        }
    }
}

fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | ".git" | "node_modules" | "corpus" | "artifacts") {
                    folders.push(path);
                }
            } else if !matches!(name.as_str(), "Cargo.lock" | ".git") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::is_test_of_other_name;

    #[test]
    fn a_test_that_the_chore_would_not_run_is_found() {
        for name in ["crates/cli/tests/other.rs", "crates/cli/tests/other/main.rs", "xtask/tests/other.rs"] {
            assert!(is_test_of_other_name(name), "{name}");
        }
        for name in [
            "crates/cli/tests/it/main.rs",
            "crates/cli/tests/it/other.rs",
            "crates/cli/src/tests.rs",
            "crates/domain/src/reply/tests/bare.rs",
            "tests/fleet/main.rs",
        ] {
            assert!(!is_test_of_other_name(name), "{name}");
        }
    }
}
