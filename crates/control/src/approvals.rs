//! What an agent asks for, and what a person decides on it.
//!
//! State first: what is asked for is stored and nothing else; what is approved is stored, then done, then its result is
//! stored. Whoever dies between leaves it to [`Control::carry_on_approvals`].
//!
//! In: an agent's call that takes a person, a person's yes or no. Out: an approval; what was approved, done once.
//! Never: does what is not what was shown, or lets who asked decide.

use std::sync::Arc;

use domain::{
    acceptance::{NotAccepted, SameId},
    agent::AgentRefusal,
    approval::{
        APPROVALS_PENDING_MAX, AgentAct, Approval, ApprovalDecision, ApprovalRefusal, ApprovalResult,
        ApprovalState, ApprovalTold, WHY_CHARS_MAX,
    },
    event::Event,
    id::RunId,
    limits::CHANGE_TRIES_MAX,
    run::{Run, RunPhase},
    token::Scope,
};
use ports::{Kept, StoreError, Versioned};
use runtime::{Precedent, RoleError};

use crate::{
    approval_view::ApprovalView,
    control::Control,
    error::ControlError,
    principal::Principal,
    request::{Answer, Request},
};

/// What became of an agent's wish to raise an event that a person decides on.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// The event came before: these are its runs.
    Known(Vec<RunId>),
    /// A person decides, or has.
    Approval(Box<Approval>),
}

impl Control {
    /// Asks a person whether an event may be raised. It costs of the budgets what raising it would; the same call again is the
    /// same approval, and costs nothing.
    ///
    /// # Errors
    /// When an agent could not raise it though a person agreed, or the store cannot be asked.
    pub async fn ask_to_raise(&self, principal: &Principal, event: &Event) -> Result<Asked, NotAccepted> {
        let asked = self.asked_to_raise(principal, event).await;
        if let Err(refused) = &asked {
            self.log_refusal(principal, "ask_to_raise", crate::refusal_code::code_of_event(refused));
        }
        asked
    }

    async fn asked_to_raise(&self, principal: &Principal, event: &Event) -> Result<Asked, NotAccepted> {
        let not_stored = |error: RoleError| NotAccepted::NotStored(error.to_string());
        let events = std::slice::from_ref(event);
        match self.agent_may_raise(events) {
            Ok(()) | Err(AgentRefusal::NeedsApproval) => {}
            Err(refusal) => return Err(NotAccepted::Agent(refusal)),
        }
        let previews = self.preview(principal, event).await?;
        let runs: Vec<RunId> = previews.iter().map(|preview| preview.run.clone()).collect();
        if previews.iter().any(|preview| preview.precedent == Precedent::Other) {
            return Err(NotAccepted::Conflict { pointer: "/id".to_owned() });
        }
        if self.ports.acceptance.is_known(event).await.map_err(not_stored)? {
            return Ok(Asked::Known(runs));
        }
        let act = AgentAct::Raise { event: Box::new(event.clone()) };
        let request = self.raise_request(principal, act, event, &previews);
        let asked = Approval::ask(request, self.ports.clock.now());
        let approval = self.keep_asked(asked, principal, events).await?;
        Ok(Asked::Approval(Box::new(approval)))
    }

    /// Asks a person whether a run may page its next step now.
    ///
    /// # Errors
    /// When it could not though a person agreed, or the store cannot be asked.
    pub async fn ask_to_escalate(
        &self,
        principal: &Principal,
        id: &RunId,
        version: u64,
    ) -> Result<Approval, ControlError> {
        let asked = self.asked_to_escalate(principal, id, version).await;
        if let Err(refused) = &asked {
            self.log_refusal(principal, "ask_to_escalate", crate::refusal_code::code(refused));
        }
        asked
    }

