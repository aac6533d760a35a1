//! Effects of destinations that are not configured any more.
//!
//! In: effects that wait. Out: dead letters, once no process can be expected to know the destination.
//! Never: gives up what a process with a newer or an older configuration may still carry out.

use std::{collections::BTreeSet, sync::Arc};

use domain::{limits::EFFECT_LEASE_S, time::after_s};
use jiff::SignedDuration;
use runtime::RoleError;
use tokio_util::sync::CancellationToken;

use crate::{carry_out::dead, integrations_ports::IntegrationsPorts};

/// How often they are looked for.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// For so long a destination may be known to other processes alone, in seconds: while they are replaced one by one.
const GRACE_S: i64 = 600;
/// Effects looked at at once.
const LOOKED_AT: u16 = 1_000;
/// Effects of one destination that are ended at once.
const ENDED_AT_ONCE: u16 = 100;

/// Looks for effects of other destinations than these until it is told to stop.
pub(crate) async fn watch(ports: Arc<IntegrationsPorts>, known: BTreeSet<String>, stop: CancellationToken) {
    loop {
        let next = ports.clock.now() + LOOK_EVERY;
        if stop.run_until_cancelled(ports.clock.sleep_until(next)).await.is_none() {
            return;
        }
        if let Err(error) = end(&ports, &known).await {
            tracing::warn!(%error, "effects of removed destinations could not be looked at; it is tried again");
        }
    }
}

async fn end(ports: &IntegrationsPorts, known: &BTreeSet<String>) -> Result<(), RoleError> {
    let some = ports.effects.some_effects(LOOKED_AT).await?;
    let orphaned = some.iter().map(|effect| &effect.destination).filter(|name| !known.contains(*name));
    for destination in orphaned.collect::<BTreeSet<_>>() {
        let now = ports.clock.now();
        let hidden_until = after_s(now, EFFECT_LEASE_S);
        for effect in ports.effects.take_effects(destination, now, hidden_until, ENDED_AT_ONCE).await? {
            let until = after_s(effect.since, GRACE_S);
            if now < until {
                ports.effects.postpone_effect(&effect, until).await?;
            } else {
                let reason =
                    "no destination of integrations.toml has this name any more: add it again, then replay";
                dead(ports, &effect, reason).await?;
            }
        }
    }
    Ok(())
}
