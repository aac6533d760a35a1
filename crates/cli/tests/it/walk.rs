//! The walk of docs/integrations.md: its commands run as they stand there, on other ports.

use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const SECTION: &str = "## From an alert to a ticket";
/// The ports of the walk: callout, the tracker, the receiver, Alertmanager.
const PORTS: [&str; 4] = ["8080", "8092", "8093", "9094"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The commands of the section, in order.
fn commands() -> String {
    let text = std::fs::read_to_string(root().join("docs/integrations.md")).unwrap();
    let section = text.split(SECTION).nth(1).unwrap().split("\n## ").next().unwrap();
    let mut commands = String::new();
    for block in section.split("```sh\n").skip(1) {
        commands.push_str(block.split("```").next().unwrap());
    }
    assert!(commands.contains("callout serve"), "{SECTION} has commands");
    commands
}

/// A shell and everything that it started.
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        drop(Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0.id())]).status());
        drop(self.0.wait());
    }
}

#[test]
fn the_walk_from_an_alert_to_a_ticket_works_word_for_word() {
    let folder = tempfile::tempdir().unwrap();
    let ports = PORTS.map(|port| (port, test_servers::free_port()));
    // In addresses, and as Python writes them.
    let on_free_ports = |text: String| {
        ports.iter().fold(text, |text, (written, free)| {
            let text = text.replace(&format!("127.0.0.1:{written}"), &format!("127.0.0.1:{free}"));
            text.replace(&format!("\"127.0.0.1\", {written}"), &format!("\"127.0.0.1\", {free}"))
        })
    };
    let copied =
        Command::new("cp").arg("-r").arg(root().join("examples")).arg(folder.path()).status().unwrap();
    assert!(copied.success());
    let main = folder.path().join("examples/callout.toml");
    std::fs::write(&main, on_free_ports(std::fs::read_to_string(&main).unwrap())).unwrap();
    let commands = on_free_ports(commands());
    let callout = Path::new(env!("CARGO_BIN_EXE_callout")).parent().unwrap();
    let python = callout.join("../tools/python/bin");
    assert!(python.exists(), "{} is missing: run `cargo xtask prepare`", python.display());
    #[expect(clippy::disallowed_methods, reason = "programs of the machine are found as a shell finds them")]
    let path = std::env::var("PATH").unwrap();
    let (out, errors) = (folder.path().join("out"), folder.path().join("errors"));
    let file = |path: &Path| Stdio::from(std::fs::File::create(path).unwrap());
    // As people's shells are: of a pipe the last command counts. What waits in vain must not wait for ever.
    let mut shell = Command::new("timeout");
    shell.args(["180", "bash", "-eu", "-c", &commands]).current_dir(folder.path()).process_group(0);
    shell
        .env("PATH", format!("{}:{}:{path}", callout.display(), python.display()))
        .env_remove("CALLOUT_CONFIG");
    shell.stdin(Stdio::null()).stdout(file(&out)).stderr(file(&errors));
    let mut shell = Shell(shell.spawn().unwrap());
    let status = shell.0.wait().unwrap();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let (out, errors) = (read(&out), read(&errors));
    assert!(status.success(), "{status}\n{out}\n{errors}");
    let opened = format!("ticket opened in operations: http://127.0.0.1:{}/issues/1", ports[1].1);
    assert!(out.contains(&opened), "{opened}\nis not in\n{out}\n{errors}");
    for told in ["run.opened", "run.escalated", "run.exhausted", "ticket.opened"] {
        assert!(out.lines().any(|line| line.starts_with(told)), "{told}\nis not in\n{out}\n{errors}");
    }
    assert!(out.contains("#1 ") && out.contains("DiskAlmostFull"), "the ticket's page\nis not in\n{out}");
}
