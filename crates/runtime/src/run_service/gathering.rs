//! Texts that are held for a digest: what runs ask of their groups, and of the digests that tell of them.
//!
//! In: a run before a change is stored. Out: the same run, with texts that wait, carry a digest or were told of by one.
//! Never: the only memory of a held text: its run is due when the window ends, and asks here again.
//!
//! Two writes belong together, the group's and the run's, and the group's comes first. A process that dies between them
//! leaves a group that names a message whose run does not know it. Asked again, by the delivery or the due row that comes
//! back, the group answers the same. Where the run never comes, others find its message gone when they gather.

use domain::{
    consent::Consent,
    group::{Group, GroupKey, Joined, Joining},
    id::MessageId,
    limits::CHANGE_TRIES_MAX,
    policy::Rule,
    run::{Audience, DigestState, Gatherable, GroupAsk, GroupQuestion, Member, Run, StepContext},
    workflow::{Flapping, Workflow},
};

use super::RunService;
use crate::error::RoleError;

/// What the end of a window brought for one message.
enum Gathered {
    /// It goes by itself.
    Alone,
    /// It tells of these as well.
    Carries(Vec<Member>),
    /// Another message tells of it.
    ToldBy(MessageId, DigestState),
}

impl RunService {
    /// Asks the groups of a run's messages, and the digests that tell of them, before the run goes on.
    ///
    /// # Errors
    /// When the store cannot be asked, or others changed a group at every try.
    pub(super) async fn gather(&self, run: &mut Run, ctx: &mut StepContext<'_>) -> Result<(), RoleError> {
        for GroupAsk { number, what } in run.group_asks(ctx) {
            match what {
                GroupQuestion::Join { key, joining, subject } => {
                    self.join(run, number, &key, joining, subject, ctx).await?;
                }
                GroupQuestion::Due { key, window_s, carrier } => {
                    let gathered = self.gathered(run, number, &key, window_s, carrier, ctx).await?;
                    self.follow_gathered(run, number, gathered, ctx).await?;
                }
                GroupQuestion::Follow { carrier } => {
                    let state = self.digest_state(&carrier, &run.message_id(number)).await?;
                    if let DigestState::Known { status, code, replies } = state {
                        run.take_digest(number, &carrier, status, code, &replies, ctx);
                    }
                }
            }
        }
        Ok(())
    }

    async fn join(
        &self,
        run: &mut Run,
        number: u16,
        key: &GroupKey,
        joining: Joining,
        subject: Option<(GroupKey, Flapping)>,
        ctx: &mut StepContext<'_>,
    ) -> Result<(), RoleError> {
        let is_flapping = match subject {
            Some((subject, flapping)) => self.note_change(&subject, run, "opened", flapping).await?,
            None => false,
        };
        let joining = match joining {
            Joining::Window(window_s) if is_flapping => Joining::Flapping(window_s),
            Joining::Window(_) | Joining::Flapping(_) | Joining::Until(_) => joining,
        };
        let (id, now) = (run.message_id(number), ctx.now);
        let joined = self.change_group(key, |group| group.join(&id, joining, now)).await?;
        match joined {
            Joined::First => run.let_go(number, ctx),
            Joined::Held(until) => {
                let is_quiet = matches!(joining, Joining::Until(_));
                let rule = if is_flapping { Rule::Flapping } else { Rule::GroupHeld };
                run.hold_for_digest(number, until, is_quiet, rule, ctx);
            }
        }
        Ok(())
    }

    /// Counts that a run's subject opened, or was resolved. A process that dies before it counts one change less.
    async fn note_change(
        &self,
        subject: &GroupKey,
        run: &Run,
        what: &str,
        flapping: Flapping,
    ) -> Result<bool, RoleError> {
        let (name, now) = (format!("{} {what}", run.id()), self.now());
        self.change_group(subject, |group| group.note_change(&name, flapping, now)).await
    }

    /// Counts that the subject of a run was resolved, where its workflow looks for flapping.
    ///
    /// # Errors
    /// When the store cannot be asked, or others changed the count at every try.
    pub async fn note_resolved(&self, run: &Run) -> Result<(), RoleError> {
        let workflow = self.workflow_of(run).await?;
        let flapping = workflow.definition.grouping.as_ref().and_then(|grouping| grouping.flapping);
        if let (Some(flapping), Some(subject)) = (flapping, run.subject_key()) {
            self.note_change(&subject, run, "resolved", flapping).await?;
        }
        Ok(())
    }

    /// A run that asked its groups was not opened: nothing is held because of it.
    pub(super) async fn leave_groups(&self, run: &Run, workflow: &Workflow) -> Result<(), RoleError> {
        for (number, key) in run.asked_groups(workflow) {
            let id = run.message_id(number);
            self.change_group(&key, |group| group.leave(&id)).await?;
        }
        Ok(())
    }

    /// Changes a group, as often as it takes to win the compare-and-set.
    async fn change_group<T>(
        &self,
        key: &GroupKey,
        mut change: impl FnMut(&mut Group) -> T,
    ) -> Result<T, RoleError> {
        let lock = self.group_locks.of(key);
        let _one = lock.lock().await;
        for _ in 0..CHANGE_TRIES_MAX {
            let (before, version) = self.group(key).await?;
            let mut group = before.clone();
            let value = change(&mut group);
            if group == before || self.keep_group(key, &group, version).await? {
                return Ok(value);
            }
        }
        Err(RoleError::ContendedGroup(key.to_string()))
    }

