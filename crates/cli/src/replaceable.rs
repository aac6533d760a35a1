//! Ports whose implementation a reload replaces. In: calls. Out: what the one in force answers.
//!
//! Never: changes one that a call is using.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use domain::{
    phone::E164,
    provider::{
        FailureClass, InboundText, ProviderMessage, ProviderMessageId, StatusReport, Submission,
        SubmitOutcome,
    },
};
use jiff::Timestamp;
use ports::{ProviderError, ProviderWebhooks, SmsProvider, WebhookError, WebhookPost};

/// An implementation, and the next one after a reload.
pub(crate) struct Replaceable<T>(RwLock<Arc<T>>);

impl<T> Replaceable<T> {
    pub(crate) fn new(value: T) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(value))))
    }

    /// Puts another one in force, for calls from now on.
    pub(crate) fn replace(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }

    fn now(&self) -> Arc<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl<T: SmsProvider> SmsProvider for Replaceable<T> {
    async fn submit(&self, submission: &Submission) -> SubmitOutcome {
        self.now().submit(submission).await
    }

    async fn fetch(&self, sid: &ProviderMessageId) -> Result<Option<ProviderMessage>, ProviderError> {
        self.now().fetch(sid).await
    }

    async fn look_up(
        &self,
        to: &E164,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<ProviderMessage>, ProviderError> {
        self.now().look_up(to, from, until).await
    }

    async fn allow(&self, in_flight_max: u16) {
        self.now().allow(in_flight_max).await;
    }

    fn classify(&self, error_code: Option<u32>) -> FailureClass {
        self.now().classify(error_code)
    }

    fn answer_max(&self) -> Duration {
        self.now().answer_max()
    }
}

impl<T: ProviderWebhooks> ProviderWebhooks for Replaceable<T> {
    fn status_path(&self) -> &'static str {
        self.now().status_path()
    }

    fn inbound_path(&self) -> &'static str {
        self.now().inbound_path()
    }

    fn status(&self, post: &WebhookPost<'_>) -> Result<StatusReport, WebhookError> {
        self.now().status(post)
    }

    fn inbound(&self, post: &WebhookPost<'_>) -> Result<InboundText, WebhookError> {
        self.now().inbound(post)
    }

    fn no_reply(&self) -> (&'static str, &'static str) {
        self.now().no_reply()
    }
}
