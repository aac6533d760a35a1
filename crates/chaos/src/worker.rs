//! One process of the fleet, kept alive. In: a command line, and orders to end. Out: a process, again and again.
//!
//! Never: leaves one dead. It is started again as a service manager would: at once after an order, after a pause when it
//! ended by itself.

use std::{
    fs::OpenOptions,
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use ports::{Clock as _, SystemClock};
use tokio::{
    process::{Child, Command},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::pause::pause;

/// How long a process that ended by itself stays away: long enough not to spin while a server is dead.
const RESTART_AFTER: Duration = Duration::from_millis(300);
/// How long a process that is asked to end may take before it is killed: twice as long as it should.
const STOP_MAX: Duration = Duration::from_secs(30);

/// How a process is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// SIGKILL.
    Kill,
    /// SIGTERM, at which it finishes what it has.
    Stop,
}

/// How a process is started.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) log: PathBuf,
}

/// A supervised process. It dies with the value.
pub(crate) struct Worker {
    pub(crate) role: &'static str,
    pub(crate) address: SocketAddr,
    orders: mpsc::Sender<(Order, oneshot::Sender<Timestamp>)>,
    liveness: Arc<Liveness>,
    task: JoinHandle<()>,
}

/// What is known of it from outside.
#[derive(Debug, Default)]
struct Liveness {
    /// The process that runs; 0 while there is none.
    pid: AtomicU32,
    /// How often it ended without being killed.
    exits: AtomicU64,
}

impl Launch {
    fn start(&self) -> Result<Child> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let child = Command::new(&self.program)
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        child.with_context(|| format!("{} cannot be started", self.program.display()))
    }
}

impl Worker {
    pub(crate) fn start(role: &'static str, address: SocketAddr, launch: Launch) -> Result<Self> {
        let (orders, inbox) = mpsc::channel(1);
        let liveness = Arc::new(Liveness::default());
        let child = launch.start()?;
        let task = tokio::spawn(supervise(launch, child, liveness.clone(), inbox));
        Ok(Self { role, address, orders, liveness, task })
    }

    /// SIGKILL, and a new process. Returns when the old one was dead; `None` if there was none just then.
    pub(crate) async fn kill(&self) -> Option<Timestamp> {
        self.end(Order::Kill).await
    }

    /// SIGTERM, the time to finish what it has, and a new process. Returns when the old one had ended.
    pub(crate) async fn restart(&self) -> Option<Timestamp> {
        self.end(Order::Stop).await
    }

    async fn end(&self, order: Order) -> Option<Timestamp> {
        let (done, dead) = oneshot::channel();
        self.orders.send((order, done)).await.ok()?;
        dead.await.ok()
    }

    /// Sends a signal, such as `-HUP`, to the process that runs.
    pub(crate) async fn signal(&self, signal: &str) -> Result<()> {
        send_signal(self.pid().context("the process runs")?, signal).await
    }

    /// The process that runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        Some(self.liveness.pid.load(Ordering::Relaxed)).filter(|pid| *pid > 0)
    }

    /// How often it ended by itself.
    pub(crate) fn exits(&self) -> u64 {
        self.liveness.exits.load(Ordering::Relaxed)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn send_signal(pid: u32, signal: &str) -> Result<()> {
    let status = Command::new("kill").args([signal, &pid.to_string()]).stdin(Stdio::null()).status().await?;
    if !status.success() {
        bail!("kill {signal} {pid} failed");
    }
    Ok(())
}

/// Asks a process to end, and waits until it has; for no longer than [`STOP_MAX`].
#[expect(clippy::disallowed_methods, reason = "a real process is given so long")]
async fn stop(child: &mut Child) -> Result<()> {
    send_signal(child.id().context("the process runs")?, "-TERM").await?;
    tokio::time::timeout(STOP_MAX, child.wait()).await??;
    Ok(())
}

async fn supervise(
    launch: Launch,
    mut child: Child,
    liveness: Arc<Liveness>,
    mut inbox: mpsc::Receiver<(Order, oneshot::Sender<Timestamp>)>,
) {
    loop {
        liveness.pid.store(child.id().unwrap_or_default(), Ordering::Relaxed);
        tokio::select! {
            _ = child.wait() => {
                liveness.pid.store(0, Ordering::Relaxed);
                liveness.exits.fetch_add(1, Ordering::Relaxed);
                pause(RESTART_AFTER).await;
            }
            order = inbox.recv() => {
                if let Some((Order::Stop, _)) = order {
                    // Who does not end in time is killed.
                    drop(stop(&mut child).await);
                }
                // Waits for the end, so that its address is free again.
                drop(child.kill().await);
                liveness.pid.store(0, Ordering::Relaxed);
                let Some((_, done)) = order else { return };
                // The caller may have stopped waiting.
                let _ = done.send(SystemClock.now());
            }
        }
        child = loop {
            match launch.start() {
                Ok(child) => break child,
                Err(_) => pause(RESTART_AFTER).await,
            }
        };
    }
}
