//! How the latest canaries did. In: their runs, found by their ids. Out: a line for each originator.
//!
//! Never: judges one that is under way.

use domain::{
    canary::{CanarySettings, CanaryStatus},
    limits::CANARY_SLOTS,
    originator::OriginatorName,
    run::RunPhase,
};
use jiff::{SignedDuration, Timestamp};
use runtime::RoleError;

use crate::{
    control::Control,
    error::ControlError,
    test_page_report::{DELIVERY, TestPageReport},
    view::RunView,
};

impl Control {
    /// How the latest canaries of each originator did; nothing where they are off.
    pub(crate) async fn canaries(&self, now: Timestamp) -> Result<Vec<CanaryStatus>, ControlError> {
        let Some(settings) = &self.ports.runs.canary() else { return Ok(Vec::new()) };
        let (originators, mut found) = (self.ports.runs.originators(), Vec::new());
        for originator in originators.names() {
            found.extend(self.canaries_of(settings, originator, now).await?);
        }
        Ok(found)
    }

    /// From the latest slot back to one whose canary arrived, some slots at most.
    async fn canaries_of(
        &self,
        settings: &CanarySettings,
        originator: &OriginatorName,
        now: Timestamp,
    ) -> Result<Option<CanaryStatus>, ControlError> {
        let mut status: Option<CanaryStatus> = None;
        let latest = settings.slot(now);
        for back in 0..CANARY_SLOTS {
            let slot = latest - SignedDuration::from_secs(back * i64::from(settings.every_s));
            let Some(report) = self.canary_report(settings, originator, slot).await? else { continue };
            let status = status.get_or_insert_with(|| CanaryStatus {
                originator: originator.clone(),
                run: report.run.clone(),
                at: slot,
                delivery_ms: report.legs.iter().find(|leg| leg.leg == DELIVERY).map(|leg| leg.milliseconds),
                missing: report.missing.first().cloned(),
                failures: 0,
                last_success: None,
            });
            if report.arrived {
                status.last_success = Some(slot);
                break;
            }
            status.failures += 1;
        }
        Ok(status)
    }

    /// What came of one; nothing where it was not sent, or is under way.
    async fn canary_report(
        &self,
        settings: &CanarySettings,
        originator: &OriginatorName,
        slot: Timestamp,
    ) -> Result<Option<TestPageReport>, ControlError> {
        let id = settings.canary(originator, slot).run();
        let Some(run) = self.ports.list.load_run(&id).await.map_err(RoleError::from)? else {
            return Ok(None);
        };
        if run.value.phase() == RunPhase::Active {
            return Ok(None);
        }
        let timeline = self.ports.list.timeline(&id).await.map_err(RoleError::from)?;
        let view = RunView::new(&run.value, &timeline, self.ports.runs.recipient_key());
        Ok(Some(TestPageReport::of(&view, false)))
    }
}
