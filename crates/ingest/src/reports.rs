//! From the reports of a tool to events. In: reports that an adapter read. Out: what was taken of them.
//!
//! Never: opens a run for a subject that is being paged for, or asks for a run of what is over.

use domain::{
    acceptance::{Accepted, SameId},
    adapter::{AdapterSettings, Report, Says, holds_back},
    id::RunId,
    run::Run,
    source::Source,
};
use http_server::events::Problem;
use jiff::Timestamp;
use runtime::RoleError;

use crate::endpoint::Endpoint;

impl Endpoint {
    /// Takes what a tool reports, all of it or none.
    pub(crate) async fn take_reports(
        &self,
        source: &Source,
        settings: &AdapterSettings,
        reports: &[Report],
        now: Timestamp,
    ) -> Result<Accepted, Problem> {
        let workflows = self.ports.runs.workflows();
        let (mut events, mut held) = (Vec::new(), Accepted::default());
        for report in reports {
            let routes = workflows.routes(report.kind(settings), &source.name);
            let is_of_no_use = report.says == Says::Resolves && routes.is_empty();
            let held_by = match report.says {
                Says::Opens => self.held_by(source, settings, report, now).await?,
                Says::Resolves => Vec::new(),
            };
            if is_of_no_use || !held_by.is_empty() {
                held.known += 1;
                held.runs.extend(held_by);
                continue;
            }
            let recurrence = self.recurrence(source, settings, report, now).await?;
            let schemas: Vec<_> = routes.opens.iter().map(|workflow| &workflow.schema).collect();
            events.push(report.event(&source.name, settings, &schemas, recurrence, now));
        }
        if events.is_empty() {
            return Ok(held);
        }
        let mut accepted = self.accept(source, &events, events.len() > 1, SameId::Repeats, now).await?;
        accepted.known += held.known;
        accepted.runs.extend(held.runs);
        Ok(accepted)
    }

    /// The runs of the report's subject that keep it from opening another.
    async fn held_by(
        &self,
        source: &Source,
        settings: &AdapterSettings,
        report: &Report,
        now: Timestamp,
    ) -> Result<Vec<RunId>, Problem> {
        let workflows = self.ports.runs.workflows();
        let mut held_by = Vec::new();
        for workflow in workflows.routes(&settings.opens, &source.name).opens {
            let open = self.ports.runs.open_runs(workflow, &source.name, &report.subject).await;
            let open = open.map_err(not_stored)?.into_iter();
            held_by.extend(
                open.filter(|run| holds_back(run, workflow, settings, now)).map(|run| run.id().clone()),
            );
        }
        Ok(held_by)
    }

    /// How many runs of the report's subject have ended: a report while the next one is on its way, or open, has the same
    /// id as the report that opened it, in whatever process it is taken.
    async fn recurrence(
        &self,
        source: &Source,
        settings: &AdapterSettings,
        report: &Report,
        now: Timestamp,
    ) -> Result<u32, Problem> {
        if !self.is_over(source, settings, report, 0, now).await? {
            return Ok(0);
        }
        // The first recurrence that is not over is beyond `over`, and not beyond `open`.
        let (mut over, mut open) = (0, 1);
        while self.is_over(source, settings, report, open, now).await? {
            (over, open) = (open, open.saturating_mul(2));
            if over == open {
                return Ok(open);
            }
        }
        while open - over > 1 {
            let between = over + (open - over) / 2;
            if self.is_over(source, settings, report, between, now).await? {
                over = between;
            } else {
                open = between;
            }
        }
        Ok(open)
    }

    /// Whether a recurrence of the report's subject opened its runs and all of them ended.
    async fn is_over(
        &self,
        source: &Source,
        settings: &AdapterSettings,
        report: &Report,
        recurrence: u32,
        now: Timestamp,
    ) -> Result<bool, Problem> {
        let key = report.key(&source.name, Says::Opens, recurrence);
        let workflows = self.ports.runs.workflows();
        let opens = workflows.routes(&settings.opens, &source.name).opens;
        for workflow in &opens {
            let id = RunId::derive(&key.source, &key.id, workflow.name(), Some(&report.subject));
            let run = self.ports.runs.load(&id).await.map_err(not_stored)?;
            let is_same =
                |run: &Run| holds_back(run, workflow, settings, now) || !report.is_back_after(run, now);
            if run.is_none_or(|run| is_same(&run.value)) {
                return Ok(false);
            }
        }
        Ok(!opens.is_empty())
    }
}

fn not_stored(error: RoleError) -> Problem {
    Problem::NotStored(error.to_string())
}
