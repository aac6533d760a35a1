//! The API's resources and refusals. In: requests as a client writes them. Out: what Twilio would say. Never: sleeps.

use reqwest::Method;
use serde_json::{Value, json};
use twilio_sim::{Behaviour, SimConfig, Status};

use crate::harness::*;

#[tokio::test]
async fn a_created_message_has_every_field_in_its_type() {
    let sim = start(config()).await;
    let (status, message) = Api::of(&sim).create(&[("To", PHONE), ("From", FROM), ("Body", "hello")]).await;
    assert_eq!(status, 201);
    let sid = message["sid"].as_str().unwrap();
    for (field, expected) in [
        ("account_sid", json!(ACCOUNT)),
        ("api_version", json!("2010-04-01")),
        ("body", json!("hello")),
        ("date_sent", Value::Null),
        ("direction", json!("outbound-api")),
        ("error_code", Value::Null),
        ("error_message", Value::Null),
        ("from", json!(FROM)),
        ("messaging_service_sid", Value::Null),
        ("num_media", json!("0")),
        ("num_segments", json!("1")),
        ("price", Value::Null),
        ("price_unit", json!("USD")),
        ("status", json!("queued")),
        ("to", json!(PHONE)),
        ("uri", json!(crate::harness::message(sid))),
    ] {
        assert_eq!(message[field], expected, "{field}");
    }
    assert!(message["date_created"].as_str().unwrap().ends_with(" +0000"));
    assert!(message["subresource_uris"]["media"].as_str().unwrap().ends_with("/Media.json"));
}

#[tokio::test]
async fn a_service_send_is_accepted_before_it_has_a_sender() {
    let sim = start(config()).await;
    let form = [("To", PHONE), ("MessagingServiceSid", SERVICE), ("Body", "hello")];
    let (_, message) = Api::of(&sim).create(&form).await;
    let shown =
        [&message["status"], &message["from"], &message["num_segments"], &message["messaging_service_sid"]];
    assert_eq!(shown, [&json!("accepted"), &Value::Null, &json!("0"), &json!(SERVICE)]);
}

#[tokio::test]
async fn a_bad_request_has_twilios_code() {
    let sim = start(config()).await;
    let api = Api::of(&sim);
    let long = "x".repeat(1_601);
    let media = [("MediaUrl", "https://h.example/a.png"); 11];
    let good = [("To", PHONE), ("From", FROM), ("Body", "hello")];
    let with = |more: &[(&'static str, &'static str)]| [&good[..], more].concat();
    for (form, status, code) in [
        (vec![("From", FROM), ("Body", "x")], 400, 21_604),
        (vec![("To", PHONE), ("Body", "x")], 400, 21_603),
        (vec![("To", PHONE), ("From", FROM)], 400, 21_602),
        (vec![("To", PHONE), ("MessagingServiceSid", SERVICE)], 400, 21_619),
        (vec![("To", PHONE), ("From", FROM), ("Body", &*long)], 400, 21_617),
        (vec![("To", "nonsense"), ("From", FROM), ("Body", "x")], 400, 21_211),
        (vec![("To", "12345"), ("From", FROM), ("Body", "x")], 400, 21_265),
        (vec![("To", FROM), ("From", FROM), ("Body", "x")], 400, 21_266),
        (vec![("To", PHONE), ("From", "no*sender"), ("Body", "x")], 400, 21_212),
        (vec![("To", PHONE), ("From", "+15559999999"), ("Body", "x")], 400, 21_606),
        (vec![("To", PHONE), ("MessagingServiceSid", "MG1"), ("Body", "x")], 400, 21_705),
        (vec![("To", PHONE), ("MessagingServiceSid", EMPTY_SERVICE), ("Body", "x")], 400, 21_704),
        (
            vec![("To", PHONE), ("MessagingServiceSid", "MG0000000000000000000000000000000f"), ("Body", "x")],
            404,
            21_701,
        ),
        (with(&[("StatusCallback", "https://a_b.example/")]), 400, 21_609),
        (with(&[("StatusCallback", "nonsense")]), 400, 21_609),
        (with(&[("ValidityPeriod", "0")]), 400, 21_624),
        (with(&[("ValidityPeriod", "36001")]), 400, 21_624),
        (with(&[("MediaUrl", "nonsense")]), 400, 21_620),
        (with(&media), 400, 21_623),
        (with(&[("ScheduleType", "fixed")]), 400, 35_111),
        (with(&[("ScheduleType", "fixed"), ("SendAt", "2026-01-01T00:00:00Z")]), 400, 35_118),
    ] {
        let (answered, error) = api.create(&form).await;
        assert_eq!(
            (answered, &error["code"], &error["status"]),
            (status, &json!(code), &json!(status)),
            "{error}"
        );
        assert!(error["more_info"].as_str().unwrap().ends_with(&code.to_string()));
    }
    assert_eq!(sim.report().accepted, 0);
}

