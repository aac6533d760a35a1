//! Creates messages. In: the form of a create request. Out: a message on its way, and the answer its fate allows.
//!
//! Never: answers before the message is recorded, except with a refusal.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use domain::segment;
use jiff::Timestamp;
use tokio::sync::oneshot;
use twilio::Form;

use crate::{
    answer::{ApiError, hang_up, json},
    clock,
    config::Timing,
    fault::{Fate, FaultKind},
    lifecycle::Lifecycle,
    message::{Record, Status},
    plan::{Circumstances, plan},
    report::text_key,
    sim::Sim,
    state::State,
    validate::{Draft, draft},
};

/// A created message, before the request is answered.
struct Created {
    lifecycle: Lifecycle,
    body: Response<Body>,
}

pub(crate) async fn create(sim: &Arc<Sim>, form: &Form) -> Response<Body> {
    let from = form.get("From").or(form.get("MessagingServiceSid")).unwrap_or_default();
    let fate = sim.change(|state| state.faults.next(form.get("To").unwrap_or_default(), from));
    clock::sleep(fate.latency).await;
    let refusal = match fate.answer {
        Some(FaultKind::TooManyRequests) => Some((FaultKind::TooManyRequests, ApiError(20_429))),
        Some(FaultKind::Unavailable) => Some((FaultKind::Unavailable, ApiError(20_503))),
        _ => None,
    };
    if let Some((kind, error)) = refusal {
        sim.count(kind);
        return error.response();
    }
    let answer = fate.answer;
    let now = clock::now();
    let created = sim.change(|state| {
        let draft = draft(form, &sim.config, state, now)?;
        record(state, sim, draft, fate, now)
    });
    let Created { lifecycle, body } = match created {
        Ok(created) => created,
        Err(error) => return error.response(),
    };
    if lifecycle.fate.early {
        // Boxed, since it is rare and would make the future of every request as large as its own.
        Box::pin(start_early(sim, lifecycle)).await;
    } else {
        sim.spawn(lifecycle.run(Arc::clone(sim)));
    }
    match answer {
        Some(kind) => spoil(sim, kind, body).await,
        None => body,
    }
}

/// Records a message, and plans its lifecycle.
fn record(
    state: &mut State,
    sim: &Sim,
    draft: Draft,
    fate: Fate,
    now: Timestamp,
) -> Result<Created, ApiError> {
    let sid = state.next_sid(draft.media).ok_or(ApiError(20_500))?;
    let first = match (draft.send_at, &draft.service, &draft.from) {
        (Some(_), ..) => Status::Scheduled,
        (None, Some(_), None) => Status::Accepted,
        (None, ..) => Status::Queued,
    };
    let behaviour = state.phones.get(&draft.to).map(|phone| phone.behaviour).unwrap_or_default();
    let Timing { sent_ms, delivered_ms, validity_second_ms } = sim.config.timing;
    let wait_ms = draft.send_at.map_or(0, |at| (at.as_millisecond() - now.as_millisecond()).max(0));
    let steps = plan(Circumstances {
        first,
        behaviour,
        delivery_fault: fate.delivery,
        sent: Duration::from_millis(sent_ms),
        delivered: Duration::from_millis(delivered_ms),
        validity: Duration::from_millis(u64::from(draft.validity_s) * validity_second_ms),
        wait: Duration::from_millis(wait_ms.unsigned_abs()),
    });
    if fate.delivery.is_some() {
        state.faults.count(FaultKind::DeliveryFailure);
    }
    let mut record = Record {
        sid,
        inbound: false,
        text_key: text_key(&draft.to, &draft.body),
        message_id: draft.callback.as_ref().and_then(|target| target.message_id()),
        segments: segment::count(&draft.body).count,
        to: draft.to,
        from: draft.from,
        service: draft.service,
        body: draft.body,
        media: draft.media,
        status: first,
        error_code: None,
        created: now,
        updated: now,
        sent: None,
        steps: 0,
    };
    // The answer shows no sender where the service has yet to choose one, so it is written first.
    let body = json(StatusCode::CREATED, &record.resource(&sim.config.account_sid));
    choose_sender(state, sim, &mut record);
    let number = state.insert(record);
    let lifecycle =
        Lifecycle { number, steps, callback: draft.callback, fate, begun: clock::instant(), from_step: 0 };
    Ok(Created { lifecycle, body })
}

/// Picks a sender of the service's pool. A phone keeps the one it knows.
fn choose_sender(state: &mut State, sim: &Sim, record: &mut Record) {
    let (None, Some(sid)) = (&record.from, &record.service) else { return };
    let Some(service) = sim.config.services.iter().find(|service| service.sid == *sid) else { return };
    let key = (sid.clone(), record.to.clone());
    let picked = state.sticky.entry(key).or_insert_with(|| {
        let spread = (record.text_key % service.senders.len().max(1) as u128) as usize;
        service.senders.get(spread).cloned().unwrap_or_default()
    });
    record.from = Some(picked.clone());
}

/// Returns once the first callback is posted. The text goes on even if the client
/// disconnects: that ends its request, and must not end the text.
async fn start_early(sim: &Arc<Sim>, mut lifecycle: Lifecycle) {
    let (done, posted) = oneshot::channel();
    let own = Arc::clone(sim);
    sim.spawn(async move {
        post_early(&own, &mut lifecycle).await;
        // The client may have disconnected.
        let _ = done.send(());
        lifecycle.run(own).await;
    });
    // An error is a simulator that stops.
    let _ = posted.await;
}

/// Posts the first callback before the create request is answered.
async fn post_early(sim: &Arc<Sim>, lifecycle: &mut Lifecycle) {
    let (Some(target), Some(step)) = (lifecycle.callback.clone(), lifecycle.steps.first().copied()) else {
        return;
    };
    sim.count(FaultKind::CallbackEarly);
    lifecycle.from_step = 1;
    if let Some(params) = sim.take_step(lifecycle.number, 0, step) {
        lifecycle.post(sim, &target, 0, &params).await;
    }
}

/// Withholds the answer from the client, as the fault says.
async fn spoil(sim: &Arc<Sim>, kind: FaultKind, body: Response<Body>) -> Response<Body> {
    sim.count(kind);
    let hang_ms = sim.change(|state| {
        let never = kind == FaultKind::Hang && state.faults.plan.hang_ms == 0;
        if kind != FaultKind::Hang || never {
            state.ledger.report.answer_lost += 1;
        }
        state.faults.plan.hang_ms
    });
    match kind {
        FaultKind::AcceptedThen500 => ApiError(20_500).response(),
        FaultKind::AcceptedNoAnswer => hang_up(),
        FaultKind::Hang if hang_ms == 0 => std::future::pending().await,
        FaultKind::Hang => {
            clock::sleep(Duration::from_millis(hang_ms)).await;
            body
        }
        FaultKind::TooManyRequests
        | FaultKind::Unavailable
        | FaultKind::DeliveryFailure
        | FaultKind::CallbackLost
        | FaultKind::CallbackDoubled
        | FaultKind::CallbackReordered
        | FaultKind::CallbackEarly
        | FaultKind::ListLag => body,
    }
}
