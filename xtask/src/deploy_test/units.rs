//! The units under a systemd of their own, with a RabbitMQ and a Redis that it runs as well.
//!
//! In: a root with the files of `deploy/systemd` where their comments say, and the binary. Out: a line for each row.
//! Never: talks to a systemd of the host. What it cannot try is whether `MemoryMax` holds: this systemd has no control
//! groups but its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::{
    machine::{ControlGroups, Machine, Network, Plan},
    place::{Place, holds},
    roots,
    shell::{self, attempt, expect, read, run, wait_until},
};
use crate::output::say;

/// What the root needs besides the smallest Debian.
const PACKAGES: [&str; 8] = [
    "ca-certificates",
    "curl",
    "dbus",
    "procps",
    "rabbitmq-server",
    "redis-server",
    "systemd",
    "systemd-sysv",
];
/// Where the files of `deploy/systemd` go.
const FILES: [(&str, &str); 4] = [
    ("callout.service", "etc/systemd/system"),
    ("callout@.service", "etc/systemd/system"),
    ("sysusers.d/callout.conf", "usr/lib/sysusers.d"),
    ("tmpfiles.d/callout.conf", "usr/lib/tmpfiles.d"),
];
const SECRETS: &str = "CALLOUT_KEY_MONITORING=choose-a-key\nCALLOUT_KEY_BILLING=choose-another\n";
const FLEET_SECRETS: &str = "CALLOUT_AMQP_URL=amqp://guest:guest@127.0.0.1:5672/%2F\n\
                             CALLOUT_REDIS_URL=redis://127.0.0.1:6379\n\
                             TWILIO_ACCOUNT_SID=AC00000000000000000000000000000001\nTWILIO_AUTH_TOKEN=token\n";
/// Starts that fail before the broker comes: more than systemd allows in a row by default.
const RESTARTS: u32 = 8;

/// Drives them.
pub(super) fn drive(place: &Place) -> Result<()> {
    let root = roots::with_packages(place, "units", "bookworm", &PACKAGES)?;
    install(place, &root)?;
    say("starting a systemd");
    let machine = Machine::start(&Plan {
        root: &root,
        network: Network::Own,
        control_groups: ControlGroups::Systemd,
        binds: Vec::new(),
        program: &["/lib/systemd/systemd", "--system"],
        log: place.folder.join("units.log"),
    })?;
    let units = Units { machine, root: &root };
    wait_until("systemd (see units.log)", 60, || {
        let state = units.attempt("systemctl is-system-running")?;
        Ok(["running", "degraded"].contains(&state.out.trim()))
    })?;
    units.read("systemd-sysusers && systemd-tmpfiles --create callout.conf")?;
    units.embedded()?;
    units.exposure()?;
    units.mistake()?;
    units.fleet()
}

/// Everything where it belongs, as on a machine that never had callout.
fn install(place: &Place, root: &Path) -> Result<()> {
    for folder in ["etc/callout", "var/lib/callout"] {
        let folder = root.join(folder);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
    }
    for (file, folder) in FILES {
        let source = place.source.join("deploy/systemd").join(file);
        let name = Path::new(file).file_name().unwrap_or_default();
        fs::create_dir_all(root.join(folder))?;
        fs::copy(source, root.join(folder).join(name))?;
    }
    fs::copy(binary(place)?, root.join("usr/local/bin/callout"))?;
    let examples = place.source.join("examples");
    run(shell::command("cp", &["--recursive"]).arg(examples).arg(root.join("etc/callout")))?;
    fs::write(root.join("etc/callout/secrets.env"), SECRETS)?;
    Ok(())
}

/// The one of the image, or a release of our own where no image was built.
fn binary(place: &Place) -> Result<PathBuf> {
    let built = place.folder.join("engine/var/empty/callout");
    if built.exists() {
        return Ok(built);
    }
    run(shell::command("cargo", &["build", "--release", "--package", "cli"]).current_dir(&place.source))?;
    Ok(crate::tools::folder()?.with_file_name("release").join("callout"))
}

struct Units<'a> {
    machine: Machine,
    root: &'a Path,
}

