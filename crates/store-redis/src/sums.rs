//! The sums of the conservation audit. In: the sums that scripts keep beside the runs of each shard. Out: their total.
//!
//! Never: one instant over all shards, though each shard's sums are of one instant: a run stays in its shard, so that
//! no run is counted twice or missed. On a single server all shards are read in one pass without anybody between.

use domain::id::SHARDS;
use ports::{StoreError, store::Sums};

use crate::{
    store::RedisStore,
    stored_run::{MESSAGE_LETTERS, RUN_LETTERS},
};

impl RedisStore {
    pub(crate) async fn total(&self) -> Result<Sums, StoreError> {
        let mut pipeline = redis::pipe();
        for shard in 0..SHARDS {
            pipeline.cmd("HGETALL").arg(self.keys.sums(shard));
        }
        let shards: Vec<Vec<(String, i64)>> = self.link.pipeline(&pipeline).await?;
        let mut sums = Sums::default();
        for (name, count) in shards.into_iter().flatten() {
            let count = u64::try_from(count).unwrap_or_default();
            let mut kind = name.chars();
            match kind.next() {
                Some('r') => {
                    let phase = RUN_LETTERS.iter().find(|(_, letter)| kind.as_str().starts_with(*letter));
                    let phase = phase.map_or(kind.as_str(), |(phase, _)| phase.as_str());
                    *sums.runs.entry(phase.to_owned()).or_default() += count;
                }
                Some('m') => {
                    let phase = MESSAGE_LETTERS.iter().find(|(_, letter)| kind.as_str().starts_with(*letter));
                    let phase = phase.map_or(kind.as_str(), |(phase, _)| *phase);
                    *sums.messages.entry(phase.to_owned()).or_default() += count;
                }
                Some('d') => *sums.dead_letters.entry(kind.as_str().to_owned()).or_default() += count,
                Some('f') => sums.forgotten += count,
                _ => {}
            }
        }
        Ok(sums)
    }
}
