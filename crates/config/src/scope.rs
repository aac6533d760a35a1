//! Which process reads the configuration, and so which secrets it needs.

/// Who reads the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A process that runs roles, and needs every secret.
    Server,
    /// An operator's command, which needs the store and the bus only.
    Operator,
}
