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
        let bus = &self.ports.bus;
        let queue_of = |command: &Command| match command {
            Command::Dispatch { .. } | Command::ResolveDoubt { .. } | Command::PollStatus { .. } => {
                Queue::Send(run.lane())
            }
            Command::LookNow { .. } => Queue::Escalation,
        };
        let mut wanted: Vec<&Command> = commands.iter().collect();
        for command in repeats {
            if !self.long_queues.has(&**bus, queue_of(command), self.now()).await {
                wanted.push(command);
            }
        }
        for command in wanted {
            let queue = queue_of(command);
            if let Err(error) = bus.publish(queue, command).await {
                tracing::warn!("run.id" = %run.id(), %error, "a wake-up was not published; the due row will repeat it");
            }
        }
        let Some(due) = due else { return };
        let is_alone = commands.iter().all(|command| matches!(command, Command::LookNow { .. }));
        let now = self.now();
        let result = if due <= now && is_alone && self.long_queues.has(&**bus, Queue::Escalation, now).await {
            // What was due before this change may have brought others; the sweep comes sooner than they do.
            Ok(())
        } else if due <= now && is_alone {
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
}
