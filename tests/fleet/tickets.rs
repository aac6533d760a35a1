//! Tickets of a fleet: one for each run, whatever dies and whatever the tracker answers.
//!
//! In: runs whose steps are used up at once. Out: issues at a tracker that loses answers. Never: a tracker's real API.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, sync::watch};

use crate::harness::{Fleet, KEY, Layout, NOTE, event, run_of};

const ROLES: [&[&str]; 4] = [&["ingest", "sender"], &["integrations"], &["escalation"], &["callback"]];
const INTEGRATIONS: usize = 1;
const BATCH: usize = 200;
/// Issues of one page.
const PAGE: usize = 100;

/// As much of GitHub's issues as callout uses. Of twenty issues one is made and not answered for, and one is refused.
#[derive(Default)]
struct Tracker {
    issues: Mutex<Vec<Value>>,
    /// How many there are.
    opened: watch::Sender<usize>,
    asked: AtomicUsize,
    cut: AtomicUsize,
    refused: AtomicUsize,
}

impl Tracker {
    async fn start() -> (Arc<Self>, String) {
        let tracker = Arc::new(Self::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let routes = Router::new()
            .route("/user", get(|| async { Json(json!({"login": "callout"})) }))
            .route("/repos/acme/ops/issues", get(list).post(open))
            .with_state(tracker.clone());
        let (served, proxied) =
            (tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(), tracker.clone());
        let behind = served.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(served, routes).await.unwrap() });
        // In front of it stands what cuts connections.
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let far = tokio::net::TcpStream::connect(behind).await.unwrap();
                tokio::spawn(pass(near, far, proxied.clone()));
            }
        });
        (tracker, url)
    }

    async fn has_opened(&self, count: usize) {
        let mut opened = self.opened.subscribe();
        let opening = opened.wait_for(|opened| *opened >= count);
        tokio::time::timeout(Duration::from_secs(60), opening).await.expect("tickets are opened").unwrap();
    }

    /// How many issues each run has.
    fn by_run(&self) -> BTreeMap<String, usize> {
        let mut runs = BTreeMap::new();
        for issue in self.issues.lock().unwrap().iter() {
            let body = issue["body"].as_str().unwrap();
            let run = body.split("callout-run: ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
            *runs.entry(run).or_default() += 1;
        }
        runs
    }
}

/// Passes bytes on, and closes where an answer holds the word that stands for a cut.
async fn pass(mut near: tokio::net::TcpStream, mut far: tokio::net::TcpStream, tracker: Arc<Tracker>) {
    let (mut from_near, mut to_near) = near.split();
    let (mut from_far, mut to_far) = far.split();
    let answers = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = tokio::io::AsyncReadExt::read(&mut from_far, &mut buffer).await.unwrap_or(0);
            if read == 0 || String::from_utf8_lossy(&buffer[..read]).contains("x-cut: 1") {
                tracker.cut.fetch_add(usize::from(read > 0), Ordering::Relaxed);
                return;
            }
            if to_near.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = answers => {}
        _ = tokio::io::copy(&mut from_near, &mut to_far) => {}
    }
}