#[tokio::test]
async fn a_wrong_path_method_or_sign_in_is_refused() {
    let sim = start(config()).await;
    let api = Api::of(&sim);
    let other = messages().replace("0001/", "0002/");
    for (method, path, status, code) in [
        (Method::GET, other, 404, 20_404),
        (Method::GET, "/nowhere".to_owned(), 404, 20_404),
        (Method::PUT, messages(), 405, 20_004),
        (Method::GET, message("SM00000000000000000000000000000000"), 404, 20_404),
        (Method::POST, message("SM00000000000000000000000000000000"), 404, 30_404),
        (Method::GET, format!("{}?PageSize=1001", messages()), 400, 20_007),
    ] {
        let (answered, error) = api.call(method, &path, &[]).await;
        assert_eq!((answered, &error["code"]), (status, &json!(code)), "{path}");
    }
    let url = sim.base_url().join(&messages()).unwrap();
    let unsigned = reqwest::Client::new().get(url).send().await.unwrap();
    assert_eq!(unsigned.status(), 401);
    assert!(unsigned.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));
    let (status, account) = api.call(Method::GET, &format!("/2010-04-01/Accounts/{ACCOUNT}.json"), &[]).await;
    assert_eq!((status, &account["status"], &account["type"]), (200, &json!("active"), &json!("Full")));
}

#[tokio::test]
async fn a_page_names_its_neighbours() {
    let sim = start(config()).await;
    let api = Api::of(&sim);
    for number in 0..5 {
        api.text(PHONE, &format!("text {number}"), None).await;
    }
    let mut path = Some(format!("{}?To=%2B14155550100&PageSize=2", messages()));
    let mut bodies = Vec::new();
    while let Some(next) = path {
        let (_, page) = api.call(Method::GET, &next, &[]).await;
        let texts = page["messages"].as_array().unwrap();
        bodies.push(texts.iter().map(|text| text["body"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
        path = page["next_page_uri"].as_str().map(str::to_owned);
    }
    assert_eq!(bodies, [vec!["text 4", "text 3"], vec!["text 2", "text 1"], vec!["text 0"]]);
}

#[tokio::test]
async fn unsent_messages_have_no_date_to_be_found_by() {
    let sim = start(config()).await;
    let api = Api::of(&sim);
    sim.phone("+14155550101").set(Behaviour::NeverLeaves);
    api.text(PHONE, "leaves", None).await;
    api.text("+14155550101", "stays", None).await;
    sim.wait_until(|view| view.with_status(Status::Delivered) == 1, PATIENCE).await.unwrap();
    for (query, count) in [("", 2), ("?DateSent%3E=2020-01-01", 1), ("?DateSent%3C=2020-01-01", 0)] {
        let (_, page) = api.call(Method::GET, &format!("{}{query}", messages()), &[]).await;
        assert_eq!(page["messages"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn a_message_can_be_withdrawn_redacted_and_deleted_in_its_time() {
    let sim = start(config()).await;
    let api = Api::of(&sim);
    sim.phone(PHONE).set(Behaviour::NeverLeaves);
    let waiting = message(&api.text(PHONE, "waits", None).await);
    assert_eq!(api.call(Method::DELETE, &waiting, &[]).await.1["code"], 20_009);
    assert_eq!(api.call(Method::POST, &waiting, &[("Status", "sent")]).await.1["code"], 30_400);
    assert_eq!(api.call(Method::POST, &waiting, &[("Body", "new")]).await.1["code"], 30_400);
    let (status, redacted) = api.call(Method::POST, &waiting, &[("Body", "")]).await;
    assert_eq!((status, &redacted["body"]), (200, &json!("")));
    let (status, canceled) = api.call(Method::POST, &waiting, &[("Status", "canceled")]).await;
    assert_eq!(
        (status, &canceled["status"], &canceled["date_sent"]),
        (200, &json!("canceled"), &Value::Null)
    );
    assert_eq!(api.call(Method::POST, &waiting, &[("Status", "canceled")]).await.1["code"], 30_409);
    assert_eq!(api.call(Method::DELETE, &waiting, &[]).await.0, 204);
    assert_eq!(api.call(Method::GET, &waiting, &[]).await.0, 404);
}

#[tokio::test]
async fn too_many_requests_at_once_are_refused() {
    let sim = start(SimConfig { concurrency_max: 0, ..config() }).await;
    let (status, error) = Api::of(&sim).create(&[("To", PHONE), ("From", FROM), ("Body", "x")]).await;
    assert_eq!((status, &error["code"]), (429, &json!(20_429)));
}

#[tokio::test]
async fn the_one_that_finished_first_is_forgotten_first() {
    let sim = start(SimConfig { keep_max: 2, ..config() }).await;
    let api = Api::of(&sim);
    let mut sids = Vec::new();
    for number in 0..4 {
        sids.push(api.text(PHONE, &format!("text {number}"), None).await);
        sim.wait_until(|view| view.with_status(Status::Delivered) == number + 1, PATIENCE).await.unwrap();
    }
    let mut answers = Vec::new();
    for sid in &sids {
        answers.push(api.call(Method::GET, &message(sid), &[]).await.0);
    }
    assert_eq!(answers, [404, 404, 200, 200]);
    assert_eq!(sim.report().accepted, 4);
}
