//! A text that somebody sent to us: consent words first, acknowledgements next.
//!
//! Everything stored here is repeatable, so a webhook that is repeated changes nothing more.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    agent::ReplyClass,
    consent::{ConsentChange, ConsentEntry},
    id::{MessageId, RunId},
    message::{Digest, Message},
    notice::{APPROVAL, Notices},
    provider::{InboundKeyword, InboundText},
    reply::{KnownCode, Meaning, OpenCode, Reading, Taken, answer, candidates, is_answered, read, time_zone},
    run::{Run, RunPhase, StepContext},
};
use jiff::tz::TimeZone;
use runtime::RoleError;

use crate::{callback_ports::CallbackPorts, rejection::Rejection};

/// Stores what the text means. One that means nothing to us is logged, masked, and ignored.
pub(crate) async fn receive(ports: &CallbackPorts, text: &InboundText) -> Result<(), Rejection> {
    match text.keyword {
        Some(InboundKeyword::Stop) => record(ports, text, ConsentChange::OptOut).await?,
        Some(InboundKeyword::Start) => record(ports, text, ConsentChange::OptIn).await?,
        // The provider answers it; that it was asked is all there is to know.
        Some(InboundKeyword::Help) => {
            tracing::info!(from = %text.from, "a recipient asked for help");
            note_help(ports, text).await?;
        }
        None if is_opt_in(ports, text).await? => record(ports, text, ConsentChange::OptIn).await?,
        None => reply(ports, text).await?,
    }
    Ok(())
}

async fn is_opt_in(ports: &CallbackPorts, text: &InboundText) -> Result<bool, RoleError> {
    Ok(ports.consent.consent(&text.from).await?.is_lifted_by(&text.body))
}

async fn record(ports: &CallbackPorts, text: &InboundText, change: ConsentChange) -> Result<(), RoleError> {
    let (number, sid) = (text.from.clone(), text.sid.to_string());
    let entry = ConsentEntry::observed(number, change, ports.runs.now(), "reply", sid);
    ports.consent.record_consent(&entry).await?;
    telemetry::metrics().runs.consent_change(&entry);
    tracing::info!(from = %text.from, ?change, "a recipient changed their consent");
    let mut noted = BTreeSet::new();
    for route in ports.lookup.reply_routes(&text.from, ports.runs.now()).await? {
        let MessageId { run, number } = route.message;
        if noted.insert(run.clone()) {
            let note = |run: &mut Run, ctx: &mut StepContext<'_>| {
                run.take_consent_change(&text.sid, &text.from, number, change, ctx);
                let class =
                    if change == ConsentChange::OptOut { ReplyClass::Stop } else { ReplyClass::Other };
                keep(run, number, class, text, ctx);
            };
            ports.runs.apply(&run, note).await?;
        }
    }
    Ok(())
}

/// The runs that page it learn that it asked for help.
async fn note_help(ports: &CallbackPorts, text: &InboundText) -> Result<(), RoleError> {
    for route in ports.lookup.reply_routes(&text.from, ports.runs.now()).await? {
        let MessageId { run, number } = route.message;
        ports.runs.apply(&run, |run, ctx| keep(run, number, ReplyClass::Help, text, ctx)).await?;
    }
    Ok(())
}

/// Keeps for agents what a text was, while its run pages.
fn keep(run: &mut Run, number: u16, class: ReplyClass, text: &InboundText, ctx: &StepContext<'_>) {
    if run.phase() == RunPhase::Active {
        run.keep_reply(&text.sid, number, class, &text.body, ctx);
    }
}

