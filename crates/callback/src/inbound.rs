//! A text that somebody sent to us: consent words first, acknowledgements next.
//!
//! Everything stored here is repeatable, so a webhook that is repeated changes nothing more.

use domain::{
    ack_code::{Reply, parse_reply},
    consent::{ConsentChange, ConsentEntry},
    id::MessageId,
    timeline::{Entry, ReplyRoute, TimelineEvent},
};
use runtime::{Context, RoleError};
use twilio::{Form, Inbound, Keyword};

use crate::Rejection;

/// Stores what the text means. One that means nothing to us is logged, masked, and put aside.
pub(crate) async fn receive(ctx: &Context, form: &Form) -> Result<(), Rejection> {
    let inbound = Inbound::from_form(form)?;
    match inbound.keyword() {
        Some(Keyword::Stop) => record(ctx, &inbound, ConsentChange::OptOut).await?,
        Some(Keyword::Start) => record(ctx, &inbound, ConsentChange::OptIn).await?,
        // The provider answers it; that it was asked is all there is to know.
        Some(Keyword::Help) => tracing::info!(from = %inbound.from, "a recipient asked for help"),
        None => reply(ctx, &inbound).await?,
    }
    Ok(())
}

async fn record(ctx: &Context, inbound: &Inbound, change: ConsentChange) -> Result<(), RoleError> {
    let entry = ConsentEntry {
        number: inbound.from.clone(),
        change,
        at: ctx.clock.now(),
        source: "reply".to_owned(),
        evidence: inbound.sid.to_string(),
    };
    ctx.store.record_consent(&entry).await?;
    tracing::info!(from = %inbound.from, ?change, "a recipient changed their consent");
    Ok(())
}

async fn reply(ctx: &Context, inbound: &Inbound) -> Result<(), RoleError> {
    let Reply::Acknowledge { code } = parse_reply(&inbound.body) else {
        tracing::info!(from = %inbound.from, "a reply that acknowledges nothing was put aside");
        return Ok(());
    };
    let routes = ctx.store.reply_routes(&inbound.from, ctx.clock.now()).await?;
    let open: Vec<&ReplyRoute> =
        routes.iter().filter(|route| code.as_ref().is_none_or(|code| *code == route.code)).collect();
    match (open.as_slice(), &code) {
        ([], _) => {
            tracing::info!(from = %inbound.from, "a reply names no text of ours");
            Ok(())
        }
        ([route], _) => acknowledge(ctx, &route.message).await,
        // A code is bound to the phone; should two texts share one, the later is meant.
        ([route, ..], Some(_)) => acknowledge(ctx, &route.message).await,
        (routes, None) => unclear(ctx, routes).await,
    }
}

async fn acknowledge(ctx: &Context, message: &MessageId) -> Result<(), RoleError> {
    ctx.change(&message.run, |run, workflow, now, fx| {
        let by = run.message(message.number).map(|m| name_of(&m.recipient)).unwrap_or_default();
        run.acknowledge(&by, "reply", Some(message.number), workflow, now, fx);
    })
    .await?;
    Ok(())
}

fn name_of(recipient: &domain::directory::Recipient) -> String {
    if recipient.name.is_empty() { recipient.number.masked() } else { recipient.name.clone() }
}

/// A bare "ACK" is good enough only where a single run can be meant.
async fn unclear(ctx: &Context, routes: &[&ReplyRoute]) -> Result<(), RoleError> {
    let mut active = Vec::new();
    for route in routes {
        let stored = ctx.store.load_run(&route.message.run).await?;
        if stored.is_some_and(|stored| stored.value.phase == domain::run::RunPhase::Active) {
            active.push(&route.message);
        }
    }
    if let [message] = active.as_slice() {
        return acknowledge(ctx, message).await;
    }
    for message in active {
        ctx.change(&message.run, |_, _, now, fx| {
            let reason = "a reply without a code could mean several runs".to_owned();
            fx.timeline.push(Entry {
                at: now,
                message: Some(message.number),
                what: TimelineEvent::ReplyUnclear { reason },
            });
        })
        .await?;
    }
    Ok(())
}
