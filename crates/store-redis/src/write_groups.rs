//! Changes of runs that wait at the same moment go to the server in one call.
//!
//! In: one change at a time, from any task. Out: what became of it, whatever became of those that went with it.
//! Never: keeps a change waiting for others to come; one goes at once unless a call is under way.
//!
//! In a cluster each shard has a line of its own, since a call has one slot there, and a dead primary must not hold up the
//! runs of others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::id::SHARDS;
use ports::StoreError;
use redis::{Arg, Cmd};
use tokio::sync::oneshot;

use crate::{
    connection::{Call, Connection},
    keys::Keys,
    script::Scripts,
    write_arguments::RunKeys,
};

/// Most changes of one call, which takes the server about 2 ms.
const CHANGES_MAX: usize = 64;

/// What the arguments of a change have room for before they must grow.
const CALL_ARGUMENTS: usize = 32;
const CALL_BYTES: usize = 2_048;

/// What a script answers about one change: a word, and a detail.
pub(crate) type Answer = (String, Vec<u8>);

/// The keys and the arguments of one change, written as they will be sent.
pub(crate) struct Written {
    pub(crate) keys: Cmd,
    pub(crate) arguments: Cmd,
}

impl Written {
    pub(crate) fn new(keys: &RunKeys) -> Self {
        let mut written =
            Self { keys: Cmd::new(), arguments: Cmd::with_capacity(CALL_ARGUMENTS, CALL_BYTES) };
        written.keys.arg(keys);
        written
    }
}

struct Waiting {
    change: Written,
    answer: oneshot::Sender<Result<Answer, StoreError>>,
}

/// The changes of one slot that wait, or of all slots where they have one server.
#[derive(Default)]
struct Line {
    waiting: Vec<Waiting>,
    /// A task sends them.
    is_moving: bool,
}

/// Gathers changes, and sends them.
pub(crate) struct WriteGroups {
    connection: Arc<Connection>,
    scripts: Arc<Scripts>,
    keys: Keys,
    lines: Vec<Mutex<Line>>,
}

impl WriteGroups {
    pub(crate) fn new(connection: Arc<Connection>, scripts: Arc<Scripts>, keys: Keys) -> Arc<Self> {
        let lines = (0..SHARDS).map(|_| Mutex::default()).collect();
        Arc::new(Self { connection, scripts, keys, lines })
    }

    /// Makes a change of a run of this shard. A caller that is gone before the answer comes may have made it.
    pub(crate) async fn write(self: &Arc<Self>, shard: u8, change: Written) -> Result<Answer, StoreError> {
        let line = self.connection.group_of(shard);
        let (answer, answered) = oneshot::channel();
        let was_moving = {
            let mut line = self.line(line);
            line.waiting.push(Waiting { change, answer });
            std::mem::replace(&mut line.is_moving, true)
        };
        if !was_moving {
            tokio::spawn(self.clone().move_on(line));
        }
        answered.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the process ends".to_owned())))
    }

    fn line(&self, line: u8) -> MutexGuard<'_, Line> {
        self.lines[usize::from(line)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what waits until nothing does.
    async fn move_on(self: Arc<Self>, line: u8) {
        loop {
            // What is ready to run may have changes of its own.
            tokio::task::yield_now().await;
            let group: Vec<Waiting> = {
                let mut line = self.line(line);
                let count = line.waiting.len().min(CHANGES_MAX);
                line.is_moving = count > 0;
                line.waiting.drain(..count).collect()
            };
            if group.is_empty() {
                return;
            }
            self.send(line, group).await;
        }
    }

    async fn send(&self, line: u8, group: Vec<Waiting>) {
        let (changes, callers): (Vec<_>, Vec<_>) =
            group.into_iter().map(|Waiting { change, answer }| (change, answer)).unzip();
        let keys = changes.iter().map(|change| &change.keys);
        let counts = self.keys.counts(line);
        let keys: Vec<&[u8]> = std::iter::once(counts.as_bytes()).chain(keys.flat_map(words)).collect();
        let arguments: Vec<&[u8]> = changes.iter().flat_map(|change| words(&change.arguments)).collect();
        let call = Call::new(&self.scripts.write, keys).arg(arguments);
        let answers: Result<Vec<Answer>, StoreError> = self.connection.call(call).await;
        let answers = answers.and_then(|answers| {
            let is_whole = answers.len() == callers.len();
            is_whole.then_some(answers).ok_or_else(|| StoreError::Corrupt("answers are missing".to_owned()))
        });
        match answers {
            Ok(answers) => {
                for (caller, answer) in callers.into_iter().zip(answers) {
                    // Who is gone needs none.
                    drop(caller.send(read(answer)));
                }
            }
            Err(error) => callers.into_iter().for_each(|caller| drop(caller.send(Err(error.clone())))),
        }
    }
}

/// What became of one change. What is stored of its run may be damaged, which concerns no other.
fn read((what, detail): Answer) -> Result<Answer, StoreError> {
    match what.as_str() {
        "damaged" => Err(StoreError::Corrupt(String::from_utf8_lossy(&detail).into_owned())),
        _ => Ok((what, detail)),
    }
}

fn words(command: &Cmd) -> impl Iterator<Item = &[u8]> {
    command.args_iter().map(|word| if let Arg::Simple(word) = word { word } else { b"" })
}
