//! Tokens by which people, tools and agents are known to the API.
//!
//! In: bytes of chance, and what a request bears. Out: tokens to store, and whether a request may do what it asks for.
//! Never: keeps a secret in clear: a token is shown once, when it is made, and stored as a hash.

use std::{collections::BTreeSet, fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::id::short;

/// What every token begins with, so that scanners for leaked secrets find one.
const PREFIX: &str = "callout_";
/// Characters of a token's id.
const ID_CHARS: usize = 10;
/// What the scope to send events begins with.
const RAISE: &str = "raise:";
/// What the `source` of every event begins with that is sent with a token. No configured source begins so.
pub const TOKEN_SOURCES: &str = "/callout/tokens/";
/// Most characters of a label: it stands in timelines.
pub const LABEL_CHARS_MAX: usize = 60;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// To read runs, dead letters and counts; no number is shown whole, and no text.
    Read,
    /// To read the texts of messages.
    ReadTexts,
    /// To acknowledge, escalate, cancel and review runs, and to replay and discard dead letters.
    Operate,
    /// To read on-call shifts as a calendar. A token with this scope alone may stand in an address.
    Calendar,
    /// To decide on what agents ask for.
    Approve,
    /// Of agents: to note that it has seen a run, which stops nothing.
    Observe,
    /// Of agents: to have a run move on to its next step, as far as its workflow lets agents.
    Escalate,
    /// Of agents: to replay a dead letter of which nothing was sent.
    Replay,
    /// Of agents: to read what recipients wrote, where their workflow keeps it.
    Untrusted,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Read,
        Self::ReadTexts,
        Self::Operate,
        Self::Calendar,
        Self::Approve,
        Self::Observe,
        Self::Escalate,
        Self::Replay,
        Self::Untrusted,
    ];

    /// Whose tokens may have it; `None` for those of everybody.
    fn is_of_agents(self) -> Option<bool> {
        match self {
            Self::Read => None,
            // Texts hold the codes by which people acknowledge.
            Self::ReadTexts | Self::Operate | Self::Calendar | Self::Approve => Some(false),
            Self::Observe | Self::Escalate | Self::Replay | Self::Untrusted => Some(true),
        }
    }

    /// Its name on the command line and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadTexts => "read_texts",
            Self::Operate => "operate",
            Self::Calendar => "calendar",
            Self::Approve => "approve",
            Self::Untrusted => "untrusted",
            Self::Observe => "observe",
            Self::Escalate => "escalate",
            Self::Replay => "replay",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// What one `--scope` of a new token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// A scope.
    Scope(Scope),
    /// To send events of this type; `incident.*` means all that begin with `incident.`.
    Raise(String),
}

impl FromStr for Grant {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        match text.strip_prefix(RAISE) {
            Some(kind) if kind.is_empty() || kind.contains(|c: char| !c.is_ascii_graphic()) => {
                Err(UnknownScope)
            }
            Some(kind) => Ok(Self::Raise(kind.to_owned())),
            None => text.parse().map(Self::Scope),
        }
    }
}

/// A scope that there is none of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected read, read_texts, operate, calendar, approve, or raise: and a type of events, such as raise:incident.*; for \
     agents also observe, escalate, replay and untrusted"
)]
pub struct UnknownScope;

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Names it, in lists and when it is revoked. It is a part of the token in clear, and no secret.
    pub id: String,
    /// Whose it is: the name that timelines show.
    pub label: String,
    /// SHA-256 of its secret, in hex. The secret is 256 bits of chance, so a fast hash is enough.
    pub hash: String,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// The types of events that it may send, as a source's.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub raises: BTreeSet<String>,
    /// Whose runs it sees and changes; those of every team if empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub teams: BTreeSet<String>,
    /// Whether a software agent bears it, which never decides policy whatever its scopes are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_agent: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// From when on it allows nothing; absent for one that does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// What is asked for when a token is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// Whose it is.
    pub label: String,
    /// What it shall allow.
    pub scopes: BTreeSet<Scope>,
    /// The types of events that it shall send.
    pub raises: BTreeSet<String>,
    /// Whose runs it shall see and change.
    pub teams: BTreeSet<String>,
    /// Whether a software agent shall bear it.
    pub is_agent: bool,
    /// From when on it shall allow nothing.
    pub expires_at: Option<Timestamp>,
}

/// Whether a text can name a team.
pub fn is_team(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.chars().all(is_plain)
}

