//! What answers mean, and where nothing is sent. In: answers of all kinds. Out: what follows.

use destinations::{Requests, Slack, Webhook};
use domain::{effect::EffectAnswer, source::WebhookSecret};
use ports::DestinationClient as _;

use crate::server::{Server, request};

async fn answered(status: u16, headers: Vec<(&'static str, String)>) -> EffectAnswer {
    answered_with(status, headers, "no".repeat(10)).await
}

async fn answered_with(status: u16, headers: Vec<(&'static str, String)>, body: String) -> EffectAnswer {
    let (_, url) = Server::start([(status, headers, body)]).await;
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
    for (status, is_in_doubt) in [(403, false), (404, false), (500, true), (502, true)] {
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
async fn a_redirect_is_not_followed_and_tried_until_the_address_is_corrected() {
    let (elsewhere, to) = Server::start([]).await;
    for status in [301, 302, 307, 308] {
        let location = to.join("new?token=hush").unwrap().to_string();
        let EffectAnswer::Failed { reason, is_in_doubt: false } =
            answered(status, vec![("location", location)]).await
        else {
            panic!("{status} is tried again")
        };
        assert_eq!(
            reason,
            format!(
                "answered {status}, a redirect to 127.0.0.1, which is not followed: correct the destination's address"
            )
        );
    }
    assert_eq!(elsewhere.take_sent().len(), 0);
    let unexpected = answered(304, vec![]).await;
    assert!(
        matches!(&unexpected, EffectAnswer::Refused { reason } if reason == "answered 304, which no such request expects"),
        "{unexpected:?}"
    );
}

#[tokio::test]
async fn what_a_service_says_of_a_refusal_is_kept_clean_and_short() {
    let said =
        r#"{"message": "no such hook for +49 170 1234567", "errors": [{"field": "url", "code": "gone"}]}"#;
    let refused = answered_with(422, vec![], said.to_owned()).await;
    let reason = "answered 422: no such hook for +4…67; url gone".to_owned();
    assert_eq!(refused, EffectAnswer::Refused { reason });
}

#[tokio::test]
async fn a_wait_is_taken_as_seconds_and_as_a_date_up_to_an_hour() {
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT".to_owned());
    for (retry_after, expected) in [
        ("7", Some(7_000)),
        ("99999999999999999999999999", Some(3_600_000)),
        ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30_000)),
        ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30_000)),
        ("Mon, 07 Nov 1994 08:49:37 GMT", Some(3_600_000)),
        ("Sat, 05 Nov 1994 08:49:37 GMT", Some(0)),
        ("soon", None),
        ("-1", None),
    ] {
        let headers = vec![("retry-after", retry_after.to_owned()), date.clone()];
        let EffectAnswer::Later { retry_after_ms, .. } = answered(429, headers).await else {
            panic!("{retry_after}")
        };
        assert_eq!(retry_after_ms, expected, "{retry_after}");
    }
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
