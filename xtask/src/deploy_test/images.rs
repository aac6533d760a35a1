//! The images that the files name, made of Debian's packages, and our own from `deploy/Dockerfile`.
//!
//! In: an engine on the host's network. Out: images on that engine.
//! Never: pulls an image.

use anyhow::{Context as _, Result};

use super::{
    engine::Engine,
    machine::Network,
    place::{Place, holds},
    roots,
    shell::{self, expect, read, run},
};
use crate::output::say;

/// The largest that our image may be, in bytes.
const IMAGE_BYTES_MAX: u64 = 120_000_000;

/// As the public images of these names behave, as far as the compose file uses it.
const SERVERS: [(&str, &str); 3] = [
    (
        "redis:7",
        "FROM debian:bookworm-slim\nRUN apt-get update && apt-get install --yes --no-install-recommends redis-server \
         && printf '#!/bin/sh\\nexec /usr/bin/redis-server \"$@\" --protected-mode no' > /usr/local/bin/redis-server \
         && chmod 755 /usr/local/bin/redis-server\nWORKDIR /data\n",
    ),
    (
        "rabbitmq:4-management",
        "FROM debian:trixie-slim\nRUN apt-get update && apt-get install --yes --no-install-recommends rabbitmq-server \
         && echo '[rabbitmq_management].' > /etc/rabbitmq/enabled_plugins\n\
         ENV HOME=/var/lib/rabbitmq\nUSER rabbitmq\nVOLUME /var/lib/rabbitmq\nCMD [\"rabbitmq-server\"]\n",
    ),
    (
        "caddy:2",
        "FROM debian:bookworm-slim\nRUN apt-get update && apt-get install --yes --no-install-recommends caddy\n\
         ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config\n\
         CMD [\"caddy\", \"run\", \"--config\", \"/etc/caddy/Caddyfile\", \"--adapter\", \"caddyfile\"]\n",
    ),
];
/// The host's toolchain, with a linker, and the authorities that the host trusts.
const RUST: &str = "FROM debian:bookworm-slim\nRUN apt-get update && apt-get install --yes --no-install-recommends \
                    ca-certificates gcc libc6-dev make\n\
                    COPY --from=certificates . /usr/local/share/ca-certificates/\nRUN update-ca-certificates\n\
                    COPY bin /usr/local/bin\nCOPY lib /usr/local/lib\nENV CARGO_HOME=/usr/local/cargo\n";

/// Builds all of them.
pub(super) fn build(place: &Place) -> Result<()> {
    roots::base(place, "bookworm")?;
    roots::base(place, "trixie")?;
    let copy = place.folder.join("source");
    if copy.exists() {
        std::fs::remove_dir_all(&copy)?;
    }
    let engine = Engine::start(place, Network::Host)?;
    for release in ["bookworm", "trixie"] {
        let image = format!("debian:{release}-slim");
        if !has(&engine, &image)? {
            say(&format!("importing {image}"));
            let script = format!("tar --create --directory /{release} . | docker import - {image}");
            run(&mut engine.program(&script))?;
        }
    }
    for (image, file) in SERVERS {
        build_from(&engine, place, image, file, "/var/empty")?;
    }
    build_from(&engine, place, "rust:1.95-bookworm", RUST, "/toolchain")?;
    say("building deploy/Dockerfile");
    run(&mut engine.program(BUILD))?;
    let size = read(&mut engine.docker(&["image", "inspect", "--format", "{{.Size}}", "callout"]))?;
    let size: u64 = size.trim().parse().context("the size of an image")?;
    expect(size <= IMAGE_BYTES_MAX, || format!("H9: the image has {size} bytes"))?;
    holds("H9", &format!("the image has {} MB", size / 1_000_000));
    // For the units.
    let copy = "docker create --name binary callout && docker cp binary:/usr/local/bin/callout /var/empty/callout; \
                docker rm binary";
    run(&mut engine.program(copy))?;
    rebuilds_nothing(&engine)
}

/// As `docker compose build` does, with the way out that the registries need.
const BUILD: &str = "docker build --quiet --network host --tag callout --file deploy/Dockerfile . || \
    { docker build --progress plain --network host --tag callout --file deploy/Dockerfile . >&2; exit 1; }";
const DEPENDENCIES: &str =
    "docker build --quiet --network host --target dependencies --file deploy/Dockerfile .";

/// What is mounted is no part of the image, and what is not a manifest no part of its dependencies.
fn rebuilds_nothing(engine: &Engine) -> Result<()> {
    let image = read(&mut engine.program(BUILD))?;
    let dependencies = read(&mut engine.program(DEPENDENCIES))?;
    run(&mut engine.program("echo '# edited' >> deploy/compose/contacts.toml"))?;
    expect(read(&mut engine.program(BUILD))? == image, || {
        "H9: a change of a mounted file builds another image".to_owned()
    })?;
    run(&mut engine.program("echo '// edited' >> crates/domain/src/lib.rs"))?;
    expect(read(&mut engine.program(DEPENDENCIES))? == dependencies, || {
        "H9: a change of one line builds the dependencies again".to_owned()
    })?;
    run(&mut engine.program("sed --in-place '$d' crates/domain/src/lib.rs"))?;
    holds("H9", "editing a mounted file builds nothing, and editing code no dependency");
    Ok(())
}

fn has(engine: &Engine, image: &str) -> Result<bool> {
    Ok(shell::attempt(&mut engine.docker(&["image", "inspect", image]))?.code == Some(0))
}

/// `file` is a Dockerfile, `context` a folder of the engine's machine.
fn build_from(engine: &Engine, place: &Place, image: &str, file: &str, context: &str) -> Result<()> {
    if has(engine, image)? {
        return Ok(());
    }
    say(&format!("making {image}"));
    std::fs::write(place.folder.join("engine/etc/Dockerfile"), file)?;
    let args = ["build", "--quiet", "--network", "host", "--build-context", "certificates=/certificates"];
    run(engine.docker(&args).args(["--tag", image, "--file", "/etc/Dockerfile", context]))
}
