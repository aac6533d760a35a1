//! What sealing costs: `cargo run --release -p sealing --example sealing_cost`.
//!
//! In: documents of several sizes. Out: nanoseconds for each, and bytes that are added. Never: a store.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement"
)]

use std::{fs, hint::black_box, os::unix::fs::PermissionsExt as _, time::Instant};

use sealing::{KeyFile, Kind, Lookup, new_line, unlock};

/// Rounds of each measurement.
const ROUNDS: u32 = 200_000;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("privacy.key");
    fs::write(&path, new_line("one").unwrap().unwrap().as_str()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let sealer = unlock(Some(&KeyFile::read(&path).unwrap()), None).unwrap().sealer;
    let measured = |what: &str, run: &dyn Fn()| {
        let began = Instant::now();
        (0..ROUNDS).for_each(|_| run());
        println!("{what}: {} ns", began.elapsed().as_nanos() / u128::from(ROUNDS));
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
