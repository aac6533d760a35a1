//! The project's chores: `cargo xtask test`, `ci`, `prepare`, `tidy`, `bench`, `chaos`, `soak`, `deny`,
//! `fuzz`, `api-fuzz`, `dist`, `deploy-test`, `upgrade-test`, `agents-test`.
//!
//! In: a chore's name. Out: its output, and an exit code.
//! Never: does what a cargo command does; it calls them in order.

mod deploy_test;
mod dist;
mod fuzz;
mod mutants;
mod newest_broker;
mod output;
mod servers;
mod supply_chain;
mod tidy;
mod tools;
mod upgrade_test;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};

use crate::output::say;

/// The project's chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Everything that must pass before a change lands: tidy, format, lints, tests.
    Test {
        /// Test what a broker decides on another version: contract, rights, topology, bad input.
        #[arg(long)]
        broker: Option<Broker>,
    },
    /// `test`, the supply chain, whether fuzzing targets compile, then the demo as a newcomer runs it, from a release build.
    Ci,
    /// Install what tests need besides a toolchain, so that `cargo test` works: servers and tools.
    Prepare,
    /// Check what the compiler does not: headers, file lengths, stubs, versions, circles of files, arrows of crates.
    Tidy,
    /// Put deliberate bugs into a copy of the work tree, and check that a test notices each.
    Mutants {
        /// Only the bugs whose names contain these words.
        #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
        bug: String,
        /// Let `cargo mutants` change every line of `domain` instead, one at a time; takes 45 minutes.
        #[arg(long)]
        domain: bool,
    },
    /// Measure a release build, and print figures for docs/benchmarks.md.
    Bench {
        /// Passed on to the benchmark.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Kill a fleet of release builds and its servers at random moments, and check that nothing is lost or sent twice.
    Chaos {
        /// Passed on to the chaos run.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Keep a fleet of release builds under load for an hour, with rare faults, kills, a rolling restart, a reload and a
    /// token rotation, and check that nothing is lost or sent twice. No part of `test` and `ci`.
    Soak {
        /// Passed on to the soak: `--minutes 60 --rate 300 --seed 1`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check what callout is linked with: licences, sources, bans, and known vulnerabilities where that is possible.
    Deny,
    /// Look for inputs that break what reads bytes from outside. Needs a nightly toolchain and a C++ compiler.
    Fuzz(fuzz::Fuzz),
    /// Fuzz the HTTP API of a running process from the OpenAPI document that it serves. `test` does less of it.
    ApiFuzz {
        /// Requests for each operation and phase.
        #[arg(long, default_value_t = 100)]
        examples: u32,
        /// Another seed makes other requests.
        #[arg(long, default_value_t = 1)]
        seed: u32,
    },
    /// Pack a release build with its manual, examples, units and bill of materials into target/dist.
    Dist(dist::Dist),
    /// Run the image and docker-compose.yml on a container engine, the units under a systemd, and render the overlays:
    /// all of its own, from Debian's packages. Needs root; no part of `test` and `ci`.
    DeployTest(deploy_test::DeployTest),
    /// Replace every process of a fleet of another release by one of this release, and back, while events come in.
    UpgradeTest(upgrade_test::UpgradeTest),
    /// Run the inspector of MCP, and a gateway of OpenClaw with a scripted model, against callout. Installs 930 MB of
    /// packages; no part of `test` and `ci`.
    AgentsTest,
}

/// Which RabbitMQ tests use.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Broker {
    /// The newest that Debian has, in a folder of its own.
    Newest,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    match Cli::parse().chore {
        Chore::Test { broker: None } => test(),
        Chore::Test { broker: Some(Broker::Newest) } => test_on_newest_broker(),
        Chore::Ci => {
            test()?;
            supply_chain::check(&root())?;
            cargo(&["clippy", "--manifest-path", "fuzz/Cargo.toml", "--locked", "--", "--deny", "warnings"])?;
            cargo(&["build", "--release", "--package", "cli"])?;
            cargo(&[
                "run",
                "--release",
                "--package",
                "cli",
                "--",
                "demo",
                "--exit",
                "--listen",
                "127.0.0.1:0",
            ])
        }
        Chore::Prepare => prepare(),
        Chore::Tidy => tidy::check(&root()),
        Chore::Mutants { domain: false, bug } => mutants::run(&root(), &bug),
        Chore::Mutants { domain: true, .. } => mutants::domain(&root()),
        Chore::Bench { mut args } => {
            let is_beside = args.iter().any(|arg| arg.starts_with("--beside"));
            if is_beside || args.iter().any(|arg| arg.ends_with("fleet")) {
                servers::ensure()?;
            }
            if is_beside {
                let is_celery = args.iter().any(|arg| arg.ends_with("celery"));
                let folder = if is_celery { tools::celery(&root())? } else { tools::bullmq(&root())? };
                args.extend(["--packages".to_owned(), folder.display().to_string()]);
            }
            measure("bench", &args)
        }
        Chore::Chaos { args } => {
            servers::ensure()?;
            measure("chaos", &args)
        }
        Chore::Soak { args } => {
            servers::ensure()?;
            measure("chaos", &[&["soak".to_owned()], &*args].concat())
        }
        Chore::Deny => supply_chain::check(&root()),
        Chore::Fuzz(args) => fuzz::run_targets(&root(), &args),
        Chore::ApiFuzz { examples, seed } => fuzz_api(examples, seed),
        Chore::Dist(args) => dist::run_dist(&root(), &args),
        Chore::DeployTest(args) => deploy_test::run(&root(), &args),
        Chore::UpgradeTest(args) => test_upgrade(&args),
        Chore::AgentsTest => {
            let folder = tools::agents(&root())?;
            let folder = folder.to_str().context("the path of the target folder is no text")?;
            let args = ["test", "--workspace", "--test", "it", "--", "--ignored", "--nocapture", "gateway::"];
            cargo_with(&args, &[("CALLOUT_AGENTS_TOOLS", folder)])
        }
    }
}

/// Builds a release of callout, and runs one of our own tools with it.
fn measure(tool: &str, args: &[String]) -> Result<()> {
    cargo(&["build", "--release", "--package", "cli"])?;
    let mut command = vec!["run", "--release", "--package", tool, "--"];
    command.extend(args.iter().map(String::as_str));
    cargo(&command)
}

/// Each of them has a broker, a store and some ten processes.
const FLEET_TESTS_AT_ONCE: &str = "4";

fn test() -> Result<()> {
    tidy::check(&root())?;
    cargo(&["fmt", "--all", "--check"])?;
    // What is installed comes over the network, while the compiler has the processor.
    std::thread::scope(|scope| {
        let preparing = scope.spawn(prepare);
        let linted = cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]);
        let prepared = preparing.join().unwrap_or_else(|_| bail!("the preparation stopped"));
        linted.and(prepared)
    })?;
    run_tests()
}

