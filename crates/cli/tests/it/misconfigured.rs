//! Mistakes in the configuration: `check` says the same as what would meet them.

use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::harness::NOTE;

/// A configuration that nobody serves.
pub(crate) struct Settings {
    pub(crate) folder: TempDir,
    env: Vec<(String, String)>,
}

impl Settings {
    /// With an end of `callout.toml`.
    pub(crate) fn new(end: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("workflows")).unwrap();
        let settings = Self { folder, env: Vec::new() };
        settings.write("workflows/note.toml", NOTE);
        let source = "[[source]]\nname = \"test\"\ntypes = [\"note.*\"]\nkey_env = [\"CALLOUT_KEY_TEST\"]\n";
        let head = "environment = \"test\"\n[http]\nlisten = \"127.0.0.1:0\"\n";
        settings.write("callout.toml", &format!("{head}{source}{end}"));
        settings
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        std::fs::write(self.folder.path().join(file), text).unwrap();
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callout"));
        for name in ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_BASE", "CALLOUT_LOG"] {
            command.env_remove(name);
        }
        command.args(args).arg("--config").arg(self.folder.path().join("callout.toml"));
        command.env("CALLOUT_KEY_TEST", "key").envs(self.env.iter().cloned());
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// What `check` says is wrong, without the folder.
    pub(crate) fn errors(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{args:?}: {said}");
        said.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

const FLEET: &str = "[backend]\nkind = \"fleet\"\n";

fn fleet(amqp: &str, redis: &str) -> Settings {
    let settings = Settings::new(FLEET).env("CALLOUT_AMQP_URL", amqp).env("CALLOUT_REDIS_URL", redis);
    let (sid, token) = (format!("AC{}", "0".repeat(32)), "0".repeat(32));
    settings.env("TWILIO_ACCOUNT_SID", &sid).env("TWILIO_AUTH_TOKEN", &token)
}

#[test]
fn g3_check_refuses_what_serve_would_refuse_with_the_same_exit_code() {
    let here = "amqp://127.0.0.1:1";
    let cases = [
        (
            Settings::new("[log]\nfilter = \"inf\"\n"),
            "callout.toml:9: log.filter: log filter \"inf\": \"inf\" is no level",
        ),
        (
            Settings::new("").env("CALLOUT_LOG", "inf"),
            "callout.toml: CALLOUT_LOG in the environment: log filter \"inf\"",
        ),
        (
            Settings::new("[backend]\npath = \"workflows\"\n"),
            "callout.toml:9: backend.path: workflows is a folder",
        ),
        (
            Settings::new("[backend]\npath = \"callout.toml\"\n"),
            "callout.toml:9: backend.path: callout.toml is no database",
        ),
        (
            fleet("amqp://h?heartbeat=x", "redis://h"),
            "CALLOUT_AMQP_URL has heartbeat=x: expected a whole number, 65535",
        ),
        (
            fleet("amqp://h?auth_mechanism=x", "redis://h"),
            "CALLOUT_AMQP_URL has auth_mechanism=x: expected one of plain",
        ),
        (fleet(here, "redis://h/abc"), "CALLOUT_REDIS_URL ends in /abc: expected the number of a database"),
        (fleet(here, "redis://h?protocol=9"), "CALLOUT_REDIS_URL has protocol=9: expected one of 2"),
        (fleet(here, "redis+sentinel://h:1"), "CALLOUT_REDIS_URL does not name the primary"),
        (
            fleet(here, "redis+sentinel://h:x/main"),
            "CALLOUT_REDIS_URL names a sentinel otherwise than HOST:PORT",
        ),
    ];
    for (settings, expected) in cases {
        for command in [&["check"][..], &["serve"], &["runs", "list"]] {
            let said = settings.errors(command);
            assert!(said.contains(expected), "{command:?}: {expected}\nis not in\n{said}");
        }
    }
    let said = Settings::new("").env("OTEL_TRACES_EXPORTER", "zipkin").errors(&["check"]);
    assert!(said.contains("OTEL_TRACES_EXPORTER is \"zipkin\""), "{said}");
    let said = Settings::new("").errors(&["check", "--role", "api"]);
    assert!(said.contains("give [api] listen"), "{said}");
}
