//! What happens after the scenario. In: a stage. Out: new runs, their timelines and the texts of phones, until stopped.

use std::collections::BTreeMap;

use control::RunView;
use domain::{id::RunId, run::RunPhase, time::after_ms};
use ports::{Clock as _, SystemClock};

use crate::demo::stage::{READ_EVERY_MS, Stage};

/// How many of the latest runs are watched.
const WATCHED_MAX: u16 = 20;

/// Tells what happens, until it is dropped.
pub(crate) async fn watch(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let mut seen = BTreeMap::<RunId, RunView>::new();
    for run in stage.latest(WATCHED_MAX).await? {
        stage.pass_over(&run.id.parse()?).await?;
    }
    loop {
        for run in stage.latest(WATCHED_MAX).await?.into_iter().rev() {
            let id: RunId = run.id.parse()?;
            // The timeline of an active run grows without a change of anything in the list.
            if run.phase != RunPhase::Active && seen.get(&id) == Some(&run) {
                continue;
            }
            let about = run.subject.as_ref().unwrap_or(&run.workflow);
            if !stage.has_shown(&id) {
                stage.print(&format!("\n{about}: run {id} of workflow {}", run.workflow));
            }
            if let Some(view) = stage.read(&id).await? {
                stage.show_new_lines(&id, &view, &format!("{about}: "));
            }
            seen.insert(id, run);
        }
        stage.show_new_texts();
        SystemClock.sleep_until(after_ms(SystemClock.now(), READ_EVERY_MS * 5)).await;
    }
}
