//! Load, decide, store, wake.
//!
//! A process that dies before the store has the change changed nothing; one that dies after it has left a due row,
//! which repeats the wake-ups that were not published.

use domain::{
    id::RunId,
    limits::CHANGE_TRIES_MAX,
    run::Run,
    timeline::{Command, Effects},
    workflow::Workflow,
};
use jiff::Timestamp;
use ports::{Change, Changed, Ended, Notification, Queue, Versioned, store::TimerSlot};

use crate::{
    context::{Context, RoleError},
    run_cache::RunCache,
};

/// What came of a change.
#[derive(Debug)]
pub struct Applied<T> {
    /// What the transition returned.
    pub value: T,
    /// The run as it is stored.
    pub run: Versioned<Run>,
}

/// What came of one try.
enum Attempt<T> {
    Stored(Applied<T>),
    Unchanged(Applied<T>),
    Conflict(RunId),
}

impl Context {
    /// Changes a run by a pure transition, as often as it takes to win the compare-and-set. `None`: no such run.
    ///
    /// A transition that changes neither the run nor the effects is not stored.
    ///
    /// # Errors
    /// When a port fails; the transition may or may not be stored, and may be repeated.
    pub async fn change<T>(
        &self,
        id: &RunId,
        transition: impl FnMut(&mut Run, &Workflow, Timestamp, &mut Effects) -> T,
    ) -> Result<Option<Applied<T>>, RoleError> {
        let Some(stored) = self.store.load_run(id).await? else { return Ok(None) };
        self.change_seen(stored, transition).await
    }

    /// The same for a run as the caller saw it last; it is read again only when others have changed it since.
    ///
    /// # Errors
    /// As [`Context::change`].
    pub async fn change_seen<T>(
        &self,
        mut seen: Versioned<Run>,
        mut transition: impl FnMut(&mut Run, &Workflow, Timestamp, &mut Effects) -> T,
    ) -> Result<Option<Applied<T>>, RoleError> {
        for _ in 0..CHANGE_TRIES_MAX {
            match self.attempt(seen, &mut transition).await? {
                Attempt::Stored(applied) | Attempt::Unchanged(applied) => return Ok(Some(applied)),
                Attempt::Conflict(id) => match self.store.load_run(&id).await? {
                    Some(stored) => seen = stored,
                    None => return Ok(None),
                },
            }
        }
        Err(RoleError::Contended(seen.value.id))
    }

    /// The same, beginning with the run as this process stored it last, if it did lately.
    ///
    /// # Errors
    /// As [`Context::change`].
    pub async fn change_recent<T>(
        &self,
        recent: &RunCache,
        id: &RunId,
        mut transition: impl FnMut(&mut Run, &Workflow, Timestamp, &mut Effects) -> T,
    ) -> Result<Option<T>, RoleError> {
        let remembered = match recent.take(id) {
            Some(seen) => Some(self.attempt(seen, &mut transition).await?),
            None => None,
        };
        let applied = match remembered {
            Some(Attempt::Stored(applied)) => Some(applied),
            // That nothing is to be changed is true of the latest version only.
            Some(Attempt::Unchanged(_) | Attempt::Conflict(_)) | None => self.change(id, transition).await?,
        };
        Ok(applied.map(|Applied { value, run }| {
            recent.keep(run);
            value
        }))
    }

    async fn attempt<T>(
        &self,
        seen: Versioned<Run>,
        transition: &mut impl FnMut(&mut Run, &Workflow, Timestamp, &mut Effects) -> T,
    ) -> Result<Attempt<T>, RoleError> {
        let workflow = self.workflows.of(&seen.value, &*self.store).await?;
        let mut run = seen.value.clone();
        let mut effects = Effects::default();
        let value = transition(&mut run, &workflow, self.clock.now(), &mut effects);
        if run == seen.value && effects == Effects::default() {
            return Ok(Attempt::Unchanged(Applied { value, run: seen }));
        }
        if self.store_change(&run, effects, seen.version, &workflow).await? {
            let run = Versioned { value: run, version: seen.version + 1 };
            return Ok(Attempt::Stored(Applied { value, run }));
        }
        Ok(Attempt::Conflict(run.id))
    }

    /// Stores one change and performs its effects. `false`: somebody else was first, and nothing happened.
    ///
    /// # Errors
    /// When a port fails.
    pub async fn store_change(
        &self,
        run: &Run,
        effects: Effects,
        version: u64,
        workflow: &Workflow,
    ) -> Result<bool, RoleError> {
        let (due, needs_timer) = (run.next_due(workflow), run.needs_timer(workflow));
        let commands = effects.commands.clone();
        let log = effects.clone();
        match self.store.change_run(Change { run: run.clone(), due, needs_timer, effects }, version).await? {
            Changed::Conflict => Ok(false),
            Changed::Stored { timer } => {
                self.emit(run, &log);
                self.wake(run, due, timer, &commands).await;
                Ok(true)
            }
        }
    }

    /// Says what was stored: in the log, and to whoever watches the bus.
    pub fn emit(&self, run: &Run, stored: &Effects) {
        telemetry::log_finals(run, stored);
        telemetry::metrics().count(run, stored);
        for letter in &stored.dead_letters {
            self.bus.notify(Notification::DeadLetter(Box::new(letter.clone())));
        }
        for outcome in &stored.outcomes {
            self.bus.notify(Notification::Ended(Box::new(Ended {
                outcome: outcome.clone(),
                workflow: run.workflow.clone(),
                event: run.event.clone(),
                subject: run.subject.clone(),
                traceparent: run.traceparent.clone(),
            })));
        }
    }

    /// Publishes wake-ups. One that is lost is only late: the due row repeats it, so failures are logged and no more.
    pub async fn wake(
        &self,
        run: &Run,
        due: Option<Timestamp>,
        timer: Option<TimerSlot>,
        commands: &[Command],
    ) {
        for command in commands {
            let queue = match command {
                Command::Dispatch { .. } | Command::ResolveDoubt { .. } | Command::PollStatus { .. } => {
                    Queue::Send(run.lane)
                }
                Command::LookNow { .. } => Queue::Escalation,
            };
            if let Err(error) = self.bus.publish(queue, command).await {
                tracing::warn!("run.id" = %run.id, %error, "a wake-up was not published; the due row will repeat it");
            }
        }
        let Some(due) = due else { return };
        let result = if due <= self.clock.now() && commands.is_empty() {
            self.bus.publish(Queue::Escalation, &Command::LookNow { run: run.id.clone() }).await
        } else if let Some(slot) = timer {
            self.bus.start_timer(slot).await
        } else {
            Ok(())
        };
        if let Err(error) = result {
            tracing::warn!("run.id" = %run.id, %error, "an alarm was not raised; the sweeper will find the due row");
        }
    }
}
