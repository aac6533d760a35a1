//! Services that keep tickets, and are searched for the run's. In: effects. Out: one ticket, whatever was lost.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use conformance::roles::ManualClock;
use destinations::{Jira, JiraSettings, Login, Requests, ServiceNow, ServiceNowSettings, Token};
use domain::effect::{Act, EffectAnswer, OutcomeKind, Ticket};
use jiff::Timestamp;
use ports::{Clock, DestinationClient, EffectRequest};
use serde_json::json;
use url::Url;

use crate::{
    published,
    server::{Server, answer, request, with_ticket},
};

/// A clock on which every wait is over at once.
struct Hasty(ManualClock);

#[async_trait]
impl Clock for Hasty {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.0.set(at.max(self.now()));
    }
}

fn clock() -> Arc<Hasty> {
    Arc::new(Hasty(ManualClock::new(conformance::fixture::at(0))))
}

fn login(user: Option<&str>) -> Login {
    Login { user: user.map(str::to_owned), secret: Token::new("hush") }
}

fn jira(url: &Url, user: Option<&str>) -> Jira {
    let settings = JiraSettings {
        site: url.clone(),
        project: "OPS".into(),
        issue_type: "Incident".into(),
        labels: vec!["sms".into()],
        done_transition: Some("Done".into()),
    };
    Jira::new(Requests::new(true).unwrap(), settings, login(user), "ops", clock())
}

fn servicenow(url: &Url) -> ServiceNow {
    let fields = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    let settings = ServiceNowSettings {
        instance: url.clone(),
        table: "incident".into(),
        fields: fields(&[("urgency", "1")]),
        resolved: fields(&[("state", "6"), ("close_code", "Resolved by caller")]),
    };
    ServiceNow::new(Requests::new(true).unwrap(), settings, login(Some("callout")), "ops", clock())
}

fn opened(answer: EffectAnswer) -> Ticket {
    let EffectAnswer::Done(Some(ticket)) = answer else { panic!("{answer:?}") };
    ticket
}

fn label(request: &EffectRequest) -> String {
    format!("callout-{}", request.effect.run().unwrap())
}

fn resolved(key: &str) -> EffectRequest {
    let mut request = with_ticket(key);
    request.effect.act = Act::UpdateTicket;
    request.effect.event.kind = OutcomeKind::RunResolved;
    request
}

const ISSUE: &str = r#"{"id": "10000", "key": "OPS-24"}"#;
const CLOUD: Option<&str> = Some("callout@example.com");

#[tokio::test]
async fn jira_gets_an_issue_whose_label_names_the_run() {
    let (server, url) = Server::start([answer(201, ISSUE)]).await;
    let request = request(true);
    let ticket = opened(jira(&url, CLOUD).carry_out(&request).await);
    assert_eq!((ticket.key.as_str(), ticket.url), ("OPS-24", Some(format!("{url}browse/OPS-24"))));
    let sent = server.take_sent();
    published::jira().holds(&sent);
    let [sent] = &sent[..] else { panic!("one request: nothing was made before") };
    assert_eq!((sent.method.as_str(), sent.uri.path()), ("POST", "/rest/api/3/issue"));
    assert_eq!(sent.header("authorization"), "Basic Y2FsbG91dEBleGFtcGxlLmNvbTpodXNo");
    let fields = &sent.json()["fields"];
    assert_eq!(fields["labels"], json!(["sms", label(&request)]));
    assert_eq!(
        (&fields["project"]["key"], &fields["issuetype"]["name"]),
        (&json!("OPS"), &json!("Incident"))
    );
    let description = &fields["description"];
    assert_eq!((&description["type"], &description["version"]), (&json!("doc"), &json!(1)));
    let blocks = description["content"].as_array().unwrap();
    assert!(blocks.iter().all(|block| block["content"][0]["text"] != ""), "Jira takes no empty text");
    let lines = description.to_string();
    assert!(lines.contains("API: https://callout.example/v1/runs/r0"), "{lines}");
    assert!(blocks.last().unwrap()["content"][0]["text"].as_str().unwrap().contains("step 1 began"));
}

