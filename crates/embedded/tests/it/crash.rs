//! `kill -9`: what was acknowledged is stored, what was not acknowledged is delivered again.
//!
//! The process that is killed is the example `killed_process`; the test checks only what it printed.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use conformance::fixture::{Opening, acknowledged, at};
use domain::workflow::Lane;
use futures::StreamExt as _;
use ports::{Payload, Queue};

use crate::setup::open;

const CASE: &str = "kill_nine";
/// How long the process may take to print all lines of a round.
const PATIENCE: Duration = Duration::from_secs(60);
const LANE: Queue = Queue::Events(Lane::Standard);
/// Lines after which the process is killed, in each round.
const ROUNDS: [usize; 3] = [40, 400, 1_500];

#[derive(Default)]
struct Printed {
    published: BTreeSet<String>,
    acking: BTreeSet<String>,
    acked: BTreeSet<String>,
    opened: BTreeSet<u32>,
    changed: BTreeSet<u32>,
}

fn start(directory: &std::path::Path) -> Child {
    // Examples are built with the tests, beside them.
    let tests = std::env::current_exe().unwrap();
    let example = tests.ancestors().nth(2).unwrap().join("examples/killed_process");
    Command::new(example).arg(directory).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// What the process printed until it was killed after so many lines. A line that was cut off was not printed.
fn run_and_kill(directory: &std::path::Path, lines: usize) -> Printed {
    let mut child = start(directory);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let child = &Mutex::new(child);
    let (done, is_done) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        // A process that hangs prints nothing more; killed, it ends the output.
        scope.spawn(move || {
            if is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                child.lock().unwrap().kill().unwrap();
            }
        });
        let printed = read_and_kill(&mut output, child, lines);
        drop(done);
        printed
    })
}

fn read_and_kill(output: &mut impl BufRead, child: &Mutex<Child>, lines: usize) -> Printed {
    let (mut printed, mut line, mut count) = (Printed::default(), String::new(), 0);
    while output.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("published"), Some(id)) => _ = printed.published.insert(id.to_owned()),
            (Some("acking"), Some(id)) => _ = printed.acking.insert(id.to_owned()),
            (Some("acked"), Some(id)) => _ = printed.acked.insert(id.to_owned()),
            (Some("opened"), Some(n)) => _ = printed.opened.insert(n.parse().unwrap()),
            (Some("changed"), Some(n)) => _ = printed.changed.insert(n.parse().unwrap()),
            _ => {}
        }
        line.clear();
        count += 1;
        if count == lines {
            child.lock().unwrap().kill().unwrap();
        }
    }
    child.lock().unwrap().wait().unwrap();
    assert!(count >= lines, "the process ended, or hung for {PATIENCE:?}, after {count} lines");
    printed
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_acknowledged_is_there() {
    for lines in ROUNDS {
        let directory = tempfile::tempdir().unwrap();
        let printed = run_and_kill(directory.path(), lines);
        let embedded = open(directory.path());
        let store = embedded.store();
        for n in &printed.opened {
            let opening = Opening::new(CASE, *n).change();
            let stored = store.load_run(opening.run.id()).await.unwrap().expect("an opened run is stored");
            let mut timeline = opening.effects.timeline.clone();
            if stored.version == 2 {
                timeline.extend(acknowledged(&opening.run, at(1)).effects.timeline);
            }
            assert!(stored.version == 2 || !printed.changed.contains(n), "the change of run {n} is lost");
            assert_eq!(
                store.timeline(opening.run.id()).await.unwrap(),
                timeline,
                "half of run {n} is stored"
            );
        }
        assert_eq!(store.audit_counts().await.unwrap().forgotten, 0);

        let waiting = embedded.bus().depth(LANE).await.unwrap();
        let mut deliveries = embedded.bus().consume(LANE, u16::MAX).await.unwrap();
        let (mut delivered, mut ackers) = (BTreeSet::new(), Vec::new());
        for _ in 0..waiting {
            let next = tokio::time::timeout(Duration::from_secs(20), deliveries.next()).await;
            let delivery = next.unwrap().unwrap();
            assert!(delivery.redelivered);
            let Payload::Event(body) = &delivery.payload else { panic!("{:?}", delivery.payload) };
            delivered.insert(domain::event::Event::from_json(body).unwrap().key.id);
            ackers.push(delivery.acker);
        }
        let unanswered: BTreeSet<_> = printed.published.difference(&printed.acking).cloned().collect();
        assert!(unanswered.is_subset(&delivered), "an accepted event is lost");
        assert!(printed.acked.is_disjoint(&delivered), "an acknowledged event came back");
    }
}