/// Pages of a hundred, latest first, each with the address of the next.
async fn list(
    State(tracker): State<Arc<Tracker>>,
    headers: HeaderMap,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Response {
    let page = asked.get("page").map_or(1, |page| page.parse().unwrap());
    let issues = tracker.issues.lock().unwrap();
    let listed: Vec<&Value> = issues.iter().rev().skip((page - 1) * PAGE).take(PAGE).collect();
    let mut response = Json(json!(listed)).into_response();
    if page * PAGE < issues.len() {
        let host = headers["host"].to_str().unwrap();
        let next = format!("<http://{host}/repos/acme/ops/issues?page={}>; rel=\"next\"", page + 1);
        response.headers_mut().insert("link", next.parse().unwrap());
    }
    response
}

async fn open(State(tracker): State<Arc<Tracker>>, Json(issue): Json<Value>) -> Response {
    let nth = tracker.asked.fetch_add(1, Ordering::Relaxed);
    if nth % 20 == 7 {
        tracker.refused.fetch_add(1, Ordering::Relaxed);
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let mut issues = tracker.issues.lock().unwrap();
    let number = issues.len() + 1;
    let html_url = format!("https://tracker/{number}");
    let user = json!({"login": "callout"});
    let opened = json!({"number": number, "html_url": html_url, "body": issue["body"], "user": user});
    issues.push(opened.clone());
    tracker.opened.send_replace(number);
    let mut response = (StatusCode::CREATED, Json(opened)).into_response();
    if nth % 20 == 13 {
        response.headers_mut().insert("x-cut", "1".parse().unwrap());
    }
    response
}

async fn fleet(name: &str, tracker: &str) -> Fleet {
    let backend = format!(
        "[backend]\nkind = \"fleet\"\namqp_prefix = \"{name}.\"\nredis_prefix = \"{name}:\"\ndelay = \"buckets\"\n"
    );
    let lost = NOTE.replace("note.created", "lost.created") + "[exhausted]\nticket = \"ops\"\n";
    let destination = format!(
        "[ops]\nkind = \"github\"\napi = \"{tracker}\"\nrepository = \"acme/ops\"\nsecret_env = [\"TRACKER_TOKEN\"]\n\
         allow_private = true\n"
    );
    let files = vec![("workflows/lost.toml", lost), ("integrations.toml", destination)];
    let env = vec![
        ("CALLOUT_AMQP_URL".to_owned(), test_servers::rabbitmq().url.clone()),
        ("CALLOUT_REDIS_URL".to_owned(), test_servers::redis().url.clone()),
    ];
    let env_of = vec![("integrations", "TRACKER_TOKEN", "t0".to_owned())];
    Fleet::start_layout(Layout { roles: &ROLES, settings: &backend, files, env, env_of }).await
}

/// Events whose only text is refused for good, so that their runs are exhausted at once.
async fn lose(fleet: &Fleet, count: usize) {
    // A magic number of Twilio: not a mobile number, error 21614.
    let lost = |n: usize| {
        event(
            "lost.created",
            &format!("l-{n}"),
            &format!("l-{n}"),
            json!({"text": "x", "phone": "+15005550009"}),
        )
    };
    for first in (0..count).step_by(BATCH) {
        let events = Value::Array((first..count.min(first + BATCH)).map(lost).collect());
        let (status, answer) =
            fleet.post(KEY, "application/cloudevents-batch+json", events.to_string()).await;
        assert_eq!(status, 202, "{answer}");
    }
}

/// How many runs are lost: few in the suite, more where `CALLOUT_TEST_TICKETS` says so.
fn runs() -> usize {
    std::env::var("CALLOUT_TEST_TICKETS").map_or(200, |runs| runs.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_has_one_ticket_whatever_dies_and_whatever_the_tracker_answers() {
    let runs = runs();
    let (tracker, url) = Tracker::start().await;
    let mut fleet = fleet("tickets", &url).await;
    lose(&fleet, runs).await;
    // Each time some more tickets are there, the worker is killed with requests under way.
    let mut kills = 0;
    for opened in (10..runs * 3 / 4).step_by(40) {
        tracker.has_opened(opened).await;
        fleet.kill_process(INTEGRATIONS);
        fleet.serve().await;
        kills += 1;
    }
    // What killed workers had under way comes back when its lease ends, a minute later.
    let is_over = |run: &Value| run["tickets"].is_array();
    for n in 0..runs {
        let (id, subject) = (format!("l-{n}"), format!("l-{n}"));
        fleet.run_until(&run_of(&id, "lost", &subject), is_over).await;
    }
    let opened = tracker.by_run();
    assert_eq!((opened.len(), tracker.issues.lock().unwrap().len()), (runs, runs), "one for each run");
    let faults = [&tracker.cut, &tracker.refused].map(|count| count.load(Ordering::Relaxed));
    assert!(faults.iter().all(|count| *count >= runs / 40), "{faults:?}");
    println!("{runs} runs, {kills} kills, {faults:?} answers cut and refused: {} tickets", opened.len());
    let run = fleet.json(&["runs", "show", &run_of("l-0", "lost", "l-0")]);
    let url = run["tickets"][0]["url"].as_str().unwrap();
    assert!(url.starts_with("https://tracker/"), "{run}");
    assert!(fleet.run(&["audit"]).status.success());
}