impl Units<'_> {
    fn attempt(&self, script: &str) -> Result<shell::Said> {
        attempt(&mut self.machine.command("sh", &["-c", script]))
    }

    fn read(&self, script: &str) -> Result<String> {
        read(&mut self.machine.command("sh", &["-c", script]))
    }

    /// A property of a unit.
    fn show(&self, unit: &str, property: &str) -> Result<String> {
        let shown = self.read(&format!("systemctl show --property {property} --value {unit}"))?;
        Ok(shown.trim().to_owned())
    }

    /// With the configuration of `examples/`, whose `path` is relative.
    fn embedded(&self) -> Result<()> {
        self.read("systemctl start callout")?;
        // `start` came back, so it listens.
        self.read("curl --silent --fail http://127.0.0.1:8080/readyz")?;
        self.read("test -S /var/lib/callout/callout.db.sock && test -f /var/lib/callout/callout.db")?;
        self.read("callout runs list --config /etc/callout/callout.toml")?;
        holds(
            "H6",
            "`systemctl start` returns once it listens, and the relative `path` leads to /var/lib/callout",
        );
        let modes =
            self.read("stat --format '%a %U' /etc/callout /etc/callout/secrets.env /var/lib/callout")?;
        expect(modes == "750 root\n600 root\n700 callout\n", || format!("H11: {modes}"))?;
        holds("H11", "user, folders and modes are made by sysusers.d and tmpfiles.d");
        self.read("systemctl reload callout")?;
        wait_until("the end of a reload", 20, || Ok(self.show("callout", "ActiveState")? == "active"))?;
        wait_until("a line about the reload", 20, || {
            Ok(self.read("journalctl --unit callout")?.contains("the configuration was read again"))
        })?;
        holds("F10", "`systemctl reload` reads the configuration again");
        Ok(())
    }

    fn exposure(&self) -> Result<()> {
        for unit in ["callout.service", "callout@sender-1.service"] {
            let said = self.read(&format!("systemd-analyze security --no-pager --threshold=20 {unit}"))?;
            holds("H7", said.lines().last().unwrap_or_default().trim_start_matches("→ "));
        }
        Ok(())
    }

    fn mistake(&self) -> Result<()> {
        let file = self.root.join("etc/callout/callout.toml");
        let good = fs::read_to_string(&file)?;
        fs::write(&file, format!("evnironment = \"staging\"\n{good}"))?;
        let said = self.attempt("systemctl restart callout")?;
        expect(said.code != Some(0), || {
            "H6: a start with a mistake in the configuration succeeds".to_owned()
        })?;
        let state = (self.show("callout", "ActiveState")?, self.show("callout", "ExecMainStatus")?);
        expect(state == ("failed".to_owned(), "78".to_owned()), || format!("H5: {state:?}"))?;
        let log = self.read("journalctl --unit callout --lines 20")?;
        expect(log.contains("evnironment"), || format!("H6: {log}"))?;
        fs::write(&file, good)?;
        self.read("systemctl reset-failed callout; systemctl start callout && systemctl stop callout")?;
        holds("H6", "with a mistake in the configuration `systemctl start` fails and says so");
        holds("H5", "it has an exit code of its own, and is not tried again");
        Ok(())
    }

    fn fleet(&self) -> Result<()> {
        let configuration = self.root.join("etc/callout");
        let text = fs::read_to_string(configuration.join("callout.toml"))?;
        let text =
            text.replace("kind = \"embedded\"", "kind = \"fleet\"").replace("path = \"callout.db\"", "");
        fs::write(configuration.join("callout.toml"), text)?;
        fs::write(configuration.join("secrets.env"), format!("{SECRETS}{FLEET_SECRETS}"))?;
        fs::write(configuration.join("front.env"), "ROLES=ingest callback\nLISTEN=127.0.0.1:8081\n")?;
        fs::write(configuration.join("back.env"), "ROLES=sender escalation\nLISTEN=127.0.0.1:8082\n")?;
        self.read("systemd-tmpfiles --create callout.conf")?;
        self.read("systemctl start redis-server && redis-cli config set appendonly yes && systemctl stop rabbitmq-server")?;
        say("the broker is away");
        self.attempt("systemctl start --no-block callout@front callout@back")?;
        wait_until("restarts", 180, || {
            let restarts = self.show("callout@back", "NRestarts")?.parse::<u32>()?;
            Ok(restarts >= RESTARTS)
        })?;
        self.read("systemctl start rabbitmq-server")?;
        for (unit, port) in [("callout@front", 8081), ("callout@back", 8082)] {
            wait_until(unit, 60, || Ok(self.show(unit, "ActiveState")? == "active"))?;
            self.read(&format!("curl --silent --fail http://127.0.0.1:{port}/readyz"))?;
        }
        holds("H5", &format!("after {RESTARTS} starts without a broker the units are up as soon as it is"));
        let status = "curl --silent --output /dev/null --write-out '%{http_code}' --request POST \
                      http://127.0.0.1:8081/v1";
        let (events, twilio) =
            (self.read(&format!("{status}/events"))?, self.read(&format!("{status}/twilio/status"))?);
        expect((events.as_str(), twilio.as_str()) == ("401", "403"), || format!("H11: {events} {twilio}"))?;
        holds("H11", "one instance has several roles");
        self.read("systemctl stop callout@front callout@back")?;
        let results = (self.show("callout@front", "Result")?, self.show("callout@back", "Result")?);
        expect(results == ("success".to_owned(), "success".to_owned()), || format!("stopping: {results:?}"))
    }
}
