//! The loads. In: a running deployment. Out: what it made of them.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock as _, SystemClock};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};
use twilio_sim::{SimHandle, Status};

use crate::{
    deployment::Deployment,
    door::{BATCH, BUSY, event, phone},
};

/// Longer than any load takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);
/// Events a second of a source that sends little.
const QUIET_PER_S: u64 = 20;
/// Events a second of a flood, in batches: sixty times the share of a source, and more than can be sent.
const FLOOD_PER_S: u64 = 6_000;
/// The first number of a flood, beyond those of the events that are measured.
const FLOOD_FROM: usize = 5_000_000;

/// Clients that hold connections and send no request.
pub(crate) const LAZY_CLIENTS: usize = 2_000;
/// What they begin with.
const LAZY_BEGINNINGS: [&str; 3] = [
    "",
    "POST /v1/events HTTP/1.1\r\nhost: x",
    "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n{",
];
/// Where they come from: not where events come from.
const LAZY_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// How long they stay away after they were closed.
const LAZY_PAUSE_MS: i64 = 500;

/// What a burst cost.
pub(crate) struct Throughput {
    /// From the first request to the last stored status.
    pub(crate) events_per_s: f64,
    /// CPU time of the callout process.
    pub(crate) cpu_us_per_event: f64,
    /// Its resident memory at the highest.
    pub(crate) peak_mb: f64,
}

/// How long a text waits.
pub(crate) struct Latency {
    /// In the middle.
    pub(crate) p50_ms: f64,
    /// All but one in a hundred.
    pub(crate) p99_ms: f64,
}

/// Until every text has arrived and every status was taken.
pub(crate) async fn all_stored(sim: &SimHandle, events: usize) -> Result<()> {
    let all = events as u64;
    let stored = |view: &twilio_sim::View<'_>| {
        view.with_status(Status::Delivered) == all && view.callbacks().answered_2xx >= 2 * all
    };
    Ok(sim.wait_until(stored, PATIENCE).await?)
}

/// As many events as fast as they are taken, beyond those of [`steady_after`].
pub(crate) async fn flood(deployment: &Deployment, events: usize) -> Result<()> {
    deployment.door.post_all(FLOOD_FROM..FLOOD_FROM + events).await
}

/// As many events as fast as they are taken, until every text has arrived and every status is stored.
pub(crate) async fn throughput(deployment: &Deployment, events: usize) -> Result<Throughput> {
    let (cpu, begun) = (deployment.cpu_s()?, SystemClock.now());
    deployment.door.post_all(0..events).await?;
    all_stored(&deployment.sim, events).await?;
    let seconds = SystemClock.now().duration_since(begun).as_secs_f64();
    Ok(Throughput {
        events_per_s: events as f64 / seconds,
        cpu_us_per_event: (deployment.cpu_s()? - cpu) * 1e6 / events as f64,
        peak_mb: deployment.peak_mb()?,
    })
}

/// So many events a second, each in a request of its own; from its 202 to its text at the provider.
pub(crate) async fn steady(deployment: &Deployment, per_s: u64, lasting: Duration) -> Result<Latency> {
    measured(deployment, BUSY, per_s, lasting, async { Ok(0) }).await
}

/// The same after a [`flood`] of so many.
pub(crate) async fn steady_after(
    deployment: &Deployment,
    per_s: u64,
    lasting: Duration,
    flooded: u64,
) -> Result<Latency> {
    measured(deployment, BUSY, per_s, lasting, async { Ok(flooded) }).await
}

/// The same for a source that sends little, alone or while another one floods.
pub(crate) async fn quiet(
    deployment: &Deployment,
    who: (&str, &str),
    lasting: Duration,
    floods: bool,
) -> Result<Latency> {
    let flood = async {
        if !floods {
            return Ok(0);
        }
        let (begun, batches) = (SystemClock.now(), FLOOD_PER_S * lasting.as_secs() / BATCH as u64);
        for number in 0..batches {
            let first = FLOOD_FROM + number as usize * BATCH;
            wait_for_turn(begun, number, FLOOD_PER_S / BATCH as u64).await;
            deployment.door.post_batch(first..first + BATCH).await?;
        }
        Ok(batches * BATCH as u64)
    };
    measured(deployment, who, QUIET_PER_S, lasting, flood).await
}

