//! `callout events export`: the events of runs, as `callout simulate` reads them. In: a span of time. Out: one CloudEvent on
//! each line.
//!
//! Never: an event twice, though it opened several runs.

use std::collections::BTreeSet;

use control::{Answer, Request};
use domain::plural::counted;

use crate::{
    args::{Common, EventsExport},
    configuration,
    control_client::{ControlClient, UNEXPECTED_ANSWER},
    output,
};

/// Prints them, whatever form other results have: they are a file for another command.
pub(crate) async fn export(common: &Common, args: &EventsExport) -> anyhow::Result<()> {
    configuration::check_names(&common.config, args.workflow.as_deref(), None)?;
    let client = ControlClient::open(&common.config).await?;
    let printed = print(&client, args).await;
    client.close().await;
    printed
}

async fn print(client: &ControlClient, args: &EventsExport) -> anyhow::Result<()> {
    let (mut seen, mut after, mut left_out) = (BTreeSet::new(), None, 0);
    loop {
        let request = Request::ListEvents { workflow: args.workflow.clone(), since: args.since, after };
        let Answer::Events { events, without_fields, next, unreadable } = client.execute("", request).await?
        else {
            anyhow::bail!(UNEXPECTED_ANSWER);
        };
        output::unreadable(&unreadable);
        left_out += without_fields;
        for event in events {
            if seen.insert((event["source"].to_string(), event["id"].to_string())) {
                output::line(event);
            }
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    if left_out > 0 {
        let runs = counted(left_out, "run");
        output::note(format!("{runs} left out: the fields of their events were removed, or they had none"));
    }
    Ok(())
}
