//! The behaviour of the simulated provider: it takes texts, loses answers, posts signed callbacks.
//!
//! In: submissions. Out: statuses, callbacks to a living receiver, replies of recipients.
//! Never: takes a text that it answers as not taken.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use axum::{body::Body, http::Request};
use domain::{
    ack_code::AckCode,
    provider::{FailureClass, ProviderMessageId, ProviderStatus, Refusal, Submission, SubmitOutcome},
};
use jiff::SignedDuration;
use ports::{Clock as _, within};
use tower::ServiceExt as _;
use twilio::{Secret, SigningKey};

use crate::{chance::Fault, world::World};

/// The auth token that callbacks are signed with.
pub(crate) const TOKEN: &str = "simulated";
/// The base URL of the callback receivers.
pub(crate) const PUBLIC_URL: &str = "http://callout.test";
/// Error codes of failed deliveries: an unreachable phone, an unknown one.
const CODES: [u32; 2] = [30_003, 30_005];
/// How often a callback is tried.
const TRIES: u32 = 5;
/// The longest time after which lists have a text, in milliseconds.
const LIST_LAG_MS: u64 = 30_000;
/// How long the provider waits for an answer to a callback.
const ANSWER_MAX: Duration = Duration::from_secs(15);

pub(crate) async fn submit(world: &Arc<World>, submission: &Submission) -> SubmitOutcome {
    let chance = &world.chance;
    world.provider.note_request(world.clock.now(), submission.attempt);
    world.wait_ms(5 + chance.below(80)).await;
    if chance.fires(Fault::TooManyRequests) {
        return refused(FailureClass::RetrySoon, Some(20_429), "too many requests");
    }
    if chance.fires(Fault::Refused) {
        return refused(FailureClass::Recipient, Some(21_211), "the number is none");
    }
    if chance.fires(Fault::Unavailable) {
        return SubmitOutcome::InDoubt { reason: "HTTP 503".to_owned() };
    }
    let now = world.clock.now();
    let lag_ms = if chance.fires(Fault::ListLag) { chance.below(LIST_LAG_MS) } else { 0 };
    let listed_from = now + SignedDuration::from_millis(lag_ms as i64);
    let Some(sid) = world.provider.take(submission, now, listed_from) else {
        return refused(FailureClass::Configuration, None, "no SID is left");
    };
    world.note(format!("provider took {} attempt {} as {sid}", submission.message, submission.attempt));
    let early = chance.fires(Fault::CallbackEarly);
    if early {
        world.provider.set(&sid, ProviderStatus::Sent, None);
        post(world, &sid, submission, ProviderStatus::Sent, None).await;
    }
    tokio::spawn(deliver(Arc::downgrade(world), sid.clone(), submission.clone(), early));
    if chance.fires(Fault::AnswerLost) {
        world.wait_ms(2_000).await;
        return SubmitOutcome::InDoubt { reason: "no answer in time".to_owned() };
    }
    SubmitOutcome::Sent { sid, status: ProviderStatus::Queued }
}

/// A request that was not begun.
pub(crate) fn never_left() -> SubmitOutcome {
    refused(FailureClass::RetrySoon, None, "no time was left for a request")
}

fn refused(class: FailureClass, code: Option<u32>, reason: &str) -> SubmitOutcome {
    SubmitOutcome::NotSent(Refusal {
        code,
        class,
        of_originator: false,
        retry_after_ms: None,
        reason: reason.to_owned(),
    })
}

/// Takes a text from queued to its last status, with a callback at each.
async fn deliver(world: Weak<World>, sid: ProviderMessageId, submission: Submission, was_early: bool) {
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
        recipient_may_reply(&world, &submission).await;
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

/// Posts a signed form until it is answered with 2xx, as Twilio does when configured to.
async fn post_form(world: &Arc<World>, path: &str, params: &[(String, String)]) {
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
        match within(&*world.clock, ANSWER_MAX, receiver.oneshot(request)).await {
            Some(Ok(response)) if response.status().is_success() => return,
            Some(_) | None => world.wait_ms(500 << attempt).await,
        }
    }
}

/// The recipient of a delivered text may reply with its code.
async fn recipient_may_reply(world: &Arc<World>, submission: &Submission) {
    if !world.habits.replies || world.chance.below(3) > 0 {
        return;
    }
    let text = &submission.body.0;
    let Some(code) = text.rsplit([' ', '.']).find_map(|word| word.parse::<AckCode>().ok()) else {
        return;
    };
    world.wait_ms(1_000 + world.chance.below(60_000)).await;
    let keyword = if world.chance.below(5) == 0 { "ESC" } else { "ACK" };
    reply(world, submission, &format!("{keyword} {code}")).await;
}

/// The recipient of a text sends this.
pub(crate) async fn reply(world: &Arc<World>, submission: &Submission, body: &str) {
    let number = world.chance.below(u64::MAX);
    let params = [
        ("Body".to_owned(), body.to_owned()),
        ("From".to_owned(), submission.to.as_str().to_owned()),
        ("MessageSid".to_owned(), format!("SM{number:032x}")),
        ("To".to_owned(), "+15005550006".to_owned()),
    ];
    post_form(world, twilio::INBOUND_PATH, &params).await;
}
