//! One attempt, and how it ended. In: the corpus beside this file. Out: attempts, and outcomes in one line each.

use serde::Deserialize;
use serde_json::Value;

/// The way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Door {
    /// A tool over HTTP.
    Mcp,
    /// A tool over `callout mcp`.
    Stdio,
    /// A body and headers posted to `/mcp` as they are.
    Raw,
    /// A request to the API.
    Http,
    /// A request of the command line, as the API takes it.
    Control,
    /// The command line from another machine.
    Cli,
    /// A request to the listener of sources and webhooks.
    Listener,
    /// An event of monitoring with hostile words in it.
    Plant,
    /// A text from a phone: `call` is its number.
    Reply,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attempt {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) by: Door,
    /// Whose token: `agent` unless said otherwise.
    #[serde(default = "agent", rename = "as")]
    pub(crate) who: String,
    /// A tool, or method and path, or words of the command line.
    #[serde(default)]
    pub(crate) call: String,
    /// Arguments, or a body; a text is sent as it is.
    #[serde(default)]
    pub(crate) with: Value,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    /// What may come of it: beginnings of outcomes.
    pub(crate) want: Vec<String>,
}

fn agent() -> String {
    "agent".to_owned()
}

impl Attempt {
    pub(crate) fn all() -> Vec<Self> {
        let lines = include_str!("corpus.jsonl").lines().filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }

    pub(crate) fn allows(&self, outcome: &str) -> bool {
        let begins = |want: &String| {
            outcome.strip_prefix(want.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        self.want.iter().any(begins)
    }

    /// The body as it is sent.
    pub(crate) fn body(&self) -> String {
        if self.with.is_null() {
            return String::new();
        }
        self.with.as_str().map_or_else(|| self.with.to_string(), str::to_owned)
    }
}
