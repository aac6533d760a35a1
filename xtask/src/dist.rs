//! `cargo xtask dist`: what is given to others. In: the work tree. Out: an archive and its checksum in `target/dist`.
//!
//! Never: writes anything that another run on the same commit would write differently, or a path of this machine.

mod archive;
mod sbom;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::{output::say, tools::run};
use archive::{Entry, pack, sha256};

/// What of the work tree goes into the archive, and under which name.
const PARTS: [(&str, &str); 5] = [
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE", "LICENSE"),
    ("examples", "examples"),
    ("deploy/systemd", "systemd"),
];
/// Completions by the name of their shell, and the file names that the shells look for.
const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "callout.bash"), ("zsh", "_callout"), ("fish", "callout.fish")];

/// When the archive says that it was made.
#[derive(Debug, Args)]
pub(crate) struct Dist {
    /// Seconds since 1970; the commit's time if absent.
    #[arg(long, env = "SOURCE_DATE_EPOCH")]
    seconds: Option<u64>,
}

/// Builds a release, and packs it.
pub(crate) fn run_dist(root: &Path, args: &Dist) -> Result<()> {
    let target = root.join("target/dist");
    let seconds = match args.seconds {
        Some(given) => given,
        None => printed(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root))?
            .trim()
            .parse()
            .context("git names no time")?,
    };
    let triple = host()?;
    let metadata = printed(
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &triple])
            .current_dir(root),
    )?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let lock = fs::read_to_string(root.join("Cargo.lock"))?;
    let bom = sbom::of("cli", &metadata, &lock)?;
    let name = format!("callout-{}-{triple}", sbom::version("cli", &metadata)?);

    let binary = build(root, registry(&metadata)?, &target.join("build"), seconds)?;
    let mut entries = vec![
        Entry { name: "callout".to_owned(), bytes: fs::read(&binary)?, is_program: true },
        Entry::text("sbom.cdx.json", serde_json::to_string_pretty(&bom)? + "\n"),
    ];
    for (shell, file) in COMPLETIONS {
        let text = printed(Command::new(&binary).args(["completions", shell]))?;
        entries.push(Entry::text(&format!("completions/{file}"), text));
    }
    entries.extend(manual(&binary, &target.join("man"))?);
    for (from, to) in PARTS {
        entries.extend(tracked(root, from, to)?);
    }
    let archive = pack(&name, entries, seconds)?;
    let file = format!("{name}.tar.gz");
    fs::write(target.join(&file), &archive)?;
    fs::write(target.join("SHA256SUMS"), format!("{}  {file}\n", sha256(&archive)))?;
    say(&format!("{}: {} bytes, SHA-256 {}", target.join(&file).display(), archive.len(), sha256(&archive)));
    Ok(())
}

/// A release build whose panics and assertions name no folder of this machine.
fn build(root: &Path, registry: &Path, folder: &Path, seconds: u64) -> Result<PathBuf> {
    let places = [(root, "callout"), (registry, "registry")];
    let flags = |flag: &str| {
        let maps = places.map(|(from, to)| format!("{flag}={}={to}", from.display()));
        maps.join("\u{1f}")
    };
    say("cargo build --release --locked --package cli, with paths that are the same everywhere");
    run(Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--package", "cli"])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", folder)
        .env("CARGO_ENCODED_RUSTFLAGS", flags("--remap-path-prefix"))
        .env("CFLAGS", flags("-ffile-prefix-map").replace('\u{1f}', " "))
        .env("SOURCE_DATE_EPOCH", seconds.to_string()))?;
    let binary = folder.join("release/callout");
    let bytes = fs::read(&binary)?;
    for (place, _) in places {
        let place = place.display().to_string();
        if bytes.windows(place.len()).any(|window| window == place.as_bytes()) {
            bail!("{} contains the path {place}", binary.display());
        }
    }
    Ok(binary)
}

/// Where cargo unpacks what comes from the registry.
fn registry(metadata: &Value) -> Result<&Path> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let manifest = packages
        .filter(|package| !package["source"].is_null())
        .find_map(|package| package["manifest_path"].as_str());
    manifest.and_then(|path| Path::new(path).ancestors().nth(2)).context("no package is from the registry")
}

/// The manual: one page for each command.
fn manual(binary: &Path, folder: &Path) -> Result<Vec<Entry>> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    run(Command::new(binary).args(["man", "--folder"]).arg(folder))?;
    fs::read_dir(folder)?
        .map(|page| {
            let page = page?;
            let name = format!("man/man1/{}", page.file_name().to_string_lossy());
            Ok(Entry::text(&name, fs::read_to_string(page.path())?))
        })
        .collect()
}

/// The files of the repository under one path; what lies beside them in the work tree stays here.
fn tracked(root: &Path, from: &str, to: &str) -> Result<Vec<Entry>> {
    let listed = printed(Command::new("git").args(["ls-files", "--stage", "--", from]).current_dir(root))?;
    let entries: Result<Vec<Entry>> = listed
        .lines()
        .map(|line| {
            let (mode, path) = line.split_once('\t').context("not a line of git ls-files")?;
            let name = format!("{to}{}", path.strip_prefix(from).context("not under its folder")?);
            Ok(Entry { name, bytes: fs::read(root.join(path))?, is_program: mode.starts_with("100755") })
        })
        .collect();
    let entries = entries?;
    if entries.is_empty() { bail!("git knows no file under {from}") } else { Ok(entries) }
}

fn host() -> Result<String> {
    let version = printed(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

fn printed(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?} cannot be started"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} printed no text"))
}
