//! What a workflow says of software agents. In: settings. Out: what they mean, or an error with its line and what to write.

use domain::agent::{AgentAck, AgentMay};

use crate::{env, problems};

const WORKFLOW: &str = "event = \"e\"\ntemplate = \"{{ ack }}\"\n[schema]\ntype = \"object\"\nproperties = { title = { type = \"string\" } }\n[[step]]\n\
                        notify = [\"contact:head-of-operations\"]\nack_within = \"5m\"\n[agents]\n";

#[test]
fn what_can_be_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("workflows")).unwrap();
    write(
        "callout.toml",
        "environment = \"test\"\n[twilio]\nfrom = \"+15005550006\"\npublic_url = \"https://x.example\"\n",
    );
    write("contacts.toml", "[head-of-operations]\nnumber = \"+14155550103\"\ntime_zone = \"UTC\"\n");
    let keys = "raise = \"never\"\nescalate = \"auto\"\napproval_expires = \"5m\"\nack = \"hold\"\nhold_max = \"20m\"\n\
                hold_critical = true\nreply_texts = true\n";
    write("workflows/w.toml", &format!("{WORKFLOW}{keys}"));
    let path = folder.path().join("callout.toml");
    let (config, _) = config::load(&path, &env, config::Scope::OPERATOR).unwrap();
    let agents = config.workflows[0].definition.agents;
    assert_eq!((agents.raise, agents.escalate), (AgentMay::Never, AgentMay::Auto));
    assert_eq!(
        (agents.approval_expires_s, agents.ack, agents.hold_max_s),
        (Some(300), AgentAck::Hold, Some(1_200))
    );
    assert!(agents.hold_critical && agents.reply_texts);
}

#[test]
fn what_cannot_be_is_said_with_its_line() {
    for key in [
        "approval_expires = \"10s\"",
        "approval_expires = \"2d\"",
        "ack = \"acknowledge\"",
        "hold_max = \"2h\"",
    ] {
        let found = problems("workflows/x.toml", &format!("{WORKFLOW}{key}\n"));
        let name = key.split(' ').next().unwrap();
        let says =
            |line: &str| line.contains("x.toml:10:") && line.contains(name) && line.contains("expected");
        assert!(found.lines().any(says), "{key}: {found}");
    }
}
