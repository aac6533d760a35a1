//! How the installation is. In: the store, the bus. Out: a status, and what is wrong.
//!
//! Never: fails because the bus is away: that is what an operator wants to read.

use std::time::Duration;

use domain::status::{QueueDepth, Status, findings};
use futures::future::try_join_all;
use ports::{Queue, within};
use runtime::RoleError;

use crate::{
    control::Control,
    error::ControlError,
    request::{Answer, Principal},
    status_report::{Installation, StatusReport},
};

/// How long the bus may take to answer.
const BUS_ANSWERS_MAX: Duration = Duration::from_secs(5);
/// The phase of messages of which nobody knows yet whether they were sent.
const IN_DOUBT: &str = "in_doubt";

impl Control {
    /// The status, for who may see the whole installation.
    pub(crate) async fn status(&self, principal: &Principal) -> Result<Answer, ControlError> {
        if !principal.teams.is_empty() {
            return Err(ControlError::OfAllTeams(principal.name.clone()));
        }
        let now = self.ports.clock.now();
        let destinations = self.ports.runs.destinations();
        let store = &self.ports.status;
        let backlog = store.backlog(now, &destinations).await.map_err(RoleError::from)?;
        let counts = self.ports.audit.audit_counts().await.map_err(RoleError::from)?;
        let (queues, bus_fault) = match self.queues().await {
            Ok(queues) => (queues, None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        let Installation { environment, version, roles } = self.installation.clone();
        let status = Status {
            now,
            environment,
            version,
            roles,
            processes: store.heartbeats().await.map_err(RoleError::from)?,
            queues,
            bus_fault,
            backlog,
            in_doubt: counts.messages.get(IN_DOUBT).copied().unwrap_or_default(),
            sending: self.ports.sending.sending().await.map_err(RoleError::from)?,
            balances: counts.balances(),
        };
        let findings = findings(&status);
        let is_well = !findings.iter().any(|finding| finding.is_problem);
        Ok(Answer::Status { report: Box::new(StatusReport { is_well, findings, status }) })
    }

    async fn queues(&self) -> Result<Vec<QueueDepth>, String> {
        let bus = &self.ports.bus;
        let ask = try_join_all(Queue::ALL.map(async |queue| {
            let (depth, consumers) = (bus.depth(queue).await?, bus.consumers(queue).await?);
            Ok::<_, ports::BusError>(QueueDepth { name: queue.name().to_owned(), depth, consumers })
        }));
        let asked = within(&*self.ports.clock, BUS_ANSWERS_MAX, ask).await;
        let late = || format!("no answer within {} s", BUS_ANSWERS_MAX.as_secs());
        asked.ok_or_else(late)?.map_err(|error| error.to_string())
    }
}
