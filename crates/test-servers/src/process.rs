//! What Linux knows of a process. In: its id. Out: its memory.

use std::io;

/// A line of `/proc/PID/status` such as `VmHWM`, in MB of a million bytes.
///
/// # Errors
/// When there is no such process, or its status has no such line.
pub fn memory_mb(pid: u32, name: &str) -> io::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(name));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.map(|kib| kib * 1024.0 / 1e6).ok_or_else(|| io::Error::other(format!("no {name} of process {pid}")))
}
