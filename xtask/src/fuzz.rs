//! `cargo xtask fuzz`: looks for inputs that break what reads bytes from outside.
//!
//! In: the targets and corpora of `fuzz/`. Out: figures for docs/testing.md; an error, and the input, for a finding.
//! Never: lets a corpus in the repository grow past its bounds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{
    output::say,
    tools::{self, run},
};

/// Longest input, in bytes. What is longer finds nothing more, and makes a corpus large.
const INPUT_BYTES_MAX: u32 = 4_096;
/// Most files and bytes that a corpus in the repository has.
const CORPUS_FILES_MAX: usize = 50;
const CORPUS_BYTES_MAX: u64 = 100_000;

/// Which targets, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// Minutes for each target.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// One target; all of them, one after the other, if absent.
    target: Option<String>,
}

/// Runs the targets.
pub(crate) fn run_targets(root: &Path, args: &Fuzz) -> Result<()> {
    let fuzz = CargoFuzz { program: tools::cargo_command(root, "cargo-fuzz")?, root };
    let targets = match &args.target {
        Some(target) => vec![target.clone()],
        None => targets(root)?,
    };
    targets.iter().try_for_each(|target| fuzz.run(target, args.minutes))
}

fn targets(root: &Path) -> Result<Vec<String>> {
    let files = fs::read_dir(root.join("fuzz/fuzz_targets"))?;
    let mut names = files
        .map(|file| {
            Ok(file?.path().file_stem().context("a file without a name")?.to_string_lossy().into_owned())
        })
        .collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

struct CargoFuzz<'a> {
    program: PathBuf,
    root: &'a Path,
}

impl CargoFuzz<'_> {
    /// Fuzzes one target on a copy of its corpus, prints the figures, and keeps a small corpus of what was reached.
    fn run(&self, target: &str, minutes: u64) -> Result<()> {
        let kept = self.root.join("fuzz/corpus").join(target);
        let grown = self.root.join("fuzz/target/corpus").join(target);
        fs::create_dir_all(&kept)?;
        fs::create_dir_all(&grown)?;
        let log = grown.with_extension("log");
        let bounds = [format!("-max_total_time={}", 60 * minutes), format!("-max_len={INPUT_BYTES_MAX}")];
        let limits = ["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"];
        say(&format!("{target}: {minutes} minutes, see {}", log.display()));
        let mut command = self.command("run", target);
        command.args([&grown, &kept]).arg("--").args(bounds).args(limits).stderr(fs::File::create(&log)?);
        let outcome = run(&mut command);
        let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        if outcome.is_err() {
            let says = |line: &str| line.contains("panicked") || line.contains("ERROR: libFuzzer");
            let finding: Vec<&str> = text.lines().skip_while(|line| !says(line)).take(3).collect();
            bail!("{target}: {}\nthe input is in fuzz/artifacts/{target}", finding.join("\n"));
        }
        self.minimise(target, &grown, &kept)?;
        let (files, bytes) = size(&kept)?;
        say(&format!("{target}: {}, kept {files} files of {bytes} bytes", figures(&text)));
        Ok(())
    }

    /// Puts into the small corpus the fewest inputs that reach all that was reached, up to its bounds.
    fn minimise(&self, target: &str, grown: &Path, kept: &Path) -> Result<()> {
        let merged = grown.with_extension("merged");
        if merged.exists() {
            fs::remove_dir_all(&merged)?;
        }
        fs::create_dir_all(&merged)?;
        let mut command = self.command("run", target);
        command.arg(&merged).args([kept, grown]).args([
            "--",
            "-set_cover_merge=1",
            "-use_counters=0",
            "-timeout=10",
        ]);
        command.stderr(fs::File::create(grown.with_extension("merge.log"))?);
        run(&mut command)?;
        let mut inputs = fs::read_dir(&merged)?
            .map(|entry| {
                let entry = entry?;
                Ok((entry.metadata()?.len(), entry.path()))
            })
            .collect::<Result<Vec<_>>>()?;
        inputs.sort();
        fs::remove_dir_all(kept)?;
        fs::create_dir_all(kept)?;
        // The longest first: each reaches more.
        let mut room = CORPUS_BYTES_MAX;
        for (bytes, path) in inputs.iter().rev().take(CORPUS_FILES_MAX) {
            if let (Some(name), Some(rest)) = (path.file_name(), room.checked_sub(*bytes)) {
                room = rest;
                fs::copy(path, kept.join(name))?;
            }
        }
        Ok(())
    }

    /// Our code has no unsafe block, and what it uses has been fuzzed with sanitizers: without one, twice as many inputs
    /// are tried.
    fn command(&self, chore: &str, target: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args([chore, "--sanitizer", "none", "--fuzz-dir", "fuzz", target]);
        command.current_dir(self.root).env("RUSTUP_TOOLCHAIN", "nightly");
        // Those of the toolchain that runs this chore.
        command.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTDOC");
        command
    }
}

/// Executions, coverage and corpus, as libFuzzer printed them last.
fn figures(log: &str) -> String {
    let done = log.lines().rev().find(|line| line.contains("DONE")).unwrap_or_default();
    let word = |name: &str| {
        done.split_once(name).and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or("?")
    };
    let executions = done.trim_start_matches('#').split_whitespace().next().unwrap_or("?");
    format!("{executions} executions, cov {}, ft {}, corpus {}", word("cov: "), word("ft: "), word("corp: "))
}

fn size(folder: &Path) -> Result<(usize, u64)> {
    fs::read_dir(folder)?
        .try_fold((0, 0), |(files, bytes), entry| Ok((files + 1, bytes + entry?.metadata()?.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_last_line() {
        let log = "#2\tINITED cov: 9 ft: 9 corp: 1/1b exec/s: 0 rss: 40Mb\n\
                   #1048576\tDONE   cov: 1250 ft: 4310 corp: 321/12Kb lim: 4096 exec/s: 17476 rss: 120Mb\n";
        assert_eq!(figures(log), "1048576 executions, cov 1250, ft 4310, corpus 321/12Kb");
    }

    #[test]
    fn every_target_is_in_the_manifest_and_has_a_small_corpus() {
        let root = crate::root();
        let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
        for target in targets(&root).unwrap() {
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
            let (files, bytes) = size(&root.join("fuzz/corpus").join(&target)).unwrap();
            assert!(
                (1..=CORPUS_FILES_MAX).contains(&files) && bytes <= CORPUS_BYTES_MAX,
                "{target}: {files}, {bytes}"
            );
        }
    }
}
