//! What was found. In: findings. Out: a list of them. Never: a secret.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// It does not work, or lets an agent do what it must not.
    Error,
    /// It works, and may not be meant so.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// A word that does not change.
    pub(crate) code: &'static str,
    /// What is there.
    pub(crate) says: String,
    /// What to do.
    pub(crate) remedy: String,
}

/// All of them, in the order of the checks.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub(crate) Vec<Finding>);

impl Findings {
    pub(crate) fn error(&mut self, code: &'static str, says: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { level: Level::Error, code, says: says.into(), remedy: remedy.into() });
    }

    pub(crate) fn warning(&mut self, code: &'static str, says: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { level: Level::Warning, code, says: says.into(), remedy: remedy.into() });
    }

    pub(crate) fn errors(&self) -> usize {
        self.0.iter().filter(|finding| finding.level == Level::Error).count()
    }
}
