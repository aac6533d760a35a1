//! What belongs to which team. In: the teams of things. Out: whether two of them meet, and whose a run is.
//!
//! Never: says what a principal may do; `control` does.

use std::collections::BTreeMap;

/// Whether two things may meet: a source and the workflow that its event opens, a workflow and the contact that it
/// notifies. Those of two teams do not; what is of no team meets everything.
pub fn meet(one: Option<&str>, other: Option<&str>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}

/// Whose a run is: its workflow's team's. Of a workflow that all teams share, it is the team's of its event's source.
pub fn owner<'a>(workflow: Option<&'a str>, source: Option<&'a str>) -> Option<&'a str> {
    workflow.or(source)
}

/// The teams of the sources that have one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceTeams(BTreeMap<String, String>);

impl SourceTeams {
    /// Of these sources, each with its team.
    pub fn new(sources: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(sources.into_iter().collect())
    }

    /// Whether no source has a team.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The team of a source.
    pub fn of(&self, source: &str) -> Option<&str> {
        self.0.get(source).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_of_two_teams_do_not_meet_and_what_is_of_none_meets_all() {
        let (red, blue) = (Some("red"), Some("blue"));
        assert!(!meet(red, blue));
        for (one, other) in [(red, red), (red, None), (None, blue), (None, None)] {
            assert!(meet(one, other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_run_is_its_workflow_s_team_s_and_of_a_shared_workflow_its_source_s() {
        let teams = SourceTeams::new([("monitoring".to_owned(), "red".to_owned())]);
        assert_eq!(owner(Some("blue"), teams.of("monitoring")), Some("blue"));
        assert_eq!(owner(None, teams.of("monitoring")), Some("red"));
        assert_eq!(owner(None, teams.of("another")), None);
    }
}
