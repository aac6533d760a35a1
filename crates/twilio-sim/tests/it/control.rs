//! The simulator's own interface. In: requests below `/sim/v1`. Out: phones, faults, findings. Never: sleeps.

use reqwest::Method;
use serde_json::{Value, json};
use twilio_sim::Status;

use crate::harness::*;

#[tokio::test]
async fn a_phone_is_set_and_shown() {
    let sim = start(config()).await;
    let api = Api::of(&sim);
    let settings = json!({
        "behaviour": {"kind": "fails", "status": "undelivered", "code": 30005},
        "replies": [{"when_contains": "down", "body": "ACK {code}", "after_ms": 5}]
    });
    let (status, shown) = api.control(Method::PUT, &format!("phones/{PHONE}"), settings).await;
    assert_eq!((status, &shown["behaviour"]["code"]), (200, &json!(30_005)));
    api.control(Method::PUT, &format!("phones/{PHONE}"), json!({"behaviour": {"kind": "on"}})).await;
    api.text(PHONE, "hello", None).await;
    sim.wait_until(|view| view.with_status(Status::Delivered) == 1, PATIENCE).await.unwrap();
    let (_, shown) = api.control(Method::GET, &format!("phones/{PHONE}"), Value::Null).await;
    assert_eq!((&shown["texts"][0]["body"], &shown["replies"][0]["after_ms"]), (&json!("hello"), &json!(5)));
    let (status, replied) =
        api.control(Method::POST, &format!("phones/{PHONE}/reply"), json!({"body": "hi"})).await;
    assert_eq!((status, &replied["to"], &replied["answered"]), (201, &json!(FROM), &Value::Null));
    let (_, shown) = api.control(Method::GET, &format!("phones/{PHONE}"), Value::Null).await;
    assert_eq!(shown["sent"][0]["body"], "hi");
}

#[tokio::test]
async fn e11_requests_of_web_pages_are_refused() {
    let sim = start(config()).await;
    let url = sim.base_url().join(&format!("sim/v1/phones/{PHONE}/reply")).unwrap();
    let request = reqwest::Client::new().post(url).header("origin", "https://example.com");
    let request = request.header("content-type", "application/json");
    let answer = request.body(json!({"body": "ACK"}).to_string()).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 403);
    let (_, shown) = Api::of(&sim).control(Method::GET, &format!("phones/{PHONE}"), Value::Null).await;
    assert_eq!(shown["sent"], json!([]));
}

#[tokio::test]
async fn faults_are_planned_and_asked_for() {
    let sim = start(config()).await;
    let api = Api::of(&sim);
    let form = [("To", PHONE), ("From", FROM), ("Body", "x")];
    let one = json!({"next": "accepted_then_500", "count": 1, "to": PHONE});
    assert_eq!(api.control(Method::POST, "faults", one).await.0, 200);
    assert_eq!(api.create(&form).await.0, 500);
    assert_eq!(api.control(Method::PUT, "faults", json!({"rate_429": 1.0})).await.0, 200);
    assert_eq!(api.create(&form).await.0, 429);
    let (_, faults) = api.control(Method::GET, "faults", Value::Null).await;
    assert_eq!((&faults["fired"]["too_many_requests"], &faults["fired"]["hang"]), (&json!(1), &json!(0)));
    assert_eq!(api.control(Method::PUT, "faults", json!({"rate_429": 3.0})).await.0, 400);
    assert_eq!(api.control(Method::PUT, "faults", json!({"rate_of_nothing": 1.0})).await.0, 422);
}

#[tokio::test]
async fn the_report_is_served() {
    let sim = start(config()).await;
    let api = Api::of(&sim);
    api.control(Method::POST, "expectations", json!({"to": PHONE, "contains": "down"})).await;
    api.text(PHONE, "surprise", None).await;
    let (_, report) = api.control(Method::GET, "judge", Value::Null).await;
    assert_eq!((&report["accepted"], &report["unexpected"][0]["to"]), (&json!(1), &json!("+1…00")));
    assert!(report["faults_fired"].is_object() && report["callbacks"]["posted"].is_u64());
    assert_eq!(api.control(Method::POST, "reset", Value::Null).await.0, 204);
    let (_, report) = api.control(Method::GET, "judge", Value::Null).await;
    assert_eq!(report["accepted"], 0);
}

#[tokio::test]
async fn e1_long_headers_are_refused_here_too() {
    let sim = start(config()).await;
    let address = sim.base_url().socket_addrs(|| None).unwrap()[0];
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let long = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(20_000));
    tokio::io::AsyncWriteExt::write_all(&mut stream, long.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await;
    assert!(
        String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 431"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}
