//! Services that are told, and keep nothing. In: effects. Out: what each is sent, and what its answers mean.

use destinations::{OpenClaw, Requests, Teams, Token};
use domain::effect::{EffectAnswer, OutcomeKind};
use ports::DestinationClient as _;
use serde_json::{Value, json};

use crate::server::{Server, answer, request};

fn requests() -> Requests {
    Requests::new(true).unwrap()
}

#[tokio::test]
async fn teams_gets_a_card_in_which_nothing_is_markup() {
    let (server, url) = Server::start([answer(202, "")]).await;
    let mut request = request(false);
    request.effect.event.subject = Some("[reset your password](https://evil.example)".into());
    request.effect.event.ticket = Some("https://tickets.example/7".into());
    let teams = Teams::new(requests(), url.join("workflows/1?sig=hush").unwrap());
    assert_eq!(teams.carry_out(&request).await, EffectAnswer::Done(None));
    let [sent] = &server.take_sent()[..] else { panic!("one request") };
    let message = sent.json();
    assert_eq!(message["type"], "message");
    let [attachment] = &message["attachments"].as_array().unwrap()[..] else { panic!("one card") };
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    let card = &attachment["content"];
    assert_eq!(card["type"], "AdaptiveCard");
    let blocks = card["body"].as_array().unwrap();
    assert!(blocks.iter().all(|block| block["type"] == "RichTextBlock"), "text blocks are Markdown: {card}");
    assert!(blocks[0]["inlines"][0]["text"].as_str().unwrap().starts_with("[reset your password]"));
    assert_eq!(card["actions"][0]["url"], "https://tickets.example/7");
}

#[tokio::test]
async fn an_agent_s_hook_gets_the_same_flat_strings_at_each_try() {
    let (server, url) = Server::start([answer(503, ""), answer(200, r#"{"ok": true, "runId": "1"}"#)]).await;
    let mut request = request(false);
    let event = &mut request.effect.event;
    event.kind = OutcomeKind::RunAcknowledged;
    event.by = Some("Ada Lovelace".into());
    event.detail = Some("reply by ••23".into());
    let hook = OpenClaw::new(requests(), url.join("hooks/callout").unwrap(), Token::new("hush"));
    let first = hook.carry_out(&request).await;
    assert!(matches!(first, EffectAnswer::Later { .. }), "{first:?}");
    // Time has passed, and the run has moved on.
    request.at = conformance::fixture::at(60);
    request.effect.attempts = 3;
    request.run = None;
    assert_eq!(hook.carry_out(&request).await, EffectAnswer::Done(None));
    let [first, second] = &server.take_sent()[..] else { panic!("two tries") };
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("authorization"), "Bearer hush");
    for sent in [first, second] {
        assert_eq!(sent.header("idempotency-key"), request.effect.event.id);
    }
    let body = first.json();
    assert_eq!((&body["source"], &body["type"]), (&json!("callout"), &json!("run.acknowledged")));
    assert_eq!(body["run_id"], json!(request.effect.run().unwrap().as_str()));
    assert!(body.as_object().unwrap().values().all(Value::is_string), "templates take flat strings: {body}");
    for said in ["Ada", "db-1", "••23"] {
        assert!(!body.to_string().contains(said), "a model would read {said}: {body}");
    }
}

#[tokio::test]
async fn each_answer_of_an_agent_s_gateway_is_followed_by_what_helps() {
    let refused = |status| EffectAnswer::Refused { reason: format!("answered {status}") };
    let failed =
        |status, is_in_doubt| EffectAnswer::Failed { reason: format!("answered {status}"), is_in_doubt };
    let busy = |status| EffectAnswer::Later { retry_after_ms: None, reason: format!("answered {status}") };
    let cases = [
        // 204: the mapping's transform made nothing of it.
        (204, EffectAnswer::Ignored),
        (400, refused(400)),
        (401, EffectAnswer::Denied { reason: "answered 401".to_owned() }),
        (403, failed(403, false)),
        (404, refused(404)),
        (405, refused(405)),
        (408, failed(408, false)),
        (409, failed(409, false)),
        (413, refused(413)),
        (429, busy(429)),
        (500, failed(500, true)),
        (503, busy(503)),
    ];
    for (status, expected) in cases {
        let (_, url) = Server::start([answer(status, "")]).await;
        let hook = OpenClaw::new(requests(), url, Token::new("hush"));
        assert_eq!(hook.carry_out(&request(false)).await, expected);
    }
}
