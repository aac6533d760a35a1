//! A tracker of issues to try tickets with: as much of GitHub's API as callout uses, in memory.
//!
//! In: issues over HTTP. Out: the same as pages that a browser shows. Never: outlives its process.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Whom every token is of.
const LOGIN: &str = "callout";

type Issues = Arc<Mutex<Vec<Value>>>;

#[derive(Clone)]
struct Tracker {
    issues: Issues,
    url: Url,
}

/// Starts the tracker, until `shutdown`. Returns where it is.
///
/// # Errors
/// When the address cannot be had.
pub(crate) async fn start(address: SocketAddr, shutdown: CancellationToken) -> anyhow::Result<Url> {
    let listener = tokio::net::TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
    let url: Url = format!("http://{}/", listener.local_addr()?).parse()?;
    let tracker = Tracker { issues: Issues::default(), url: url.clone() };
    let routes = Router::new()
        .route("/user", get(|| async { Json(json!({"login": LOGIN})) }))
        .route("/repos/{owner}/{name}/issues", get(list).post(open))
        .route("/repos/{owner}/{name}/issues/{number}/comments", post(comment))
        .route("/issues/{number}", get(page))
        .with_state(tracker);
    tokio::spawn(http_server::serve(listener, routes, http_server::Limits::default(), shutdown));
    Ok(url)
}

impl Tracker {
    fn with<T>(&self, change: impl FnOnce(&mut Vec<Value>) -> T) -> T {
        change(&mut self.issues.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn list(State(tracker): State<Tracker>) -> Json<Value> {
    Json(tracker.with(|issues| json!(issues)))
}

async fn open(State(tracker): State<Tracker>, Json(issue): Json<Value>) -> (StatusCode, Json<Value>) {
    let opened = tracker.with(|issues| {
        let number = issues.len() + 1;
        let html_url = format!("{}issues/{number}", tracker.url);
        issues.push(json!({
            "number": number, "html_url": html_url, "title": issue["title"], "body": issue["body"],
            "user": {"login": LOGIN}, "comments": [],
        }));
        issues.last().cloned()
    });
    (StatusCode::CREATED, Json(json!(opened)))
}

async fn comment(
    State(tracker): State<Tracker>,
    Path((_, _, number)): Path<(String, String, usize)>,
    Json(comment): Json<Value>,
) -> StatusCode {
    tracker.with(|issues| {
        let issue = number.checked_sub(1).and_then(|at| issues.get_mut(at));
        let Some(comments) = issue.and_then(|issue| issue["comments"].as_array_mut()) else {
            return StatusCode::NOT_FOUND;
        };
        comments.push(comment["body"].clone());
        StatusCode::CREATED
    })
}

async fn page(State(tracker): State<Tracker>, Path(number): Path<usize>) -> Response {
    let issue = tracker.with(|issues| number.checked_sub(1).and_then(|at| issues.get(at)).cloned());
    let Some(issue) = issue else { return StatusCode::NOT_FOUND.into_response() };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let comments =
        issue["comments"].as_array().into_iter().flatten().map(|comment| format!("\n> {}", text(comment)));
    format!(
        "#{number} {}\n\n{}\n{}\n",
        text(&issue["title"]),
        text(&issue["body"]),
        comments.collect::<String>()
    )
    .into_response()
}
