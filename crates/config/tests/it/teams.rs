//! Teams of sources, contacts and workflows: where two of them must not meet.

use crate::{examples, problems};

fn example(file: &str) -> String {
    std::fs::read_to_string(examples().join(file)).unwrap()
}

const SOURCE: &str =
    "[[source]]\nname = \"prometheus\"\ntypes = [\"incident.*\"]\nkey_env = [\"CALLOUT_KEY_PROMETHEUS\"]\n";

#[test]
fn a_workflow_names_no_contact_of_another_team_nor_a_rotation_that_holds_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("workflows")).unwrap();
    let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
    for file in ["callout.toml", "oncall.toml"] {
        write(file, &example(file));
    }
    // Every contact is of the team red.
    let contacts = example("contacts.toml").replace("time_zone =", "team = \"red\"\ntime_zone =");
    write("contacts.toml", &contacts);
    let load = |team: &str| {
        write(
            "workflows/incident-paging.toml",
            &format!("{team}{}", example("workflows/incident-paging.toml")),
        );
        config::load(&folder.path().join("callout.toml"), &crate::env, config::Scope::SERVER)
    };
    let (config, _) = load("team = \"red\"\n").unwrap();
    assert!(config.directory.contacts.values().all(|contact| contact.team.as_deref() == Some("red")));
    load("").unwrap();
    let found = load("team = \"blue\"\n").unwrap_err().to_string();
    let said = "of team red, and the workflow is of team blue; take the team from one of them";
    assert!(found.contains(said) && found.contains("step.notify: oncall:"), "{found}");
}

#[test]
fn a_source_may_not_send_what_only_workflows_of_other_teams_take() {
    let red = format!("{SOURCE}team = \"red\"\n");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("workflows")).unwrap();
    for file in ["contacts.toml", "oncall.toml"] {
        std::fs::write(folder.path().join(file), example(file)).unwrap();
    }
    std::fs::write(folder.path().join("callout.toml"), format!("{}{red}", example("callout.toml"))).unwrap();
    let load = |team: &str| {
        let workflow = format!("{team}{}", example("workflows/incident-paging.toml"));
        std::fs::write(folder.path().join("workflows/incident-paging.toml"), workflow).unwrap();
        config::load(&folder.path().join("callout.toml"), &crate::env, config::Scope::SERVER)
    };
    for team in ["", "team = \"red\"\n"] {
        let (_, secrets) = load(team).unwrap();
        let source = secrets.sources.iter().find(|source| source.name == "prometheus").unwrap();
        assert_eq!(source.team.as_deref(), Some("red"));
    }
    let found = load("team = \"blue\"\n").unwrap_err().to_string();
    let said = "source \"prometheus\" of team red may send \"incident.*\", which only workflows of other teams take, such as \
                incident-paging";
    assert!(found.contains(said), "{found}");
}

#[test]
fn a_team_that_cannot_be_one_and_a_name_that_is_kept_for_tokens_are_errors() {
    let text = format!("{}{SOURCE}team = \"two words\"\n", example("callout.toml"));
    let found = problems("callout.toml", &text);
    assert!(found.contains("source.team: expected letters, digits"), "{found}");
    let text = text.replace("\"prometheus\"", "\"/callout/tokens/ci\"").replace("two words", "red");
    let found = problems("callout.toml", &text);
    assert!(found.contains("source.name: what begins with /callout/tokens/ is kept for tokens"), "{found}");
    let contacts = format!(
        "{}\n[eve]\nnumber = \"+14155550199\"\ntime_zone = \"UTC\"\nteam = \"\"\n",
        example("contacts.toml")
    );
    let found = problems("contacts.toml", &contacts);
    assert!(found.contains("eve.team: expected letters, digits"), "{found}");
}