/// The tests of `tests/fleet` wait most of the time, for deadlines and for servers that were killed; the others have the
/// processor meanwhile.
fn run_tests() -> Result<()> {
    cargo(&["test", "--workspace", "--no-run"])?;
    std::thread::scope(|scope| {
        let fleet = scope.spawn(|| {
            cargo_with(
                &["test", "--workspace", "--test", "fleet"],
                &[("RUST_TEST_THREADS", FLEET_TESTS_AT_ONCE)],
            )
        });
        let others = cargo(&["test", "--workspace", "--lib", "--bins", "--test", "it"]);
        let fleet = fleet.join().unwrap_or_else(|_| bail!("the tests of the fleet stopped"));
        others.and(fleet)
    })?;
    cargo(&["test", "--workspace", "--doc"])
}

/// What a broker of another version may do differently.
const BROKER_TESTS: [&[&str]; 2] = [
    &["--test", "it", "--", "contract::", "delays::", "outages::", "poison::", "producers::", "topology::"],
    &["--test", "fleet", "--", "rights::", "bad_input::", "topology::"],
];

fn test_on_newest_broker() -> Result<()> {
    let folder = match newest_broker::ensure() {
        Ok(folder) => folder,
        Err(error) => {
            say(&format!("skipped, for no newer RabbitMQ can be had here: {error:#}"));
            return Ok(());
        }
    };
    servers::ensure()?;
    let folder = folder.display().to_string();
    BROKER_TESTS.iter().try_for_each(|tests| {
        let args = [&["test", "--package", "bus-rabbitmq", "--package", "cli"], *tests].concat();
        cargo_with(&args, &[("CALLOUT_TEST_RABBITMQ_ROOT", &folder)])
    })
}

/// The suite's test, for longer.
fn fuzz_api(examples: u32, seed: u32) -> Result<()> {
    tools::ensure(&root())?;
    let tuned = [
        ("CALLOUT_TEST_API_EXAMPLES", &*examples.to_string()),
        ("CALLOUT_TEST_API_SEED", &*seed.to_string()),
    ];
    cargo_with(&["test", "--package", "cli", "--test", "it", "api_fuzz", "--", "--nocapture"], &tuned)
}

fn test_upgrade(args: &upgrade_test::UpgradeTest) -> Result<()> {
    servers::ensure()?;
    let other = upgrade_test::build(&root(), args)?.display().to_string();
    let test = ["test", "--package", "cli", "--test", "fleet", "upgrade::", "--", "--nocapture"];
    cargo_with(&test, &[("CALLOUT_TEST_OTHER_BINARY", &other)])
}

fn prepare() -> Result<()> {
    servers::ensure()?;
    tools::ensure(&root())
}

fn cargo(args: &[&str]) -> Result<()> {
    cargo_with(args, &[])
}

fn cargo_with(args: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    say(&format!("cargo {}", args.join(" ")));
    let mut command = Command::new(env!("CARGO"));
    // What cargo says of this package to a program that it runs: build scripts of others would take it for a change, and
    // half of the dependencies would be built again after each `cargo test` without us.
    let of_this = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in of_this.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
        command.env_remove(name);
    }
    let status = command
        .args(args)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .context("cargo cannot be started")?;
    if !status.success() {
        bail!("cargo {} failed", args.join(" "));
    }
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}
