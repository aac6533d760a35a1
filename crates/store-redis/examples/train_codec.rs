//! Trains the dictionary of the codec. In: runs and timelines of many kinds, made through the domain. Out: `codec.dict`.
//!
//! Never: run as part of a build: stored documents depend on the dictionary that is committed. To add another one, give
//! it another file and another mark in `codec.rs`.
//!
//! `cargo run -p store-redis --example train_codec -- <file>`
#![expect(clippy::expect_used, reason = "a tool of developers: a surprise ends it")]

use conformance::fixture::{Opening, acknowledged, at, ended, sid, submitted};
use ports::Change;

/// In bytes: a dictionary of four times the size saves another 4 %.
const DICTIONARY_BYTES: usize = 4 * 1024;
const RUNS: u32 = 2_000;
/// Names and texts as products have them. Every run gets others, so that the dictionary learns what they share.
const WORKFLOWS: [&str; 5] = ["db-failover", "payroll-late", "disk-full", "cert-expiry", "oncall-page"];
const TITLES: [&str; 4] =
    ["Disk /var at 97 % on web-12", "Payroll is 40 min late", "Orders database unreachable", "p99 above 2 s"];
const PEOPLE: [(&str, &str, &str); 3] = [
    ("\"Bo\"", "contact:bo", "America/New_York"),
    ("\"Chen\"", "oncall:dba", "Asia/Tokyo"),
    ("\"Ines\"", "contact:ines", "Europe/Paris"),
];

fn main() {
    let file = std::env::args().nth(1).expect("the file to write");
    let samples: Vec<String> = (0..RUNS).flat_map(documents).collect();
    let dictionary = zstd::dict::from_samples(&samples, DICTIONARY_BYTES).expect("a dictionary");
    std::fs::write(file, dictionary).expect("a file that can be written");
}

/// The documents of one run from its opening to its end.
fn documents(n: u32) -> Vec<String> {
    let second = i64::from(n);
    let opened = Opening::new("monitor", n).subject(&format!("host-{n}")).opened(second).change();
    let sent = submitted(&opened.run, &sid("monitor", n), at(second + 2));
    let over = if n.is_multiple_of(3) {
        ended(&opened.run, &sid("monitor", n), at(second + 40))
    } else {
        acknowledged(&sent.run, at(second + 60))
    };
    let of_change = |change: &Change| {
        let run = serde_json::to_string(&change.run).expect("a document");
        let timeline = serde_json::to_string(&change.effects.timeline).expect("a document");
        [run, timeline].map(|document| varied(&document, n as usize))
    };
    [&opened, &sent, &over].into_iter().flat_map(of_change).collect()
}

fn varied(document: &str, n: usize) -> String {
    let (name, target, time_zone) = PEOPLE[n % PEOPLE.len()];
    document
        .replace("conformance-paging", WORKFLOWS[n % WORKFLOWS.len()])
        .replace("conformance.critical", "incident.created")
        .replace("db-1 is down", TITLES[n % TITLES.len()])
        .replace("\"Ada\"", name)
        .replace("contact:ada", target)
        .replace("Europe/Berlin", time_zone)
}