    async fn asked_to_escalate(
        &self,
        principal: &Principal,
        id: &RunId,
        version: u64,
    ) -> Result<Approval, ControlError> {
        self.authorize(principal, &Request::Escalate { id: id.clone() })?;
        match self.agent_may_escalate(principal, id).await {
            Ok(()) | Err(ControlError::Agent(AgentRefusal::NeedsApproval | AgentRefusal::Cooldown(_))) => {}
            Err(refused) => return Err(refused),
        }
        let seen = self.visible(principal, id).await?;
        if seen.version != version {
            return Err(ControlError::Changed { run: id.clone(), version: seen.version });
        }
        let act = AgentAct::Escalate { run: id.clone(), version, start: seen.value.start() };
        let request = self.escalate_request(principal, act, &seen).await?;
        let asked = Approval::ask(request, self.ports.clock.now());
        self.keep_asked(asked, principal, &[]).await.map_err(|refused| match refused {
            NotAccepted::Agent(refusal) => ControlError::Agent(refusal),
            other @ (NotAccepted::Invalid(_)
            | NotAccepted::Forbidden(_)
            | NotAccepted::Conflict { .. }
            | NotAccepted::NotStored(_)) => {
                RoleError::from(StoreError::Unavailable(other.to_string())).into()
            }
        })
    }

    /// Stores what is asked for, unless it was asked for before and is not over. Its events are taken from the budgets.
    async fn keep_asked(
        &self,
        asked: Approval,
        principal: &Principal,
        events: &[Event],
    ) -> Result<Approval, NotAccepted> {
        let not_stored = |error: StoreError| NotAccepted::NotStored(error.to_string());
        let (now, mut is_charged) = (asked.asked_at, false);
        for _ in 0..CHANGE_TRIES_MAX {
            let known = self.ports.approvals.approval(&asked.id).await.map_err(not_stored)?;
            let version = match known {
                None => 0,
                Some(known) if known.value.state(now) == ApprovalState::Expired => known.version,
                Some(known) => return Ok(known.value),
            };
            if !is_charged {
                self.charge(principal, events).await?;
                is_charged = true;
            }
            let kept = self.ports.approvals.keep_approval(&asked, version, APPROVALS_PENDING_MAX, now).await;
            match kept.map_err(not_stored)? {
                Kept::Stored => {
                    let (id, act, by) = (&asked.id, asked.act.name(), &asked.by);
                    let expires_at = asked.expires_at.to_string();
                    tracing::info!(
                        approval = id,
                        act,
                        by,
                        digest = asked.digest,
                        expires_at,
                        "an agent asks for approval"
                    );
                    // Whoever carries on asks them, and tells of it, if it fails here.
                    if let Err(error) = self.ask_approvers(&asked).await {
                        tracing::warn!(approval = id, %error, "its approvers could not be asked; it is tried again");
                    }
                    let stored = Versioned { value: asked, version: version + 1 };
                    return Ok(self.tell_of_approval(stored).await.value);
                }
                Kept::Full => return Err(NotAccepted::Agent(AgentRefusal::ApprovalsPending)),
                Kept::Changed => {}
            }
        }
        Err(NotAccepted::NotStored(format!("approval {} is changed by others", asked.id)))
    }

    /// What agents asked for, as far as the principal sees it.
    pub(crate) async fn approvals(&self, principal: &Principal) -> Result<Answer, ControlError> {
        let now = self.ports.clock.now();
        let mut all = self.ports.approvals.approvals().await.map_err(RoleError::from)?;
        all.retain(|held| self.sees_approval(principal, &held.value));
        let approvals = all.iter().map(|held| ApprovalView::new(&held.value, now)).collect();
        Ok(Answer::Approvals { approvals })
    }

    pub(crate) async fn show_approval(
        &self,
        principal: &Principal,
        id: &str,
    ) -> Result<Answer, ControlError> {
        let held = self.visible_approval(principal, id).await?;
        let mut view = ApprovalView::new(&held.value, self.ports.clock.now());
        if !principal.is_agent {
            view.asked = self.asked_approvers(&held.value).await?;
        }
        Ok(Answer::Approval { approval: Box::new(view) })
    }

    fn approval_answer(&self, approval: &Approval) -> Answer {
        Answer::Approval { approval: Box::new(ApprovalView::new(approval, self.ports.clock.now())) }
    }

