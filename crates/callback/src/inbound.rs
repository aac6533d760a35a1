//! A text that somebody sent to us: consent words first, acknowledgements next.
//!
//! Everything stored here is repeatable, so a webhook that is repeated changes nothing more.

use domain::{
    ack_code::{Reply, parse_reply},
    consent::{ConsentChange, ConsentEntry},
    id::MessageId,
    provider::{InboundKeyword, InboundText},
    reply::{OpenCode, ReplyTarget, target},
    run::RunPhase,
    timeline::{Entry, TimelineEvent},
};
use runtime::RoleError;

use crate::{callback_ports::CallbackPorts, rejection::Rejection};

/// Stores what the text means. One that means nothing to us is logged, masked, and ignored.
pub(crate) async fn receive(ports: &CallbackPorts, text: &InboundText) -> Result<(), Rejection> {
    match text.keyword {
        Some(InboundKeyword::Stop) => record(ports, text, ConsentChange::OptOut).await?,
        Some(InboundKeyword::Start) => record(ports, text, ConsentChange::OptIn).await?,
        // The provider answers it; that it was asked is all there is to know.
        Some(InboundKeyword::Help) => tracing::info!(from = %text.from, "a recipient asked for help"),
        None => reply(ports, text).await?,
    }
    Ok(())
}

async fn record(ports: &CallbackPorts, text: &InboundText, change: ConsentChange) -> Result<(), RoleError> {
    let entry = ConsentEntry {
        number: text.from.clone(),
        change,
        at: ports.runs.now(),
        source: "reply".to_owned(),
        evidence: text.sid.to_string(),
    };
    ports.consent.record_consent(&entry).await?;
    tracing::info!(from = %text.from, ?change, "a recipient changed their consent");
    Ok(())
}

async fn reply(ports: &CallbackPorts, text: &InboundText) -> Result<(), RoleError> {
    let Reply::Acknowledge { code } = parse_reply(&text.body) else {
        tracing::info!(from = %text.from, "a reply that acknowledges nothing was ignored");
        return Ok(());
    };
    let open = open_codes(ports, text, code.is_none()).await?;
    match target(code.as_ref(), &open) {
        ReplyTarget::Message(message) => acknowledge(ports, message).await,
        ReplyTarget::Ambiguous(messages) => {
            for message in messages {
                note_unclear(ports, message).await?;
            }
            Ok(())
        }
        ReplyTarget::Unknown => {
            tracing::info!(from = %text.from, "a reply names no text of ours");
            Ok(())
        }
    }
}

/// The codes that this phone may send back. Which runs still wait matters only to a reply that names none.
async fn open_codes(
    ports: &CallbackPorts,
    text: &InboundText,
    asks_active: bool,
) -> Result<Vec<OpenCode>, RoleError> {
    let mut open = Vec::new();
    for route in ports.lookup.reply_routes(&text.from, ports.runs.now()).await? {
        let run = if asks_active { ports.runs.load(&route.message.run).await? } else { None };
        let is_active = run.is_some_and(|run| run.value.phase == RunPhase::Active);
        open.push(OpenCode { code: route.code, message: route.message, is_active });
    }
    Ok(open)
}

async fn acknowledge(ports: &CallbackPorts, message: &MessageId) -> Result<(), RoleError> {
    ports
        .runs
        .apply(&message.run, |run, ctx| {
            let by = run.message(message.number).map(|m| m.recipient.shown_name()).unwrap_or_default();
            run.acknowledge(&by, "reply", Some(message.number), ctx);
        })
        .await?;
    Ok(())
}

async fn note_unclear(ports: &CallbackPorts, message: &MessageId) -> Result<(), RoleError> {
    ports
        .runs
        .apply(&message.run, |_, ctx| {
            let reason = "a reply without a code could mean several runs".to_owned();
            let (at, message) = (ctx.now, Some(message.number));
            ctx.effects.timeline.push(Entry { at, message, what: TimelineEvent::ReplyUnclear { reason } });
        })
        .await?;
    Ok(())
}
