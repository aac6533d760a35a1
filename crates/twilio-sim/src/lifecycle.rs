//! Carries out the plan of a created message. In: its plan and its faults. Out: statuses, callbacks, a text on a phone,
//! a reply.
//!
//! Never: posts a callback for the first status, which is in the answer, or for `sending`.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    clock,
    fault::{Fate, FaultKind},
    message::{API_VERSION, Record, Status},
    phone::PhoneText,
    plan::Step,
    sim::Sim,
    webhook_client::Target,
};

/// A text on its way.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    pub(crate) number: u64,
    pub(crate) steps: Vec<Step>,
    pub(crate) callback: Option<Target>,
    pub(crate) fate: Fate,
    pub(crate) begun: Instant,
    /// The first step whose callback was not posted yet.
    pub(crate) from_step: usize,
}

impl Lifecycle {
    /// Statuses keep their own time, however long the callbacks take.
    pub(crate) async fn run(self, sim: Arc<Sim>) {
        let statuses = async {
            for (index, step) in self.steps.iter().enumerate() {
                clock::sleep_until(self.begun + step.after).await;
                if sim.take_step(self.number, index, *step).is_none() {
                    return;
                }
            }
        };
        match &self.callback {
            None => statuses.await,
            Some(target) => {
                tokio::join!(statuses, self.post_all(&sim, target));
            }
        }
    }

    async fn post_all(&self, sim: &Arc<Sim>, target: &Target) {
        let mut delayed = None;
        for (index, step) in self.steps.iter().enumerate().skip(self.from_step) {
            clock::sleep_until(self.begun + step.after).await;
            let Some(params) = sim.take_step(self.number, index, *step) else { return };
            let is_last = index + 1 == self.steps.len();
            if self.fate.reordered && delayed.is_none() && !is_last {
                sim.count(FaultKind::CallbackReordered);
                delayed = Some((index, params));
                continue;
            }
            self.post(sim, target, index, &params).await;
            if let Some((index, params)) = delayed.take() {
                self.post(sim, target, index, &params).await;
            }
        }
    }

    pub(crate) async fn post(
        &self,
        sim: &Arc<Sim>,
        target: &Target,
        index: usize,
        params: &[(String, String)],
    ) {
        let at = |fates: &[bool]| fates.get(index).copied().unwrap_or(false);
        if at(&self.fate.lost) {
            sim.count(FaultKind::CallbackLost);
            sim.change(|state| state.ledger.report.callbacks.lost += 1);
            return;
        }
        let token = sim.read(|state| state.hex("callback", self.number * 16 + index as u64));
        sim.post_callback(target, params, &token).await;
        if at(&self.fate.doubled) {
            sim.count(FaultKind::CallbackDoubled);
            sim.post_callback(target, params, &token).await;
        }
    }
}

impl Sim {
    /// Takes a step, unless it was taken, and says what its callback carries.
    pub(crate) fn take_step(
        self: &Arc<Self>,
        number: u64,
        index: usize,
        step: Step,
    ) -> Option<Vec<(String, String)>> {
        let now = clock::now();
        let mut arrived = None;
        let params = self.change(|state| {
            let is_new = state.records.get(&number).is_some_and(|record| record.steps == index);
            let record = state.advance(number, index, step, now)?;
            let params = callback_params(record, step, &self.config.account_sid, now);
            if is_new && step.arrives {
                let record = record.clone();
                arrived = Some(record.to.clone());
                state.phone(&record.to).receive(text_of(&record, now));
            }
            Some(params)
        })?;
        if let Some(phone) = arrived {
            self.reply_by_rule(&phone);
        }
        Some(params)
    }

    pub(crate) async fn post_callback(&self, target: &Target, params: &[(String, String)], token: &str) {
        self.change(|state| state.ledger.report.callbacks.posted += 1);
        let begun = clock::instant();
        let tried = self.webhook_client.post(target, params, token).await;
        let waited = clock::instant().duration_since(begun);
        self.change(|state| {
            let callbacks = &mut state.ledger.report.callbacks;
            if tried.is_2xx() {
                callbacks.answered_2xx += 1;
                state.ledger.note_answer(waited);
            } else {
                callbacks.failed += 1;
            }
        });
    }
}

fn text_of(record: &Record, at: Timestamp) -> PhoneText {
    PhoneText {
        sid: Some(record.sid.to_string()),
        from: record.from.clone().unwrap_or_default(),
        to: record.to.clone(),
        body: record.body.clone(),
        at,
        automatic: false,
    }
}

/// The fields of a callback, in the order seen on the wire.
pub(crate) fn callback_params(
    record: &Record,
    step: Step,
    account_sid: &str,
    now: Timestamp,
) -> Vec<(String, String)> {
    let mut params = Vec::with_capacity(11);
    let mut add = |name: &str, value: &str| params.push((name.to_owned(), value.to_owned()));
    if let Some(code) = step.error_code {
        add("ErrorCode", &code.to_string());
    }
    if matches!(step.status, Status::Delivered | Status::Undelivered) {
        add("RawDlrDoneDate", &now.strftime("%y%m%d%H%M").to_string());
    }
    let sid = record.sid.as_str();
    add("SmsSid", sid);
    add("SmsStatus", step.status.word());
    add("MessageStatus", step.status.word());
    add("To", &record.to);
    if let Some(service) = &record.service {
        add("MessagingServiceSid", service);
    }
    add("MessageSid", sid);
    add("AccountSid", account_sid);
    add("From", record.from.as_deref().unwrap_or_default());
    add("ApiVersion", API_VERSION);
    params
}