/// Why a token is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Timelines show the label.
    #[error("expected a label of 1 to {LABEL_CHARS_MAX} visible characters")]
    Label,
    /// It would allow nothing.
    #[error("expected at least one scope: read, read_texts, operate, calendar, approve or raise:TYPE")]
    NoScope,
    /// An agent decides nothing, and a person needs no scope of agents.
    #[error("the scope {scope} is for {whom}")]
    Bearer {
        /// The scope.
        scope: Scope,
        /// Whose tokens may have it.
        whom: &'static str,
    },
    /// No workflow can be of it.
    #[error("expected a team of letters, digits, hyphens, dots and underscores, not {0:?}")]
    Team(String),
    /// It would allow nothing.
    #[error("it would have expired already")]
    Expired,
}

impl Token {
    /// Makes a token from 32 bytes of chance. Returns it beside its text in clear, which is not stored.
    ///
    /// # Errors
    /// When the token could not be used, or not be told apart in a timeline.
    pub fn mint(
        request: TokenRequest,
        by: &str,
        chance: &[u8; 32],
        now: Timestamp,
    ) -> Result<(Self, String), InvalidToken> {
        let TokenRequest { label, mut scopes, raises, teams, is_agent, expires_at } = request;
        let label = label.trim().to_owned();
        let length = label.chars().count();
        if !(1..=LABEL_CHARS_MAX).contains(&length) || label.chars().any(char::is_control) {
            return Err(InvalidToken::Label);
        }
        if scopes.is_empty() && raises.is_empty() {
            return Err(InvalidToken::NoScope);
        }
        let is_of_others =
            |scope: &Scope| scope.is_of_agents().is_some_and(|of_agents| of_agents != is_agent);
        if let Some(scope) = scopes.iter().copied().find(is_of_others) {
            let whom = if is_agent { "people and tools" } else { "agents: give --agent as well" };
            return Err(InvalidToken::Bearer { scope, whom });
        }
        // Texts are shown with what they belong to.
        if scopes.contains(&Scope::ReadTexts) {
            scopes.insert(Scope::Read);
        }
        if let Some(team) = teams.iter().find(|team| !is_team(team)) {
            return Err(InvalidToken::Team(team.clone()));
        }
        if expires_at.is_some_and(|at| at <= now) {
            return Err(InvalidToken::Expired);
        }
        let secret = URL_SAFE_NO_PAD.encode(chance);
        let id = short(&["token", &secret])[..ID_CHARS].to_owned();
        let clear = format!("{PREFIX}{id}_{secret}");
        let created_by = by.to_owned();
        Ok((
            Self {
                id,
                label,
                hash: hash(&secret),
                scopes,
                raises,
                teams,
                is_agent,
                created_at: now,
                created_by,
                expires_at,
            },
            clear,
        ))
    }

    /// What it allows, each as the command line takes it.
    pub fn grants(&self) -> Vec<String> {
        let scopes = self.scopes.iter().map(|scope| scope.as_str().to_owned());
        scopes.chain(self.raises.iter().map(|kind| format!("{RAISE}{kind}"))).collect()
    }

    /// The `source` of the events that it sends.
    pub fn source(&self) -> String {
        source_of_label(&self.label)
    }

    /// The id in a token in clear; absent if it is none.
    pub fn id_in(clear: &str) -> Option<&str> {
        parts(clear).map(|(id, _)| id)
    }