    fn sees_approval(&self, principal: &Principal, approval: &Approval) -> bool {
        if principal.is_agent {
            return approval.token == principal.token;
        }
        approval.workflows.iter().all(|workflow| self.sees(principal, Some(workflow), None))
    }

    async fn visible_approval(
        &self,
        principal: &Principal,
        id: &str,
    ) -> Result<Versioned<Approval>, ControlError> {
        let held = self.ports.approvals.approval(id).await.map_err(RoleError::from)?;
        let held = held.filter(|held| self.sees_approval(principal, &held.value));
        held.ok_or_else(|| ControlError::NoApproval(id.to_owned()))
    }

    /// A person's yes or no. Who says the same twice is answered the same.
    pub(crate) async fn decide(
        &self,
        principal: &Principal,
        id: &str,
        approve: bool,
        why: &str,
    ) -> Result<Answer, ControlError> {
        if why.chars().count() > WHY_CHARS_MAX {
            return Err(ControlError::Unusable(format!("say why in at most {WHY_CHARS_MAX} characters")));
        }
        let decided = self.decided(principal, id, approve, why).await;
        if let Err(ControlError::Approval(refusal)) = &decided {
            let (code, by) = (refusal.code(), &principal.name);
            tracing::warn!(target: "callout::audit", approval = id, by, via = principal.via, code, "an approval was refused");
        }
        Ok(self.approval_answer(&decided?.value))
    }

    async fn decided(
        &self,
        principal: &Principal,
        id: &str,
        approve: bool,
        why: &str,
    ) -> Result<Versioned<Approval>, ControlError> {
        for _ in 0..CHANGE_TRIES_MAX {
            let (held, now) = (self.visible_approval(principal, id).await?, self.ports.clock.now());
            let token = Some(&*principal.token).filter(|token| !token.is_empty());
            let is_said = |decision: &ApprovalDecision| {
                decision.by == principal.name && decision.via == principal.via && decision.approved == approve
            };
            if held.value.decision.as_ref().is_some_and(is_said) {
                return self.carry_out(held).await;
            }
            held.value.may_decide(&principal.name, token, now).map_err(ControlError::Approval)?;
            if approve {
                self.may_be_done(&held.value).await?;
            }
            let decision = ApprovalDecision {
                approved: approve,
                by: principal.name.clone(),
                via: principal.via.to_owned(),
                at: now,
                why: why.to_owned(),
            };
            if let Some(decided) = self.take_decision(held, decision).await? {
                return Ok(decided);
            }
        }
        Err(ControlError::Approval(ApprovalRefusal::AlreadyDecided))
    }

    /// Stores a decision, and does what was approved; `None` where somebody changed the approval meanwhile.
    pub(crate) async fn take_decision(
        &self,
        held: Versioned<Approval>,
        decision: ApprovalDecision,
    ) -> Result<Option<Versioned<Approval>>, ControlError> {
        let decided = Approval { decision: Some(decision.clone()), ..held.value };
        if !self.keep_changed(&decided, held.version).await? {
            return Ok(None);
        }
        let ApprovalDecision { approved: approve, by, via, why, .. } = decision;
        let Approval { id: approval, by: asked_by, digest, act, .. } = &decided;
        let act = act.name();
        tracing::info!(approval, approve, by, via, why, act, asked_by, digest, "an approval was decided");
        // A process that dies here leaves what must be done to those that carry on.
        let done = self.carry_out(Versioned { value: decided, version: held.version + 1 }).await?;
        Ok(Some(self.tell_of_approval(done).await))
    }

    /// Tells destinations of it. What is not told, or not noted as told, whoever carries on tells: under the same id.
    async fn tell_of_approval(&self, mut held: Versioned<Approval>) -> Versioned<Approval> {
        while let Some(news) = held.value.news(self.ports.clock.now()) {
            let told = Approval { told: Some(news), ..held.value.clone() };
            match self.tell_news(&held, news, &told).await {
                Ok(true) => held = Versioned { value: told, version: held.version + 1 },
                Ok(false) => break, // Somebody changed it meanwhile, or has told.
                Err(error) => {
                    tracing::warn!(approval = held.value.id, %error, "destinations could not be told of an approval; it is tried again");
                    break;
                }
            }
        }
        held
    }

