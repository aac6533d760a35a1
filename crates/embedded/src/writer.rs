//! The one thread that writes, and group commit.
//!
//! In: commands from any task, over a bounded channel. Out: one transaction for all that wait, then every answer.
//! Never: answers before the commit, or lets a failing command take its neighbours down.
//!
//! A command is not wrapped in a savepoint: a savepoint makes SQLite copy every page that the command touches. When a
//! command fails, the whole batch is rolled back and each of its commands is tried again alone. Hence a command may
//! run twice, and must leave no trace outside the transaction but in [`Work::committed`].

use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{checkpoint::Checkpointer, database_file::DatabaseFile, fault::Fault, lock::LockFile};

/// Most commands of one transaction.
pub(crate) const BATCH_MAX: usize = 500;
/// Most commands that wait; callers beyond wait for room.
const WAITING_MAX: usize = 4 * BATCH_MAX;

/// A command: what it does to the database, and what follows once that is durable.
pub(crate) trait Work: Send + 'static {
    /// What the caller gets.
    type Output: Send + 'static;

    /// Reads and writes. May run more than once.
    fn run(&mut self, connection: &Connection) -> Result<Self::Output, Fault>;

    /// Runs once, on the writer's thread and in the order of commits, before the caller is answered.
    fn committed(&mut self, _output: &mut Self::Output) {}
}

impl<F, T> Work for F
where
    F: FnMut(&Connection) -> Result<T, Fault> + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn run(&mut self, connection: &Connection) -> Result<T, Fault> {
        self(connection)
    }
}

struct Job<W: Work> {
    work: W,
    output: Option<W::Output>,
    /// The work goes back to its caller, so that the writer need not spend its time on freeing it.
    reply: oneshot::Sender<Result<(W::Output, W), Fault>>,
}

trait Command: Send {
    fn run(&mut self, connection: &Connection) -> Result<(), Fault>;
    fn committed(self: Box<Self>);
    fn failed(self: Box<Self>, fault: Fault);
}

impl<W: Work> Command for Job<W> {
    fn run(&mut self, connection: &Connection) -> Result<(), Fault> {
        self.output = Some(self.work.run(connection)?);
        Ok(())
    }

    fn committed(mut self: Box<Self>) {
        if let Some(mut output) = self.output.take() {
            self.work.committed(&mut output);
            // A caller that stopped waiting has no use for the answer.
            let _ = self.reply.send(Ok((output, self.work)));
        }
    }

    fn failed(self: Box<Self>, fault: Fault) {
        let _ = self.reply.send(Err(fault));
    }
}

/// Gives commands to the writer. Does not keep it alive.
#[derive(Clone)]
pub(crate) struct WriterHandle(mpsc::WeakSender<Box<dyn Command>>);

impl WriterHandle {
    /// Has a command stored. The answer comes once it is durable.
    pub(crate) async fn write<W: Work>(&self, work: W) -> Result<W::Output, Fault> {
        let (reply, answer) = oneshot::channel();
        let sender = self.0.upgrade().ok_or_else(Fault::ended)?;
        sender.send(Box::new(Job { work, output: None, reply })).await.map_err(|_| Fault::ended())?;
        drop(sender);
        let (output, _work) = answer.await.map_err(|_| Fault::ended())??;
        Ok(output)
    }
}

/// The running thread. Ends, after what was given to it, when this is dropped.
pub(crate) struct Writer {
    sender: Option<mpsc::Sender<Box<dyn Command>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. It owns the connection and the lock, so that no other process opens the file while it writes.
    pub(crate) fn start(
        connection: Connection,
        checkpointer: Checkpointer,
        file: DatabaseFile,
        lock: LockFile,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let thread = std::thread::Builder::new().name("callout-writer".to_owned()).spawn(move || {
            run(&connection, checkpointer, &file, receiver);
            // In this order: the lock is free only when the file is closed.
            drop(connection);
            drop(lock);
        })?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    pub(crate) fn handle(&self) -> WriterHandle {
        WriterHandle(
            self.sender.as_ref().map_or_else(|| mpsc::channel(1).0.downgrade(), mpsc::Sender::downgrade),
        )
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the embedded backend's writer had panicked");
        }
    }
}

