//! What follows a stored change: log lines and notifications, then wake-ups.
//!
//! Every await in here may be the last one of its process. The change is stored, so its due row repeats a wake-up that
//! was not published; notifications are best effort.

use domain::{
    outbound::DEAD_EFFECT,
    run::Run,
    timeline::{Command, Effects},
};
use jiff::Timestamp;
use ports::{Ended, Notification, Queue, TimerSlot};
use telemetry::Found;

use super::RunService;

impl RunService {
    pub(super) async fn after_store(
        &self,
        run: &Run,
        effects: &Effects,
        due: Option<Timestamp>,
        timer: Option<TimerSlot>,
        found: &Found,
    ) {
        self.emit(run, effects, found);
        self.wake(run, due, timer, effects).await;
    }

    /// Says what was stored: in the log, in the metrics, and to those who watch the bus.
    pub(super) fn emit(&self, run: &Run, stored: &Effects, found: &Found) {
        self.originators.note(&stored.receipts);
        telemetry::stored(run, stored, found, self.recipient_key());
        for letter in &stored.dead_letters {
            if letter.reason == DEAD_EFFECT {
                tracing::warn!("run.id" = %run.id(), letter = letter.id, reason = letter.error, "a ticket is not opened");
            }
            self.ports.bus.notify(Notification::DeadLetter(Box::new(letter.clone())));
        }
        for outcome in &stored.outcomes {
            self.ports.bus.notify(Notification::Ended(Box::new(Ended {
                outcome: outcome.clone(),
                workflow: run.workflow().to_owned(),
                event: run.event().clone(),
                subject: run.subject().map(str::to_owned),
                traceparent: run.traceparent().map(str::to_owned),
            })));
        }
    }

    /// Publishes wake-ups. One that is lost is only late: the due row repeats it, so failures are logged and no more.
    async fn wake(&self, run: &Run, due: Option<Timestamp>, timer: Option<TimerSlot>, effects: &Effects) {
        let Effects { commands, repeats, .. } = effects;
        for command in commands {
            self.publish(run, command).await;
        }
        if let Some(due) = due {
            let mut others = commands.iter().chain(repeats);
            let is_alone = others.all(|command| matches!(command, Command::LookNow { .. }));
            self.look_at(run, due, is_alone, timer).await;
        }
        for command in repeats {
            if !self.is_long(queue_of(run, command)).await {
                self.publish(run, command).await;
            }
        }
    }

    async fn publish(&self, run: &Run, command: &Command) {
        if let Err(error) = self.ports.bus.publish(queue_of(run, command), command).await {
            tracing::warn!("run.id" = %run.id(), %error, "a wake-up was not published; the due row will repeat it");
        }
    }

    /// Has a run looked at when it is due. `is_alone`: no command brings somebody to it.
    async fn look_at(&self, run: &Run, due: Timestamp, is_alone: bool, timer: Option<TimerSlot>) {
        let bus = &self.ports.bus;
        let result = if due <= self.now() && is_alone {
            // What was due before this change has brought a look already. Where many wait, the sweep comes first.
            if self.is_long(Queue::Escalation).await {
                return;
            }
            bus.publish(Queue::Escalation, &Command::LookNow { run: run.id().clone() }).await
        } else if let Some(slot) = timer {
            bus.start_timer(slot).await
        } else {
            Ok(())
        };
        if let Err(error) = result {
            tracing::warn!("run.id" = %run.id(), %error, "a timer was not started; the sweep will find the due row");
        }
    }

    async fn is_long(&self, queue: Queue) -> bool {
        self.long_queues.has(queue, &*self.ports.clock, self.ports.bus.depth(queue)).await
    }
}

fn queue_of(run: &Run, command: &Command) -> Queue {
    match command {
        Command::Dispatch { .. } | Command::ResolveDoubt { .. } | Command::PollStatus { .. } => {
            Queue::Send(run.lane())
        }
        Command::LookNow { .. } => Queue::Escalation,
    }
}
