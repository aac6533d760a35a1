//! A provider in memory: it takes texts, loses answers, posts signed callbacks and answers questions.
//!
//! In: submissions. Out: texts on their way, callbacks to whichever receiver lives.
//! Never: takes a text that it says it did not take.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use axum::{body::Body, http::Request};
use domain::{
    phone::E164,
    provider::{
        FailureClass, ProviderMessage, ProviderMessageId, ProviderStatus, Refusal, Submission, SubmitOutcome,
    },
};
use jiff::{SignedDuration, Timestamp};
use ports::Clock as _;
use tower::ServiceExt as _;
use twilio::{Secret, SigningKey};

use crate::{chance::Fault, world::World};

/// What callbacks are signed with.
pub(crate) const TOKEN: &str = "simulated";
/// Where they are posted.
pub(crate) const PUBLIC_URL: &str = "http://callout.test";
/// A phone that cannot be reached, and one that is none.
const CODES: [u32; 2] = [30_003, 30_005];
/// How often a callback is tried.
const TRIES: u32 = 5;

/// A text that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its name.
    pub sid: ProviderMessageId,
    /// What it was made from.
    pub submission: Submission,
    /// When.
    pub at: Timestamp,
    /// How far it got.
    pub status: ProviderStatus,
    /// Why it failed.
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

    /// Every request that came, refused ones included: when, and which attempt it was.
    pub(crate) fn requests(&self) -> Vec<(Timestamp, u16)> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything that was taken, in order.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.texts().clone()
    }

    fn set(&self, sid: &ProviderMessageId, status: ProviderStatus, code: Option<u32>) {
        let number = usize::from_str_radix(sid.as_str().trim_start_matches("SM"), 16).unwrap_or_default();
        let mut texts = self.texts();
        if let Some(text) = number.checked_sub(1).and_then(|at| texts.get_mut(at)) {
            (text.status, text.code) = (status, code);
        }
    }
}

pub(crate) async fn submit(world: &Arc<World>, submission: &Submission) -> SubmitOutcome {
    let chance = &world.chance;
    let request = (world.clock.now(), submission.attempt);
    world.provider.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    world.wait_ms(5 + chance.below(80)).await;
    let refused = |class, code, reason: &str| {
        SubmitOutcome::NotSent(Refusal { code, class, retry_after_ms: None, reason: reason.to_owned() })
    };
    if chance.fires(Fault::TooManyRequests) {
        return refused(FailureClass::RetrySoon, Some(20_429), "too many requests");
    }
    if chance.fires(Fault::Refused) {
        return refused(FailureClass::Recipient, Some(21_211), "the number is none");
    }
    if chance.fires(Fault::Unavailable) {
        return SubmitOutcome::InDoubt { reason: "HTTP 503".to_owned() };
    }
    let sid = {
        let mut texts = world.provider.texts();
        let sid: ProviderMessageId = match format!("SM{:032x}", texts.len() + 1).parse() {
            Ok(sid) => sid,
            Err(_) => return refused(FailureClass::Configuration, None, "no name is left"),
        };
        let (at, status) = (world.clock.now(), ProviderStatus::Queued);
        texts.push(Taken { sid: sid.clone(), submission: submission.clone(), at, status, code: None });
        sid
    };
    world.note(format!("provider took {} attempt {} as {sid}", submission.message, submission.attempt));
    let early = chance.fires(Fault::CallbackEarly);
    if early {
        world.provider.set(&sid, ProviderStatus::Sent, None);
        post(world, &sid, submission, ProviderStatus::Sent, None).await;
    }
    tokio::spawn(journey(Arc::downgrade(world), sid.clone(), submission.clone(), early));
    if chance.fires(Fault::AnswerLost) {
        world.wait_ms(2_000).await;
        return SubmitOutcome::InDoubt { reason: "no answer in time".to_owned() };
    }
    SubmitOutcome::Sent { sid, status: ProviderStatus::Queued }
}

/// From queued to its last status, with a callback at each.
async fn journey(world: Weak<World>, sid: ProviderMessageId, submission: Submission, was_early: bool) {
    let Some(world) = world.upgrade() else { return };
    let fails = world.chance.fires(Fault::DeliveryFailure);
    let code = CODES[world.chance.below(2) as usize];
    let (last, code) =
        if fails { (ProviderStatus::Undelivered, Some(code)) } else { (ProviderStatus::Delivered, None) };
    for (status, code) in [(ProviderStatus::Sent, None), (last, code)] {
        world.wait_ms(20 + world.chance.below(3_000)).await;
        if was_early && status == ProviderStatus::Sent {
            continue;
        }
        world.provider.set(&sid, status, code);
        if world.chance.fires(Fault::CallbackLost) {
            world.note(format!("callback {status:?} of {sid} is lost"));
            continue;
        }
        let copies = if world.chance.fires(Fault::CallbackDoubled) { 2 } else { 1 };
        for _ in 0..copies {
            // Not awaited: callbacks overtake one another.
            let (world, sid, submission) = (world.clone(), sid.clone(), submission.clone());
            tokio::spawn(async move {
                world.wait_ms(world.chance.below(1_500)).await;
                post(&world, &sid, &submission, status, code).await;
            });
        }
    }
    if !fails {
        world.recipient_may_reply(&submission).await;
    }
}

async fn post(
    world: &Arc<World>,
    sid: &ProviderMessageId,
    submission: &Submission,
    status: ProviderStatus,
    code: Option<u32>,
) {
    let word = format!("{status:?}").to_lowercase();
    let mut params = vec![("MessageSid".to_owned(), sid.to_string()), ("MessageStatus".to_owned(), word)];
    params.extend(code.map(|code| ("ErrorCode".to_owned(), code.to_string())));
    let query = format!("message={}&attempt={}", submission.message, submission.attempt);
    post_form(world, &format!("{}?{query}", twilio::STATUS_PATH), &params).await;
}

/// Posts a signed form until somebody answers with 2xx, as Twilio does when asked to.
pub(crate) async fn post_form(world: &Arc<World>, path: &str, params: &[(String, String)]) {
    let encode = |text: &str| text.replace('+', "%2B").replace(' ', "+");
    let pairs: Vec<String> = params.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let signature = SigningKey::new(&Secret::new(TOKEN)).sign(&format!("{PUBLIC_URL}{path}"), params);
    for attempt in 0..TRIES {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-twilio-signature", &signature)
            .body(Body::from(pairs.join("&")));
        let (Ok(request), Some(receiver)) = (request, world.receiver()) else {
            world.wait_ms(500 << attempt).await;
            continue;
        };
        // A receiver that dies does not answer.
        let answered = tokio::time::timeout(std::time::Duration::from_secs(15), receiver.oneshot(request));
        match answered.await {
            Ok(Ok(response)) if response.status().is_success() => return,
            Ok(_) | Err(_) => world.wait_ms(500 << attempt).await,
        }
    }
}

pub(crate) fn look_up(world: &World, to: &E164, from: Timestamp, until: Timestamp) -> Vec<ProviderMessage> {
    let from = from - SignedDuration::from_secs(1);
    let texts = world.provider.texts();
    let is_meant = |text: &&Taken| text.submission.to == *to && (from..=until).contains(&text.at);
    texts.iter().filter(is_meant).map(message_of).collect()
}

pub(crate) fn fetch(world: &World, sid: &ProviderMessageId) -> Option<ProviderMessage> {
    world.provider.texts().iter().find(|text| text.sid == *sid).map(message_of)
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
