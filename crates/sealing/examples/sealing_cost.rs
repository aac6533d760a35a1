//! What sealing costs: `cargo run --release -p sealing --example sealing_cost`.
//!
//! In: documents of several sizes. Out: CPU time for each, also on a machine that is busy, and bytes that are added.
//! Never: a store.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement")]

use std::{fs, hint::black_box, os::unix::fs::PermissionsExt as _};

use sealing::{KeyFile, Kind, Lookup, new_line, unlock};

/// Clock ticks of `/proc` in a second (proc(5); the same on all of Linux' usual architectures).
const TICKS_PER_S: f64 = 100.0;
/// Rounds of each measurement.
const ROUNDS: u32 = 200_000;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("privacy.key");
    fs::write(&path, new_line("one").unwrap().unwrap().as_str()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let sealer = unlock(Some(&KeyFile::read(&path).unwrap()), None).unwrap().sealer;
    let measured = |what: &str, run: &dyn Fn()| {
        let began = cpu_s();
        (0..ROUNDS).for_each(|_| run());
        println!("{what}: {:.1} µs", (cpu_s() - began) / f64::from(ROUNDS) * 1e6);
    };
    for bytes in [128, 439, 2_048] {
        let document = vec![b'x'; bytes];
        let sealed = sealer.seal(Kind::Run, "r0000000000000000a", document.clone()).unwrap();
        println!("{bytes} bytes become {}", sealed.len());
        measured("  seal", &|| {
            black_box(sealer.seal(Kind::Run, "r0000000000000000a", document.clone()).unwrap());
        });
        measured("  open", &|| {
            black_box(sealer.open(Kind::Run, "r0000000000000000a", &sealed).unwrap());
        });
    }
    measured("hash of a number", &|| {
        black_box(sealer.index(Lookup::Number, "+14155550101"));
    });
}

/// CPU time of this process.
fn cpu_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS_PER_S
}
