//! What a template may use, and what is said of one that uses more.

/// The statements that a template may use.
pub(super) const STATEMENTS: &[&str] = &["if", "elif", "else", "endif", "for", "endfor"];
/// The filters that a template may use.
pub(super) const FILTERS: &[&str] = &["upper", "lower", "trim", "round", "int", "default", "join"];
/// The tests that a template may use.
pub(super) const TESTS: &[&str] = &["defined", "undefined"];

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("line {line} of the template: {message}")]
pub struct TemplateError {
    /// The line within the template, from 1.
    pub line: u32,
    /// What is wrong, and what to write.
    pub message: String,
}

/// Whether a template can write this name behind a dot. Other names are left out of nested objects, so that a loop
/// over an object writes nothing but names.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
