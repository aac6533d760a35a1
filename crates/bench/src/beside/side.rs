//! One of the two that are compared. In: which one, and how it is wanted. Out: something to load, to kill and to measure.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result};
use twilio_sim::{FaultPlan, SimHandle};

use super::scripts::{Scripts, Wanted};
use crate::{
    args::{Args, Backend, Beside},
    deployment::{Deployment, Extras},
    door::Door,
    fleet::deployment::{Fleet, LOAD, Size},
};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The scripts, on what they stand.
    Scripts(Beside),
    /// callout.
    Callout,
}

/// One of the two, running.
pub(crate) enum Running {
    /// The scripts.
    Scripts(Box<Scripts>),
    /// callout in one process.
    Embedded(Box<Deployment>),
    /// callout in several, with one sender.
    Fleet(Box<Fleet>),
}

impl Running {
    pub(crate) async fn start(
        side: Side,
        args: &Args,
        callout: &Path,
        wanted: &Wanted,
        faults: FaultPlan,
    ) -> Result<Self> {
        let (in_flight_max, latency_ms) = (wanted.in_flight_max, faults.latency_ms);
        let running = match (side, args.backend) {
            (Side::Scripts(beside), _) => {
                let packages = args.packages.as_deref().context("no folder with packages")?;
                Self::Scripts(Box::new(Scripts::start(beside, packages, wanted).await?))
            }
            (Side::Callout, Backend::Embedded) => {
                let extras = Extras { in_flight_max: Some(in_flight_max), ..Extras::default() };
                Self::Embedded(Box::new(Deployment::start_with(callout, latency_ms, extras).await?))
            }
            (Side::Callout, Backend::Fleet) => {
                let size = Size {
                    senders: 1,
                    in_flight_max,
                    latency_ms,
                    is_sealed: false,
                    is_redis_cluster: args.redis_cluster,
                };
                Self::Fleet(Box::new(Fleet::start(callout, size).await?))
            }
        };
        running.sim().set_faults(faults)?;
        Ok(running)
    }

    pub(crate) fn sim(&self) -> &SimHandle {
        match self {
            Self::Scripts(scripts) => &scripts.sim,
            Self::Embedded(deployment) => &deployment.sim,
            Self::Fleet(fleet) => &fleet.sim,
        }
    }

    pub(crate) fn door(&self) -> &Door {
        match self {
            Self::Scripts(scripts) => &scripts.door,
            Self::Embedded(deployment) => &deployment.door,
            Self::Fleet(fleet) => &fleet.door,
        }
    }

    /// Kills what sends with SIGKILL, and starts it again: the worker, the whole of an embedded callout, the sender.
    pub(crate) fn kill(&mut self) -> Result<()> {
        match self {
            Self::Scripts(scripts) => scripts.kill_worker(),
            Self::Embedded(deployment) => deployment.kill(),
            Self::Fleet(fleet) => fleet.kill_senders(),
        }
    }

    /// CPU time used so far, in seconds, by process, without load and simulator.
    pub(crate) fn cpu_s(&self) -> Result<BTreeMap<&'static str, f64>> {
        match self {
            Self::Scripts(scripts) => scripts.cpu_s(),
            Self::Embedded(deployment) => Ok([("callout", deployment.cpu_s()?)].into()),
            Self::Fleet(fleet) => {
                let mut used = fleet.cpu_s()?;
                used.remove(LOAD);
                Ok(used)
            }
        }
    }

    /// Stops everything.
    pub(crate) async fn stop(self) -> Result<()> {
        match self {
            // They stop with the value.
            Self::Scripts(_) | Self::Embedded(_) => Ok(()),
            Self::Fleet(fleet) => fleet.stop().await,
        }
    }
}
