//! What Linux knows of a process, and how one is ended. In: its id. Out: CPU time and memory.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use jiff::SignedDuration;
use ports::{Clock as _, SystemClock};
pub(crate) use test_servers::memory_mb;

/// Clock ticks a second of `/proc/PID/stat`: 100 on every Linux that Rust runs on (`USER_HZ`).
const TICKS_PER_S: f64 = 100.0;
/// How often another process is looked at, in milliseconds.
const LOOK_EVERY_MS: i64 = 2;

/// CPU time that the process has used, user and kernel, in seconds.
pub(crate) fn cpu_s(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may hold spaces; the fields after it do not.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok());
    Ok((ticks(11).context("utime")? + ticks(12).context("stime")?) / TICKS_PER_S)
}

/// The processor and how many of its cores we have.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(':').nth(1))
        .unwrap_or(" unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{}, {cores} cores", model.trim())
}

/// Ends a process with SIGKILL, and starts another of the same command.
pub(crate) fn restart(command: &mut Command, child: &mut Child) -> Result<()> {
    child.kill()?;
    child.wait()?;
    *child = command.spawn()?;
    Ok(())
}

/// Has a process end as a service manager would, and waits for it.
pub(crate) async fn end(child: &mut Child) -> Result<()> {
    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
    ensure!(ended.success(), "kill ended with {ended}");
    while child.try_wait()?.is_none() {
        pause(LOOK_EVERY_MS).await;
    }
    Ok(())
}

/// How long a command takes, in milliseconds, and its resident memory at the highest, in MB.
pub(crate) async fn command(command: &mut Command) -> Result<(f64, f64)> {
    let begun = SystemClock.now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let mut peak_mb = 0.0_f64;
    let status = loop {
        // One that has just ended has no memory any more.
        peak_mb = peak_mb.max(memory_mb(child.id(), "VmHWM").unwrap_or_default());
        if let Some(status) = child.try_wait()? {
            break status;
        }
        pause(LOOK_EVERY_MS).await;
    };
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok((SystemClock.now().duration_since(begun).as_secs_f64() * 1_000.0, peak_mb))
}

/// Waits for so many milliseconds.
pub(crate) async fn pause(ms: i64) {
    SystemClock.sleep_until(SystemClock.now() + SignedDuration::from_millis(ms)).await;
}
