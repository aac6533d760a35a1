//! What answers mean, and where nothing is sent. In: answers of all kinds. Out: what follows.

use destinations::{Requests, Slack, Webhook};
use domain::{effect::EffectAnswer, source::WebhookSecret};
use ports::DestinationClient as _;

use crate::server::{Server, request};

async fn answered(status: u16, headers: Vec<(&'static str, String)>) -> EffectAnswer {
    let (_, url) = Server::start([(status, headers, "no".repeat(10))]).await;
    let secrets = vec![WebhookSecret(b"secret".to_vec())];
    let webhook = Webhook::new(Requests::new(true).unwrap(), url, secrets, false);
    webhook.carry_out(&request(false)).await
}

#[tokio::test]
async fn each_kind_of_answer_is_followed_by_what_helps() {
    assert_eq!(answered(204, vec![]).await, EffectAnswer::Done(None));
    for (status, retry_after_ms) in [(429, Some(7_000)), (503, None)] {
        let headers = retry_after_ms.map(|_| ("retry-after", "7".to_owned()));
        let answer = answered(status, headers.into_iter().collect()).await;
        assert_eq!(answer, EffectAnswer::Later { retry_after_ms, reason: format!("answered {status}") });
    }
    for (status, is_in_doubt) in [(401, false), (404, false), (500, true), (502, true)] {
        let answer = answered(status, vec![]).await;
        assert_eq!(answer, EffectAnswer::Failed { reason: format!("answered {status}"), is_in_doubt });
    }
    for status in [400, 410, 422] {
        assert_eq!(
            answered(status, vec![]).await,
            EffectAnswer::Refused { reason: format!("answered {status}") }
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, to) = Server::start([]).await;
    let answer = answered(307, vec![("location", to.to_string())]).await;
    assert!(matches!(answer, EffectAnswer::Refused { reason } if reason.contains("redirect")));
    assert_eq!(elsewhere.take_sent().len(), 0);
}

#[tokio::test]
async fn a_private_address_is_reached_only_where_that_is_allowed() {
    let (server, url) = Server::start([]).await;
    let mut by_name = url.clone();
    by_name.set_host(Some("localhost")).unwrap();
    for url in [url, by_name] {
        let answer = Slack::new(Requests::new(false).unwrap(), url).carry_out(&request(false)).await;
        assert!(
            matches!(&answer, EffectAnswer::Refused { reason } if reason.contains("allow_private")),
            "{answer:?}"
        );
    }
    assert_eq!(server.take_sent().len(), 0);
}

#[tokio::test]
async fn an_address_that_is_a_secret_is_in_no_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("http://127.0.0.1:{port}/services/T0/hush").parse().unwrap();
    let answer = Slack::new(Requests::new(true).unwrap(), url).carry_out(&request(false)).await;
    let EffectAnswer::Failed { reason, is_in_doubt } = answer else { panic!("{answer:?}") };
    assert_eq!((reason.as_str(), is_in_doubt), ("no connection", false));
}
