//! A process that serves the API is killed between a change and its stored answer.
//!
//! In: a request with an `Idempotency-Key`. Out: one change, and an answer. Never: a death at another moment: a proxy before
//! Redis holds the answer back, and says that it does.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::harness::{FIRST, Fleet, Layout, PATIENCE, SECOND, event, run_of};

const ROLES: [&[&str]; 3] = [&["ingest", "sender"], &["api"], &["escalation", "callback"]];
const API: usize = 1;
/// What the stored answer of a request that was carried out contains, and nothing else that is written.
const ANSWER: &[u8] = b"\"status\":200";

/// Stands before Redis, and holds one answer back.
struct Proxy {
    /// Whether an answer is to be held back.
    holds: watch::Sender<bool>,
    /// Whether one is.
    held: watch::Sender<bool>,
}

impl Proxy {
    async fn before(redis: &str) -> (Arc<Self>, String) {
        let behind = redis.trim_start_matches("redis://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        let proxy = Arc::new(Self { holds: watch::Sender::new(true), held: watch::Sender::new(false) });
        let passing = proxy.clone();
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let far = TcpStream::connect(&behind).await.unwrap();
                tokio::spawn(passing.clone().pass(near, far));
            }
        });
        (proxy, url)
    }

    async fn pass(self: Arc<Self>, near: TcpStream, far: TcpStream) {
        let (mut from_near, mut to_near) = near.into_split();
        let (mut from_far, mut to_far) = far.into_split();
        let answers = tokio::spawn(async move { tokio::io::copy(&mut from_far, &mut to_near).await });
        let mut buffer = vec![0; 256 * 1024];
        while let Ok(read @ 1..) = from_near.read(&mut buffer).await {
            let holds_it = buffer[..read].windows(ANSWER.len()).any(|bytes| bytes == ANSWER);
            if holds_it && *self.holds.borrow() {
                self.held.send_replace(true);
                // Until the process that wrote it is gone.
                std::future::pending::<()>().await;
            }
            if to_far.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
        answers.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_escalated_once_though_the_api_is_killed_before_it_answers() {
    let (proxy, redis) = Proxy::before(&test_servers::redis().url).await;
    let address = format!("127.0.0.1:{}", test_servers::free_port());
    let settings = format!(
        "[api]\nlisten = \"{address}\"\n[backend]\nkind = \"fleet\"\namqp_prefix = \"lost-answer.\"\n\
         redis_prefix = \"lost-answer:\"\n"
    );
    let env = vec![
        ("CALLOUT_AMQP_URL".to_owned(), test_servers::rabbitmq().url.clone()),
        ("CALLOUT_REDIS_URL".to_owned(), test_servers::redis().url.clone()),
    ];
    let env_of = vec![("api", "CALLOUT_REDIS_URL", redis)];
    let layout = Layout { roles: &ROLES, settings: &settings, env, env_of, ..Layout::default() };
    let mut fleet = Fleet::start_layout(layout).await;
    fleet.event(&event("page.created", "p-1", "db", json!({"text": "Down"}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    let made = fleet.json(&["tokens", "create", "--label", "desk", "--scope", "operate"]);
    let run = run_of("p-1", "page", "db");
    let (client, token) = (fleet.client.clone(), made["token"].as_str().unwrap().to_owned());
    let escalate = move || {
        let request = client.post(format!("http://{address}/v1/runs/{run}/escalate"));
        request.bearer_auth(&token).header("idempotency-key", "once").send()
    };

    let asked = tokio::spawn(escalate());
    let mut held = proxy.held.subscribe();
    tokio::time::timeout(PATIENCE, held.wait_for(|held| *held)).await.expect("the answer is stored").unwrap();
    fleet.kill_process(API);
    assert!(asked.await.unwrap().is_err(), "nobody was answered");
    proxy.holds.send_replace(false);
    fleet.serve().await;

    let mut tries = tokio::time::interval(Duration::from_millis(500));
    let answered = tokio::time::timeout(PATIENCE, async {
        loop {
            tries.tick().await;
            let answer = escalate().await.unwrap();
            match answer.status().as_u16() {
                409 => {}
                status => return (status, answer.json::<Value>().await.unwrap()),
            }
        }
    });
    let (status, answer) = answered.await.expect("the repetition is answered");
    assert_eq!(
        (status, &answer["changed"], &answer["run"]["step"]),
        (200, &json!(false), &json!(2)),
        "{answer}"
    );
    let again = escalate().await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    let lines = answer["run"]["timeline"].as_array().unwrap();
    assert_eq!(lines.iter().filter(|line| line["what"]["what"] == "escalated").count(), 1, "{answer}");
    fleet.wait_until(|view| view.texts(SECOND).len() == 1).await;
}
