//! An event ends the runs of its subject, and those who were texted hear of it.
//!
//! The runs record the event first, then the all-clears are opened, then the runs end. A process that dies in between
//! leaves runs that the repeated event finds and ends.

use std::collections::BTreeMap;

use domain::{
    event::{Event, EventKey},
    id::RunId,
    notice::Notices,
    phone::identifier_without_numbers,
    run::{Run, StepContext},
    workflow::Workflow,
};
use ports::store::Resolution;
use runtime::{Applied, RoleError, RunService};

use crate::sender_state::Sender;

/// Ends what an event resolves in these workflows.
pub(crate) async fn event(sender: &Sender, event: &Event, workflows: &[&Workflow]) -> Result<(), RoleError> {
    let runs = &sender.ports.runs;
    let Some(subject) = &event.subject else {
        tracing::warn!(
            "event.id" = identifier_without_numbers(&event.key.id),
            "a resolving event without a subject resolves nothing"
        );
        return Ok(());
    };
    let mut ending = Vec::new();
    for workflow in workflows {
        let resolution = Resolution {
            workflow: workflow.name().to_owned(),
            subject: subject.clone(),
            marker: workflow.definition.resolution_marker(&event.key.source, subject),
            by: event.key.clone(),
            at: event.happened_at(runs.now()),
        };
        ending.extend(runs.resolve(&resolution).await?.into_iter().map(|id| (id, *workflow)));
    }
    let all_clears = all_clears(sender, &event.key, &mut ending).await?;
    for (id, _) in ending {
        let told = all_clears.get(&id).map_or(&[][..], Vec::as_slice);
        let resolved = runs.apply(&id, |run, ctx| run.resolve(&event.key, told, ctx)).await?;
        if let Some(Applied { value: true, run }) = resolved {
            runs.note_resolved(&run.value).await?;
        }
    }
    Ok(())
}

/// The run of each text that tells of the end, by the message whose recipient it goes to.
type AllClears = Vec<(u16, RunId)>;

/// Tells those who were texted that the event is over, where the workflows say so.
async fn all_clears(
    sender: &Sender,
    by: &EventKey,
    ending: &mut [(RunId, &Workflow)],
) -> Result<BTreeMap<RunId, AllClears>, RoleError> {
    let runs = &sender.ports.runs;
    let workflows = runs.workflows();
    let Some(notices) = workflows.notices() else { return Ok(BTreeMap::new()) };
    // In one order, so that events which resolve the same runs at one moment agree on the first.
    ending.sort_by(|a, b| a.0.cmp(&b.0));
    let (mut named, mut begun) = (by.clone(), Vec::new());
    for (id, workflow) in ending.iter().filter(|(_, workflow)| workflow.definition.all_clear) {
        let begin = |run: &mut Run, _: &mut StepContext<'_>| run.begin_all_clear(by, &named, workflow);
        let Some(Applied { value: Some(recorded), run }) = runs.apply(id, begin).await? else { continue };
        named.clone_from(&recorded);
        begun.push((run.value, recorded, *workflow));
    }
    let mut all_clears = BTreeMap::new();
    for (run, named, of) in begun {
        let opened = open_all_clears(runs, notices, &run, &named, of).await?;
        all_clears.insert(run.id().clone(), opened);
    }
    Ok(all_clears)
}

async fn open_all_clears(
    runs: &RunService,
    notices: &Notices,
    run: &Run,
    by: &EventKey,
    of: &Workflow,
) -> Result<AllClears, RoleError> {
    let mut all_clears = Vec::new();
    for message in run.all_clear_to() {
        let number = &message.recipient().number;
        let (event, workflow, opened) = notices.all_clear(by, number, run.about(), &of.definition);
        runs.open_notice(&event, workflow).await?;
        all_clears.push((message.number(), opened));
    }
    Ok(all_clears)
}
