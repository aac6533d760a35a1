//! Dead letters that the broker holds.
//!
//! In: what the bus gave up or was told of. Out: letters in the store's index for all of it, and a bus without those
//! that were replayed or discarded.
//! Never: takes anything off the bus that the index was not given, or reads what it holds again, but for three times an
//! hour and after a fault: a queue of thousands that is read over and over takes the broker's processor from all else.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use domain::limits::BROKER_DEAD_LETTERS_MAX;
use futures::StreamExt as _;
use jiff::SignedDuration;
use ports::{Acker, BrokerDeadLetter, BusError, Dead, DeadLetterStore, Notification};
use runtime::RoleError;
use tokio_util::sync::CancellationToken;

use crate::escalation_ports::EscalationPorts;

/// After so long all letters go back and are read again. RabbitMQ closes a channel on which a delivery is unanswered for
/// half an hour, unless it is configured otherwise (`consumer_timeout`).
const RENEWED_EVERY: SignedDuration = SignedDuration::from_mins(20);
/// Letters that the bus may hand out beyond those that are held: while these wait, newer ones are read.
const ROOM: u16 = 64;
/// Most letters of which the store is asked in one look whether they were replayed or discarded.
const LOOKED_AT_ONCE: usize = 500;

/// Reads what the bus holds, and looks every so often which letters are over, until `shutdown`.
pub(crate) async fn run(ports: Arc<EscalationPorts>, every: Duration, shutdown: CancellationToken) {
    let every = SignedDuration::try_from(every).unwrap_or(SignedDuration::from_secs(20));
    while !shutdown.is_cancelled() {
        if let Err(error) = read(&ports, every, &shutdown).await {
            tracing::warn!(%error, "the broker's dead letters could not be read; they stay there");
            tokio::select! {
                () = ports.clock.sleep_until(ports.clock.now() + every) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }
}

/// Indexes what is not indexed, and takes away what was replayed or discarded, until all shall be read again.
///
/// # Errors
/// When a port fails, or the bus ends. What was not finished stays with the broker.
async fn read(
    ports: &EscalationPorts,
    every: SignedDuration,
    shutdown: &CancellationToken,
) -> Result<(), RoleError> {
    let mut letters = ports.bus.broker_dead_letters(BROKER_DEAD_LETTERS_MAX + ROOM).await?;
    let mut held = Held::new(usize::from(BROKER_DEAD_LETTERS_MAX));
    let began = ports.clock.now();
    let mut next_look = began + every;
    loop {
        tokio::select! {
            letter = letters.next() => match letter {
                Some(letter) => index(ports, &mut held, letter).await?,
                None => return Err(BusError::Unavailable("the reading was interrupted".to_owned()).into()),
            },
            () = ports.clock.sleep_until(next_look) => {
                if let Err(error) = held.look(&*ports.letters).await {
                    tracing::warn!(%error, "whether dead letters are over could not be asked; they stay with the broker");
                }
                next_look = ports.clock.now() + every;
                if next_look > began + RENEWED_EVERY {
                    return Ok(());
                }
            }
            () = shutdown.cancelled() => return Ok(()),
        }
    }
}

async fn index(ports: &EscalationPorts, held: &mut Held, dead: BrokerDeadLetter) -> Result<(), RoleError> {
    match dead.what {
        Dead::Notified(id) => held.hold(id, dead.acker).await?,
        Dead::GivenUp(letter) => {
            tracing::error!(
                reason = letter.reason,
                error = letter.error,
                dead_letter = letter.id,
                "work that the broker gave up became a dead letter"
            );
            ports.letters.add_dead_letter(&letter).await?;
            telemetry::metrics().runs.dead_letter(&letter.reason);
            ports.bus.notify(Notification::DeadLetter(letter));
            dead.acker.ack().await?;
        }
    }
    Ok(())
}

/// Letters of the index whose copies stay on the broker until they are replayed or discarded.
struct Held {
    /// Oldest first.
    letters: VecDeque<(String, Box<dyn Acker>)>,
    max: usize,
    /// Where the next look begins.
    next: usize,
}

impl Held {
    fn new(max: usize) -> Self {
        Self { letters: VecDeque::new(), max, next: 0 }
    }

    /// Holds one more. Of more than may be held the broker loses the oldest, which the index has: it would hide what comes
    /// behind it.
    async fn hold(&mut self, id: String, acker: Box<dyn Acker>) -> Result<(), BusError> {
        self.letters.push_back((id, acker));
        if self.letters.len() > self.max
            && let Some((_, oldest)) = self.letters.pop_front()
        {
            self.next = self.next.saturating_sub(1);
            oldest.ack().await?;
        }
        Ok(())
    }

    /// Takes those off the broker that the index does not have any more. However many there are, the store is asked for
    /// some at a time.
    async fn look(&mut self, index: &dyn DeadLetterStore) -> Result<(), RoleError> {
        if self.next >= self.letters.len() {
            self.next = 0;
        }
        for _ in 0..LOOKED_AT_ONCE.min(self.letters.len() - self.next) {
            let Some((id, _)) = self.letters.get(self.next) else { break };
            if index.dead_letter(id).await?.is_some() {
                self.next += 1;
            } else if let Some((_, acker)) = self.letters.remove(self.next) {
                acker.ack().await?;
            }
        }
        Ok(())
    }
}
