//! Test pages, as operators ask for them. In: a contact. Out: a run whose text says that it is a test.
//!
//! Never: pages anybody else; the built-in workflow has one step and no ticket.

use domain::{
    id::RunId,
    test_page::{self, TestPage},
    workflow::WorkflowError,
};
use runtime::RoleError;

use crate::{
    control::{Control, of_all_teams},
    error::ControlError,
    new_test_page::{NewTestPage, TEST_PAGE_WITHIN_S_MAX},
    principal::Principal,
    recipient_explanation::no_contact,
    request::Answer,
    test_page_report::TestPageReport,
};

impl Control {
    /// Opens the run of a test page.
    pub(crate) async fn test_page(
        &self,
        principal: &Principal,
        new: NewTestPage,
    ) -> Result<Answer, ControlError> {
        if !principal.teams.is_empty() {
            return Err(of_all_teams(principal));
        }
        let NewTestPage { contact, wants_reply, within_s, name } = new;
        if !(1..=TEST_PAGE_WITHIN_S_MAX).contains(&within_s) {
            return Err(ControlError::Unusable("a test page waits for a second to an hour".to_owned()));
        }
        let directory = self.ports.runs.directory();
        if !directory.contacts.contains_key(&contact) {
            return Err(no_contact(&contact, &directory));
        }
        let page = TestPage { contact: &contact, wants_reply, within_s };
        let unusable = |errors: Vec<WorkflowError>| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            ControlError::Unusable(errors.join("; "))
        };
        let workflow = page.workflow().map_err(unusable)?;
        let (event, run) = page.event(&principal.name, name.as_deref(), self.ports.clock.now());
        self.ports.list.keep_workflow(&workflow.hash, &workflow.definition).await.map_err(RoleError::from)?;
        self.ports.runs.open_notice(&event, &workflow).await?;
        tracing::info!(run = %run, contact, by = principal.name, "a test page was asked for");
        self.show(&self.visible(principal, &run).await?, true, false).await
    }

    /// What came of a test page so far.
    pub(crate) async fn test_page_report(
        &self,
        principal: &Principal,
        id: &RunId,
    ) -> Result<Answer, ControlError> {
        let run = self.visible(principal, id).await?;
        let wants_reply = test_page::wants_reply(&run.value);
        let wants_reply = wants_reply.ok_or_else(|| ControlError::NotFound(id.clone()))?;
        let Answer::Run { run, .. } = self.show(&run, false, false).await? else {
            return Err(ControlError::NotFound(id.clone()));
        };
        Ok(Answer::TestPage { report: TestPageReport::of(&run, wants_reply) })
    }
}
