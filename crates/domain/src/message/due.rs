//! When a message may be sent, and when it must be looked at. In: a message, and the time. Out: times, and yes or no.
//!
//! Never: changes a message.

use jiff::Timestamp;

use super::{Message, MessagePhase};
use crate::{limits::SLOT_GOOD_MS, time::after_ms};

impl Message {
    /// Whether it waits for its first request, which may be made at `now`.
    pub fn is_queued_for(&self, now: Timestamp) -> bool {
        matches!(self.phase, MessagePhase::Queued { not_before } if not_before <= now)
    }

    /// When a waiting message may be sent at the earliest.
    pub(crate) fn next_phase_at(&self) -> Option<Timestamp> {
        self.phase_due().filter(|_| self.is_waiting())
    }

    /// Whether it waits for a worker to send it, and may be sent.
    pub fn is_ready(&self, now: Timestamp) -> bool {
        self.is_waiting() && self.phase_due().is_some_and(|at| at <= now)
    }

    /// Whether it may go now without another slot of its sender.
    pub fn has_slot(&self, now: Timestamp) -> bool {
        self.slot_at.is_some_and(|at| at <= now && now <= after_ms(at, SLOT_GOOD_MS))
    }

    /// When it is due, without regard to the run.
    pub fn next_due(&self) -> Option<Timestamp> {
        let at = self.phase_due()?;
        match self.rewake_at {
            Some(rewake_at) if !matches!(self.phase, MessagePhase::Dispatching { .. }) => {
                Some(at.max(rewake_at))
            }
            Some(_) | None => Some(at),
        }
    }

    /// When its phase asks for a look, whatever wake-ups were given since.
    pub(super) fn phase_due(&self) -> Option<Timestamp> {
        match &self.phase {
            MessagePhase::Queued { not_before: at }
            | MessagePhase::RetryWait { until: at }
            | MessagePhase::InDoubt { ask_at: at, .. }
            | MessagePhase::Dispatching { lease_until: at, .. } => Some(*at),
            MessagePhase::Submitted { .. } | MessagePhase::Told { .. } => self.poll_at,
            MessagePhase::NeedsReview { .. }
            | MessagePhase::SentUnconfirmed { .. }
            | MessagePhase::Suppressed { .. }
            | MessagePhase::Dead { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => None,
        }
    }
}
