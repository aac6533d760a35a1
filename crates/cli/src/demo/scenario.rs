//! The scenario itself. In: a stage. Out: each expectation, checked.

use control::RunView;
use domain::{id::RunId, quiet_hours::zone, run::RunPhase};
use jiff::SignedDuration;
use serde_json::json;
use twilio_sim::{Behaviour, ReplyRule};

use crate::demo::{setup::PRIMARY, stage::Stage};

const SECONDARY: &str = "+14155550102";
const HEAD: &str = "+14155550103";
const CUSTOMER: &str = "+14155550104";

/// Plays all scenes.
pub(crate) async fn play(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.say("callout demo: the examples, 60 times faster, against a simulated Twilio.");
    incident(stage).await?;
    duplicate(stage).await?;
    reminder(stage).await?;
    breach(stage).await?;
    finding(stage).await
}

fn incident_data() -> serde_json::Value {
    json!({"severity": "critical", "title": "Primary database does not answer", "service": "db-1"})
}

async fn incident(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.say("1. The database is down. The primary's phone is off: the secondary must be paged at once.");
    stage.phone(PRIMARY)?.set(Behaviour::Off);
    let answer =
        ReplyRule { when_contains: "Reply ACK".to_owned(), body: "ACK {code}".to_owned(), after_ms: 900 };
    stage.phone(SECONDARY)?.answers(vec![answer]);
    let (_, run) =
        stage.event("incident-paging", "incident.created", "incident-1", "db-1", incident_data()).await?;
    let end =
        stage.follow(&run, SignedDuration::from_secs(8), |run| run.phase == RunPhase::Acknowledged).await?;
    let first = end.as_ref().and_then(|run| run.messages.first());
    let failed = first.is_some_and(|first| first.status == "undelivered" && first.error_code == Some(30003));
    stage.check("the primary's text is undelivered with error 30003", failed);
    let by_secondary = end.as_ref().is_some_and(|run| {
        run.step == 2
            && run.timeline.iter().any(|line| line.text == "acknowledged by Platform secondary (reply)")
    });
    stage.check("the secondary is paged at once and acknowledges by reply", by_secondary);
    Ok(())
}

async fn duplicate(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.say("2. The monitoring system sends the same event again.");
    // The answer to the reply is on its way, and is no text of this event.
    stage.wait_for_text(SECONDARY, "Acknowledged", SignedDuration::from_secs(5)).await?;
    let before = stage.texts_sent();
    let (status, run) =
        stage.event("incident-paging", "incident.created", "incident-1", "db-1", incident_data()).await?;
    stage.follow(&run, SignedDuration::from_millis(400), |_| false).await?;
    stage
        .check("the event is recognised, and no text is sent", status == 200 && stage.texts_sent() == before);
    Ok(())
}

async fn reminder(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let time_zone = daytime_zone(stage);
    stage.say(&format!("3. An invoice is overdue. The customer is in {time_zone}, where it is daytime."));
    let invoice = |number: &str| {
        json!({
            "number": number, "amount": "120.00 USD", "due_on": "2026-01-31",
            "customer": {"phone": CUSTOMER, "time_zone": time_zone},
        })
    };
    let (_, run) =
        stage.event("payment-reminder", "invoice.overdue", "reminder-1", "invoice-17", invoice("17")).await?;
    let end =
        stage.follow(&run, SignedDuration::from_secs(5), |run| run.phase == RunPhase::Completed).await?;
    stage.check("the reminder is delivered", end.is_some());

    stage.say("4. The customer replies STOP. The next reminder must not be sent.");
    stage.phone(CUSTOMER)?.reply("STOP").await?;
    let (_, run) =
        stage.event("payment-reminder", "invoice.overdue", "reminder-2", "invoice-18", invoice("18")).await?;
    let end =
        stage.follow(&run, SignedDuration::from_secs(5), |run| run.phase == RunPhase::Suppressed).await?;
    let rule = end.as_ref().and_then(|run| run.messages.first()?.reason.clone());
    stage.check("it is suppressed by rule consent.opted_out", rule.as_deref() == Some("consent.opted_out"));
    Ok(())
}

