//! The demo's configuration: the shipped examples, every wait 60 times shorter.
//!
//! In: an empty folder. Out: a configuration, and what to try with it.

use std::{path::Path, sync::Arc};

use config::{Config, Scope, Secrets};
use domain::workflow::{Workflow, WorkflowDefinition};
use url::Url;

use crate::{args::Output, output, server::Server};

/// The key of a source of the demo.
pub(crate) fn key_of(source: &str) -> String {
    format!("{source}-key")
}

/// The phone of the first on-call person.
pub(crate) const PRIMARY: &str = "+14155550101";
/// The deadlines of the examples are divided by this.
const FASTER: u32 = 60;
/// After the scenario they are this much longer again: somebody who tries it out reads and types.
const SLOWER: u32 = 6;

const FILES: [(&str, &str); 9] = [
    ("callout.toml", include_str!("../../../../examples/callout.toml")),
    ("contacts.toml", include_str!("../../../../examples/contacts.toml")),
    ("oncall.toml", include_str!("../../../../examples/oncall.toml")),
    ("platform.ics", include_str!("../../../../examples/platform.ics")),
    ("workflows/incident-paging.toml", include_str!("../../../../examples/workflows/incident-paging.toml")),
    ("workflows/payment-reminder.toml", include_str!("../../../../examples/workflows/payment-reminder.toml")),
    (
        "workflows/appointment-confirmation.toml",
        include_str!("../../../../examples/workflows/appointment-confirmation.toml"),
    ),
    ("workflows/agent-finding.toml", include_str!("../../../../examples/workflows/agent-finding.toml")),
    ("workflows/sla-breach.toml", include_str!("../../../../examples/workflows/sla-breach.toml")),
];

/// Writes the examples into the folder and reads them as a user's configuration.
pub(crate) fn config(folder: &Path, tracker: &Url) -> anyhow::Result<(Config, Secrets)> {
    std::fs::create_dir(folder.join("workflows"))?;
    for (name, text) in FILES {
        std::fs::write(folder.join(name), text)?;
    }
    let integrations = format!(
        "[operations]\nkind = \"github\"\napi = \"{tracker}\"\nrepository = \"demo/operations\"\n\
         secret_env = [\"CALLOUT_KEY_TRACKER\"]\nallow_private = true\n"
    );
    std::fs::write(folder.join("integrations.toml"), integrations)?;
    let env = |name: &str| {
        let source = name.strip_prefix("CALLOUT_KEY_").filter(|source| !source.ends_with("_FILE"))?;
        Some(key_of(&source.to_lowercase()))
    };
    let loaded = config::load(&folder.join("callout.toml"), &env, Scope::SERVER);
    let (mut config, secrets) = loaded.map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let faster = |s: u32| (s / FASTER).max(1);
    config.workflows =
        config.workflows.iter().map(|one| with_deadlines(one, faster)).collect::<anyhow::Result<_>>()?;
    Ok((config, secrets))
}

/// The same configuration with waits for a person.
pub(crate) fn slower(config: &Config) -> anyhow::Result<Config> {
    let slower = |s: u32| s.saturating_mul(SLOWER);
    let workflows = config.workflows.iter().map(|one| with_deadlines(one, slower));
    Ok(Config { workflows: workflows.collect::<anyhow::Result<_>>()?, ..config.clone() })
}

fn with_deadlines(workflow: &Workflow, change: impl Fn(u32) -> u32) -> anyhow::Result<Workflow> {
    let mut definition: WorkflowDefinition = Arc::unwrap_or_clone(workflow.definition.clone());
    for step in &mut definition.steps {
        for deadline in [&mut step.deliver_within_s, &mut step.ack_within_s].into_iter().flatten() {
            *deadline = change(*deadline);
        }
    }
    Workflow::compile(definition).map_err(|errors| anyhow::anyhow!("an example does not compile: {errors:?}"))
}

/// Prints what to try by hand.
pub(crate) fn print_what_to_try(server: &Server, folder: &Path, output: Output) {
    if output == Output::Json {
        return;
    }
    let url = server.url.as_str().trim_end_matches('/');
    let Some(simulator) = &server.simulator else { return };
    let simulator = simulator.base_url();
    let simulator = simulator.as_str().trim_end_matches('/');
    let key = key_of("monitoring");
    let api = server.api_url.as_ref().map_or("", Url::as_str).trim_end_matches('/');
    let callout = std::env::args().next().unwrap_or_else(|| "callout".to_owned());
    let config = folder.join("callout.toml");
    let config = config.display();
    output::line(format!(
        r#"
Everything keeps running until Ctrl-C, and this screen goes on telling what happens.
From here on waits are {slower} times shorter than in the examples: who is paged has 30 s to answer.
To try, in another terminal:

  page the person on call
    curl -s {url}/v1/events -H 'Authorization: Bearer {key}' -H 'Content-Type: application/cloudevents+json' \
      -d '{{"specversion":"1.0","id":"try-'"$(date +%s)"'","source":"monitoring","type":"incident.created","subject":"db-2",
           "data":{{"severity":"high","title":"Disk almost full","service":"db-2"}}}}'

  see what reached the phone, and answer with the code it shows
    curl -s {simulator}/sim/v1/phones/{PRIMARY}
    curl -s {simulator}/sim/v1/phones/{PRIMARY}/reply -H 'Content-Type: application/json' -d '{{"body":"ACK CODE"}}'

  list the runs of this demo, show one of them, acknowledge it without a phone
    {callout} runs list --config {config}
    {callout} runs show RUN --config {config}
    {callout} runs ack RUN --config {config}

  let a software agent of yours in, with a token of its own: `callout mcp` is what its host starts
    export CALLOUT_URL={api} CALLOUT_TOKEN=$({callout} tokens create --agent --label mine --scope read --scope 'raise:finding.*' --config {config})
    {callout} mcp

  make the simulator lose its next answer, and see how the doubt is resolved
    curl -s {simulator}/sim/v1/faults -H 'Content-Type: application/json' -d '{{"next":"accepted_no_answer"}}'

  what the simulator counted: texts accepted, duplicates, callbacks
    curl -s {simulator}/sim/v1/judge

  health: {url}/healthz  {url}/readyz
"#,
        slower = FASTER / SLOWER,
    ));
}