    async fn group(&self, key: &GroupKey) -> Result<(Group, u64), RoleError> {
        let stored = self.ports.groups.group(key).await?;
        Ok(stored.map_or_else(Default::default, |stored| (stored.value, stored.version)))
    }

    async fn keep_group(&self, key: &GroupKey, group: &Group, version: u64) -> Result<bool, RoleError> {
        let now = self.now();
        Ok(self.ports.groups.keep_group(key, group, version, group.kept_until(now), now).await?)
    }

    /// Who tells of a message whose window is over.
    async fn gathered(
        &self,
        run: &Run,
        number: u16,
        key: &GroupKey,
        window_s: Option<u32>,
        known: Option<MessageId>,
        ctx: &StepContext<'_>,
    ) -> Result<Gathered, RoleError> {
        let id = run.message_id(number);
        let lock = self.group_locks.of(key);
        let _one = lock.lock().await;
        for _ in 0..CHANGE_TRIES_MAX {
            let (mut group, version) = self.group(key).await?;
            let carrier = group.carrier_of(&id).cloned().or_else(|| known.clone());
            let other = carrier.clone().filter(|carrier| *carrier != id);
            let mut lost = None;
            if let Some(other) = other {
                let state = self.digest_state(&other, &id).await?;
                if state != DigestState::Gone {
                    return Ok(Gathered::ToldBy(other, state));
                }
                lost = Some(other);
            }
            // Whom the policy forbids to text is told nothing by a digest either: it says so when it is asked to send it.
            let consent = match run.message(number) {
                Some(message) => self.ports.consent.consent(&message.recipient().number).await?,
                None => return Ok(Gathered::Alone),
            };
            if run.gatherable(number, &consent, ctx) != Gatherable::Yes {
                return Ok(Gathered::Alone);
            }
            // Gathered before, by a process that died before it stored the text.
            let again = group.members_of(&id).map(<[MessageId]>::to_vec);
            let candidates = again.clone().unwrap_or_else(|| group.candidates(&id, lost.as_ref()));
            let (members, gone) = self.sorted(candidates, &consent, ctx).await?;
            if again.is_some() {
                return Ok(Gathered::Carries(members));
            }
            let ids: Vec<MessageId> = members.iter().map(|member| member.message.clone()).collect();
            group.gather(&id, &ids, &gone, lost.as_ref(), window_s, ctx.now);
            if self.keep_group(key, &group, version).await? {
                return Ok(if members.is_empty() { Gathered::Alone } else { Gathered::Carries(members) });
            }
        }
        Err(RoleError::ContendedGroup(key.to_string()))
    }

    /// Those that a digest may tell of, and those that wait for none any more.
    async fn sorted(
        &self,
        candidates: Vec<MessageId>,
        consent: &Consent,
        ctx: &StepContext<'_>,
    ) -> Result<(Vec<Member>, Vec<MessageId>), RoleError> {
        let (mut members, mut gone) = (Vec::new(), Vec::new());
        for message in candidates {
            let Some(run) = self.load(&message.run).await?.map(|stored| stored.value) else {
                gone.push(message);
                continue;
            };
            let workflow = self.workflow_of(&run).await?;
            let at_one_time = StepContext { now: ctx.now, ..self.context(&workflow) };
            match run.gatherable(message.number, consent, &at_one_time) {
                Gatherable::Yes => {
                    let (about, opened_at) = (run.told_about().to_owned(), run.opened_at());
                    members.push(Member { message, about, opened_at });
                }
                Gatherable::NotYet => {}
                Gatherable::No => gone.push(message),
            }
        }
        Ok((members, gone))
    }

    async fn follow_gathered(
        &self,
        run: &mut Run,
        number: u16,
        gathered: Gathered,
        ctx: &mut StepContext<'_>,
    ) -> Result<(), RoleError> {
        match gathered {
            Gathered::Alone => run.let_go(number, ctx),
            Gathered::Carries(members) if members.is_empty() => run.let_go(number, ctx),
            Gathered::Carries(members) => {
                let mut taken = Vec::new();
                let numbers: Vec<_> = run
                    .message(number)
                    .map_or_else(Vec::new, |message| message.recipient().numbers().cloned().collect());
                for phone in &numbers {
                    let routes = self.ports.lookup.reply_routes(phone, ctx.now).await?;
                    taken.extend(routes.into_iter().map(|route| route.code));
                }
                let audience = Audience {
                    code_key: self.code_key.clone(),
                    link_base: self.link_base.clone(),
                    ..Audience::default()
                };
                run.carry_digest(number, members, &taken, &audience, ctx);
            }
            Gathered::ToldBy(carrier, DigestState::Waits(until)) => {
                run.wait_for_digest(number, &carrier, until, ctx);
            }
            Gathered::ToldBy(carrier, DigestState::Known { status, code, replies }) => {
                run.take_digest(number, &carrier, status, code, &replies, ctx);
            }
            Gathered::ToldBy(_, DigestState::Gone) => {}
        }
        Ok(())
    }

    /// Where the digest of a message stands, for another that it tells of.
    async fn digest_state(&self, carrier: &MessageId, member: &MessageId) -> Result<DigestState, RoleError> {
        let stored = self.load(&carrier.run).await?;
        Ok(stored.map_or(DigestState::Gone, |run| run.value.digest_state(carrier.number, member)))
    }
}
