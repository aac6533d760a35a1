//! `integrations.toml`. In: destinations, right and wrong. Out: what they are told of, or every mistake with its line.

use config::{DestinationKind, MailTls, Scope};
use domain::effect::OutcomeKind;

use crate::{examples, problems};

fn env(name: &str) -> Option<String> {
    crate::env(name).or_else(|| {
        matches!(name, "GITHUB_TOKEN" | "WATCHERS_SECRET" | "WATCHERS_SECRET_OLD").then(|| "x".into())
    })
}

/// The examples with these destinations.
fn folder(integrations: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("workflows")).unwrap();
    for name in ["callout.toml", "contacts.toml", "oncall.toml", "workflows/incident-paging.toml"] {
        std::fs::copy(examples().join(name), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("integrations.toml"), integrations).unwrap();
    folder
}

#[test]
fn destinations_are_told_what_they_ask_for() {
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
    let folder = folder(text);
    let (config, secrets) = config::load(&folder.path().join("callout.toml"), &env, Scope::SERVER).unwrap();
    let [operations, watchers] = &config.integrations[..] else { panic!("two destinations") };
    assert!(operations.subscription.opens_tickets && operations.subscription.events.is_empty());
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
fn a_repository_that_leads_elsewhere_and_a_header_with_a_line_break_are_refused() {
    for repository in ["../r", "o/..", "o/r/s", "o/ r", "o/r?x", "/r", "o/"] {
        let text =
            format!("[a]\nkind = \"github\"\nrepository = \"{repository}\"\nsecret_env = [\"NOT_SET\"]\n");
        let said = problems("integrations.toml", &text);
        assert!(
            said.contains("integrations.toml:3: repository: expected OWNER/NAME"),
            "{repository}: {said}"
        );
    }
    let text = "[b]\nkind = \"http\"\nurl = \"https://desk.example.com/\"\nbody = \"x\"\ncontent_type = \"text/plain\\r\\nX: y\"\n";
    let said = problems("integrations.toml", text);
    assert!(said.contains("integrations.toml:5: b.content_type:"), "{said}");
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
    integrations.toml:8: events: "run.exploded" is none of run.opened, run.escalated, run.acknowledged, run.completed, run.resolved, run.exhausted, run.suppressed, run.expired, run.cancelled, message.undeliverable, message.needs_review, dead_letter.created, consent.changed, ticket.opened, ticket.failed, sending.stopped, sending.resumed, approval.requested, approval.decided
    integrations.toml:9: workflows: there is no workflow "nothing"
    integrations.toml:10: hook.include: expected "text", not "numbers"
    integrations.toml:12: pager.kind: expected webhook, github, jira, servicenow, pagerduty, slack, teams, openclaw, email or http, not "pager"
    integrations.toml:15: url: holds a user or a password; use secret_env
    integrations.toml:18: unknown key "desk.colour"; known keys: kind, events, workflows, secret_env, include, allow_private, in_flight_max, give_up_after, content_type, authorization, idempotency_header, ticket_key, ticket_url, url, body
    9 errors in the configuration
    "#);
}

#[test]
fn every_mistake_in_the_keys_of_a_kind_is_named_with_its_line() {
    let text = r#"[jira]
kind = "jira"
url = "https://your-company.atlassian.net"
project = "ops board"
labels = ["two words"]
secret_env = ["CALLOUT_KEY_X"]
[desk]
kind = "servicenow"
url = "https://your-company.service-now.com"
table = "Incident"
secret_env = ["CALLOUT_KEY_X"]
[desk.fields]
correlation_id = "mine"
"assignment group" = "Operations"
urgency = 1
[agent]
kind = "openclaw"
secret_env = ["CALLOUT_KEY_X"]
events = ["run.exhausted"]
[plain]
kind = "email"
host = "smtp.example.com"
tls = "none"
user = "callout"
from = "callout@example.com"
events = ["run.exhausted"]
[mail]
kind = "email"
tls = "ssl"
ca_file = "none.pem"
to = ["ops@example.com"]
secret_env = ["CALLOUT_KEY_X"]
events = ["run.exhausted"]
[room]
kind = "teams"
url = "https://example.com/"
events = ["run.exhausted"]
"#;
    insta::assert_snapshot!(problems("integrations.toml", text), @r#"
    integrations.toml:4: project: expected the key of a project, as OPS, not "ops board"
    integrations.toml:5: labels: "two words": Jira takes no label with spaces
    integrations.toml:10: table: expected a name as incident, not "Incident"
    integrations.toml:13: fields.correlation_id: leave it out, callout writes it
    integrations.toml:14: fields: expected the name of a field, as assignment_group, not "assignment group"
    integrations.toml:15: desk.fields.urgency: expected a string
    integrations.toml:16: url: required
    integrations.toml:20: plain.secret_env: name the variable that its secret is in
    integrations.toml:20: to: name who gets the mails, as ["ops@example.com"]
    integrations.toml:23: tls: "none" is for a server on this machine only; use "starttls" or "implicit"
    integrations.toml:27: mail.from: required
    integrations.toml:27: mail.host: required
    integrations.toml:29: tls: expected starttls, implicit or none, not "ssl"
    integrations.toml:30: ca_file: none.pem cannot be read (No such file or directory (os error 2)): name a file that this user may read
    integrations.toml:34: room.secret_env: name the variable that its secret is in
    integrations.toml:36: unknown key "room.url"; known keys: kind, events, workflows, secret_env, include, allow_private, in_flight_max, give_up_after
    16 errors in the configuration
    "#);
}

#[test]
fn a_queue_of_tickets_at_any_service_names_where_its_key_is_and_how_a_repetition_is_known() {
    let text = r#"[one]
kind = "http"
url = "https://desk.example.com/"
body = "x"
ticket_key = "number"
ticket_url = "/a~b"
[two]
kind = "http"
url = "https://desk.example.com/"
body = "x"
events = ["*"]
idempotency_header = "Two Words"
ticket_url = "/url"
[three]
kind = "http"
url = "https://desk.example.com/"
body = "x"
idempotency_header = "Authorization"
ticket_key = "/number"
"#;
    insta::assert_snapshot!(problems("integrations.toml", text), @r#"
    integrations.toml:5: one.ticket_key: "number" is no JSON pointer into the answer, as "/ticket/number"
    integrations.toml:5: one.ticket_key: give idempotency_header too, a header by which the service knows a repeated request; without one a lost answer opens a second ticket
    integrations.toml:6: one.ticket_url: "/a~b" is no JSON pointer into the answer, as "/ticket/number"
    integrations.toml:12: two.idempotency_header: "Two Words" is no name of a header, as "Idempotency-Key"
    integrations.toml:13: two.ticket_url: give ticket_key too, which makes it open tickets
    integrations.toml:18: three.idempotency_header: "Authorization" is written by callout itself; name another, as "Idempotency-Key"
    6 errors in the configuration
    "#);
}

#[test]
fn an_address_that_can_never_work_is_refused() {
    let text = r#"[one]
kind = "webhook"
url = "https://10.1.2.3/"
secret_env = ["CALLOUT_KEY_X"]
events = []
[two]
kind = "webhook"
url = "https://hooks.example.com/{{ run }}"
secret_env = ["CALLOUT_KEY_X"]
events = ["run.*"]
workflows = []
[three]
kind = "jira"
url = "https://jira.example.com/?a=b"
project = "OPS"
secret_env = ["CALLOUT_KEY_X"]
[four]
kind = "openclaw"
url = "http://localhost:18789/hooks"
secret_env = ["CALLOUT_KEY_X"]
events = ["run.*"]
[five]
kind = "webhook"
url = "https://hooks.example.com/#top"
secret_env = ["CALLOUT_KEY_X"]
events = ["run.*"]
[six]
kind = "email"
host = "192.168.1.1"
from = "a@example.com"
to = ["b@example.com"]
events = ["run.*"]
[seven]
kind = "http"
url = "https://[ff02::1]/"
body = "x"
authorization = "Bearer hush"
events = ["run.*"]
[eight]
kind = "github"
repository = "a/b"
api = "https://0.0.0.0/"
secret_env = ["CALLOUT_KEY_X"]
"#;
    insta::assert_snapshot!(problems("integrations.toml", text), @r#"
    integrations.toml:3: url: is private or of this machine; give allow_private = true beside it if that is meant
    integrations.toml:5: one.events: the list is empty; name what it is told of, or leave the key out where it opens tickets alone
    integrations.toml:8: url: is no template: write the whole address, without {{ }}
    integrations.toml:11: two.workflows: the list is empty; name some, or leave the key out for all of them
    integrations.toml:14: url: has a query, ?..., and paths are added to this address; leave the query out
    integrations.toml:19: url: is private or of this machine; give allow_private = true beside it if that is meant
    integrations.toml:24: url: has a fragment, #..., which no server is sent; leave it out
    integrations.toml:29: host: is private or of this machine; give allow_private = true beside it if that is meant
    integrations.toml:35: url: is private or of this machine; give allow_private = true beside it if that is meant
    integrations.toml:37: seven.authorization: {{ secret }} is missing, as in "Bearer {{ secret }}"; the secret itself is in the variable that secret_env names
    integrations.toml:42: api: is private or of this machine; give allow_private = true beside it if that is meant
    11 errors in the configuration
    "#);
}

#[test]
fn a_gateway_of_agents_takes_one_request_at_a_time_and_a_mail_server_needs_no_user() {
    let text = r#"
[agent]
kind = "openclaw"
url = "http://127.0.0.1:18789/hooks/callout"
allow_private = true
secret_env = ["WATCHERS_SECRET"]
events = ["run.exhausted"]

[mail]
kind = "email"
host = "localhost"
allow_private = true
tls = "none"
from = "callout@example.com"
to = ["ops@example.com"]
events = ["run.exhausted"]

[desk]
kind = "servicenow"
url = "https://your-company.service-now.com"
secret_env = ["WATCHERS_SECRET"]
fields = { urgency = "1" }

[operations]
kind = "jira"
url = "https://jira.your-company.example/jira"
project = "OPS_1"
secret_env = ["WATCHERS_SECRET"]
"#;
    let folder = folder(text);
    let (config, _) = config::load(&folder.path().join("callout.toml"), &env, Scope::SERVER).unwrap();
    let [agent, desk, mail, operations] = &config.integrations[..] else { panic!("four destinations") };
    assert_eq!((agent.in_flight_max, mail.in_flight_max), (1, 8));
    assert!(matches!(&mail.kind, DestinationKind::Email { port: 25, tls: MailTls::None, user: None, .. }));
    assert!(desk.subscription.opens_tickets && operations.subscription.opens_tickets);
    let DestinationKind::ServiceNow { table, fields, .. } = &desk.kind else { panic!("{:?}", desk.kind) };
    assert_eq!((table.as_str(), fields["urgency"].as_str()), ("incident", "1"));
    let DestinationKind::Jira { issue_type, user, .. } = &operations.kind else {
        panic!("{:?}", operations.kind)
    };
    assert_eq!((issue_type.as_str(), user), ("Task", &None));
}

#[test]
fn a_workflow_names_the_queues_of_its_tickets() {
    let path = "workflows/incident-paging.toml";
    let example = std::fs::read_to_string(examples().join(path)).unwrap();
    let folder = folder("");
    let tickets = "[undeliverable]\nticket = \"desk\"\n[needs_review]\nticket = \"lab\"\n";
    std::fs::write(folder.path().join(path), format!("{example}\n{tickets}")).unwrap();
    let (config, _) = config::load(&folder.path().join("callout.toml"), &env, Scope::SERVER).unwrap();
    let definition = &config.workflows[0].definition;
    assert_eq!(definition.undeliverable_ticket.as_deref(), Some("desk"));
    assert_eq!(definition.needs_review_ticket.as_deref(), Some("lab"));
    let queues: Vec<&str> = definition.ticket_queues().collect();
    assert_eq!(queues, ["operations", "desk", "lab"]);
    let found = problems(path, &format!("{example}\n[undeliverable]\ntickets = \"desk\"\n"));
    assert!(found.contains("unknown key \"undeliverable.tickets\"; did you mean \"ticket\"?"), "{found}");
}
