//! Live runs by the hundred thousand. In: a run that came through the door. Out: as many like it, written through the store's
//! port.
//!
//! Never: the way of an event. A run is stored once, as it stands after its text was delivered, with the timeline, the SID and
//! the way back for a reply that its four changes leave.

use std::{ops::Range, sync::Arc};

use anyhow::{Context as _, Result, anyhow, ensure};
use domain::{
    event::ContentHash,
    id::{RunId, digest},
    run::Run,
    timeline::{Effects, Entry, ReplyRoute},
    workflow::Workflow,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use ports::{Bus, Change, Clock as _, Opened, OpeningEvent, Store, SystemClock};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::column::DEADLINES_PER_S;
use crate::door::BUSY;

/// The workflow of the runs that are held, and what opens one.
pub(super) const HELD: &str = "held";
/// How long their first step waits for an acknowledgement, in seconds.
const HELD_S: i64 = 86_400;
/// The event of the run that the others are made from.
const TEMPLATE: &str = "template-event";
const TEMPLATE_NUMBER: &str = "template-number";
const TEMPLATE_PHONES: [&str; 2] = ["+14165559998", "+14165559999"];
/// Tasks that write, and changes that each has under way.
const WRITERS: usize = 4;
const UNDER_WAY: usize = 250;

/// A workflow whose first step waits so many seconds for an acknowledgement.
pub(super) fn workflow(name: &str, first_s: i64) -> String {
    format!(
        r#"
event = "{name}.created"
stage = "live"
lane = "critical"
category = "operational"
on_doubt = "hold"
template = "Disk {{{{ number }}}} is full. Reply ACK {{{{ ack }}}}"
[schema]
type = "object"
required = ["number", "first", "second"]
properties = {{ number = {{ type = "string" }}, first = {{ type = "string" }}, second = {{ type = "string" }} }}
[[step]]
notify = ["field:first"]
ack_within = "{first_s}s"
[[step]]
notify = ["field:second"]
ack_within = "{HELD_S}s"
[exhausted]
ticket = "desk"
"#
    )
}

/// An event of such a workflow.
pub(super) fn event(workflow: &str, id: &str, number: &str, phones: [&str; 2]) -> Value {
    let [first, second] = phones;
    json!({"specversion": "1.0", "source": BUSY.0, "id": id, "type": format!("{workflow}.created"),
           "data": {"number": number, "first": first, "second": second}})
}

/// The event whose run is the template.
pub(super) fn template_event() -> Value {
    event(HELD, TEMPLATE, TEMPLATE_NUMBER, TEMPLATE_PHONES)
}

/// The workflow of the runs that are held.
pub(super) fn held_workflow() -> (&'static str, String) {
    (HELD, workflow(HELD, HELD_S))
}

/// A run with all that is stored with it, as texts in which names can be replaced.
pub(super) struct Template {
    run: String,
    lines: String,
    route: ReplyRoute,
    id: RunId,
    sid: String,
    opened: String,
    workflow: Workflow,
}

impl Template {
    pub(super) async fn read(store: &dyn Store) -> Result<Self> {
        let id = RunId::derive(BUSY.0, TEMPLATE, HELD, None);
        let run = store.load_run(&id).await?.context("the template's run")?.value;
        let definition = store.workflow(run.workflow_hash()).await?.context("its workflow")?;
        let workflow = Workflow::compile(definition).map_err(|errors| anyhow!("{errors:?}"))?;
        let [message] = run.messages() else { anyhow::bail!("the template has one message") };
        let routes = store.reply_routes(&message.recipient().number, SystemClock.now()).await?;
        let lines: Vec<Entry> = store.timeline(&id).await?;
        ensure!(message.is_delivered(), "the template's text has arrived");
        Ok(Self {
            sid: message.sid().context("its SID")?.to_string(),
            run: serde_json::to_string(&run)?,
            lines: serde_json::to_string(&lines)?,
            route: routes.into_iter().next().context("its reply route")?,
            opened: serde_json::to_string(&run.opened_at())?,
            id,
            workflow,
        })
    }

    /// The run of this number, whose first step has waited long enough at `due`, as its opening.
    fn opening(&self, index: usize, due: Timestamp) -> Result<(Change, OpeningEvent)> {
        let event = format!("held-{index}");
        let id = RunId::derive(BUSY.0, &event, HELD, None);
        let opened_at = due - SignedDuration::from_secs(HELD_S);
        let hex = digest(&[&event])[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let sid = format!("{}{hex}", &self.sid[..2]);
        let number = format!("N{index:014}");
        let phones = [format!("+1416{index:07}"), second_phone(index)];
        let replaced = |text: &str| {
            text.replace(self.id.as_str(), id.as_str())
                .replace(TEMPLATE, &event)
                .replace(TEMPLATE_NUMBER, &number)
                .replace(TEMPLATE_PHONES[0], &phones[0])
                .replace(TEMPLATE_PHONES[1], &phones[1])
                .replace(&self.sid, &sid)
        };
        let run = replaced(&self.run).replace(&self.opened, &serde_json::to_string(&opened_at)?);
        let run: Run = serde_json::from_str(&run)?;
        let mut route = self.route.clone();
        route.number = run.messages().first().context("its message")?.recipient().number.clone();
        route.message = run.message_id(route.message.number);
        let effects = Effects {
            timeline: serde_json::from_str(&replaced(&self.lines))?,
            reply_routes: vec![route],
            sids: vec![(twilio::message_sid(&sid)?, 1)],
            ..Effects::default()
        };
        let change = Change::new(run, effects, &self.workflow);
        ensure!(change.due == Some(due), "{} is due at {:?}, not at {due}", change.run.id(), change.due);
        Ok((change, OpeningEvent { happened_at: opened_at, content: ContentHash::from(index as u64) }))
    }
}

/// How many of the runs are due in a second, and how long after they are written the first of them is.
const DUE_PER_S: usize = DEADLINES_PER_S as usize;
const DUE_AFTER: SignedDuration = SignedDuration::from_hours(2);

/// When each run is due, one after the other.
pub(super) fn spread(begun: Timestamp) -> impl Fn(usize) -> Timestamp + Copy + Send + Sync + 'static {
    move |index| begun + DUE_AFTER + SignedDuration::from_micros((index * 1_000_000 / DUE_PER_S) as i64)
}

/// The phone that the second step of a run texts.
pub(super) fn second_phone(index: usize) -> String {
    format!("+1417{index:07}")
}

/// Writes the runs of these numbers. Timers are started for them, where a bus that keeps them is given.
pub(super) async fn fill(
    store: &Arc<dyn Store>,
    bus: Option<&Arc<dyn Bus>>,
    template: &Arc<Template>,
    indices: Range<usize>,
    due_of: impl Fn(usize) -> Timestamp + Copy + Send + Sync + 'static,
) -> Result<()> {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (store, bus, template) = (store.clone(), bus.cloned(), template.clone());
        let own = indices.clone().skip(writer).step_by(WRITERS);
        writers.spawn(async move {
            let write = |index: usize| {
                let opening = template.opening(index, due_of(index));
                let (store, bus) = (&store, &bus);
                async move {
                    let (change, event) = opening?;
                    match (store.open_run(change, event).await?, bus) {
                        (Opened::New { timer: Some(slot) }, Some(bus)) => Ok(bus.start_timer(slot).await?),
                        (Opened::New { .. }, _) => Ok(()),
                        (other, _) => Err(anyhow!("run {index} was not new: {other:?}")),
                    }
                }
            };
            stream::iter(own).map(write).buffer_unordered(UNDER_WAY).try_collect::<Vec<()>>().await.map(drop)
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    Ok(())
}
