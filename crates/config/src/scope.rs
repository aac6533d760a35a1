//! Which process reads the configuration, and so which secrets it needs.

/// Which secrets a process needs. What it does not need it does not read, so it need not be given them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Keys and webhook secrets of event sources: `ingest`.
    pub sources: bool,
    /// The account that texts are sent from: `sender`.
    pub provider: bool,
    /// The tokens that the provider's posts are signed with: `callback`.
    pub webhooks: bool,
    /// The secrets of destinations: `integrations`.
    pub destinations: bool,
    /// The addresses of calendars: `escalation`, which reads them.
    pub calendars: bool,
}

impl Scope {
    /// A process that runs every role.
    pub const SERVER: Self =
        Self { sources: true, provider: true, webhooks: true, destinations: true, calendars: true };
    /// An operator's command, which needs the store and the bus only.
    pub const OPERATOR: Self =
        Self { sources: false, provider: false, webhooks: false, destinations: false, calendars: false };
}
