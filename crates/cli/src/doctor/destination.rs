//! How callout reaches the gateway. In: callout's own configuration. Out: findings.

use config::{Destination, DestinationKind, Scope};
use domain::effect::OutcomeKind;

use super::{finding::Findings, gateway::Gateway, hooks::Mapping};
use crate::{
    args::Common,
    configuration::{self, env},
};

/// Events that tell of each run: more than that is a turn of the agent for whatever happens.
const OFTEN: [OutcomeKind; 3] =
    [OutcomeKind::RunOpened, OutcomeKind::RunAcknowledged, OutcomeKind::RunCompleted];

pub(crate) fn check(
    common: &Common,
    gateway: &Gateway,
    mapping: Option<&Mapping>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    if !common.config.exists() {
        findings.warning(
            "callout_elsewhere",
            format!(
                "there is no configuration of callout at {}, so what it posts was not looked at",
                common.config.display()
            ),
            "name it with --config, or run this on callout's machine as well",
        );
        return Ok(());
    }
    let (config, _) = configuration::load(&common.config, Scope::OPERATOR)?;
    let hooks = config.integrations.iter().filter_map(|destination| {
        let DestinationKind::OpenClaw { url } = &destination.kind else { return None };
        Some((destination, url))
    });
    let hooks: Vec<_> = hooks.collect();
    if hooks.is_empty() {
        findings.warning(
            "destination_missing",
            "integrations.toml has no destination of kind \"openclaw\": the agent is told of nothing",
            "add one, as docs/integrations.md shows",
        );
    }
    for (destination, url) in hooks {
        let name = &destination.subscription.name;
        let path = mapping.and_then(|mapping| mapping.path.as_deref());
        let below = url.path().strip_prefix(&format!("{}/", gateway.hooks_path()));
        if below.is_none_or(|below| path.is_some_and(|path| path != below)) {
            let wanted = format!("{}/{}", gateway.hooks_path(), path.unwrap_or("callout"));
            findings.error(
                "destination_path",
                format!(
                    "destination {name:?} posts to {}, and the gateway's mapping is at {wanted}",
                    url.path()
                ),
                format!("let its url end with {wanted}"),
            );
        }
        let is_here = url.host_str().is_some_and(|host| ["127.0.0.1", "localhost", "[::1]"].contains(&host));
        if is_here && url.port_or_known_default().map(u64::from) != Some(gateway.port()) {
            findings.error(
                "destination_port",
                format!("destination {name:?} posts to a port where the gateway does not listen"),
                format!("the gateway's is {}", gateway.port()),
            );
        }
        check_token(gateway, destination, findings);
        let often = OFTEN.iter().filter(|kind| destination.subscription.events.contains(kind)).count();
        if often == OFTEN.len() {
            findings.warning(
                "destination_events",
                format!("destination {name:?} is told of every run, and each event is a turn of the agent"),
                "name in events what it should act on, such as \"run.exhausted\" and \"message.undeliverable\"",
            );
        }
    }
    Ok(())
}

fn check_token(gateway: &Gateway, destination: &Destination, findings: &mut Findings) {
    let of_file = |name: &String| std::fs::read_to_string(env(&format!("{name}_FILE"))?).ok();
    let ours = destination.secret_env.iter().find_map(|name| env(name).or_else(|| of_file(name)));
    let (Some(ours), Some(theirs)) = (ours, gateway.resolved("/hooks/token")) else { return };
    if ours.trim() != theirs {
        findings.error(
            "destination_token",
            format!(
                "the secret of destination {:?} is not the gateway's hooks.token",
                destination.subscription.name
            ),
            "give both the same value; after 20 wrong ones the gateway refuses for a minute",
        );
    }
}
