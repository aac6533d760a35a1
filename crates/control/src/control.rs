//! Carries out requests behind one authorization check.

use std::sync::Arc;

use domain::{
    agent::AgentRefusal,
    id::RunId,
    notice,
    run::{Run, RunPhase, StepContext},
    token::{Scope, Token},
    workflow::Workflow,
};
use jiff::{SignedDuration, Timestamp};
use ports::{
    ApprovalStore, AuditStore, Bus, CalendarStore, Clock, ConsentStore, DeadLetterStore, EffectStore,
    OutcomeLog, OverrideStore, PreflightStore, RateLimitStore, ReceiptStore, RetentionStore, RunStore,
    SendingStore, SilenceStore, StatusStore, TokenStore, Versioned, store::RunFilter,
};
use runtime::{Acceptance, RoleError, RunService};

use crate::{
    error::ControlError,
    last_uses::LastUses,
    letter_page::LetterPage,
    own_heartbeat::OwnHeartbeat,
    principal::Principal,
    refusal_code,
    request::{Answer, Request, RunQuery},
    run_list::{self, Found},
    status_report::Installation,
    view::RunView,
};

/// What operators' requests use, and nothing else.
#[derive(Clone)]
pub struct ControlPorts {
    /// Changes runs.
    pub runs: Arc<RunService>,
    /// Lists runs and reads their timelines.
    pub list: Arc<dyn RunStore>,
    /// Dead letters.
    pub letters: Arc<dyn DeadLetterStore>,
    /// Where a replayed effect waits.
    pub effects: Arc<dyn EffectStore>,
    /// Tokens of the API.
    pub tokens: Arc<dyn TokenStore>,
    /// What agents ask for.
    pub approvals: Arc<dyn ApprovalStore>,
    /// What the stream is read from.
    pub log: Arc<dyn OutcomeLog>,
    /// The audit's counts.
    pub audit: Arc<dyn AuditStore>,
    /// Takes the events that are sent with tokens.
    pub acceptance: Arc<Acceptance>,
    /// What processes report, and what waits.
    pub status: Arc<dyn StatusStore>,
    /// What is kept of preflights.
    pub preflight: Arc<dyn PreflightStore>,
    /// What numbers agreed to.
    pub consent: Arc<dyn ConsentStore>,
    /// Forgets what is erased.
    pub retention: Arc<dyn RetentionStore>,
    /// Who takes over an on-call turn for a while.
    pub overrides: Arc<dyn OverrideStore>,
    /// Events about which nobody is texted.
    pub silences: Arc<dyn SilenceStore>,
    /// Copies of calendars.
    pub calendars: Arc<dyn CalendarStore>,
    /// Whether texts go out of the account.
    pub sending: Arc<dyn SendingStore>,
    /// What agents may do within an hour.
    pub rate_limits: Arc<dyn RateLimitStore>,
    /// What became of the latest texts.
    pub receipts: Arc<dyn ReceiptStore>,
    /// Where a replayed event is published.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Carries out requests.
#[derive(Clone)]
pub struct Control {
    pub(crate) ports: ControlPorts,
    pub(crate) installation: Installation,
    pub(crate) own_heartbeat: OwnHeartbeat,
    pub(crate) last_uses: LastUses,
    pub(crate) looked_at_max: usize,
}

impl Control {
    /// Over these ports.
    pub fn new(ports: ControlPorts) -> Self {
        Self {
            ports,
            installation: Installation::default(),
            own_heartbeat: OwnHeartbeat::default(),
            last_uses: LastUses::default(),
            looked_at_max: run_list::LOOKED_AT_MAX,
        }
    }

    /// In a process that reports so of itself.
    pub fn reporting(self, own_heartbeat: OwnHeartbeat) -> Self {
        Self { own_heartbeat, ..self }
    }

    /// In a process that knows when tokens were used last.
    pub fn noting(self, last_uses: LastUses) -> Self {
        Self { last_uses, ..self }
    }

    /// Of this installation.
    pub fn of(self, installation: Installation) -> Self {
        Self { installation, ..self }
    }

    /// For tests: looks at no more runs than this for one list.
    #[doc(hidden)]
    pub fn looking_at(self, looked_at_max: usize) -> Self {
        Self { looked_at_max, ..self }
    }

