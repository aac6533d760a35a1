//! What each kind of destination is sent. In: effects. Out: requests as the service's documentation says.

use std::sync::Arc;

use base64::engine::general_purpose::STANDARD;
use destinations::{Github, Http, HttpSettings, PagerDuty, Requests, Slack, Token, Webhook};
use domain::{
    effect::{Act, EffectAnswer, OutcomeKind, Ticket},
    source::WebhookSecret,
};
use ports::{DestinationClient, EffectRequest, SystemClock};
use serde_json::{Value, json};
use url::Url;

use crate::{
    published,
    server::{Server, answer, request, with_ticket},
};

fn requests() -> Requests {
    Requests::new(true).unwrap()
}

fn github(url: &Url) -> Github {
    Github::new(
        requests(),
        url,
        "acme/ops",
        vec!["callout".into()],
        Token::new("ghp_x"),
        "ops",
        Arc::new(SystemClock),
    )
}

const ISSUE: &str = r#"{"number": 7, "html_url": "https://github.com/acme/ops/issues/7"}"#;

fn issue_7() -> Ticket {
    let url = Some("https://github.com/acme/ops/issues/7".to_owned());
    Ticket { destination: "ops".into(), key: "#7".into(), url }
}

#[tokio::test]
async fn a_webhook_is_a_signed_cloud_event() {
    let (server, url) = Server::start([]).await;
    let secrets = vec![WebhookSecret(b"new".to_vec()), WebhookSecret(b"old".to_vec())];
    let request = request(false);
    let answer = Webhook::new(requests(), url, secrets, false).carry_out(&request).await;
    assert_eq!(answer, EffectAnswer::Done(None));
    let [sent] = &server.take_sent()[..] else { panic!("one request") };
    assert_eq!(sent.header("content-type"), "application/cloudevents+json");
    assert_eq!(sent.header("webhook-id"), request.effect.id);
    assert_eq!(sent.header("webhook-signature").matches("v1,").count(), 2, "one of each secret");
    let event = sent.json();
    assert_eq!((&event["type"], &event["specversion"]), (&json!("run.opened"), &json!("1.0")));
    assert_eq!(event["data"]["run"], json!(request.effect.run().unwrap().as_str()));
    assert_eq!(event["data"]["text"], Value::Null);
}

#[tokio::test]
async fn every_outcome_is_as_the_published_schema_says() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../../docs/schemas/outcome-event.json")).unwrap();
    let published = jsonschema::validator_for(&schema).unwrap();
    let types = schema["properties"]["type"]["enum"].as_array().unwrap();
    let told = OutcomeKind::ALL.into_iter().chain([OutcomeKind::TicketWanted]);
    assert_eq!(types.len(), told.clone().count());
    for kind in told {
        let (server, url) = Server::start([]).await;
        let mut request = request(false);
        request.effect.event.kind = kind;
        request.effect.event.by = Some("Ada".into());
        let secrets = vec![WebhookSecret(b"secret".to_vec())];
        Webhook::new(requests(), url, secrets, true).carry_out(&request).await;
        let event = server.take_sent()[0].json();
        let wrong: Vec<String> = published.iter_errors(&event).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?} in {event}");
    }
}

