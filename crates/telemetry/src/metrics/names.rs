//! Values of labels. In: names. Out: the same names, shared, so that counting allocates nothing.
//!
//! Never: takes a value that a caller from outside chooses: no number, no run, no source that nobody configured.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use domain::token::TOKEN_SOURCES;

/// What a source is called that is not configured, and everything else that is on no list.
pub(super) const OTHER: &str = "other";
/// What the sources of tokens are called together: their labels are chosen by operators, and come and go.
const TOKENS: &str = "tokens";

/// Every name that was counted under. They are names of the program and of configurations, so there are few.
static NAMES: LazyLock<RwLock<HashSet<Arc<str>>>> = LazyLock::new(RwLock::default);

/// A label for each of `N` values.
pub(super) type Labels<const N: usize> = [(&'static str, Arc<str>); N];

/// A name that is shared.
pub(super) fn name(text: &str) -> Arc<str> {
    if let Some(known) = NAMES.read().unwrap_or_else(PoisonError::into_inner).get(text) {
        return known.clone();
    }
    let new: Arc<str> = text.into();
    NAMES.write().unwrap_or_else(PoisonError::into_inner).insert(new.clone());
    new
}

/// Labels of shared names.
pub(super) fn labels<const N: usize>(labels: [(&'static str, &str); N]) -> Labels<N> {
    labels.map(|(label, value)| (label, name(value)))
}

/// The sources that have a label of their own.
#[derive(Debug, Default)]
pub(super) struct Sources(RwLock<BTreeSet<String>>);

impl Sources {
    /// Gives these sources labels of their own.
    pub(super) fn know<'a>(&self, names: impl Iterator<Item = &'a str>) {
        let names = names.map(str::to_owned).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// What a source is counted under.
    pub(super) fn label(&self, source: &str) -> Arc<str> {
        if source.starts_with(TOKEN_SOURCES) {
            return name(TOKENS);
        }
        let is_known = self.0.read().unwrap_or_else(PoisonError::into_inner).contains(source);
        name(if is_known { source } else { OTHER })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_nobody_configured_has_no_label_of_its_own() {
        let sources = Sources::default();
        sources.know(["monitoring"].into_iter());
        let labels = ["monitoring", "made-up", "/callout/tokens/ci"].map(|source| sources.label(source));
        assert_eq!(labels.each_ref().map(|label| &**label), ["monitoring", "other", "tokens"]);
        assert!(Arc::ptr_eq(&labels[0], &sources.label("monitoring")), "it is shared");
    }
}