/// As [`steady`], while an address with [`LAZY_CLIENTS`] holds connections and sends nothing, half a header or half a
/// body, and comes back as soon as they are closed. From the request to its 202, from there to its text, and from each
/// of the provider's callbacks to its answer.
pub(crate) async fn besieged(deployment: &Deployment, per_s: u64, lasting: Duration) -> Result<[Latency; 3]> {
    let address: SocketAddr = deployment.door.url.trim_start_matches("http://").parse()?;
    let mut siege = JoinSet::new();
    for number in 0..LAZY_CLIENTS {
        siege.spawn(be_lazy(address, LAZY_BEGINNINGS[number % LAZY_BEGINNINGS.len()]));
    }
    let answers = Mutex::new(Vec::new());
    let texts = measured_with(deployment, BUSY, per_s, lasting, async { Ok(0) }, &answers).await?;
    siege.shutdown().await;
    let answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    let callbacks = deployment.sim.view(|view| view.answer_waits());
    let callbacks = callbacks.into_iter().map(|wait| wait.as_secs_f64() * 1_000.0).collect();
    Ok([percentiles(answers), texts, percentiles(callbacks)])
}

/// A connection that begins something and leaves it there, again and again.
async fn be_lazy(address: SocketAddr, beginning: &'static str) {
    loop {
        if let Ok(mut stream) = connect_from(LAZY_ADDRESS, address).await
            && stream.write_all(beginning.as_bytes()).await.is_ok()
        {
            // Until the other side closes it.
            drop(stream.read_to_end(&mut Vec::new()).await);
        }
        SystemClock.sleep_until(SystemClock.now() + SignedDuration::from_millis(LAZY_PAUSE_MS)).await;
    }
}

async fn connect_from(own: IpAddr, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((own, 0).into())?;
    socket.connect(address).await
}

async fn wait_for_turn(begun: Timestamp, number: u64, per_s: u64) {
    SystemClock.sleep_until(begun + SignedDuration::from_micros((number * 1_000_000 / per_s) as i64)).await;
}

async fn measured(
    deployment: &Deployment,
    who: (&str, &str),
    per_s: u64,
    lasting: Duration,
    flood: impl Future<Output = Result<u64>>,
) -> Result<Latency> {
    measured_with(deployment, who, per_s, lasting, flood, &Mutex::default()).await
}

/// `answers` takes how long each request waited for its 202, in milliseconds.
async fn measured_with(
    deployment: &Deployment,
    (source, key): (&str, &str),
    per_s: u64,
    lasting: Duration,
    flood: impl Future<Output = Result<u64>>,
    answers: &Mutex<Vec<f64>>,
) -> Result<Latency> {
    let events = per_s as usize * lasting.as_secs() as usize;
    let begun = SystemClock.now();
    let sending = stream::iter(0..events)
        .map(|index| async move {
            wait_for_turn(begun, index as u64, per_s).await;
            let asked = SystemClock.now();
            deployment.door.post_one(key, &event(source, index)).await?;
            let accepted = SystemClock.now();
            let waited = accepted.duration_since(asked).as_secs_f64() * 1_000.0;
            answers.lock().unwrap_or_else(PoisonError::into_inner).push(waited);
            anyhow::Ok((index, accepted))
        })
        .buffer_unordered(2 * per_s as usize)
        .try_collect();
    let (accepted, others): (BTreeMap<usize, Timestamp>, u64) = futures::try_join!(sending, flood)?;
    let all = events as u64 + others;
    deployment.sim.wait_until(|view| view.with_status(Status::Delivered) == all, PATIENCE).await?;
    let waits = accepted
        .iter()
        .filter_map(|(index, accepted)| {
            let text = deployment.sim.phone(phone(*index)).texts().into_iter().next()?;
            Some(text.at.duration_since(*accepted).as_secs_f64() * 1_000.0)
        })
        .collect();
    Ok(percentiles(waits))
}

/// The figures of all waits, in milliseconds.
pub(crate) fn percentiles(mut waits: Vec<f64>) -> Latency {
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| {
        waits.get(((waits.len() as f64 * share) as usize).min(waits.len().saturating_sub(1))).copied()
    };
    Latency { p50_ms: at(0.50).unwrap_or(0.0), p99_ms: at(0.99).unwrap_or(0.0) }
}
