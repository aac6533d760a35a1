//! The configuration. In: `callout.toml`, `contacts.toml`, `oncall.toml`, a workflow and calendars, divided by lines `===`.
//! Out: errors with a line that the file has; or workflows that compile to the same when they are read from the store.
#![no_main]

use std::{cell::OnceCell, fs, path::PathBuf};

use config::{Scope, load};
use domain::workflow::{Workflow, WorkflowDefinition};
use libfuzzer_sys::fuzz_target;

const FILES: [&str; 5] =
    ["callout.toml", "contacts.toml", "oncall.toml", "workflows/paging.toml", "calendars.toml"];

thread_local! {
    /// In memory, where the system has such a folder: files are written for each input.
    static FOLDER: OnceCell<PathBuf> = const { OnceCell::new() };
}

fn folder() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder = parent.join(format!("callout-fuzz-{}", std::process::id()));
    fs::create_dir_all(folder.join("workflows")).expect("a folder");
    folder
}

/// Another secret under each name.
fn secret(name: &str) -> Option<String> {
    match name {
        "TWILIO_ACCOUNT_SID" => Some("AC0123456789abcdef0123456789abcdef".to_owned()),
        "TWILIO_AUTH_TOKEN" | "TWILIO_AUTH_TOKEN_NEXT" => Some(name.repeat(2)),
        "CALLOUT_AMQP_URL" => Some("amqp://callout:secret@rabbitmq:5672/%2f".to_owned()),
        "CALLOUT_REDIS_URL" => Some("redis://:secret@redis:6379/0".to_owned()),
        name if name.starts_with("TWILIO_") || name.ends_with("_FILE") => None,
        name => Some(format!("{name}-0123456789abcdef")),
    }
}

fuzz_target!(|input: &str| {
    let folder = FOLDER.with(|cell| cell.get_or_init(folder).clone());
    let mut texts = input.split("\n===\n");
    let texts: Vec<&str> = FILES.iter().map(|_| texts.next().unwrap_or_default()).collect();
    for (file, text) in FILES.iter().zip(&texts) {
        fs::write(folder.join(file), text).expect("a file");
    }
    match load(&folder.join(FILES[0]), &secret, Scope::SERVER) {
        Ok((config, _)) => {
            for workflow in config.workflows {
                let stored = serde_json::to_string(&*workflow.definition).expect("it is stored as JSON");
                let read: WorkflowDefinition =
                    serde_json::from_str(&stored).expect("it is read as it was stored");
                let again = Workflow::compile(read).expect("it compiles again");
                assert_eq!(again.hash, workflow.hash);
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in &problems.0 {
                let file = FILES.iter().position(|file| problem.file.ends_with(file));
                let lines = file.map_or(0, |at| texts[at].matches('\n').count() + 1);
                assert!(problem.line.is_none_or(|line| (1..=lines).contains(&line)), "{problem}");
            }
        }
    }
});