    /// Whether it is noted that destinations were told.
    async fn tell_news(
        &self,
        held: &Versioned<Approval>,
        news: ApprovalTold,
        told: &Approval,
    ) -> Result<bool, ControlError> {
        if news == ApprovalTold::Decided {
            self.stop_asking(&held.value).await?;
        }
        self.ports.runs.tell(&held.value.told_event(news)).await?;
        self.keep_changed(told, held.version).await
    }

    async fn keep_changed(&self, approval: &Approval, version: u64) -> Result<bool, ControlError> {
        let now = self.ports.clock.now();
        let kept = self.ports.approvals.keep_approval(approval, version, APPROVALS_PENDING_MAX, now).await;
        Ok(kept.map_err(RoleError::from)? == Kept::Stored)
    }

    /// Takes replies of approvers, does what was approved and is not done, because a process died between. What cannot be done now is tried again.
    ///
    /// # Errors
    /// When the store cannot be asked what there is.
    pub async fn carry_on_approvals(&self) -> Result<(), ControlError> {
        self.take_replies_of_approvers().await?;
        for held in self.ports.approvals.approvals_to_do().await.map_err(RoleError::from)? {
            let id = held.value.id.clone();
            if let Err(error) = self.carry_out(held).await {
                tracing::warn!(approval = id, %error, "what was approved could not be done; it is tried again");
            }
        }
        for held in self.ports.approvals.approvals().await.map_err(RoleError::from)? {
            self.tell_of_approval(held).await;
        }
        Ok(())
    }

    /// Does what was approved, once, and stores what came of it. What is done already is found so: an event by its id, a step
    /// by its number.
    async fn carry_out(&self, held: Versioned<Approval>) -> Result<Versioned<Approval>, ControlError> {
        let approval = &held.value;
        let Some(decision) = approval.decision.as_ref().filter(|_| approval.result.is_none()) else {
            return Ok(held);
        };
        if !decision.approved {
            return Ok(held);
        }
        let refused = match self.do_once(approval, &decision.by).await {
            Ok(()) => None,
            // What is wrong now stays wrong; what a port did not do is tried again.
            Err(ControlError::Role(error)) => return Err(error.into()),
            Err(refused) => Some(crate::refusal_code::code(&refused).to_owned()),
        };
        let runs = if refused.is_none() { runs_of(approval) } else { Vec::new() };
        let result = ApprovalResult { runs, refused, at: self.ports.clock.now() };
        let done = Approval { result: Some(result.clone()), ..held.value.clone() };
        let (id, refused) = (&done.id, result.refused.as_deref());
        if self.keep_changed(&done, held.version).await? {
            tracing::info!(approval = id, asked_by = done.by, refused, runs = ?result.runs, "an approval was used");
            return Ok(Versioned { value: done, version: held.version + 1 });
        }
        // Another process carried it out as well, and told.
        let now = self.ports.approvals.approval(&done.id).await.map_err(RoleError::from)?;
        now.ok_or(ControlError::NoApproval(done.id))
    }

