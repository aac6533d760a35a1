//! One order over all shards.
//!
//! In: pages of each shard, in order. Out: the first items of all, in order.
//! Never: reads more pages of a shard than the answer needs.

use std::{collections::VecDeque, ops::Range};

use domain::id::SHARDS;
use futures::future::try_join_all;
use ports::StoreError;

/// What one shard has next.
pub(crate) struct Page<K, T> {
    /// In the order that is asked for.
    pub(crate) items: Vec<(K, T)>,
    /// Where the next page begins; `None` after the last.
    pub(crate) next: Option<u64>,
}

struct Head<K, T> {
    shard: u8,
    items: VecDeque<(K, T)>,
    next: Option<u64>,
}

/// The first `max` items of all shards by key, from pages of at most so many that `fetch` gets.
pub(crate) async fn first<K: Ord + Clone, T, F>(
    max: usize,
    fetch: impl Fn(u8, u64, usize) -> F,
) -> Result<Vec<(K, T)>, StoreError>
where
    F: Future<Output = Result<Page<K, T>, StoreError>>,
{
    first_of(0..SHARDS, max, fetch).await
}

/// The same of some shards.
pub(crate) async fn first_of<K: Ord + Clone, T, F>(
    shards: Range<u8>,
    max: usize,
    fetch: impl Fn(u8, u64, usize) -> F,
) -> Result<Vec<(K, T)>, StoreError>
where
    F: Future<Output = Result<Page<K, T>, StoreError>>,
{
    let page_max = (max / shards.len().max(1) * 2 + 4).min(max);
    let mut found = Vec::new();
    if max == 0 {
        return Ok(found);
    }
    let pages = try_join_all(shards.clone().map(|shard| fetch(shard, 0, page_max))).await?;
    let mut heads: Vec<Head<K, T>> = shards
        .zip(pages)
        .map(|(shard, page)| Head { shard, items: page.items.into(), next: page.next })
        .collect();
    loop {
        for head in &mut heads {
            while let (true, Some(offset)) = (head.items.is_empty(), head.next) {
                let page = fetch(head.shard, offset, page_max).await?;
                (head.items, head.next) = (page.items.into(), page.next);
            }
        }
        let first = heads
            .iter_mut()
            .filter(|head| !head.items.is_empty())
            .min_by_key(|head| head.items.front().map(|(key, _)| key.clone()));
        let Some(item) = first.and_then(|head| head.items.pop_front()) else { return Ok(found) };
        found.push(item);
        if found.len() == max {
            return Ok(found);
        }
    }
}
