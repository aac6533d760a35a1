//! Documents that cannot be read. In: a store, before and after a backend's test damaged some. Out: a panic where a list
//! ends at one of them, or passes over it in silence.

use std::slice;

use ports::{
    Store,
    store::{DeadLetterFilter, Listed, RunFilter},
};

use crate::fixture::{Opening, letter, open_new};

/// What a store listed before.
pub struct Whole {
    runs: Vec<String>,
    letters: Vec<String>,
}

impl Whole {
    /// Stores three runs and three dead letters.
    pub async fn stored(store: &dyn Store) -> Self {
        for n in 0..3 {
            open_new(store, &Opening::new("damaged", n).change()).await;
            store.add_dead_letter(&letter("damaged", n, i64::from(n))).await.unwrap();
        }
        let listed = Self::listed(store).await;
        assert_eq!((listed.runs.len(), listed.letters.len()), (3, 3));
        listed
    }

    /// The run that a test damages.
    pub fn run(&self) -> &str {
        &self.runs[1]
    }

    /// The dead letter that a test damages.
    pub fn letter(&self) -> &str {
        &self.letters[1]
    }

    /// Panics unless the damaged ones are named in their places, and all others are listed.
    pub async fn is_damaged(mut self, store: &dyn Store) {
        for id in [&mut self.runs[1], &mut self.letters[1]] {
            *id = format!("unreadable {id}");
        }
        let now = Self::listed(store).await;
        assert_eq!((now.runs, now.letters), (self.runs, self.letters));
    }

    /// Runs page by page, because a page may end at one that cannot be read.
    async fn listed(store: &dyn Store) -> Self {
        let (mut runs, mut filter) = (Vec::new(), RunFilter::default());
        loop {
            let page = store.list_runs(&filter, 1).await.unwrap();
            let Some(one) = page.first() else { break };
            let id = one.as_ref().map_or_else(|one| one.id.clone(), |run| run.id().to_string());
            filter.after = Some(id.parse().unwrap());
            runs.extend(ids(slice::from_ref(one), "run", |run| run.id().to_string()));
        }
        let letters = store.dead_letters(&DeadLetterFilter::default(), 9).await.unwrap();
        Self { runs, letters: ids(&letters, "dead letter", |letter| letter.id.clone()) }
    }
}

fn ids<T>(listed: &[Listed<T>], what: &str, id: impl Fn(&T) -> String) -> Vec<String> {
    let id = |one: &Listed<T>| match one {
        Ok(one) => id(one),
        Err(one) => {
            // A dead letter's name may be a number, and may be withheld.
            assert!(one.error.starts_with(what), "{one}");
            format!("unreadable {}", one.id)
        }
    };
    listed.iter().map(id).collect()
}
