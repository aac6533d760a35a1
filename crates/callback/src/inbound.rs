//! A text that somebody sent to us: consent words first, acknowledgements next.
//!
//! Everything stored here is repeatable, so a webhook that is repeated changes nothing more.

use domain::{
    consent::{ConsentChange, ConsentEntry},
    provider::{InboundKeyword, InboundText},
    reply::{OpenCode, Reading, read},
    run::RunPhase,
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
    let Reading { meaning, messages } = read(&text.body, &open_codes(ports, text).await?);
    if let Some(reason) = meaning.reason() {
        tracing::info!(from = %text.from, reason, "a reply acknowledges nothing");
    }
    for message in messages {
        ports
            .runs
            .apply(&message.run, |run, ctx| run.take_reply(&text.sid, message.number, meaning, ctx))
            .await?;
    }
    Ok(())
}

/// The codes that this phone may send back.
async fn open_codes(ports: &CallbackPorts, text: &InboundText) -> Result<Vec<OpenCode>, RoleError> {
    let mut open = Vec::new();
    for route in ports.lookup.reply_routes(&text.from, ports.runs.now()).await? {
        let run = ports.runs.load(&route.message.run).await?.map(|run| run.value);
        let is_active = run.as_ref().is_some_and(|run| run.phase() == RunPhase::Active);
        let page = run.and_then(|run| run.message(route.message.number)?.text().cloned());
        open.push(OpenCode { code: route.code, message: route.message, is_active, page });
    }
    Ok(open)
}
