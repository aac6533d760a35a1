//! Tokens of the API, and the answers that a repeated request gets again. A port; its contract is in the comments, and
//! the `conformance` suite checks it.

use async_trait::async_trait;
use domain::{agent_stop::AgentStop, token::Token};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::values::StoreError;

/// Tokens of the API.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Adds a token. One whose id is known changes nothing.
    async fn add_token(&self, token: &Token) -> Result<(), StoreError>;

    /// The token with this id.
    async fn token(&self, id: &str) -> Result<Option<Token>, StoreError>;

    /// All tokens, also those that have expired, in the order they were made.
    async fn tokens(&self) -> Result<Vec<Token>, StoreError>;

    /// Removes a token. Returns whether it was there; after an error the call that removed it may say that it was not.
    async fn remove_token(&self, id: &str) -> Result<bool, StoreError>;

    /// The agents that are stopped, by their labels; first the stop of all of them.
    async fn agent_stops(&self) -> Result<Vec<AgentStop>, StoreError>;

    /// Stops an agent, or all. One that is stopped already stays stopped as it was.
    async fn stop_agents(&self, stop: &AgentStop) -> Result<(), StoreError>;

    /// Takes back the stop of this label, or that of all agents. Returns whether it was there; after an error the call that
    /// took it back may say that it was not.
    async fn start_agents(&self, label: Option<&str>) -> Result<bool, StoreError>;
}

/// A request that its caller may repeat, and what it was answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenAnswer {
    /// What was asked, so that another request under the same key is told apart.
    pub fingerprint: String,
    /// The status of the answer; absent while the request is under way.
    pub status: Option<u16>,
    /// The version of what it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Its body.
    pub body: String,
}

/// Answers to requests that their callers may repeat.
#[async_trait]
pub trait AnswerStore: Send + Sync {
    /// The answer that was kept under this key, unless its time is over.
    async fn answer(&self, key: &str, now: Timestamp) -> Result<Option<GivenAnswer>, StoreError>;

    /// Keeps an answer until `until`, unless there is one under this key whose time is not over at `now`. Returns whether
    /// it is kept.
    async fn keep_answer(
        &self,
        key: &str,
        answer: &GivenAnswer,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Keeps an answer until `until`, in the place of one that there may be.
    async fn replace_answer(
        &self,
        key: &str,
        answer: &GivenAnswer,
        until: Timestamp,
    ) -> Result<(), StoreError>;
}
