//! Outcomes on their way to two webhooks, one that answers and one that accepts connections and says nothing.
//!
//! In: the binary, how many events. Out: rows of figures, with the hanging destination and without it in turn.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use jiff::Timestamp;
use ports::{Clock as _, SystemClock};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{AbortHandle, JoinSet},
};

use crate::{
    deployment::{Deployment, Extras},
    figures::{STEADY_PER_S, println_line, row},
    load::{self, Latency, PATIENCE},
};

/// Names of the two destinations.
const ANSWERS: &str = "answers";
const HANGS: &str = "hangs";

/// What one deployment did.
struct Measured {
    /// From the first event to the last outcome at the destination that answers.
    outcomes_per_s: f64,
    /// From the time that an outcome names to its arrival there.
    delivery: Latency,
    /// Of texts at a steady load, after the burst: from the 202 to the POST.
    text: Latency,
    /// The audit's counts of effects at the end.
    effects: Value,
}

/// Its name, its digits, and where it stands.
type Figure = (&'static str, usize, fn(&Measured) -> f64);

/// Each run measures without the hanging destination and then with it, so that both meet the same machine.
pub(crate) async fn measure(callout: &Path, events: usize, lasting: Duration, runs: usize) -> Result<()> {
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        alone.push(one(callout, events, lasting, None).await?);
        beside.push(one(callout, events, lasting, Some(&Silent::start().await?)).await?);
    }
    let figures: [Figure; 4] = [
        ("outcomes/s at a destination that answers", 0, |m| m.outcomes_per_s),
        ("from an outcome to its delivery in a burst, p50 ms", 1, |m| m.delivery.p50_ms),
        ("from an outcome to its delivery in a burst, p99 ms", 1, |m| m.delivery.p99_ms),
        ("accepted to POST at 200 events/s after it, p99 ms", 1, |m| m.text.p99_ms),
    ];
    for (figure, digits, of) in figures {
        row(&format!("{figure}, alone"), "0 ms", digits, alone.iter().map(of));
        row(&format!("{figure}, beside one that hangs"), "0 ms", digits, beside.iter().map(of));
        let ratios = beside.iter().zip(&alone).map(|(beside, alone)| of(beside) / of(alone));
        row(&format!("{figure}, beside it : alone"), "0 ms", 2, ratios);
    }
    for measured in beside {
        println_line(&format!("effects at the end, beside one that hangs: {}", measured.effects));
    }
    Ok(())
}

async fn one(callout: &Path, events: usize, lasting: Duration, hanging: Option<&Silent>) -> Result<Measured> {
    let answering = Answering::start().await?;
    let mut destinations = webhook(ANSWERS, &answering.address);
    if let Some(silent) = hanging {
        destinations.push_str(&webhook(HANGS, &silent.address));
    }
    let extras = Extras { destinations: Some(destinations), ..Extras::default() };
    let deployment = Deployment::start_with(callout, 0, extras).await?;
    let begun = SystemClock.now();
    load::flood(&deployment, events).await?;
    let waits = answering.wait_for(events).await?;
    let outcomes_per_s = events as f64 / SystemClock.now().duration_since(begun).as_secs_f64();
    let delivery = load::percentiles(waits);
    let text = load::steady_after(&deployment, STEADY_PER_S, lasting, events as u64).await?;
    let effects = deployment.audit()?["effects"].take();
    let count = |name: &str| effects[name].as_u64().with_context(|| format!("no {name} in {effects}"));
    ensure!(
        count("due")? == count("delivered")? + count("waiting")? + count("dead")?,
        "effects are missing: {effects}"
    );
    Ok(Measured { outcomes_per_s, delivery, text, effects })
}

fn webhook(name: &str, address: &str) -> String {
    format!(
        "[{name}]\nkind = \"webhook\"\nurl = \"http://{address}/hook\"\nallow_private = true\n\
         secret_env = [\"CALLOUT_BENCH_SECRET\"]\nevents = [\"run.completed\"]\n"
    )
}

/// How long each outcome was on its way, in milliseconds.
type Waits = Arc<Mutex<Vec<f64>>>;

/// A webhook that takes everything.
struct Answering {
    address: String,
    waits: Waits,
    count: watch::Receiver<usize>,
    serving: AbortHandle,
}

impl Answering {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (waits, (counted, count)) = (Waits::default(), watch::channel(0));
        let state = (waits.clone(), Arc::new(counted));
        let router = Router::new().route("/hook", post(take)).with_state(state);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Ok(Self { address, waits, count, serving })
    }

    /// What came until so many have.
    async fn wait_for(&self, outcomes: usize) -> Result<Vec<f64>> {
        let mut count = self.count.clone();
        let all = count.wait_for(|count| *count >= outcomes);
        let arrived = ports::within(&SystemClock, PATIENCE, all).await;
        arrived.with_context(|| format!("of {outcomes} outcomes, {} came", *self.count.borrow()))??;
        Ok(self.waits.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(
    State((waits, counted)): State<(Waits, Arc<watch::Sender<usize>>)>,
    Json(outcome): Json<Value>,
) -> StatusCode {
    let arrived = SystemClock.now();
    let Some(at) = outcome["time"].as_str().and_then(|time| time.parse::<Timestamp>().ok()) else {
        return StatusCode::BAD_REQUEST;
    };
    let waited = arrived.duration_since(at).as_secs_f64() * 1_000.0;
    waits.lock().unwrap_or_else(PoisonError::into_inner).push(waited);
    counted.send_modify(|count| *count += 1);
    StatusCode::NO_CONTENT
}

/// A listener that keeps every connection open and says nothing.
struct Silent {
    address: String,
    /// Ends when it is dropped.
    _accepting: JoinSet<()>,
}

impl Silent {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut kept = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                kept.push(connection);
            }
        });
        Ok(Self { address, _accepting: accepting })
    }
}