    /// Whether this is the token in clear, and is in force.
    pub fn is(&self, clear: &str, now: Timestamp) -> bool {
        let Some((id, secret)) = parts(clear) else { return false };
        let is_same = bool::from(hash(secret).as_bytes().ct_eq(self.hash.as_bytes()));
        id == self.id && is_same && !self.is_expired(now)
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

fn parts(clear: &str) -> Option<(&str, &str)> {
    let (id, secret) = clear.strip_prefix(PREFIX)?.split_once('_')?;
    (id.len() == ID_CHARS && id.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some((id, secret))
}

fn hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The `source` of what is sent with a token of this label: the label, with everything percent-encoded that a URI does not
/// hold as it is.
pub fn source_of_label(label: &str) -> String {
    let mut source = TOKEN_SOURCES.to_owned();
    for byte in label.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => source.push(byte.into()),
            _ => source.push_str(&format!("%{byte:02X}")),
        }
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> TokenRequest {
        TokenRequest {
            label: "dashboard".into(),
            scopes: [Scope::Read].into(),
            raises: BTreeSet::new(),
            teams: BTreeSet::new(),
            is_agent: false,
            expires_at: None,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_token_is_known_by_its_text_until_it_expires_and_its_text_is_not_stored() {
        let timed = TokenRequest { expires_at: Some(at(100)), ..request() };
        let (token, clear) = Token::mint(timed, "ada", &[7; 32], at(10)).unwrap();
        assert_eq!(Token::id_in(&clear), Some(token.id.as_str()));
        assert!(token.is(&clear, at(99)) && !token.is(&clear, at(100)));
        let secret = clear.rsplit('_').next().unwrap();
        let stored = serde_json::to_string(&token).unwrap();
        assert!(!stored.contains(secret), "{stored}");
        assert_eq!(serde_json::from_str::<Token>(&stored).unwrap(), token);
    }

    #[test]
    fn no_other_text_is_taken_for_it() {
        let (token, clear) = Token::mint(request(), "ada", &[7; 32], at(10)).unwrap();
        let (other, other_clear) = Token::mint(request(), "ada", &[8; 32], at(10)).unwrap();
        assert_ne!(token.id, other.id);
        let mixed = format!("callout_{}_{}", token.id, other_clear.rsplit('_').next().unwrap());
        for text in ["", "callout_", &clear[..clear.len() - 1], &other_clear, &mixed, &clear.to_uppercase()] {
            assert!(!token.is(text, at(11)), "{text}");
        }
    }

    #[test]
    fn what_could_not_be_used_is_not_made() {
        let mint = |request| Token::mint(request, "ada", &[7; 32], at(10)).unwrap_err();
        for label in ["", "  ", "a\nb", &"x".repeat(61)] {
            assert_eq!(mint(TokenRequest { label: label.into(), ..request() }), InvalidToken::Label);
        }
        let nothing = TokenRequest { scopes: BTreeSet::new(), ..request() };
        assert_eq!(mint(nothing), InvalidToken::NoScope);
        assert_eq!(mint(TokenRequest { expires_at: Some(at(10)), ..request() }), InvalidToken::Expired);
        for team in ["", "red ", "a,b"] {
            let of_team = TokenRequest { teams: [team.to_owned()].into(), ..request() };
            assert_eq!(mint(of_team), InvalidToken::Team(team.to_owned()));
        }
        let texts = TokenRequest { scopes: [Scope::ReadTexts].into(), ..request() };
        assert!(Token::mint(texts, "ada", &[7; 32], at(10)).unwrap().0.scopes.contains(&Scope::Read));
    }

    #[test]
    fn what_is_granted_is_written_as_it_was_asked_for() {
        for (text, grant) in [
            ("operate", Ok(Grant::Scope(Scope::Operate))),
            ("raise:incident.*", Ok(Grant::Raise("incident.*".to_owned()))),
            ("raise:", Err(UnknownScope)),
            ("raise:a b", Err(UnknownScope)),
            ("raise", Err(UnknownScope)),
        ] {
            assert_eq!(text.parse::<Grant>(), grant, "{text}");
        }
        let raises =
            TokenRequest { scopes: [].into(), raises: ["incident.*".to_owned()].into(), ..request() };
        let (token, _) = Token::mint(raises, "ada", &[7; 32], at(10)).unwrap();
        assert_eq!(token.grants(), ["raise:incident.*"]);
        let stored = serde_json::to_value(&token).unwrap();
        assert_eq!(serde_json::from_value::<Token>(stored).unwrap(), token);
    }

    #[test]
    fn the_source_of_a_token_is_a_uri_and_that_of_another_label_differs() {
        let source = |label: &str| {
            let named = TokenRequest { label: label.to_owned(), ..request() };
            Token::mint(named, "ada", &[7; 32], at(10)).unwrap().0.source()
        };
        assert_eq!(source("ci-runner.1"), "/callout/tokens/ci-runner.1");
        assert_eq!(source("ü/a"), "/callout/tokens/%C3%BC%2Fa");
        assert_ne!(source("a%20b"), source("a b"));
    }

    #[test]
    fn an_agent_gets_no_scope_of_people_and_they_none_of_its() {
        for (is_agent, scope, is_made) in [
            (true, Scope::Observe, true),
            (true, Scope::Read, true),
            (true, Scope::Operate, false),
            (true, Scope::ReadTexts, false),
            (true, Scope::Calendar, false),
            (true, Scope::Approve, false),
            (true, Scope::Untrusted, true),
            (false, Scope::Untrusted, false),
            (false, Scope::Escalate, false),
            (false, Scope::Operate, true),
        ] {
            let asked = TokenRequest { scopes: [scope].into(), is_agent, ..request() };
            let made = Token::mint(asked, "ada", &[7; 32], at(10));
            assert_eq!(
                made.is_ok_and(|(token, _)| token.is_agent == is_agent),
                is_made,
                "{is_agent} {scope}"
            );
        }
    }

    #[test]
    fn a_scope_has_the_name_that_is_stored() {
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
    }
}
