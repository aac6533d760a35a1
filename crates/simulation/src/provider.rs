//! What a provider in memory knows.
//!
//! In: texts that it took, and their statuses. Out: the same, in order, by name and by receiver.
//! Never: decides on a status.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{
    phone::E164,
    provider::{ProviderMessage, ProviderMessageId, ProviderStatus, Submission},
};
use jiff::{SignedDuration, Timestamp};

/// A text that the provider took.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The provider's name for it.
    pub sid: ProviderMessageId,
    /// The request that it was created from.
    pub submission: Submission,
    /// When the provider took it.
    pub at: Timestamp,
    /// From when lists have it.
    pub listed_from: Timestamp,
    /// Its latest status.
    pub status: ProviderStatus,
    /// The error code of its latest status.
    pub code: Option<u32>,
}

#[derive(Default)]
pub(crate) struct Provider {
    texts: Mutex<Vec<Taken>>,
    requests: Mutex<Vec<(Timestamp, u16)>>,
}

impl Provider {
    fn texts(&self) -> MutexGuard<'_, Vec<Taken>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time and the attempt number of every request, refused ones included.
    pub(crate) fn requests(&self) -> Vec<(Timestamp, u16)> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All texts that were taken, in order.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.texts().clone()
    }

    pub(crate) fn set(&self, sid: &ProviderMessageId, status: ProviderStatus, code: Option<u32>) {
        let number = usize::from_str_radix(sid.as_str().trim_start_matches("SM"), 16).unwrap_or_default();
        let mut texts = self.texts();
        if let Some(text) = number.checked_sub(1).and_then(|at| texts.get_mut(at)) {
            (text.status, text.code) = (status, code);
        }
    }
    pub(crate) fn note_request(&self, at: Timestamp, attempt: u16) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push((at, attempt));
    }

    /// Takes a text under the next SID. `None`: no SID is left.
    pub(crate) fn take(
        &self,
        submission: &Submission,
        at: Timestamp,
        listed_from: Timestamp,
    ) -> Option<ProviderMessageId> {
        let mut texts = self.texts();
        let sid: ProviderMessageId = format!("SM{:032x}", texts.len() + 1).parse().ok()?;
        let status = ProviderStatus::Queued;
        texts.push(Taken {
            sid: sid.clone(),
            submission: submission.clone(),
            at,
            listed_from,
            status,
            code: None,
        });
        Some(sid)
    }

    /// The texts to a number that were taken within a time, as far as lists have them by now.
    pub(crate) fn look_up(
        &self,
        to: &E164,
        from: Timestamp,
        until: Timestamp,
        now: Timestamp,
    ) -> Vec<ProviderMessage> {
        let from = from - SignedDuration::from_secs(1);
        let is_meant = |text: &&Taken| {
            text.submission.to == *to && (from..=until).contains(&text.at) && text.listed_from <= now
        };
        self.texts().iter().filter(is_meant).map(message_of).collect()
    }

    pub(crate) fn fetch(&self, sid: &ProviderMessageId) -> Option<ProviderMessage> {
        self.texts().iter().find(|text| text.sid == *sid).map(message_of)
    }
}

fn message_of(text: &Taken) -> ProviderMessage {
    ProviderMessage {
        sid: text.sid.clone(),
        status: text.status,
        error_code: text.code,
        to: text.submission.to.clone(),
        from: None,
        service: None,
        body: text.submission.body.clone(),
        created_at: text.at,
        segments: None,
    }
}
