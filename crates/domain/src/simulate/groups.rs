//! Groups in simulated time. In: what the messages of one run ask. Out: the same run, with texts that wait for a digest, or
//! were told of by one.
//!
//! Runs are followed one after the other, so the first that waits for a digest carries it without knowing who waits with it.
//! Never: looks for flapping, for which runs would have to be followed side by side.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    group::{Group, GroupKey, Joined, Joining},
    id::MessageId,
    policy::Rule,
    provider::ProviderStatus,
    run::{GroupAsk, GroupQuestion, Run, StepContext},
};

/// What the groups of a simulation remember, from one event to the next. Events come in the order of time.
#[derive(Debug, Clone, Default)]
pub struct SimulatedGroups {
    groups: BTreeMap<GroupKey, Group>,
    /// The message that carries a digest, by its group and time.
    carriers: BTreeMap<(GroupKey, Timestamp), MessageId>,
}

impl SimulatedGroups {
    /// Answers what the messages of a run ask now.
    pub(super) fn answer(&mut self, run: &mut Run, ctx: &mut StepContext<'_>) {
        for GroupAsk { number, what } in run.group_asks(ctx) {
            let id = run.message_id(number);
            match what {
                GroupQuestion::Join { key, joining, .. } => match self.join(&key, &id, joining, ctx.now) {
                    Joined::First => run.let_go(number, ctx),
                    Joined::Held(until) => {
                        let is_quiet = matches!(joining, Joining::Until(_));
                        run.hold_for_digest(number, until, is_quiet, Rule::GroupHeld, ctx);
                    }
                },
                GroupQuestion::Due { key, .. } => {
                    let carrier = self.carriers.entry((key, ctx.now)).or_insert_with(|| id.clone()).clone();
                    if carrier == id {
                        run.let_go(number, ctx);
                    } else {
                        run.take_digest(number, &carrier, ProviderStatus::Delivered, None, &[], ctx);
                    }
                }
                GroupQuestion::Follow { .. } => {}
            }
        }
    }

    fn join(&mut self, key: &GroupKey, id: &MessageId, joining: Joining, now: Timestamp) -> Joined {
        let group = self.groups.entry(key.clone()).or_default();
        // What was told of by then is behind it, and its digest began another window.
        if let (Joining::Window(window_s), Some(until)) = (joining, group.until())
            && let Some(carrier) = self.carriers.get(&(key.clone(), until)).filter(|_| until <= now)
        {
            let members = group.candidates(carrier, None);
            group.gather(carrier, &members, &[], None, Some(window_s), until);
        }
        group.join(id, joining, now)
    }
}
