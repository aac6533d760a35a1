//! Bad requests, and how they are answered.

use serde_json::{Value, json};
use twilio::{Secret, SigningKey};

use crate::harness::{Fleet, KEY, Layout, event, run_of};

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"]
        .as_array()
        .map_or_else(Vec::new, |errors| errors.iter().filter_map(|e| e["pointer"].as_str()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_event_gets_a_problem_that_names_its_fields() {
    let fleet = Fleet::start().await;
    let structured = "application/cloudevents+json";
    let good = || event("note.created", "n", "s", json!({"text": "x", "phone": "+14155550120"}));
    let with = |pointer: &str, value: Value| {
        let mut changed = good();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed.to_string()
    };
    let cases: Vec<(&str, String, u16, &[&str])> = vec![
        ("malformed JSON", "{\"specversion\":".into(), 400, &[""]),
        ("not an object", "[]".into(), 400, &[""]),
        ("wrong types", with("/id", json!(7)), 400, &["/id"]),
        ("unknown type", with("/type", json!("note.deleted")), 400, &["/type"]),
        ("missing field", with("/data", json!({"text": "x"})), 400, &["/data/phone"]),
        ("wrong field", with("/data/text", json!(5)), 400, &["/data/text"]),
        (
            "all at once",
            json!({"specversion": "1.0", "type": "note.created"}).to_string(),
            400,
            &["/source", "/id"],
        ),
        ("another's source", with("/source", json!("narrow")), 403, &[]),
        ("too large", "x".repeat(300_000), 413, &[]),
    ];
    for (name, body, status, expected) in cases {
        let (got, problem) = fleet.post(KEY, structured, body).await;
        assert_eq!(got, status, "{name}: {problem}");
        assert_eq!(pointers(&problem), expected, "{name}: {problem}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{name}: {problem}");
    }
    assert_eq!(fleet.post("wrong", structured, good().to_string()).await.0, 401);
    assert_eq!(fleet.post(KEY, "text/plain", good().to_string()).await.0, 415);
    assert_eq!(fleet.post(KEY, structured, vec![0xff, 0xfe]).await.0, 400);
    let page =
        event("page.created", "p", "s", json!({"text": "x"})).to_string().replace("\"test\"", "\"narrow\"");
    assert_eq!(
        fleet.post("narrow-key", structured, page).await.0,
        403,
        "a source may send only its own types"
    );

    let batch =
        json!([good(), event("note.created", "m", "s", json!({"phone": "+14155550120"}))]).to_string();
    let (status, problem) = fleet.post(KEY, "application/cloudevents-batch+json", batch).await;
    assert_eq!((status, pointers(&problem)), (400, vec!["/1/data/text"]));
    assert_eq!(problem["detail"], "1 field is wrong");
    assert_eq!(fleet.sim.report().accepted, 0, "nothing of what was refused is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a14_an_id_names_one_event_and_a_conflict_is_said() {
    let fleet = Fleet::start().await;
    let structured = "application/cloudevents+json";
    let phone = "+14155550120";
    let note = |id: &str, subject: &str, text: &str| {
        event("note.created", id, subject, json!({"text": text, "phone": phone}))
    };
    let original = note("n", "s", "one");
    assert_eq!(fleet.event(&original).await, 202);
    fleet.wait_until(|view| view.texts(phone).len() == 1).await;
    assert_eq!(fleet.event(&original).await, 200, "a repetition is known");
    for other in [note("n", "t", "one"), note("n", "s", "two")] {
        let (status, problem) = fleet.post(KEY, structured, other.to_string()).await;
        assert_eq!((status, pointers(&problem)), (409, vec!["/id"]), "{problem}");
    }
    let batch = json!([note("m", "s", "one"), note("m", "t", "one")]).to_string();
    let (status, problem) = fleet.post(KEY, "application/cloudevents-batch+json", batch).await;
    assert_eq!((status, pointers(&problem)), (409, vec!["/1/id"]), "{problem}");

    // Right behind one that was accepted, and again after a batch that was refused.
    assert_eq!(fleet.event(&note("q", "s", "one")).await, 202);
    assert_eq!(fleet.post(KEY, structured, note("q", "s", "two").to_string()).await.0, 409);
    assert_eq!(fleet.event(&note("m", "t", "one")).await, 202);
    fleet.wait_until(|view| view.texts(phone).len() == 3).await;

    // At once, before either has opened its run: whichever comes second ends as a conflict, here or as a dead letter.
    let twins = ["s", "t"].map(|subject| fleet.post(KEY, structured, note("o", subject, "one").to_string()));
    let statuses = futures::future::join_all(twins).await;
    fleet.wait_until(|view| view.texts(phone).len() == 4).await;
    fleet.audit_once_settled().await;
    let letters = fleet.json(&["dlq", "list"]);
    let conflicts = letters.as_array().map_or(0, Vec::len) + statuses.iter().filter(|s| s.0 == 409).count();
    assert_eq!(conflicts, 1, "{letters} {statuses:?}");
    assert_eq!(fleet.sim.report().accepted, 4, "each event texts once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_a_batch_holds_twice_is_taken_once_and_counted_so() {
    let fleet = Fleet::start().await;
    let note = |id: &str| event("note.created", id, "s", json!({"text": id, "phone": "+14155550120"}));
    let over = event("page.resolved", "over", "s", json!({}));
    let post = async |events: &[&Value]| {
        fleet.post(KEY, "application/cloudevents-batch+json", json!(events).to_string()).await
    };
    let (one, two) = (note("one"), note("two"));
    let (status, answer) = post(&[&one, &two, &one, &over, &over]).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!((&answer["accepted"], &answer["known"]), (&json!(3), &json!(2)), "{answer}");
    assert_eq!(answer["runs"], json!([run_of("one", "note", "s"), run_of("two", "note", "s")]));
    assert_eq!(answer["events"].as_array().map(Vec::len), Some(3), "{answer}");
    fleet.wait_until(|view| view.texts("+14155550120").len() == 2).await;
    let (status, answer) = post(&[&one, &one]).await;
    assert_eq!((status, &answer["accepted"], &answer["known"]), (200, &json!(0), &json!(2)), "{answer}");
    assert_eq!(answer["runs"], json!([run_of("one", "note", "s")]));
    fleet.audit_once_settled().await;
    assert_eq!(fleet.sim.report().accepted, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_event_that_no_event_can_resolve_says_so() {
    let fleet = Fleet::start().await;
    let post = async |kind: &str, data: Value| {
        let mut event = event(kind, kind, "s", data);
        event.as_object_mut().unwrap().remove("subject");
        fleet.post(KEY, "application/cloudevents+json", event.to_string()).await.1
    };
    let warnings = post("page.created", json!({"text": "x"})).await["warnings"].clone();
    assert_eq!(
        warnings,
        json!([
            "workflow page: the event has no subject, so no event of type page.resolved can resolve its run"
        ])
    );
    let note = post("note.created", json!({"text": "x", "phone": "+14155550120"})).await;
    assert_eq!(note["warnings"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_event_that_will_text_nobody_says_so() {
    let shadow =
        crate::harness::NOTE.replace("note.created", "shadow.created").replace("\"live\"", "\"shadow\"");
    let files = vec![("workflows/shadow.toml", shadow)];
    let fleet = Fleet::start_layout(Layout { roles: &[&[]], files, ..Layout::default() }).await;
    let post = async |kind: &str| {
        let event = event(kind, kind, "s", json!({"text": "x", "phone": "+14155550120"}));
        fleet.post(KEY, "application/cloudevents+json", event.to_string()).await
    };
    let (status, answer) = post("shadow.created").await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(
        answer["warnings"],
        json!(["workflow shadow is in stage shadow: it decides, and sends nothing"])
    );
    assert_eq!(answer["runs"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(post("note.created").await.1["warnings"], Value::Null);
    fleet.sim.phone("+14155550120").send("+15005550006", "STOP").await.unwrap();
    let again = event("note.created", "opted-out", "s", json!({"text": "x", "phone": "+14155550120"}));
    let (status, answer) = fleet.post(KEY, "application/cloudevents+json", again.to_string()).await;
    let warning = json!(["workflow note texts nobody: its recipients opted out, or did not opt in"]);
    assert_eq!((status, &answer["warnings"]), (202, &warning));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_form_is_accepted_too() {
    let fleet = Fleet::start().await;
    let request = fleet.client.post(format!("{}/v1/events", fleet.url)).bearer_auth(KEY);
    let response = request
        .header("ce-specversion", "1.0")
        .header("ce-id", "n%201")
        .header("ce-source", "test")
        .header("ce-type", "note.created")
        .header("content-type", "application/json; charset=utf-8")
        .body(json!({"text": "binary", "phone": "+14155550120"}).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 202);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["event"], json!({"source": "test", "id": "n 1"}));
    fleet.wait_until(|view| view.texts("+14155550120").len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_number_is_refused_and_not_repeated() {
    let fleet = Fleet::start().await;
    let event = event("note.created", "n-1", "s", json!({"text": "x", "phone": "555-0100"}));
    let (status, problem) = fleet.post(KEY, "application/cloudevents+json", event.to_string()).await;
    assert_eq!((status, pointers(&problem)), (400, vec!["/data/phone"]));
    let problem = problem.to_string();
    assert!(problem.contains("E.164"), "{problem}");
    assert!(!problem.contains("555-0100"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_unknown_and_unreadable_callbacks_are_refused() {
    let fleet = Fleet::start().await;
    let url = format!("{}/v1/twilio/status", fleet.url);
    let sid = format!("SM{}", "0".repeat(32));
    let params =
        vec![("MessageSid".to_owned(), sid.clone()), ("MessageStatus".to_owned(), "delivered".to_owned())];
    let key = SigningKey::new(&Secret::new(twilio_sim::SimConfig::default().auth_token.expose()));
    let signature = key.sign(&url, &params);
    let post = |signature: &str, body: Vec<u8>| {
        let request = fleet.client.post(&url).header("content-type", "application/x-www-form-urlencoded");
        request.header("x-twilio-signature", signature).body(body).send()
    };
    let body = format!("MessageSid={sid}&MessageStatus=delivered").into_bytes();
    let status = |response: reqwest::Response| response.status().as_u16();
    assert_eq!(status(post("", body.clone()).await.unwrap()), 403);
    assert_eq!(status(post("AAAAAAAAAAAAAAAAAAAAAAAAAAA=", body.clone()).await.unwrap()), 403);
    let changed = String::from_utf8(body.clone()).unwrap().replace("delivered", "failed").into_bytes();
    assert_eq!(status(post(&signature, changed).await.unwrap()), 403);
    assert_eq!(status(post(&signature, body).await.unwrap()), 404, "signed, but for an unknown message");
    assert_eq!(status(post(&signature, b"MessageSid=%ff".to_vec()).await.unwrap()), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_a_text_where_an_event_belongs_is_in_no_answer_and_in_no_log() {
    let env = vec![("CALLOUT_LOG".to_owned(), "trace".to_owned())];
    let fleet = Fleet::start_roles(&[&[]], "", env).await;
    let text = r#""Jane Roe, +14155550123, test result""#;
    let list = format!("[{text}]");
    let data = r#"{"specversion":"1.0","id":"e","source":"test","type":"note.created","data":TEXT}"#;
    for (content_type, body) in [
        ("application/cloudevents-batch+json", text),
        ("application/cloudevents-batch+json", &list),
        ("application/cloudevents+json", text),
        ("application/cloudevents+json", &list),
        ("application/cloudevents+json", &data.replace("TEXT", text)),
        ("application/json", text),
        ("application/json", &text[..text.len() - 1]),
        (text, text),
    ] {
        let (status, answer) = fleet.post(KEY, content_type, body.to_owned()).await;
        assert!((400..500).contains(&status), "{status}: {answer}");
        let said = answer.to_string();
        assert!(!said.contains("Jane") && !said.contains("4155550123"), "{content_type}: {said}");
    }
    let log = std::fs::read_to_string(fleet.log()).unwrap();
    assert!(log.contains("callout is up"), "{log}");
    for secret in ["Jane", "4155550123", "test result"] {
        let found = log.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret:?} is in the log");
    }
}
