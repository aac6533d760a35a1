//! How the installation is. In: the store, the bus. Out: a status, and what is wrong.
//!
//! Never: fails because the bus is away: that is what an operator wants to read.

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use domain::{
    effect::{Act, Effect},
    limits::LIST_MAX,
    preflight::Severity,
    run::Run,
    status::{
        ActiveSilences, OriginatorStatus, PreflightSeen, QueueDepth, RetryWaits, Status, Unreached,
        WaitingEffect, findings,
    },
    time::after_s,
};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use ports::{Queue, store::RunFilter, within};
use runtime::RoleError;

use crate::{
    control::{Control, of_all_teams},
    error::ControlError,
    principal::Principal,
    request::Answer,
    run_list::each_run,
    status_report::{Installation, StatusReport},
};

/// How long the bus may take to answer.
const BUS_ANSWERS_MAX: Duration = Duration::from_secs(5);
/// Days that are looked ahead for gaps on call.
const GAP_DAYS: u16 = 7;
/// A status is asked for every few seconds, and what it knows of opt-outs may be older than that.
const OPT_OUTS_AGE: SignedDuration = SignedDuration::from_secs(60);
/// Effects that are looked at for those that have waited longest.
const EFFECTS_LOOKED_AT: u16 = 500;
/// The phase of messages of which nobody knows yet whether they were sent.
const IN_DOUBT: &str = "in_doubt";
/// The phase of messages that wait to be sent again.
const RETRY_WAIT: &str = "retry_wait";
/// The latest runs that are looked at for what became of them.
const RUNS_LOOKED_AT: usize = LIST_MAX as usize;
/// A run that reached nobody is told of for so long, in seconds.
const UNREACHED_S: i64 = 3_600;

impl Control {
    /// The status, for who may see the whole installation.
    pub(crate) async fn status(&self, principal: &Principal) -> Result<Answer, ControlError> {
        if !principal.teams.is_empty() {
            return Err(of_all_teams(principal));
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
        let Installation { environment, version, roles, configuration, .. } = self.installation.clone();
        let preflight = self.ports.preflight.preflight().await.map_err(RoleError::from)?;
        let preflight = preflight.last.map(|last| PreflightSeen {
            at: last.at,
            errors: last.count(Severity::Error) as u64,
            warnings: last.count(Severity::Warning) as u64,
            is_of_this_configuration: last.configuration == configuration && last.environment == environment,
        });
        let effects = self.waiting_effects(&destinations).await?;
        let status = Status {
            effects,
            now,
            environment,
            version,
            roles,
            // A store that takes none is told of by the process that answers.
            processes: self.own_heartbeat.among(store.heartbeats().await.map_err(RoleError::from)?),
            queues,
            bus_fault,
            backlog,
            in_doubt: counts.messages.get(IN_DOUBT).copied().unwrap_or_default(),
            retry_waits: self
                .retry_waits(counts.messages.get(RETRY_WAIT).copied().unwrap_or_default())
                .await?,
            unreached: self.unreached(now).await?,
            originators: self.originators(now).await?,
            sending: self.ports.sending.sending().await.map_err(RoleError::from)?,
            balances: counts.balances(),
            preflight,
            gaps: self.ports.runs.gaps(GAP_DAYS, OPT_OUTS_AGE).await?,
            calendars: self.calendars().await?,
            clashes: self.ports.runs.clashes(GAP_DAYS),
            silences: {
                let silences = self.ports.silences.silences(now).await.map_err(RoleError::from)?;
                ActiveSilences::of(&silences, now)
            },
            canaries: self.canaries(now).await?,
            agents: self.agents_seen(now).await?,
        };
        let findings = findings(&status);
        let is_well = !findings.iter().any(|finding| finding.is_problem);
        Ok(Answer::Status { report: Box::new(StatusReport { is_well, findings, status }) })
    }

    /// For how long texts have waited to be sent again, where some do.
    async fn retry_waits(&self, count: u64) -> Result<RetryWaits, ControlError> {
        let mut waits = RetryWaits::of_count(count);
        if count > 0 {
            let unfinished = RunFilter { unfinished: true, ..RunFilter::default() };
            let look = |run: Run| {
                waits.look_at(&run);
                ControlFlow::Continue(())
            };
            each_run(&*self.ports.list, unfinished, LIST_MAX.into(), look).await.map_err(RoleError::from)?;
        }
        Ok(waits)
    }

    /// Runs that reached nobody within the last hour, among the latest.
    async fn unreached(&self, now: Timestamp) -> Result<Unreached, ControlError> {
        let (mut found, since) = (Unreached::default(), after_s(now, -UNREACHED_S));
        let look = |run: Run| {
            found.look_at(&run, since);
            ControlFlow::Continue(())
        };
        let looked = each_run(&*self.ports.list, RunFilter::default(), RUNS_LOOKED_AT, look);
        looked.await.map_err(RoleError::from)?;
        Ok(found)
    }

    /// How the latest texts of each originator did.
    async fn originators(&self, now: Timestamp) -> Result<Vec<OriginatorStatus>, ControlError> {
        let counts = self.ports.receipts.receipts(now).await.map_err(RoleError::from)?;
        Ok(counts.into_iter().map(OriginatorStatus::new).collect())
    }

    /// What has waited longest of the effects that are looked at: for each destination, and of tickets alone.
    async fn waiting_effects(&self, configured: &[String]) -> Result<Vec<WaitingEffect>, ControlError> {
        let some = self.ports.effects.some_effects(EFFECTS_LOOKED_AT).await.map_err(RoleError::from)?;
        let mut oldest: BTreeMap<(String, bool), Effect> = BTreeMap::new();
        for effect in some {
            let key = (effect.destination.clone(), effect.act == Act::OpenTicket);
            if oldest.get(&key).is_none_or(|known| effect.since < known.since) {
                oldest.insert(key, effect);
            }
        }
        let waiting = oldest.into_iter().map(|((destination, opens_ticket), effect)| WaitingEffect {
            is_configured: configured.contains(&destination),
            destination,
            opens_ticket,
            since: effect.since,
            last_failure: effect.last_failure,
        });
        Ok(waiting.collect())
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