#[tokio::test]
async fn an_issue_that_a_search_shows_late_is_found_and_no_other_is_made() {
    let (server, url) = Server::start([]).await;
    let found = format!(r#"{{"issues": [{ISSUE}]}}"#);
    server.answer_with([answer(200, r#"{"issues": []}"#), answer(200, &found)]);
    let mut request = request(true);
    request.may_exist = true;
    assert_eq!(opened(jira(&url, CLOUD).carry_out(&request).await).key, "OPS-24");
    let sent = server.take_sent();
    published::jira().holds(&sent);
    let [first, second] = &sent[..] else { panic!("two searches") };
    assert_eq!((first.uri.path(), second.uri.path()), ("/rest/api/3/search/jql", "/rest/api/3/search/jql"));
    let jql = first.json()["jql"].as_str().unwrap().to_owned();
    assert!(jql.contains(&format!("labels = \"{}\"", label(&request))), "{jql}");
}

#[tokio::test]
async fn an_issue_that_two_searches_lack_is_made() {
    let (server, url) = Server::start([]).await;
    let none = || answer(200, r#"{"issues": []}"#);
    server.answer_with([none(), none(), answer(201, ISSUE)]);
    let mut request = request(true);
    request.may_exist = true;
    assert_eq!(opened(jira(&url, CLOUD).carry_out(&request).await).key, "OPS-24");
    assert_eq!(server.take_sent().len(), 3);
}

#[tokio::test]
async fn a_search_that_cannot_be_read_makes_no_issue() {
    let (server, url) = Server::start([answer(200, "<html>log in</html>")]).await;
    let mut request = request(true);
    request.may_exist = true;
    let answer = jira(&url, CLOUD).carry_out(&request).await;
    assert!(matches!(answer, EffectAnswer::Failed { is_in_doubt: false, .. }), "{answer:?}");
    assert_eq!(server.take_sent().len(), 1);
}

#[tokio::test]
async fn a_resolved_run_moves_its_issue_on_and_says_why() {
    let (server, url) = Server::start([]).await;
    let transitions = r#"{"transitions": [{"id": "11", "name": "Start", "to": {"name": "In Progress"}},
        {"id": "31", "name": "Close it", "to": {"name": "done"}}]}"#;
    server.answer_with([answer(200, transitions), answer(204, ""), answer(201, "{}")]);
    assert_eq!(jira(&url, CLOUD).carry_out(&resolved("OPS-24")).await, EffectAnswer::Done(None));
    let sent = server.take_sent();
    published::jira().holds(&sent);
    let [_, moved, comment] = &sent[..] else { panic!("{} requests", sent.len()) };
    assert_eq!(moved.uri.path(), "/rest/api/3/issue/OPS-24/transitions");
    assert_eq!(moved.json(), json!({"transition": {"id": "31"}}));
    assert_eq!(comment.uri.path(), "/rest/api/3/issue/OPS-24/comment");
    assert!(comment.json()["body"].to_string().contains("resolved"));
}

#[tokio::test]
async fn an_issue_that_is_done_is_not_moved_and_a_transition_that_is_not_there_is_said() {
    let status = |category: &str| {
        answer(200, &json!({"fields": {"status": {"statusCategory": {"key": category}}}}).to_string())
    };
    let (server, url) = Server::start([]).await;
    let none = || answer(200, r#"{"transitions": []}"#);
    server.answer_with([none(), status("done"), answer(201, "{}")]);
    assert_eq!(jira(&url, CLOUD).carry_out(&resolved("OPS-24")).await, EffectAnswer::Done(None));
    let sent = server.take_sent();
    published::jira().holds(&sent);
    assert_eq!(sent.len(), 3, "it is commented all the same");
    server.answer_with([none(), status("new")]);
    let answer = jira(&url, CLOUD).carry_out(&resolved("OPS-24")).await;
    assert!(matches!(&answer, EffectAnswer::Refused { reason } if reason.contains("\"Done\"")), "{answer:?}");
}

#[tokio::test]
async fn jira_data_center_is_asked_by_its_own_version() {
    let (server, url) = Server::start([]).await;
    server.answer_with([
        answer(200, r#"{"issues": []}"#),
        answer(200, r#"{"issues": []}"#),
        answer(201, ISSUE),
    ]);
    let url = url.join("jira/").unwrap();
    let mut request = request(true);
    request.may_exist = true;
    request.effect.event.subject = Some("{noformat}[a link|https://evil.example]".into());
    let ticket = opened(jira(&url, None).carry_out(&request).await);
    assert_eq!(ticket.url, Some(format!("{url}browse/OPS-24")));
    let sent = server.take_sent();
    let paths: Vec<&str> = sent.iter().map(|sent| sent.uri.path()).collect();
    assert_eq!(paths, ["/jira/rest/api/2/search", "/jira/rest/api/2/search", "/jira/rest/api/2/issue"]);
    assert_eq!(sent[2].header("authorization"), "Bearer hush");
    let description = sent[2].json()["fields"]["description"].as_str().unwrap().to_owned();
    assert_eq!(description.matches("{noformat}").count(), 2, "nothing in it ends the block: {description}");
}

fn record(request: &EffectRequest) -> serde_json::Value {
    json!({"sys_id": "a1b2", "number": "INC0010023", "correlation_id": label(request)})
}

#[tokio::test]
async fn servicenow_gets_a_record_that_names_the_run() {
    let request = request(true);
    let (server, url) = Server::start([answer(201, &json!({"result": record(&request)}).to_string())]).await;
    let ticket = opened(servicenow(&url).carry_out(&request).await);
    assert_eq!(
        (ticket.key.as_str(), ticket.url),
        ("INC0010023", Some(format!("{url}incident.do?sys_id=a1b2")))
    );
    let [sent] = &server.take_sent()[..] else { panic!("one request: nothing was made before") };
    assert_eq!((sent.method.as_str(), sent.uri.path()), ("POST", "/api/now/table/incident"));
    assert_eq!(sent.header("authorization"), "Basic Y2FsbG91dDpodXNo");
    let body = sent.json();
    assert_eq!((&body["correlation_id"], &body["urgency"]), (&json!(label(&request)), &json!("1")));
    assert!(body["short_description"].as_str().unwrap().contains("db-1"), "{body}");
}

#[tokio::test]
async fn a_record_of_another_run_is_not_taken_for_ours() {
    let mut request = request(true);
    request.may_exist = true;
    let other = json!({"result": [{"sys_id": "ff", "number": "INC1", "correlation_id": "callout-other"}]})
        .to_string();
    let made = json!({"result": record(&request)}).to_string();
    let (server, url) = Server::start([answer(200, &other), answer(200, &other), answer(201, &made)]).await;
    assert_eq!(opened(servicenow(&url).carry_out(&request).await).key, "INC0010023");
    let sent = server.take_sent();
    let query = sent[0].uri.query().unwrap();
    assert!(query.contains(&format!("sysparm_query=correlation_id%3D{}", label(&request))), "{query}");
    assert_eq!(sent.len(), 3);
}

#[tokio::test]
async fn a_ticket_that_is_gone_says_nothing_of_its_service() {
    let (server, url) = Server::start([answer(404, "{}"), answer(200, r#"{"result": []}"#)]).await;
    let gone = |answer| matches!(answer, EffectAnswer::Gone { .. });
    assert!(gone(jira(&url, CLOUD).carry_out(&resolved("OPS-24")).await));
    assert!(gone(servicenow(&url).carry_out(&resolved("INC0010023")).await));
    assert_eq!(server.take_sent().len(), 2);
}

#[tokio::test]
async fn nothing_is_requested_for_a_run_without_a_ticket() {
    let (server, url) = Server::start([]).await;
    let mut update = request(false);
    for act in [Act::UpdateTicket, Act::Notify] {
        update.effect.act = act;
        assert_eq!(jira(&url, CLOUD).carry_out(&update).await, EffectAnswer::Needless);
        assert_eq!(servicenow(&url).carry_out(&update).await, EffectAnswer::Needless);
    }
    assert_eq!(server.take_sent().len(), 0);
}

#[tokio::test]
async fn a_resolved_run_resolves_its_record() {
    let request = resolved("INC0010023");
    let found = json!({"result": [record(&request)]}).to_string();
    let (server, url) = Server::start([answer(200, &found), answer(200, "{}")]).await;
    assert_eq!(servicenow(&url).carry_out(&request).await, EffectAnswer::Done(None));
    let [_, patch] = &server.take_sent()[..] else { panic!("a look and a change") };
    assert_eq!((patch.method.as_str(), patch.uri.path()), ("PATCH", "/api/now/table/incident/a1b2"));
    let body = patch.json();
    assert_eq!((&body["state"], &body["close_code"]), (&json!("6"), &json!("Resolved by caller")));
    assert!(body["work_notes"].as_str().unwrap().contains("resolved"), "{body}");
    assert_eq!(body["close_notes"], body["work_notes"]);
    let mut acknowledged = resolved("INC0010023");
    acknowledged.effect.event.kind = OutcomeKind::RunAcknowledged;
    server.answer_with([answer(200, &found), answer(200, "{}")]);
    assert_eq!(servicenow(&url).carry_out(&acknowledged).await, EffectAnswer::Done(None));
    let body = server.take_sent()[1].json();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["work_notes"]);
}