#[tokio::test]
async fn texts_are_told_where_they_are_asked_for() {
    let (server, url) = Server::start([]).await;
    let secrets = vec![WebhookSecret(b"secret".to_vec())];
    Webhook::new(requests(), url, secrets, true).carry_out(&request(false)).await;
    let text = server.take_sent()[0].json()["data"]["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("db-1 is down"), "{text}");
}

#[tokio::test]
async fn github_gets_an_issue_that_bears_the_run() {
    let (server, url) = Server::start([answer(201, ISSUE)]).await;
    let request = request(true);
    assert_eq!(request.effect.act, Act::OpenTicket);
    assert_eq!(github(&url).carry_out(&request).await, EffectAnswer::Done(Some(issue_7())));
    let sent = server.take_sent();
    published::github().holds(&sent);
    let [sent] = &sent[..] else { panic!("one request: nothing was made before") };
    assert_eq!((sent.method.as_str(), sent.uri.path()), ("POST", "/repos/acme/ops/issues"));
    assert_eq!(sent.header("authorization"), "Bearer ghp_x");
    let body = sent.json()["body"].as_str().unwrap().to_owned();
    assert!(body.contains(&format!("callout-run: {} ", request.effect.run().unwrap())), "{body}");
    assert!(body.contains("step 1 began"), "{body}");
}

/// It mentions nobody, links to nothing and shows no picture, whatever the event says.
#[tokio::test]
async fn what_an_event_says_stands_in_an_issue_as_it_is() {
    let (server, url) = Server::start([answer(201, ISSUE)]).await;
    let mut request = request(true);
    request.effect.event.subject = Some("@org/team ```` ![x](http://evil/t.png)".to_owned());
    github(&url).carry_out(&request).await;
    let body = server.take_sent()[0].json()["body"].as_str().unwrap().to_owned();
    let (quoted, mark) = body.rsplit_once("\n`````\n\n").unwrap();
    assert!(quoted.starts_with("`````text\n") && quoted.contains("@org/team"), "{body}");
    assert_eq!(quoted.matches("`````").count(), 1, "nothing in it ends the fence");
    assert!(mark.starts_with("<!-- callout-run: "), "{body}");
}

#[tokio::test]
async fn an_issue_that_may_exist_is_found_by_its_mark_on_any_page() {
    let mut request = request(true);
    request.may_exist = true;
    let ours = json!([issue(7, &format!("x\n\n{}\n", mark(&request)), "callout-bot")]);
    let (server, url) = Server::start([]).await;
    let link = format!("<{url}page2>; rel=\"next\", <{url}last>; rel=\"last\"");
    let first_page = (200, vec![("link", link)], "[]".to_owned());
    server.answer_with([answer(200, US), first_page, answer(200, &ours.to_string())]);
    assert_eq!(github(&url).carry_out(&request).await, EffectAnswer::Done(Some(issue_7())));
    let sent = server.take_sent();
    published::github().holds(&sent[..2]);
    assert!(sent.iter().all(|sent| sent.method == "GET"), "nothing is made");
    assert_eq!(sent[0].uri.path(), "/user");
    assert!(sent[1].uri.query().unwrap().contains("since=2040-01-01T00%3A00%3A00Z"), "{}", sent[1].uri);
    assert_eq!(sent[2].uri.path(), "/page2");
}

const US: &str = r#"{"login": "callout-bot"}"#;

fn mark(request: &EffectRequest) -> String {
    format!("<!-- callout-run: {} -->", request.effect.run().unwrap())
}

fn issue(number: u32, body: &str, login: &str) -> Value {
    let html_url = format!("https://github.com/acme/ops/issues/{number}");
    json!({"number": number, "html_url": html_url, "body": body, "user": {"login": login}})
}

#[tokio::test]
async fn an_issue_that_somebody_else_marked_is_not_taken_for_the_run_s() {
    let mut request = request(true);
    request.may_exist = true;
    let mark = mark(&request);
    let planted = json!([
        issue(3, &format!("x\n{mark}"), "mallory"),
        issue(2, &format!("{mark}\nSubject: db-1"), "callout-bot"),
        issue(1, &format!("Subject: {mark}"), "callout-bot"),
    ])
    .to_string();
    let (server, url) = Server::start([answer(200, US)]).await;
    let client = github(&url);
    server.answer_with([answer(200, &planted), answer(200, &planted), answer(201, ISSUE)]);
    assert_eq!(client.carry_out(&request).await, EffectAnswer::Done(Some(issue_7())));
    assert_eq!(server.take_sent().last().unwrap().method, "POST");
    server.answer_with([answer(200, "[]"), answer(200, "[]"), answer(201, ISSUE)]);
    client.carry_out(&request).await;
    assert_eq!(server.take_sent().len(), 3, "who we are was asked once");
}

#[tokio::test]
async fn what_an_event_says_marks_no_issue() {
    let mut request = request(true);
    let mark = mark(&request);
    request.effect.event.subject = Some(format!("{mark} <!--"));
    request.timeline = vec![format!("step 1 is over: {mark}")];
    let (server, url) = Server::start([answer(201, ISSUE)]).await;
    github(&url).carry_out(&request).await;
    let sent = server.take_sent()[0].json();
    let body = sent["body"].as_str().unwrap();
    assert_eq!((body.matches("<!--").count(), body.matches("-->").count()), (1, 1), "{body}");
    assert!(body.ends_with(&mark), "{body}");
    assert!(!sent["title"].as_str().unwrap().contains("<!--"), "{sent}");
}

#[tokio::test]
async fn a_resolved_run_closes_its_issue_and_says_why() {
    let (server, url) = Server::start([]).await;
    let mut request = with_ticket("#7");
    request.effect.act = Act::UpdateTicket;
    request.effect.event.kind = OutcomeKind::RunResolved;
    assert_eq!(github(&url).carry_out(&request).await, EffectAnswer::Done(None));
    let sent = server.take_sent();
    published::github().holds(&sent);
    let [comment, close] = &sent[..] else { panic!("two requests") };
    assert_eq!(comment.uri.path(), "/repos/acme/ops/issues/7/comments");
    assert_eq!((close.method.as_str(), close.uri.path()), ("PATCH", "/repos/acme/ops/issues/7"));
    assert_eq!(close.json()["state"], "closed");
}

#[tokio::test]
async fn other_services_get_what_they_document() {
    let (server, url) = Server::start([]).await;
    let request = request(false);
    let run = request.effect.run().unwrap().to_string();
    PagerDuty::new(requests(), &url, Token::new("R0")).carry_out(&request).await;
    Slack::new(requests(), url.join("services/T0/B0").unwrap()).carry_out(&request).await;
    let [pager, slack] = &server.take_sent()[..] else { panic!("two requests") };
    assert_eq!(pager.uri.path(), "/v2/enqueue");
    let event = pager.json();
    assert_eq!((&event["routing_key"], &event["event_action"]), (&json!("R0"), &json!("trigger")));
    assert_eq!(event["dedup_key"], json!(format!("callout/{run}")));
    assert!(event["payload"]["summary"].as_str().unwrap().contains("db-1"), "{event}");
    assert!(slack.json()["text"].as_str().unwrap().contains("db-1"));
}

#[tokio::test]
async fn an_answer_of_success_without_the_key_opens_no_second_ticket() {
    let (server, url) = Server::start([]).await;
    let settings = HttpSettings {
        url,
        body: "{{ headline }}".into(),
        content_type: "application/json".into(),
        authorization: None,
        idempotency_header: Some("idempotency-key".into()),
        ticket_key: Some("/number".into()),
        ticket_url: None,
        includes_text: false,
    };
    let service = Http::new(requests(), settings, None, "desk").unwrap();
    for (status, body) in [(201, r#"{"id": 7}"#), (204, ""), (200, "<html>")] {
        server.answer_with([answer(status, body)]);
        let EffectAnswer::Refused { reason } = service.carry_out(&request(true)).await else {
            panic!("it is not tried again after {status}")
        };
        assert!(reason.contains("a ticket was opened") && reason.contains("ticket_key"), "{reason}");
    }
    assert_eq!(server.take_sent().len(), 3);
}

#[tokio::test]
async fn an_address_that_no_browser_may_be_sent_to_is_left_out_of_the_ticket() {
    let made = r#"{"number": 7, "html_url": "javascript:alert(1)"}"#;
    let (_server, url) = Server::start([answer(201, made)]).await;
    let expected = Ticket { url: None, ..issue_7() };
    assert_eq!(github(&url).carry_out(&request(true)).await, EffectAnswer::Done(Some(expected)));
}

#[test]
fn a_template_that_cannot_work_is_refused_before_anything_is_sent() {
    let made = |body: &str, content_type: &str, authorization: Option<&str>| {
        let settings = HttpSettings {
            url: "https://desk.example/".parse().unwrap(),
            body: body.into(),
            content_type: content_type.into(),
            authorization: authorization.map(str::to_owned),
            idempotency_header: None,
            ticket_key: None,
            ticket_url: None,
            includes_text: false,
        };
        Http::new(requests(), settings, Some(Token::new("t0")), "desk").map(drop).map_err(|error| error.0)
    };
    let json = "application/json";
    let good = r#"{"title": {{ headline }}, "of": {{ event.data.run }}, "n": [{% for n in range(2) %}{{ n }},{% endfor %}0]}"#;
    assert_eq!(made(good, json, Some("Token {{ secret }}")), Ok(()));
    assert_eq!(made("{{ headline }} happened", "text/plain", None), Ok(()));
    for (body, content_type, authorization, said) in [
        ("{{ headlin }}", json, None, "uses `headlin`, and there is only event, headline, ticket_body, key"),
        (r#"{"title": "{{ headline }}"}"#, json, None, "makes no JSON of sample values"),
        ("{{ headline", "text/plain", None, "a template has a mistake"),
        ("x", "text/plain", Some("Bearer {{ token }}"), "authorization uses `token`"),
    ] {
        let refused = made(body, content_type, authorization).unwrap_err();
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn a_secret_of_a_webhook_has_as_many_bytes_as_the_specification_wants() {
    let made = |bytes: usize| {
        let text = format!("whsec_{}", base64::Engine::encode(&STANDARD, vec![7; bytes]));
        destinations::webhook_secrets([text.as_str()].into_iter()).map(drop).map_err(|error| error.0)
    };
    assert!(made(24).is_ok() && made(64).is_ok());
    for bytes in [23, 65] {
        let refused = made(bytes).unwrap_err();
        assert!(refused.contains(&format!("has {bytes} bytes")) && refused.contains("24 to 64"), "{refused}");
    }
}

#[tokio::test]
async fn any_other_service_is_asked_by_templates() {
    let taken = r#"{"result": {"number": "INC1", "links": ["https://desk/INC1"]}}"#;
    let (server, url) = Server::start([answer(201, taken)]).await;
    let settings = HttpSettings {
        url: url.join("api/tickets").unwrap(),
        body: r#"{"title": {{ headline }}, "run": {{ event.data.run }}, "text": {{ ticket_body }}}"#.into(),
        content_type: "application/json".into(),
        authorization: Some("Token {{ secret }}".into()),
        idempotency_header: Some("idempotency-key".into()),
        ticket_key: Some("/result/number".into()),
        ticket_url: Some("/result/links/0".into()),
        includes_text: false,
    };
    let mut request = request(true);
    request.effect.event.subject = Some("a \"quoted\" name".into());
    let service = Http::new(requests(), settings, Some(Token::new("t0")), "desk").unwrap();
    let url = Some("https://desk/INC1".to_owned());
    let expected = Ticket { destination: "desk".into(), key: "INC1".into(), url };
    assert_eq!(service.carry_out(&request).await, EffectAnswer::Done(Some(expected)));
    let [sent] = &server.take_sent()[..] else { panic!("one request") };
    assert_eq!(
        (sent.header("authorization"), sent.header("idempotency-key")),
        ("Token t0", request.effect.id.as_str())
    );
    assert!(sent.json()["title"].as_str().unwrap().starts_with("a \"quoted\" name: "), "{:?}", sent.body);
}
