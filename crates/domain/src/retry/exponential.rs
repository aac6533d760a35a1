//! The exponential curve, from the `backoff` crate. In: base, factor, cap and step. Out: an interval in milliseconds.
//!
//! Never: lets a type, the clock or the chance of that crate out. It is unmaintained (RUSTSEC-2025-0012), and named
//! by the product's owner; this file is all that another curve would replace.

use std::time::Duration;

use backoff::{ExponentialBackoff, backoff::Backoff};

/// What the curve is made of.
pub(super) struct Curve {
    /// The first interval, in milliseconds.
    pub(super) base_ms: u32,
    /// What an interval is multiplied with, in percent; below 100 counts as 100.
    pub(super) factor_percent: u16,
    /// The longest interval, in milliseconds.
    pub(super) cap_ms: u32,
    /// How often to multiply.
    pub(super) steps: u16,
}

/// The interval after so many steps, in milliseconds. Never above the cap, and never falling with more steps.
pub(super) fn interval_ms(curve: Curve) -> u64 {
    let cap = Duration::from_millis(u64::from(curve.cap_ms));
    let base = Duration::from_millis(u64::from(curve.base_ms)).min(cap);
    if curve.factor_percent <= 100 || base.is_zero() {
        return base.as_millis() as u64;
    }
    // Its clock is read and its chance drawn inside, but with no elapsed bound and no randomization neither is used;
    // the interval is taken from the state, since what `next_backoff` returns has up to a nanosecond of chance in it.
    let mut curve_state = ExponentialBackoff {
        current_interval: base,
        initial_interval: base,
        randomization_factor: 0.0,
        multiplier: f64::from(curve.factor_percent) / 100.0,
        max_interval: cap,
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    for _ in 0..curve.steps {
        if curve_state.current_interval >= cap || curve_state.next_backoff().is_none() {
            break;
        }
    }
    curve_state.current_interval.min(cap).as_millis() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn intervals_double_up_to_the_cap() {
        let curve = |steps| Curve { base_ms: 1_000, factor_percent: 200, cap_ms: 60_000, steps };
        let found: Vec<u64> =
            [0, 1, 2, 3, 4, 5, 6, 7, u16::MAX].map(|steps| interval_ms(curve(steps))).into();
        assert_eq!(found, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    }

    #[test]
    fn a_cap_of_minutes_is_reached_and_a_factor_below_one_changes_nothing() {
        let at = |factor_percent, steps| {
            interval_ms(Curve { base_ms: 1_000, factor_percent, cap_ms: 600_000, steps })
        };
        assert_eq!(
            [7, 8, 9, 10, 11].map(|steps| at(200, steps)),
            [128_000, 256_000, 512_000, 600_000, 600_000]
        );
        assert_eq!([0, 1, 9].map(|steps| at(50, steps)), [1_000; 3]);
    }

    proptest! {
        #[test]
        fn an_interval_never_falls_and_never_passes_the_cap(
            base_ms: u32, factor_percent: u16, cap_ms: u32, steps in 0u16..u16::MAX,
        ) {
            let at = |steps| interval_ms(Curve { base_ms, factor_percent, cap_ms, steps });
            prop_assert!(at(steps) <= at(steps + 1));
            prop_assert!(at(steps + 1) <= u64::from(cap_ms));
            prop_assert_eq!(at(steps), at(steps));
        }
    }
}
