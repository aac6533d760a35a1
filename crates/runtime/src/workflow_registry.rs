//! Workflows by what opens them, and by content hash for runs that were opened with an older definition.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{PoisonError, RwLock},
};

use domain::{
    notice::Notices,
    run::Run,
    team::{SourceTeams, meet, owner},
    workflow::Workflow,
};
use ports::RunStore;

use crate::error::RoleError;

/// The workflows of one configuration, and a cache of older ones.
#[derive(Debug, Default)]
pub struct WorkflowRegistry {
    by_name: BTreeMap<String, Workflow>,
    by_hash: RwLock<HashMap<String, Workflow>>,
    /// Absent where replies are not answered and nobody hears an all-clear.
    notices: Option<Notices>,
    sources: SourceTeams,
}

/// What an event of one type and source does.
#[derive(Debug, Default)]
pub struct Routes<'a> {
    /// Workflows it opens a run in.
    pub opens: Vec<&'a Workflow>,
    /// Workflows whose runs it resolves.
    pub resolves: Vec<&'a Workflow>,
}

impl Routes<'_> {
    /// Whether it does nothing.
    pub fn is_empty(&self) -> bool {
        self.opens.is_empty() && self.resolves.is_empty()
    }
}

impl WorkflowRegistry {
    /// A book of these workflows; of two with one name the later counts.
    pub fn new(workflows: impl IntoIterator<Item = Workflow>) -> Self {
        let by_name: BTreeMap<_, _> = workflows.into_iter().map(|w| (w.name().to_owned(), w)).collect();
        let by_hash = by_name.values().map(|w| (w.hash.to_string(), w.clone())).collect();
        Self { by_name, by_hash: RwLock::new(by_hash), notices: None, sources: SourceTeams::default() }
    }

    /// With the workflows of notices, which no event of a producer reaches.
    pub fn with_notices(mut self, notices: Notices) -> Self {
        let by_hash = self.by_hash.get_mut().unwrap_or_else(PoisonError::into_inner);
        by_hash.extend(notices.workflows().map(|workflow| (workflow.hash.to_string(), workflow.clone())));
        self.notices = Some(notices);
        self
    }

    /// With sources of these teams.
    pub fn with_teams(self, sources: SourceTeams) -> Self {
        Self { sources, ..self }
    }

    /// The notices, where they are sent.
    pub fn notices(&self) -> Option<&Notices> {
        self.notices.as_ref()
    }

    /// All workflows in force, by name.
    pub fn workflows(&self) -> impl Iterator<Item = &Workflow> {
        self.by_name.values()
    }

    /// Whose a run is that an event of this source opened through a workflow: of no team where neither has one.
    pub fn team_of(&self, workflow: Option<&str>, source: Option<&str>) -> Option<&str> {
        let of_workflow = workflow.and_then(|workflow| self.by_name.get(workflow)?.team.as_deref());
        owner(of_workflow, source.and_then(|source| self.sources.of(source)))
    }

    /// Whether an event of this source may resolve a run: whatever subjects the sources share, not one of another team.
    pub fn may_resolve(&self, run: &Run, source: &str) -> bool {
        let of_run = self.team_of(Some(run.workflow()), Some(&run.event().source));
        meet(of_run, self.sources.of(source))
    }

    /// Whether a source has a team.
    pub fn has_teams(&self) -> bool {
        !self.sources.is_empty()
    }

    /// What events of this type from this source do.
    pub fn routes(&self, event_type: &str, source: &str) -> Routes<'_> {
        let team = self.sources.of(source);
        let reached = || self.workflows().filter(|workflow| meet(team, workflow.team.as_deref()));
        Routes {
            opens: reached().filter(|w| w.definition.event == event_type).collect(),
            resolves: reached().filter(|w| w.definition.resolved_by.as_deref() == Some(event_type)).collect(),
        }
    }

    /// Why events of a type that leads nowhere are not taken from this source.
    pub fn unroutable(&self, source: &str) -> String {
        match self.sources.of(source) {
            None => "no workflow takes events of this type".to_owned(),
            Some(team) => format!("no workflow of team {team}, or of none, takes events of this type"),
        }
    }

    /// Stores every definition under its hash, so that runs opened with it can go on after a change.
    ///
    /// # Errors
    /// When the store does not take them.
    pub async fn keep(&self, store: &dyn RunStore) -> Result<(), RoleError> {
        let notices = self.notices.iter().flat_map(Notices::workflows);
        for workflow in self.workflows().chain(notices) {
            store.keep_workflow(&workflow.hash, &workflow.definition).await?;
        }
        Ok(())
    }

    /// The definition that a run was opened with.
    ///
    /// # Errors
    /// When the store cannot be asked, or has no definition that this version can use.
    pub async fn of(&self, run: &Run, store: &dyn RunStore) -> Result<Workflow, RoleError> {
        if let Some(workflow) = self.cached(run.workflow_hash()) {
            return Ok(workflow);
        }
        let unusable = |reason: String| RoleError::Workflow {
            workflow: run.workflow().to_owned(),
            hash: run.workflow_hash().to_owned(),
            reason,
        };
        let definition =
            store.workflow(run.workflow_hash()).await?.ok_or_else(|| unusable("it is not stored".into()))?;
        let workflow = Workflow::compile(definition).map_err(|errors| {
            unusable(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        })?;
        let mut cache = self.by_hash.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        cache.insert(run.workflow_hash().to_owned(), workflow.clone());
        Ok(workflow)
    }

    fn cached(&self, hash: &str) -> Option<Workflow> {
        self.by_hash.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(hash).cloned()
    }
}
