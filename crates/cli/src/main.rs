//! `callout`: the one binary. In: a command line. Out: an exit code.
//!
//! Never: decides anything that a library crate could.
//!
//! What follows is the project's README.
#![doc = ""]
#![doc = include_str!("../../../README.md")]

mod admission;
mod agents;
mod approvals;
mod args;
mod audit;
mod backend;
mod backup;
mod bulk;
mod calendars;
mod canaries;
mod check;
mod command_line;
mod commands;
mod configuration;
mod consent;
mod control_client;
mod demo;
mod destinations;
mod dlq;
mod doctor;
mod drawn_timeline;
mod events;
mod exit;
mod explain;
mod export_events;
mod health;
mod heartbeat;
mod import_calendar;
mod installation_metrics;
mod listeners;
mod management;
mod manual;
mod mcp_stdio;
mod not_taken;
mod on_demand_bus;
mod oncall;
mod open_files;
mod output;
mod personal;
mod preflight;
mod printable;
mod provider;
mod reload;
mod remote;
mod replaceable;
mod run_name;
mod running;
mod runs;
mod server;
mod service_manager;
mod settle;
mod shared_state;
mod shutdown;
mod silence;
mod simulate;
mod simulated_calendars;
mod simulator;
mod status;
mod tail;
mod test_page;
mod tokens;
mod top;
mod topology;
mod tracker;
mod unlikely;
mod wiring;
mod workflows;

// Every request makes a few dozen short-lived allocations on several threads, which the system's allocator handles slowly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // Huge pages under the allocator take up to twice the memory and make nothing faster. On a kernel without this
    // switch the call fails, which does no harm.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // What is created is for the owner alone: texts and numbers are in it.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    open_files::raise_limit();
    let cli = match command_line::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&anyhow::Error::new(error).context("the runtime cannot start")),
    };
    let done = runtime.block_on(commands::run(cli));
    match (done, output::written()) {
        (Ok(code), Ok(())) => code,
        (Ok(_), Err(error)) | (Err(error), _) => exit::report(&error),
    }
}
