//! `integrations.toml`. In: destinations, right and wrong. Out: what they are told of, or every mistake with its line.

use config::{DestinationKind, Scope};
use domain::effect::OutcomeKind;

use crate::{examples, problems};

fn env(name: &str) -> Option<String> {
    crate::env(name).or_else(|| {
        matches!(name, "GITHUB_TOKEN" | "WATCHERS_SECRET" | "WATCHERS_SECRET_OLD").then(|| "x".into())
    })
}

#[test]
fn destinations_are_told_what_they_ask_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("workflows")).unwrap();
    for name in ["callout.toml", "contacts.toml", "oncall.toml", "workflows/incident-paging.toml"] {
        std::fs::copy(examples().join(name), folder.path().join(name)).unwrap();
    }
    let text = r#"
[operations]
kind = "github"
repository = "your-org/operations"
secret_env = ["GITHUB_TOKEN"]

[watchers]
kind = "webhook"
url = "https://hooks.example.com/callout"
secret_env = ["WATCHERS_SECRET", "WATCHERS_SECRET_OLD"]
events = ["run.exhausted", "ticket.*"]
workflows = ["incident-paging"]
include = ["text"]
give_up_after = "1h"
"#;
    std::fs::write(folder.path().join("integrations.toml"), text).unwrap();
    let (config, secrets) = config::load(&folder.path().join("callout.toml"), &env, Scope::SERVER).unwrap();
    let [operations, watchers] = &config.integrations[..] else { panic!("two destinations") };
    assert!(operations.subscription.keeps_tickets && operations.subscription.events.is_empty());
    assert!(
        matches!(&operations.kind, DestinationKind::Github { api, .. } if api.as_str() == "https://api.github.com/")
    );
    let told = [OutcomeKind::RunExhausted, OutcomeKind::TicketOpened, OutcomeKind::TicketFailed];
    assert_eq!(watchers.subscription.events, told.into());
    assert_eq!((watchers.give_up_after_s, watchers.includes_text), (3_600, true));
    assert_eq!(secrets.destinations["watchers"].len(), 2);
    let (_, operator) =
        config::load(&folder.path().join("callout.toml"), &|_| None, Scope::OPERATOR).unwrap();
    assert!(operator.destinations.is_empty(), "a command needs none of them");
}

#[test]
fn every_mistake_in_a_destination_is_named_with_its_line() {
    let text = r#"[Ops]
kind = "github"
repository = "operations"
secret_env = ["NOT_SET"]
[hook]
kind = "webhook"
url = "http://hooks.example.com/?x"
events = ["run.exploded"]
workflows = ["nothing"]
include = ["numbers"]
[pager]
kind = "pager"
[desk]
kind = "http"
url = "https://user:pass@desk.example.com/"
body = "x"
events = ["*"]
colour = "red"
"#;
    insta::assert_snapshot!(problems("integrations.toml", text), @r#"
    integrations.toml:1: "Ops": name a destination with lower-case letters, digits and hyphens, 40 at most
    integrations.toml:3: repository: expected OWNER/NAME, not "operations"
    integrations.toml:7: url: must begin with https://; plain http is for this machine only
    integrations.toml:8: events: "run.exploded" is none of run.opened, run.escalated, run.acknowledged, run.completed, run.resolved, run.exhausted, run.suppressed, run.expired, run.cancelled, message.undeliverable, message.needs_review, dead_letter.created, consent.changed, ticket.opened, ticket.failed
    integrations.toml:9: workflows: there is no workflow "nothing"
    integrations.toml:10: hook.include: expected "text", not "numbers"
    integrations.toml:12: pager.kind: expected webhook, github, pagerduty, slack or http, not "pager"
    integrations.toml:15: url: holds a user or a password; use secret_env
    integrations.toml:18: unknown key "desk.colour"; known keys: kind, events, workflows, secret_env, include, allow_private, in_flight_max, give_up_after, content_type, authorization, idempotency_header, ticket_key, ticket_url, url, body
    9 errors in the configuration
    "#);
}