async fn reply(ports: &CallbackPorts, text: &InboundText) -> Result<(), RoleError> {
    let mut known = known_codes(ports, text).await?;
    let workflows = ports.runs.workflows();
    if let Some(notices) = workflows.notices() {
        let codes: Vec<_> = known.iter().map(|known| (known.open.code, known.open.about.as_str())).collect();
        let answers = notices.naming(&codes, &text.from);
        known.iter_mut().for_each(|known| known.open.answers.clone_from(&answers));
    }
    let open: Vec<OpenCode> = known.iter().map(|known| known.open.clone()).collect();
    let people = ports.runs.people_beside(&text.from);
    let Reading { meaning, messages } = read(&text.body, &open, &people);
    if let Some(reason) = meaning.reason() {
        tracing::info!(from = %text.from, reason, "a reply acknowledges nothing");
    }
    let notices = workflows.notices();
    let contact = ports.runs.contact_with(&text.from);
    let notices = notices.filter(|_| is_answered(meaning, &known, contact.is_some()));
    let answer = notices.map(|notices| notices.answer_run(&text.sid));
    let digests = known.iter().filter(|known| known.is_digest && known.open.is_active);
    let open_sets: Vec<MessageId> = digests.map(|known| known.open.message.clone()).collect();
    let mut taken = BTreeMap::new();
    for message in messages {
        let applied = ports
            .runs
            .apply(&message.run, |run, ctx| {
                // A digest is of other runs as well: one that waits makes all of them wait.
                let is_open = open_sets.contains(&message);
                let before = if is_open { RunPhase::Active } else { run.phase() };
                let by = contact.as_ref().map(|contact| contact.name.as_str());
                let is_understood = meaning.reason().is_none();
                let class = if is_understood { ReplyClass::AckCodeValid } else { ReplyClass::Other };
                keep(run, message.number, class, text, ctx);
                run.take_reply(&text.sid, message.number, meaning, by, answer.as_ref(), ctx);
                let takes = is_open && meaning == Meaning::Acknowledge && run.phase() != RunPhase::Active;
                let after = if takes { RunPhase::Acknowledged } else { run.phase() };
                Taken {
                    before,
                    after,
                    awaited: run.awaited_beside(message.number),
                    is_renewed: run.ack_hold().is_some(),
                }
            })
            .await?;
        taken.extend(applied.map(|applied| (message.run, applied.value)));
    }
    // A process that dies here leaves a text without its answer, as the network may; what it says is stored.
    match notices {
        Some(notices) => {
            let zone = time_zone(contact.as_ref(), &known);
            send_answer(ports, text, notices, meaning, &known, &taken, &zone).await
        }
        None => Ok(()),
    }
}

/// The codes that this phone may send back.
async fn known_codes(ports: &CallbackPorts, text: &InboundText) -> Result<Vec<KnownCode>, RoleError> {
    let mut known = Vec::new();
    for route in ports.lookup.reply_routes(&text.from, ports.runs.now()).await? {
        let Some(run) = ports.runs.load(&route.message.run).await?.map(|run| run.value) else { continue };
        let workflow = ports.runs.workflow_of(&run).await?;
        let message = run.message(route.message.number);
        // Its recipient was told another code for it, or none yet.
        if message.is_some_and(|message| message.is_held() || message.told_by().is_some()) {
            continue;
        }
        let is_untold = message.is_some_and(|message| message.is_waiting() && message.attempt() == 0);
        let is_approval = run.workflow() == APPROVAL;
        let digest = message.and_then(Message::digest);
        let is_active = run.phase() == RunPhase::Active
            || match digest {
                Some(digest) => any_is_active(ports, digest).await?,
                None => false,
            };
        let about = digest.map_or_else(
            || run.about().to_owned(),
            |digest| format!("{} +{}", run.about(), digest.members.len()),
        );
        let open = OpenCode {
            code: route.code,
            message: route.message.clone(),
            about,
            is_active,
            bare_word: workflow.definition.bare_word,
            code_only: is_approval || is_untold,
            page: message.and_then(|message| message.text().cloned()),
            answers: Vec::new(),
        };
        let time_zone = message.and_then(|message| message.recipient().time_zone.clone());
        let phase = if is_active { RunPhase::Active } else { run.phase() };
        let is_digest = digest.is_some();
        known.push(KnownCode { open, phase, time_zone, is_digest, is_approval, is_untold });
    }
    Ok(known)
}

/// Whether a run that a digest tells of waits for an acknowledgement.
async fn any_is_active(ports: &CallbackPorts, digest: &Digest) -> Result<bool, RoleError> {
    for member in &digest.members {
        let run = ports.runs.load(&member.run).await?;
        if run.is_some_and(|run| run.value.phase() == RunPhase::Active) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Opens the run of the answer. `taken` holds what the text did to the runs that it is about.
async fn send_answer(
    ports: &CallbackPorts,
    text: &InboundText,
    notices: &Notices,
    meaning: Meaning,
    known: &[KnownCode],
    taken: &BTreeMap<RunId, Taken>,
    zone: &TimeZone,
) -> Result<(), RoleError> {
    let mut candidates = candidates(known, taken);
    // An answer that lists what waits says `ACK ALL`, which means no approval.
    let has_pages = candidates.iter().any(|candidate| !candidate.is_approval);
    candidates.retain(|candidate| !has_pages || candidate.is_meant || !candidate.is_approval);
    for candidate in candidates.iter_mut().filter(|candidate| candidate.was_acknowledged()) {
        candidate.acknowledged = ports.runs.acknowledged(&candidate.run).await?;
    }
    let (kind, fields) = answer(meaning, &candidates, notices.language(), zone);
    let (event, workflow) = notices.answer(&text.sid, kind, &text.from, &fields);
    ports.runs.open_notice(&event, workflow).await
}