fn run(
    connection: &Connection,
    mut checkpointer: Checkpointer,
    file: &DatabaseFile,
    mut receiver: mpsc::Receiver<Box<dyn Command>>,
) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while receiver.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
        if let Err(fault) = file.check() {
            batch.drain(..).for_each(|command| command.failed(fault.clone()));
            continue;
        }
        let count = batch.len();
        commit(connection, &mut batch);
        checkpointer.after_commit(connection, count, receiver.is_empty());
    }
    checkpointer.at_end(connection);
}

/// Stores a batch, or what can be stored of it, and answers every command.
fn commit(connection: &Connection, batch: &mut Vec<Box<dyn Command>>) {
    match attempt(connection, batch) {
        Ok(()) => batch.drain(..).for_each(|command| command.committed()),
        // Trying each alone would only have every caller wait for the same broken disk.
        Err(fault @ Fault::Down(_)) => batch.drain(..).for_each(|command| command.failed(fault.clone())),
        Err(_) => {
            for mut command in batch.drain(..) {
                match attempt(connection, std::slice::from_mut(&mut command)) {
                    Ok(()) => command.committed(),
                    Err(fault) => command.failed(fault),
                }
            }
        }
    }
}

fn attempt(connection: &Connection, commands: &mut [Box<dyn Command>]) -> Result<(), Fault> {
    let result = (|| {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        commands.iter_mut().try_for_each(|command| command.run(connection))?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    })();
    // SQLite has rolled back by itself after some faults, such as a full disk.
    if result.is_err() && !connection.is_autocommit() {
        let rolled_back = connection.execute_batch("ROLLBACK");
        if let Err(error) = rolled_back {
            tracing::error!(%error, "a failed transaction could not be rolled back");
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it was stored, once that is known.
    struct Answer(Box<dyn FnOnce() -> Result<(), Fault>>);

    fn table() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY CHECK (n <> 13))").unwrap();
        connection
    }

    fn insert(n: i64) -> (Box<dyn Command>, Answer) {
        let work = move |connection: &Connection| {
            connection.execute("INSERT INTO t VALUES (?1 + 1000)", [n])?;
            connection.execute("INSERT INTO t VALUES (?1)", [n])?;
            Ok(())
        };
        command(work)
    }

    fn command<W: Work<Output = ()>>(work: W) -> (Box<dyn Command>, Answer) {
        let (reply, mut answer) = oneshot::channel::<Result<((), W), Fault>>();
        let answer = move || answer.try_recv().unwrap().map(|_| ());
        (Box::new(Job { work, output: None, reply }), Answer(Box::new(answer)))
    }

    #[test]
    fn a_failing_command_does_not_spoil_its_neighbours() {
        let connection = table();
        let (mut batch, answers): (Vec<_>, Vec<_>) = [1, 13, 2].into_iter().map(insert).unzip();
        commit(&connection, &mut batch);
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.0().is_ok()).collect();
        assert_eq!(answers, [true, false, true]);
        let stored: String =
            connection.query_row("SELECT group_concat(n) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(stored, "1,2,1001,1002", "nothing of the failed command is left");
    }

    #[test]
    fn when_the_commit_fails_every_caller_hears_it_and_the_writer_goes_on() {
        let connection = table();
        connection.execute_batch("PRAGMA query_only = ON").unwrap();
        let (mut batch, answers): (Vec<_>, Vec<_>) = [1, 2].into_iter().map(insert).unzip();
        commit(&connection, &mut batch);
        for answer in answers {
            assert!(matches!(answer.0(), Err(Fault::Down(_))));
        }
        connection.execute_batch("PRAGMA query_only = OFF").unwrap();
        let (command, answer) = insert(3);
        commit(&connection, &mut vec![command]);
        assert_eq!(answer.0(), Ok(()));
    }
}
