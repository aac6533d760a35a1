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

#[test]
fn e10_what_is_probably_not_meant_is_a_warning_with_its_place() {
    let warnings = |settings: &Settings| {
        let output = settings.run(&["check"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let text = text.replace(&format!("{}/", settings.folder.path().display()), "");
        text.lines().filter(|line| line.starts_with("warning: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let plain = Settings::new("");
    assert_eq!(warnings(&plain), Vec::<String>::new());
    plain.write("workflows/lonely.toml", &NOTE.replace("note.created", "lonely.created"));
    let twilio = "[twilio]\nfrom = \"+15005550006\"\npublic_url = \"http://127.0.0.1:8080\"\n";
    let (sid, token) = (format!("AC{}", "0".repeat(32)), "0".repeat(32));
    let of_account = Settings::new(twilio).env("TWILIO_ACCOUNT_SID", &sid).env("TWILIO_AUTH_TOKEN", &token);
    let typo = "[[source]]\nname = \"typo\"\ntypes = [\"nte.*\"]\nkey_env = [\"CALLOUT_KEY_TEST\"]\n";
    let typo = typo.replace("CALLOUT_KEY_TEST", "CALLOUT_KEY_TYPO");
    let same = Settings::new("[api]\nlisten = \"127.0.0.1:8081\"\n");
    let text = std::fs::read_to_string(same.folder.path().join("callout.toml")).unwrap();
    same.write("callout.toml", &text.replace("127.0.0.1:0", "127.0.0.1:8081"));
    for (settings, expected) in [
        (plain, "warning: workflows/lonely.toml: no source may send \"lonely.created\": add it to the types"),
        (of_account, "warning: callout.toml:10: twilio.public_url http://127.0.0.1:8080/ is on this machine"),
        (
            Settings::new(&typo).env("CALLOUT_KEY_TYPO", "k"),
            "warning: callout.toml:8: source \"typo\" may send \"nte.*\"",
        ),
        (same, "warning: callout.toml:9: api.listen and http.listen are both 127.0.0.1:8081"),
        (
            Settings::new("").env("OTEL_METRIC_EXPORT_INTERVAL", "1m"),
            "warning: OTEL_METRIC_EXPORT_INTERVAL is \"1m\", which is passed by",
        ),
        (
            Settings::new("").env("TWILIO_TOKEN", "x"),
            "warning: the environment sets TWILIO_TOKEN, which nothing reads; did you mean TWILIO_AUTH_TOKEN?",
        ),
        (
            Settings::new("").env("TWILIO_ACOUNT_SID", "x"),
            "warning: the environment sets TWILIO_ACOUNT_SID, which nothing reads; did you mean TWILIO_ACCOUNT_SID?",
        ),
    ] {
        let found = warnings(&settings);
        assert_eq!(found.len(), 1, "{expected}: {found:?}");
        assert!(found[0].starts_with(expected), "{expected}\nis not\n{}", found[0]);
    }
}