async fn breach(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.say(
        "5. An agreement is breached, and nobody answers: the steps are used up, and a ticket is opened.",
    );
    stage.phone(PRIMARY)?.set(Behaviour::On);
    stage.phone(HEAD)?.set(Behaviour::On);
    let data = json!({"agreement": "Gold", "measure": "availability", "value": "99.2 %", "target": "99.9 %"});
    let (_, run) = stage.event("sla-breach", "sla.breached", "breach-1", "gold", data).await?;
    let end = stage.follow(&run, SignedDuration::from_secs(10), |run| !run.tickets.is_empty()).await?;
    let exhausted = end.filter(|run| run.phase == RunPhase::Exhausted);
    let ticket = exhausted.and_then(|run| run.tickets.into_iter().next());
    stage.check("both steps pass unacknowledged and a ticket is opened in operations", ticket.is_some());
    if let Some(url) = ticket.and_then(|ticket| ticket.url) {
        stage.note(&format!("  the ticket: {url}"));
    }
    Ok(())
}

async fn finding(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.say("6. A software agent finds a full disk, and raises it over MCP. It has no phone number and writes no text.");
    let agent = stage.agent().await?;
    let finding = |mode: &str| {
        json!({
            "event_type": "finding.created", "event_id": "disk-db-3", "subject": "db-3", "mode": mode,
            "fields": {"what": "disk full", "host": "db-3", "impact": "redundancy lost"},
        })
    };
    let before = stage.texts_sent();
    let preview = agent.call("event_raise", &finding("dry_run")).await?;
    let text = &preview["previews"][0]["texts"][0];
    let shown = [&text["to"], &text["text"]].map(|value| value.as_str().unwrap_or_default());
    stage.note(&format!("  agent: event_raise dry_run  ->  {} {}", shown[0], shown[1]));
    let is_shown = shown[1].contains("disk full on db-3") && shown[0].contains('…');
    stage.check(
        "the agent sees the text, a masked number, and nothing is sent",
        is_shown && stage.texts_sent() == before,
    );

    stage.phone(PRIMARY)?.set(Behaviour::Off);
    let raised = agent.call("event_raise", &finding("commit")).await?;
    let run = raised["run_ids"][0].as_str().unwrap_or_default();
    stage.note(&format!("  agent: event_raise commit   ->  {run}"));
    let Ok(run) = run.parse::<RunId>() else { anyhow::bail!("event_raise answered {raised}") };
    stage.add(&run);
    let failed = |run: &RunView| run.messages.first().is_some_and(|first| first.status == "undelivered");
    stage.follow(&run, SignedDuration::from_secs(8), failed).await?;
    let seen = agent.call("run_timeline", &json!({"run_id": run})).await?;
    let status = seen["messages"][0]["status"].as_str().unwrap_or_default();
    stage.note(&format!("  agent: run_timeline         ->  the first text is {status}"));
    let note = json!({"run_id": run, "expected_version": seen["version"], "reason": "investigating"});
    let noted = agent.call("run_ack", &note).await;
    let stops = noted.as_ref().map_or(&serde_json::Value::Null, |noted| &noted["stops_escalation"]);
    stage.note(&format!("  agent: run_ack              ->  stops_escalation: {stops}"));
    let end =
        stage.follow(&run, SignedDuration::from_secs(10), |run| run.phase == RunPhase::Acknowledged).await?;
    let by_secondary = end.is_some_and(|run| {
        run.timeline.iter().any(|line| line.text == "acknowledged by Platform secondary (reply)")
    });
    stage.check(
        "the agent sees that it was not delivered, and the escalation goes on without it",
        status == "undelivered" && by_secondary,
    );
    // Whoever tries it out texts this phone.
    stage.phone(PRIMARY)?.set(Behaviour::On);
    Ok(())
}

/// A zone where it is between 9 and 20 o'clock, so that no quiet hours delay the texts.
fn daytime_zone(stage: &Stage<'_>) -> &'static str {
    let is_day =
        |name: &&str| zone(name).is_some_and(|zone| (9..20).contains(&stage.now().to_zoned(zone).hour()));
    ["America/New_York", "Europe/Berlin", "Asia/Tokyo", "Pacific/Auckland"]
        .into_iter()
        .find(is_day)
        .unwrap_or("UTC")
}
