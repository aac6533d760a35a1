//! Chooses the next delay queue. In: how long is left. Out: a hop.
//!
//! Never: an early delivery. A bucket that is a little too long may be the last hop; one that is too short never is.

/// Lifetimes of the delay queues, in seconds. Common delays take 1 to 3 hops.
pub const BUCKETS_S: [u32; 16] =
    [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 259_200];

/// A delay below this is waited for in memory, in milliseconds.
pub(crate) const HOLD_MS_MAX: i64 = 1_000;

/// The most that the delayed message plugin takes, in milliseconds.
const PLUGIN_MS_MAX: i64 = u32::MAX as i64;

/// How messages are delayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DelayMode {
    /// Queues with a fixed time to live; on every broker from 3.10 on.
    #[default]
    Buckets,
    /// The `rabbitmq_delayed_message_exchange` plugin, where it is installed already: it does not replicate its messages,
    /// and its project is archived.
    Plugin,
}

/// Where a delayed message goes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hop {
    /// To its queue, at once.
    Arrive,
    /// To a forwarder, which waits for the rest with the delivery unacknowledged.
    Hold,
    /// Through a bucket, and from there straight to its queue.
    Last(u32),
    /// Through a bucket, and from there to a forwarder, which chooses again.
    Step(u32),
}

/// The next hop through the buckets.
pub(crate) fn next_hop(left_ms: i64) -> Hop {
    if left_ms <= 0 {
        return Hop::Arrive;
    }
    if left_ms < HOLD_MS_MAX {
        return Hop::Hold;
    }
    // A delivery that is slightly late saves a hop.
    let slack_ms = (left_ms / 50).clamp(250, 1_000);
    let whole_ms = |bucket_s: &u32| i64::from(*bucket_s) * 1_000;
    let fits = |bucket_s: &&u32| (0..=slack_ms).contains(&(whole_ms(bucket_s) - left_ms));
    if let Some(bucket_s) = BUCKETS_S.iter().find(fits) {
        return Hop::Last(*bucket_s);
    }
    let below = BUCKETS_S.iter().rev().find(|bucket_s| whole_ms(bucket_s) <= left_ms);
    below.map_or(Hop::Hold, |bucket_s| Hop::Step(*bucket_s))
}

/// The delay to ask the plugin for, and whether it is all that is left.
pub(crate) fn plugin_delay(left_ms: i64) -> (i64, bool) {
    (left_ms.clamp(1, PLUGIN_MS_MAX), left_ms <= PLUGIN_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hops through the broker, and how late it arrives, if every bucket is exact.
    fn travel(mut left_ms: i64) -> (u32, i64) {
        let mut hops = 0;
        loop {
            match next_hop(left_ms) {
                Hop::Arrive => return (hops, -left_ms),
                Hop::Hold => return (hops, 0),
                Hop::Last(bucket_s) => return (hops + 1, i64::from(bucket_s) * 1_000 - left_ms),
                Hop::Step(bucket_s) => (hops, left_ms) = (hops + 1, left_ms - i64::from(bucket_s) * 1_000),
            }
        }
    }

    #[test]
    fn no_delay_ends_early_or_a_second_late() {
        for left_ms in (0..200_000).step_by(37).chain((0..5_000_000_000).step_by(7_777_777)) {
            let (hops, late_ms) = travel(left_ms);
            assert!((0..=1_000).contains(&late_ms), "{left_ms} ms comes {late_ms} ms late");
            assert!(hops <= 35, "{left_ms} ms takes {hops} hops");
        }
    }

    #[test]
    fn delays_that_people_choose_take_few_hops() {
        let chosen_s = [
            30, 45, 60, 90, 120, 180, 300, 420, 600, 900, 1_200, 1_800, 2_700, 3_600, 7_200, 10_800, 14_400,
            21_600, 43_200, 86_400, 172_800, 604_800,
        ];
        // Timers fire at the end of their slot.
        let hops = chosen_s.map(|s: i64| f64::from(travel(s * 1_000 + 437).0));
        let mean = hops.iter().sum::<f64>() / 22.0;
        assert!(mean < 1.8 && hops.iter().all(|hops| *hops <= 4.0), "mean {mean}, {hops:?}");
    }

    #[test]
    fn the_plugin_is_never_asked_for_more_than_it_takes() {
        assert_eq!(plugin_delay(0), (1, true));
        assert_eq!(plugin_delay(5_000), (5_000, true));
        assert_eq!(plugin_delay(1 << 40), (4_294_967_295, false));
    }
}
