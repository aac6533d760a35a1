//! Deliberate bugs: each is put into a copy of the work tree, and a test must notice it.
//!
//! In: the list below, or what `cargo mutants` finds to change. Out: which test noticed which bug; an error for a bug
//! that no test noticed.
//! Never: changes the work tree itself.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// A bug: the file, the correct text in it, and the wrong text.
struct Bug {
    name: &'static str,
    file: &'static str,
    right: &'static str,
    wrong: &'static str,
}

const BUGS: [Bug; 12] = [
    Bug {
        name: "failed work is acknowledged",
        file: "crates/sender/src/work.rs",
        right: "delivery.acker.retry_at(at).await",
        wrong: "{ let _ = at; delivery.acker.ack().await.map(|_| ()) }",
    },
    Bug {
        name: "a lapsed claim is sent again without asking",
        file: "crates/domain/src/message/transition.rs",
        right: "return self.doubt(\"the claim lapsed without an answer\", ctx, fx);",
        wrong: "return self.wait(MessagePhase::Queued { not_before: ctx.now });",
    },
    Bug {
        name: "the epoch of a command is ignored",
        file: "crates/domain/src/run/step.rs",
        right: "message.epoch() == epoch && ",
        wrong: "message.epoch() != u32::MAX - epoch && ",
    },
    Bug {
        name: "a status goes backwards",
        file: "crates/domain/src/message/reported.rs",
        right: "if status.rank() <= current.rank() && !explains {",
        wrong: "if status == *current && !explains {",
    },
    Bug {
        name: "a request is made without a stored intent",
        file: "crates/domain/src/run/step.rs",
        right: "self.apply_at(index, &MessageEvent::Begin(from), ctx);",
        wrong: "",
    },
    Bug {
        name: "an unknown outcome counts as not sent",
        file: "crates/domain/src/message/transition.rs",
        right: "SubmitOutcome::InDoubt { reason } if self.is_asking(attempt) => self.doubt(reason, ctx, fx),",
        wrong: "SubmitOutcome::InDoubt { .. } if self.is_asking(attempt) => self.wait(MessagePhase::Queued { not_before: ctx.now }),",
    },
    Bug {
        name: "a doubt has no due time",
        file: "crates/domain/src/message/due.rs",
        right: "| MessagePhase::InDoubt { ask_at: at, .. }\n            | MessagePhase::Dispatching { lease_until: at, .. } => Some(*at),",
        wrong: "| MessagePhase::Dispatching { lease_until: at, .. } => Some(*at),\n            MessagePhase::InDoubt { .. } => None,",
    },
    Bug {
        name: "a lost compare-and-set counts as stored",
        file: "crates/runtime/src/run_service/changing.rs",
        right: "Changed::Conflict => Ok(false),",
        wrong: "Changed::Conflict => Ok(true),",
    },
    Bug {
        name: "a failed attempt is not remembered, and its late status is applied",
        file: "crates/domain/src/message/reported.rs",
        right: "self.failed_sids.push(sid.clone());",
        wrong: "let _ = sid;",
    },
    Bug {
        name: "texts wait in a run that is over",
        file: "crates/domain/src/run/plan.rs",
        right: "if !self.is_wanted(&self.messages[index], ctx.workflow) {",
        wrong: "if !self.is_wanted(&self.messages[index], ctx.workflow) && self.messages.is_empty() {",
    },
    Bug {
        name: "lost wake-ups are not swept for",
        file: "crates/escalation/src/lib.rs",
        right: "tasks.spawn(sweep(ports.clone(), config.clone(), shutdown.clone()));",
        wrong: "let _ = sweep;",
    },
    Bug {
        name: "a store that lost its writes is trusted",
        file: "crates/sender/src/open.rs",
        right: "if let Some(first_seen) = self.doubted_from {",
        wrong: "if let Some(first_seen) = self.doubted_from.filter(|_| ready.is_empty()) {",
    },
];

