//! Folders that hold a Debian. In: a release and packages. Out: a root to start things in.
//!
//! Never: makes one twice.

use std::{fs, path::PathBuf};

use anyhow::Result;

use super::{
    place::Place,
    shell::{command, run},
};
use crate::output::say;

/// What a container image of Debian leaves out.
const NOT_IN_IMAGES: [&str; 6] = [
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "var/cache/apt",
    "var/lib/apt/lists",
];

/// The smallest root of a release, as the slim images are made.
pub(super) fn base(place: &Place, release: &str) -> Result<PathBuf> {
    let root = place.folder.join(release);
    if root.join("made").exists() {
        return Ok(root);
    }
    say(&format!("making a root of Debian {release} in {}", root.display()));
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    run(command("debootstrap", &["--variant=minbase", release]).arg(&root))?;
    for folder in NOT_IN_IMAGES {
        let folder = root.join(folder);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
    }
    fs::create_dir_all(root.join("var/cache/apt/archives/partial"))?;
    let sources = "http://deb.debian.org/debian";
    fs::write(
        root.join("etc/apt/sources.list"),
        format!("deb {sources} {release} main\ndeb {sources} {release}-updates main\n"),
    )?;
    fs::write(root.join("made"), "")?;
    Ok(root)
}

/// A copy of a release's root with more packages, none of whose services is started.
pub(super) fn with_packages(place: &Place, name: &str, release: &str, packages: &[&str]) -> Result<PathBuf> {
    let root = place.folder.join(name);
    if root.join("made").exists() {
        return Ok(root);
    }
    let base = base(place, release)?;
    say(&format!("making a root with {}", packages.join(" ")));
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    run(command("cp", &["--archive"]).arg(&base).arg(&root))?;
    fs::remove_file(root.join("made"))?;
    fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf"))?;
    fs::write(root.join("usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n")?;
    run(command("chmod", &["755"]).arg(root.join("usr/sbin/policy-rc.d")))?;
    let within = |args: &[&str]| {
        let mut chroot = command("chroot", &[]);
        chroot.arg(&root).args(args).env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut chroot)
    };
    within(&["apt-get", "update", "--quiet"])?;
    let install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"];
    within(&[install.as_slice(), packages].concat())?;
    within(&["apt-get", "clean"])?;
    fs::remove_file(root.join("usr/sbin/policy-rc.d"))?;
    fs::write(root.join("made"), "")?;
    Ok(root)
}