    async fn do_once(&self, approval: &Approval, approver: &str) -> Result<(), ControlError> {
        match &approval.act {
            AgentAct::Raise { event } => {
                if self.ports.acceptance.is_known(event).await? {
                    return Ok(());
                }
                let principal = self.may_be_done(approval).await?;
                let (source, now) = (principal.as_source(), self.ports.runs.now());
                let events = std::slice::from_ref(&**event);
                let accepted =
                    self.ports.acceptance.accept(&source, events, false, SameId::Conflicts, now).await;
                accepted.map(drop).map_err(of_event)
            }
            AgentAct::Escalate { run, start, .. } => {
                let loaded = self.ports.runs.load(run).await?.map(|run| run.value);
                let has_begun = |run: &Arc<Run>| run.start() > *start;
                if loaded.as_ref().is_some_and(has_begun) {
                    return Ok(());
                }
                self.may_be_done(approval).await?;
                let by = format!("{approver} for agent {}", approval.by);
                // Somebody may take the run on at this very moment.
                let is_meant = |run: &Versioned<Arc<Run>>| {
                    run.value.start() == *start && run.value.phase() == RunPhase::Active
                };
                if self.ports.runs.escalate(run, &by, is_meant).await? == Some(true) {
                    return Ok(());
                }
                let now = self.ports.runs.load(run).await?.map(|run| run.value);
                match now.as_ref().is_some_and(has_begun) {
                    true => Ok(()),
                    false => Err(ControlError::Approval(ApprovalRefusal::StaleVersion)),
                }
            }
        }
    }

    /// Whether what was asked for may still be done, and is what was shown. Returns the agent that asked.
    async fn may_be_done(&self, approval: &Approval) -> Result<Principal, ControlError> {
        let refused = |refusal| Err(ControlError::Approval(refusal));
        if self.is_stopped(&approval.by).await.map_err(RoleError::from)? {
            return refused(ApprovalRefusal::Stopped);
        }
        let now = self.ports.clock.now();
        let token = self.ports.tokens.token(&approval.token).await.map_err(RoleError::from)?;
        let Some(token) = token.filter(|token| !token.is_expired(now)) else {
            return refused(ApprovalRefusal::TokenGone);
        };
        let principal = Principal::agent_with_token(&token);
        let request = match &approval.act {
            AgentAct::Raise { event } => {
                let events = std::slice::from_ref(&**event);
                if self.source_for(&principal, events).is_err() {
                    return refused(ApprovalRefusal::TokenGone);
                }
                match self.agent_may_raise(events) {
                    Ok(()) | Err(AgentRefusal::NeedsApproval) => {}
                    Err(refusal) => return Err(ControlError::Agent(refusal)),
                }
                let previews = self.preview(&principal, event).await.map_err(of_event)?;
                self.raise_request(&principal, approval.act.clone(), event, &previews)
            }
            AgentAct::Escalate { run, start, .. } => {
                if !principal.may(Scope::Escalate) {
                    return refused(ApprovalRefusal::TokenGone);
                }
                let seen = self.visible(&principal, run).await?;
                if seen.value.start() != *start {
                    return refused(ApprovalRefusal::StaleVersion);
                }
                match self.agent_may_escalate(&principal, run).await {
                    Ok(())
                    | Err(ControlError::Agent(AgentRefusal::NeedsApproval | AgentRefusal::Cooldown(_))) => {}
                    Err(ControlError::Agent(AgentRefusal::NotPaging | AgentRefusal::NoMoreSteps)) => {
                        return refused(ApprovalRefusal::StaleVersion);
                    }
                    Err(other) => return Err(other),
                }
                self.escalate_request(&principal, approval.act.clone(), &seen).await?
            }
        };
        approval.holds(&request.policy, &request.previews).map_err(ControlError::Approval)?;
        Ok(principal)
    }
}

/// The runs that it opens or moves on.
fn runs_of(approval: &Approval) -> Vec<RunId> {
    approval.previews.iter().map(|preview| preview.run.clone()).collect()
}

/// Why an event was not taken, where a person agreed to it.
fn of_event(refused: NotAccepted) -> ControlError {
    match refused {
        NotAccepted::Agent(refusal) => ControlError::Agent(refusal),
        NotAccepted::NotStored(error) => RoleError::from(StoreError::Unavailable(error)).into(),
        NotAccepted::Conflict { .. } => ControlError::Approval(ApprovalRefusal::StaleVersion),
        // Its schema, or what the token may send, is not what it was.
        NotAccepted::Invalid(_) => ControlError::Approval(ApprovalRefusal::PolicyChanged),
        NotAccepted::Forbidden(_) => ControlError::Approval(ApprovalRefusal::TokenGone),
    }
}