/// The tests that must notice: the simulation with its crash points, and the domain's own.
const TESTS: [&str; 8] =
    ["test", "--quiet", "--package", "simulation", "--package", "domain", "--no-fail-fast", "--"];

/// Puts in one bug at a time, of those whose names contain `words`.
pub(crate) fn run(root: &Path, words: &str) -> Result<()> {
    let copy = root.join("target/mutants/tree");
    let mut survivors = Vec::new();
    if !BUGS.iter().any(|bug| bug.name.contains(words)) {
        bail!("no bug has {words:?} in its name");
    }
    for bug in BUGS.iter().filter(|bug| bug.name.contains(words)) {
        copy_tree(root, &copy)?;
        let file = copy.join(bug.file);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        if text.matches(bug.right).count() != 1 {
            bail!("{}: {:?} is not there exactly once; the list of bugs is out of date", bug.file, bug.right);
        }
        fs::write(&file, text.replace(bug.right, bug.wrong))?;
        let output = Command::new(env!("CARGO"))
            .args(TESTS)
            .current_dir(&copy)
            .env("CARGO_TARGET_DIR", root.join("target/mutants/build"))
            .env("SIM_SEEDS", "300")
            .output()?;
        let output_text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        if output_text.contains("error: could not compile") {
            bail!("{}: the bug does not compile:\n{output_text}", bug.name);
        }
        let caught_by: Vec<&str> =
            output_text.lines().filter_map(|line| line.strip_prefix("---- ")?.split(' ').next()).collect();
        match caught_by.first() {
            Some(first) if !output.status.success() => {
                crate::output::say(&format!(
                    "caught    {}: {} tests, {first} first",
                    bug.name,
                    caught_by.len()
                ));
            }
            _ => {
                crate::output::say(&format!("SURVIVED  {}", bug.name));
                survivors.push(bug.name);
            }
        }
    }
    if survivors.is_empty() { Ok(()) } else { bail!("no test noticed: {}", survivors.join("; ")) }
}

/// Lets cargo-mutants change every line of `domain`, and runs its tests on each. What it skips, and why, is in
/// `.cargo/mutants.toml`.
pub(crate) fn domain(root: &Path) -> Result<()> {
    let found = Command::new(env!("CARGO")).args(["mutants", "--version"]).output()?;
    if !found.status.success() {
        bail!("cargo-mutants is missing: cargo install cargo-mutants --locked");
    }
    let out = root.join("target/mutants");
    fs::create_dir_all(&out)?;
    let status = Command::new(env!("CARGO"))
        .args(["mutants", "--package", "domain", "--test-package", "domain", "--jobs", "2"])
        .args(["--timeout", "15", "--cargo-test-arg=--lib", "--cargo-test-arg=--tests", "--output"])
        .arg(&out)
        .current_dir(root)
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .env("CARGO_PROFILE_TEST_DEBUG", "false")
        .status()?;
    if status.success() { Ok(()) } else { bail!("see {}", out.join("mutants.out").display()) }
}

/// Copies what is built. Unchanged files keep their time, so that only the bug is compiled again.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for name in ["Cargo.toml", "Cargo.lock", "clippy.toml", "crates", "xtask", "tests", ".cargo"] {
        copy(&from.join(name), &to.join(name))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        let names: Vec<PathBuf> =
            fs::read_dir(from)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        return names.iter().try_for_each(|path| match path.file_name() {
            Some(name) => copy(path, &to.join(name)),
            None => Ok(()),
        });
    }
    let text = fs::read(from)?;
    if fs::read(to).ok().as_ref() != Some(&text) {
        fs::write(to, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chore itself takes minutes and is run by hand; that its list fits the code is known at once.
    #[test]
    fn every_bug_has_one_place_in_the_code() {
        for Bug { name, file, right, .. } in BUGS {
            let text = fs::read_to_string(crate::root().join(file)).unwrap();
            assert_eq!(text.matches(right).count(), 1, "{name}: {right:?} in {file}");
        }
    }
}
