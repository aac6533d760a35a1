//! Servers that answer as Twilio never should. In: raw answers. Out: outcomes that stay safe. Never: sleeps.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use domain::provider::{FailureClass, SubmitOutcome};
use jiff::Timestamp;
use ports::{ProviderError, SmsProvider};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use url::Url;

use crate::harness::*;

/// Answers every request with these bytes and closes; counts the requests.
async fn server(answer: String) -> (Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 16 * 1024];
            let _ = stream.read(&mut request).await;
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (base, requests)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}

async fn outcome(answer: String) -> SubmitOutcome {
    let (base, requests) = server(answer).await;
    let outcome = submit(&client(base), PHONE, "hello").await;
    assert_eq!(requests.load(Ordering::SeqCst), 1, "exactly one request is made");
    outcome
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_doubt() {
    let whole =
        answer("201 Created", "", r#"{"sid":"SM00000000000000000000000000000001","status":"queued"}"#);
    assert!(matches!(outcome(whole.clone()).await, SubmitOutcome::Sent { .. }));
    check_in_doubt(&outcome(whole[..whole.len() - 9].to_owned()).await);
    check_in_doubt(&outcome("HTTP/1.1 201 Cre".to_owned()).await);
    check_in_doubt(&outcome(String::new()).await);
}

#[tokio::test]
async fn an_answer_without_end_leaves_doubt() {
    check_in_doubt(&outcome(answer("201 Created", "", &" ".repeat(100_000))).await);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, requests) = server(answer("201 Created", "", "{}")).await;
    for status in ["302 Found", "307 Temporary Redirect"] {
        check_in_doubt(&outcome(answer(status, &format!("location: {elsewhere}\r\n"), "")).await);
    }
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_proxys_refusal_is_a_matter_of_configuration() {
    let refusal = refusal(outcome(answer("400 Bad Request", "", "<html>no</html>")).await);
    assert_eq!((refusal.code, refusal.class), (None, FailureClass::Configuration));
}

#[tokio::test]
async fn the_next_page_of_another_host_is_not_asked_for() {
    let (elsewhere, requests) = server(answer("200 OK", "", "{}")).await;
    let message = r#"{"sid":"SM00000000000000000000000000000001","to":"+14155550100"}"#;
    let page = format!(r#"{{"messages":[{message}],"next_page_uri":"{elsewhere}next"}}"#);
    let (base, _) = server(answer("200 OK", "", &page)).await;
    let to = PHONE.parse().unwrap();
    let error = client(base).look_up(&to, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH).await.unwrap_err();
    assert!(matches!(error, ProviderError::NoAnswer(_)), "{error:?}");
    assert_eq!(requests.load(Ordering::SeqCst), 0, "credentials stay with their host");
}

#[tokio::test]
async fn a_list_without_an_end_is_no_answer() {
    let message = r#"{"sid":"SM00000000000000000000000000000001","to":"+14155550100","direction":"outbound-api","date_created":"Thu, 24 Aug 2023 05:01:45 +0000"}"#;
    let page = format!(r#"{{"messages":[{}],"next_page_uri":"/again"}}"#, [message; 200].join(","));
    let (base, requests) = server(answer("200 OK", "", &page)).await;
    let to = PHONE.parse().unwrap();
    let found =
        client(base).look_up(&to, Timestamp::UNIX_EPOCH, "2024-01-01T00:00:00Z".parse().unwrap()).await;
    // What was not read may hold the text that is looked for: "not found" would have it sent again.
    let error = found.unwrap_err();
    assert!(matches!(error, ProviderError::NoAnswer(_)), "{error:?}");
    assert_eq!(requests.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_list_that_has_left_the_window_is_not_read_further() {
    let dated = |second: u8| {
        format!(
            r#"{{"sid":"SM000000000000000000000000000000{second:02}","to":"+14155550100","date_created":"Thu, 24 Aug 2023 05:01:{second:02} +0000"}}"#
        )
    };
    let page = format!(r#"{{"messages":[{},{}],"next_page_uri":"/again"}}"#, dated(30), dated(10));
    let (base, requests) = server(answer("200 OK", "", &page)).await;
    let (from, until) = ("2023-08-24T05:01:20Z", "2023-08-24T05:02:00Z");
    let to = PHONE.parse().unwrap();
    let found = client(base).look_up(&to, from.parse().unwrap(), until.parse().unwrap()).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}
