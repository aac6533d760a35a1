//! `callout.default.toml`: it names every key that the reader knows, and its values are the defaults.

use std::path::Path;

use config::{Config, DEFAULTS, Scope};

fn load(text: &str) -> Result<Config, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("defaults");
    // Removed and made anew for each text; the tests of this file take turns.
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(folder.join("workflows")).unwrap();
    for name in ["contacts.toml", "oncall.toml", "workflows/incident-paging.toml"] {
        std::fs::copy(crate::examples().join(name), folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("callout.toml"), text).unwrap();
    let env = |name: &str| match name {
        "CALLOUT_AMQP_URL" => Some("amqp://localhost".to_owned()),
        "CALLOUT_REDIS_URL" => Some("redis://localhost".to_owned()),
        _ => None,
    };
    let loaded = config::load(&folder.join("callout.toml"), &env, Scope::OPERATOR);
    loaded.map(|(config, _)| config).map_err(|problems| problems.to_string())
}

/// The defaults with every commented key and table switched on.
fn uncommented() -> String {
    let is_key = |text: &str| {
        let name = text.split(" = ").next().unwrap_or("");
        text.contains(" = ") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
    };
    let lines = DEFAULTS.lines().map(|line| match line.strip_prefix("# ") {
        // Files that are not here.
        Some(text) if text.contains("_file = ") => line,
        Some(text) if is_key(text) || text.starts_with('[') => text,
        Some(_) | None => line,
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// The defaults of a fleet: keys of the embedded backend left out.
fn fleet() -> String {
    let embedded_only = |line: &&str| !line.starts_with("path = ") && !line.starts_with("max_mb = ");
    let lines: Vec<_> = uncommented().lines().filter(embedded_only).map(str::to_owned).collect();
    lines.join("\n").replace("kind = \"embedded\"", "kind = \"fleet\"")
}

/// The defaults of the embedded backend: keys of a fleet left out.
fn embedded() -> String {
    let fleet_only =
        ["delay = ", "topology = ", "redis_settings = ", "outcomes = ", "amqp_", "redis_prefix = "];
    let text = uncommented();
    let lines = text.lines().filter(|line| !fleet_only.iter().any(|key| line.starts_with(key)));
    lines.map(|line| format!("{line}\n")).collect::<String>().replace("amqp_user = ", "# ")
}

#[test]
fn the_values_are_the_defaults() {
    let mut written = load(DEFAULTS).unwrap().infrastructure;
    let left_out = load("environment = \"development\"\n").unwrap().infrastructure;
    written.lines.clear();
    assert_eq!(format!("{written:#?}"), format!("{left_out:#?}"));
}

#[test]
fn the_values_of_a_fleet_are_its_defaults() {
    let written = load(&fleet()).unwrap().infrastructure.backend;
    let left_out =
        load("environment = \"test\"\n[backend]\nkind = \"fleet\"\n").unwrap().infrastructure.backend;
    // Prefixes are absent until they are set; the backends know what they are then.
    let absent = |backend: config::Backend| {
        let config::Backend::Fleet(mut fleet) = backend else { panic!("not a fleet") };
        (fleet.amqp_prefix, fleet.redis_prefix) = (None, None);
        fleet
    };
    assert_eq!(absent(written), absent(left_out));
}

#[test]
fn every_example_value_is_valid() {
    for text in [fleet(), embedded()] {
        let config = load(&text).unwrap();
        assert_eq!(config.infrastructure.sources.len(), 1);
        assert!(config.infrastructure.twilio.segments_per_second.is_some());
    }
}

#[test]
fn every_key_that_is_known_is_in_it() {
    let mut checked = 0;
    for text in [fleet(), embedded()] {
        // A key that no table knows, at the top and in each table: every problem lists the keys that are known there.
        let mut probed = String::from("unknown_probe = 1\n");
        for line in text.lines() {
            probed += &format!("{line}\n");
            if line.starts_with('[') {
                probed += "unknown_probe = 1\n";
            }
        }
        let problems = load(&probed).unwrap_err();
        for line in problems.lines().filter(|line| line.contains("unknown key \"")) {
            let (_, known) = line.split_once("known keys: ").unwrap();
            for key in known.split(", ") {
                let is_there = DEFAULTS.contains(&format!("{key} = ")) || is_table(key);
                assert!(is_there, "{key} is not in callout.default.toml: {line}");
                checked += 1;
            }
        }
    }
    assert!(checked > 40, "only {checked} keys were checked");
}

/// Whether it names a table of the file, or an environment, of which one table stands for all.
fn is_table(key: &str) -> bool {
    let environments = ["production", "staging", "development", "test"];
    environments.contains(&key)
        || DEFAULTS.contains(&format!("[{key}."))
        || DEFAULTS.contains(&format!("[{key}]"))
        || DEFAULTS.contains(&format!(".{key}]"))
}