    /// Carries out one request, if the principal may.
    ///
    /// # Errors
    /// [`ControlError`]; a request that failed in a port may be repeated.
    pub async fn execute(&self, principal: &Principal, request: Request) -> Result<Answer, ControlError> {
        self.execute_at(principal, request, None).await
    }

    /// The same, if the run is at this version.
    ///
    /// # Errors
    /// As [`Control::execute`], and [`ControlError::Changed`].
    pub async fn execute_at(
        &self,
        principal: &Principal,
        request: Request,
        version: Option<u64>,
    ) -> Result<Answer, ControlError> {
        let name = request.in_short().0;
        let executed = self.executed(principal, request, version).await;
        executed.inspect_err(|error| self.log_refusal(principal, name, refusal_code::code(error)))
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each request")]
    async fn executed(
        &self,
        principal: &Principal,
        request: Request,
        version: Option<u64>,
    ) -> Result<Answer, ControlError> {
        self.authorize(principal, &request)?;
        let name = &principal.name;
        match request {
            Request::ListRuns(query) => self.list(principal, query).await,
            Request::FindRuns { beginning } => self.find(principal, &beginning).await,
            Request::ShowRun { id, reveal } => {
                let seen = self.visible(principal, &id).await?;
                let mut answer = self.show(&seen, false, reveal).await?;
                if let Answer::Run { run, .. } = &mut answer {
                    let may_read = principal.is_agent && principal.may(Scope::Untrusted);
                    run.add_replies(&seen.value, reveal || may_read);
                }
                Ok(answer)
            }
            Request::Acknowledge { id } => self.acknowledge(principal, &id, version).await,
            Request::Observe { id, note } => self.observe(principal, &id, note).await,
            Request::Escalate { id } => self.escalate(principal, &id, version).await,
            Request::ResolveReview { id, message, verdict } => {
                let number = to_review(&self.visible(principal, &id).await?.value, message)?;
                self.change(principal, &id, version, |run, ctx| {
                    run.resolve_review(number, &verdict, name, ctx)
                })
                .await
            }
            Request::Cancel { id } => {
                self.change(principal, &id, version, |run, ctx| run.cancel(name, ctx)).await
            }
            Request::ListDeadLetters { filter, after, max } => {
                let LetterPage { letters, more, unreadable } =
                    self.dead_letters(principal, filter, after, max).await?;
                Ok(Answer::DeadLetters { letters, more, unreadable })
            }
            Request::ShowDeadLetter { id } => {
                let letter = self.shown_letter(principal, &id).await?;
                let letter = letter.ok_or(ControlError::NoDeadLetter(id))?;
                Ok(Answer::DeadLetter { letter: Box::new(letter) })
            }
            Request::Replay { id } => {
                Ok(Answer::DeadLetterChanged { change: self.replay(principal, &id).await? })
            }
            Request::Discard { id } => {
                Ok(Answer::DeadLetterChanged { change: self.discard(principal, &id).await? })
            }
            Request::AuditCounts if principal.teams.is_empty() => Ok(Answer::AuditCounts {
                counts: self.ports.audit.audit_counts().await.map_err(RoleError::from)?,
            }),
            Request::AuditCounts => Err(of_all_teams(principal)),
            Request::Status => self.status(principal).await,
            Request::Gaps { days } => {
                let gaps = self.ports.runs.gaps(days, SignedDuration::ZERO).await?;
                Ok(Answer::Gaps { gaps, clashes: self.ports.runs.clashes(days) })
            }
            Request::KeepPreflight { report } => {
                self.ports.preflight.keep_preflight(&report).await.map_err(RoleError::from)?;
                Ok(Answer::PreflightKept)
            }
            Request::FindPosition { after } => self.find_position(after).await,
            Request::ReadStream { after } => self.read_stream(principal, after).await,
            Request::ShowHeldData { number } => self.held_data(principal, &number).await,
            Request::Erase { number, also_recent, dry_run } => {
                self.erase(principal, &number, also_recent, dry_run).await
            }
            Request::ListSilences => self.silences().await,
            Request::AddSilence(new) => self.add_silence(principal, new).await,
            Request::EndSilence { id } => self.end_silence(principal, &id).await,
            Request::WorkflowFigures { workflow, since } => {
                self.workflow_figures(principal, workflow, since).await
            }
            Request::ListEvents { workflow, since, after } => self.list_events(workflow, since, after).await,
            Request::AuditDecisions { after } => self.audit_decisions(after).await,
            Request::ListConsent { after } => self.list_consent(after.as_deref()).await,
            Request::ShowConsent { number } => self.show_consent(principal, &number).await,
            Request::RecordConsent(new) => self.record_consent(principal, new).await,
            Request::ShowOnCall { query, from, until } => self.on_call(&query, from, until).await,
            Request::ShowCalendar { query, contact, days } => {
                self.show_calendar(&query, contact.as_deref(), days).await
            }
            Request::ReadCalendarCopy { schedule, layer } => {
                let text = self.ports.calendars.calendar_text(&schedule, &layer);
                Ok(Answer::CalendarCopy { text: text.await.map_err(RoleError::from)? })
            }
            Request::TestPage(new) => self.test_page(principal, new).await,
            Request::ShowTestPage { id } => self.test_page_report(principal, &id).await,
            Request::ExplainRecipient { whom, from, until } => {
                self.explain_recipient(principal, whom, from, until).await
            }
            Request::ListTexts { to, since, max } => self.texts_to(principal, &to, since, max).await,
            Request::AddOverride(new) => self.add_override(principal, new).await,
            Request::SwapShifts(swap) => self.swap_shifts(principal, swap).await,
            Request::RemoveOverride { id } => self.remove_override(principal, &id).await,
            Request::AddToken { token } => self.add_token(name, token).await,
            Request::ListTokens => self.tokens().await,
            Request::RevokeToken { id } => self.revoke_token(name, id).await,
            Request::ListAgents => self.agents().await,
            Request::StopAgents { label, why } => self.stop_agents(principal, label, why).await,
            Request::StartAgents { label } => self.start_agents(principal, label).await,
            Request::ListApprovals => self.approvals(principal).await,
            Request::ShowApproval { id } => self.show_approval(principal, &id).await,
            Request::DecideApproval { id, approve, why } => self.decide(principal, &id, approve, &why).await,
        }
    }

    /// Refuses what the principal may not ask for.
    pub(crate) fn authorize(&self, principal: &Principal, request: &Request) -> Result<(), ControlError> {
        let name = &principal.name;
        if principal.is_stopped {
            return Err(ControlError::Agent(AgentRefusal::Stopped));
        }
        if request.is_local() && !principal.is_local {
            return Err(ControlError::NotLocal);
        }
        let needed = request.needed_by(principal)?;
        if let Some(scope) = needed.iter().copied().find(|scope| !principal.may(*scope)) {
            if principal.is_agent {
                return Err(ControlError::Forbidden { name: name.clone(), scope });
            }
            let (request, what) = request.in_short();
            let what = domain::phone::identifier_without_numbers(what);
            tracing::warn!(principal = name, %scope, request, what, "a request was refused: its scope is missing");
            return Err(ControlError::Forbidden { name: name.clone(), scope });
        }
        Ok(())
    }

    async fn add_token(&self, by: &str, token: Token) -> Result<Answer, ControlError> {
        let (known, now) =
            (self.ports.tokens.tokens().await.map_err(RoleError::from)?, self.ports.runs.now());
        let is_of_others = |known: &&Token| {
            known.label == token.label && known.teams != token.teams && !known.is_expired(now)
        };
        // The label is the source of what they send: of two teams it would be one source.
        if let Some(known) = known.iter().find(is_of_others) {
            return Err(ControlError::LabelOfOthers { label: token.label, id: known.id.clone() });
        }
        self.ports.tokens.add_token(&token).await.map_err(RoleError::from)?;
        tracing::info!(token = token.id, label = token.label, by, "a token was made");
        self.tokens().await
    }

    async fn revoke_token(&self, by: &str, id: String) -> Result<Answer, ControlError> {
        if !self.ports.tokens.remove_token(&id).await.map_err(RoleError::from)? {
            return Err(ControlError::NoToken(id));
        }
        tracing::info!(token = id, by, "a token was revoked");
        self.tokens().await
    }

    async fn tokens(&self) -> Result<Answer, ControlError> {
        Ok(Answer::Tokens { tokens: self.ports.tokens.tokens().await.map_err(RoleError::from)? })
    }

    /// Whether the principal sees what came of an event of this source in this workflow, as far as each is known. What is
    /// not configured is of no team.
    pub(crate) fn sees(&self, principal: &Principal, workflow: Option<&str>, source: Option<&str>) -> bool {
        let workflows = self.ports.runs.workflows();
        principal.teams.is_empty()
            || workflows.team_of(workflow, source).is_some_and(|team| principal.teams.contains(team))
    }

    /// The workflows whose runs the principal may see, and those of the texts that callout sends by itself.
    pub fn workflow_names(&self, principal: &Principal) -> Vec<String> {
        let workflows = self.ports.runs.workflows();
        // Runs of a workflow that all teams share are those of their sources.
        let sees = |workflow: &&Workflow| {
            let team = workflow.team.as_ref();
            principal.teams.is_empty() || team.is_none_or(|team| principal.teams.contains(&**team))
        };
        let names = workflows.workflows().filter(sees).map(|workflow| workflow.name().to_owned());
        names.chain(notice::WORKFLOWS.map(str::to_owned)).collect()
    }

    pub(crate) fn sees_run(&self, principal: &Principal, run: &Run) -> bool {
        self.sees(principal, Some(run.workflow()), Some(&run.event().source))
    }

    async fn find(&self, principal: &Principal, beginning: &str) -> Result<Answer, ControlError> {
        let sees = |run: &Run| self.sees_run(principal, run);
        let found = run_list::find(&*self.ports.list, beginning, sees, self.looked_at_max).await;
        self.answer(principal, found.map_err(RoleError::from)?).await
    }

    async fn acknowledge(
        &self,
        principal: &Principal,
        id: &RunId,
        version: Option<u64>,
    ) -> Result<Answer, ControlError> {
        self.change(principal, id, version, |run, ctx| {
            // One that is over gets a line all the same.
            let changes = run.phase() != RunPhase::Acknowledged || run.ack_hold().is_some();
            if changes {
                run.acknowledge(&principal.name, principal.via, None, ctx);
            }
            changes
        })
        .await
    }

    async fn list(&self, principal: &Principal, query: RunQuery) -> Result<Answer, ControlError> {
        let RunQuery { phase, workflow, source, needs_review, unfinished, after, conditions, max } = query;
        let filter = RunFilter { phase, workflow, needs_review, unfinished, after, source };
        // By the runs that are found, a masked number could be guessed digit by digit.
        if principal.is_agent && (conditions.to.is_some() || conditions.to_hash.is_some()) {
            return Err(ControlError::Agent(AgentRefusal::NotForAgents));
        }
        let sees = |run: &Run| self.sees_run(principal, run);
        let key = self.ports.runs.recipient_key();
        if conditions.to_hash.is_some() && key.is_none() {
            return Err(ControlError::NoRecipientKey);
        }
        let looked_at_max = self.looked_at_max;
        let listed =
            run_list::list(&*self.ports.list, filter, &conditions, key, sees, max, looked_at_max).await;
        self.answer(principal, listed.map_err(RoleError::from)?).await
    }

    async fn step_ends_at(&self, run: &Run) -> Result<Option<Timestamp>, RoleError> {
        if run.phase() != RunPhase::Active {
            return Ok(None);
        }
        Ok(run.step_ends_at(&self.ports.runs.workflow_of(run).await?))
    }

    async fn answer(&self, principal: &Principal, found: Found) -> Result<Answer, ControlError> {
        let Found { runs, more, stopped_after, mut unreadable } = found;
        let key = self.ports.runs.recipient_key();
        let mut views = Vec::new();
        for run in &runs {
            let mut view = RunView::in_list(run, key);
            view.step_ends_at = self.step_ends_at(run).await?;
            views.push(view);
        }
        // Whose it is cannot be said.
        unreadable.retain(|_| principal.teams.is_empty());
        Ok(Answer::Runs { runs: views, more, stopped_after, unreadable })
    }

    /// The run, if there is one that the principal sees.
    pub(crate) async fn visible(
        &self,
        principal: &Principal,
        id: &RunId,
    ) -> Result<Versioned<Arc<Run>>, ControlError> {
        let stored = self.ports.runs.load(id).await?;
        let seen = stored.filter(|stored| {
            let sees = self.sees_run(principal, &stored.value);
            if !sees {
                tracing::warn!(principal = principal.name, run = %id, "a request was refused: the run is another team's");
            }
            sees
        });
        seen.ok_or_else(|| ControlError::NotFound(id.clone()))
    }

    pub(crate) async fn change(
        &self,
        principal: &Principal,
        id: &RunId,
        version: Option<u64>,
        transition: impl FnMut(&mut Run, &mut StepContext<'_>) -> bool,
    ) -> Result<Answer, ControlError> {
        let seen = self.visible(principal, id).await?;
        let applied = match version {
            None => self.ports.runs.apply_to(seen, transition).await?,
            Some(version) if version == seen.version => {
                match self.ports.runs.apply_once(seen, transition).await? {
                    Some(applied) => Some(applied),
                    None => return Err(self.changed(id).await),
                }
            }
            Some(_) => return Err(changed(&seen)),
        };
        let applied = applied.ok_or_else(|| ControlError::NotFound(id.clone()))?;
        self.show(&applied.run, applied.value, false).await
    }

    async fn escalate(
        &self,
        principal: &Principal,
        id: &RunId,
        version: Option<u64>,
    ) -> Result<Answer, ControlError> {
        self.agent_may_escalate(principal, id).await?;
        let seen = self.visible(principal, id).await?;
        // Two who escalate at once mean the step that both saw, not two steps. What happens to the run meanwhile, such as
        // a receipt, changes its version and not what is meant.
        let of = |run: &Run| (run.start(), run.next().map(|next| next.start), run.phase());
        let step = of(&seen.value);
        let is_meant = |run: &Versioned<Arc<Run>>| {
            of(&run.value) == step && version.is_none_or(|version| run.version == version)
        };
        let escalated = self.ports.runs.escalate(id, &principal.name, is_meant).await?;
        if escalated != Some(true) && version.is_some() {
            let now = self.visible(principal, id).await?;
            if Some(now.version) != version {
                return Err(changed(&now));
            }
        }
        self.show(&self.visible(principal, id).await?, escalated == Some(true), false).await
    }

    async fn changed(&self, id: &RunId) -> ControlError {
        match self.ports.runs.load(id).await {
            Ok(Some(run)) => changed(&run),
            Ok(None) => ControlError::NotFound(id.clone()),
            Err(error) => error.into(),
        }
    }

    pub(crate) async fn show(
        &self,
        run: &Versioned<Arc<Run>>,
        changed: bool,
        reveal: bool,
    ) -> Result<Answer, ControlError> {
        let timeline = self.ports.list.timeline(run.value.id()).await.map_err(RoleError::from)?;
        let mut view = RunView::new(&run.value, &timeline, self.ports.runs.recipient_key());
        view.step_ends_at = self.step_ends_at(&run.value).await?;
        if reveal {
            view.reveal(&run.value);
        }
        Ok(Answer::Run { run: Box::new(view), changed, version: run.version })
    }
}

/// The message that is meant: the one named, or the only one that needs review.
pub(crate) fn to_review(run: &Run, named: Option<u16>) -> Result<u16, ControlError> {
    let numbers: Vec<u16> = run.messages().iter().filter(|m| m.needs_review()).map(|m| m.number()).collect();
    match (named, numbers.as_slice()) {
        (Some(number), _) if numbers.contains(&number) => Ok(number),
        (None, [number]) => Ok(*number),
        (None, [_, _, ..]) => Err(ControlError::SeveralToReview { run: run.id().clone(), numbers }),
        (Some(_), _) | (None, []) => Err(ControlError::NothingToReview(run.id().clone())),
    }
}

/// Refuses what is about the whole installation to who is limited to teams.
pub(crate) fn of_all_teams(principal: &Principal) -> ControlError {
    tracing::warn!(principal = principal.name, "a request was refused: it is about the whole installation");
    ControlError::OfAllTeams(principal.name.clone())
}

fn changed(run: &Versioned<Arc<Run>>) -> ControlError {
    ControlError::Changed { run: run.value.id().clone(), version: run.version }
}
