//! Adapters of sources: what may be configured, and what is said of mistakes.

use domain::adapter::{Adapter, Per};

use crate::{examples, problems};

fn with(adapter: &str) -> String {
    let example = std::fs::read_to_string(examples().join("callout.toml")).unwrap();
    let source = "[[source]]\nname = \"prometheus\"\ntypes = [\"incident.*\"]\nkey_env = [\"CALLOUT_KEY_PROMETHEUS\"]\n";
    format!("{example}{source}{adapter}")
}

#[test]
fn an_adapter_is_as_usual_unless_it_is_configured() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("workflows")).unwrap();
    for name in ["contacts.toml", "oncall.toml", "workflows/incident-paging.toml"] {
        std::fs::copy(examples().join(name), folder.path().join(name)).unwrap();
    }
    let text = with(
        "[source.grafana]\nper = \"alert\"\nopens = \"incident.opened\"\n[source.grafana.fields]\nid = \"{{ orgId }}\"\n",
    );
    std::fs::write(folder.path().join("callout.toml"), text).unwrap();
    let file = folder.path().join("callout.toml");
    let (config, secrets) = config::load(&file, &crate::env, config::Scope::SERVER).unwrap();
    let adapters = &secrets.sources.iter().find(|source| source.name == "prometheus").unwrap().adapters;
    let grafana = adapters.settings(Adapter::Grafana);
    let said = (grafana.opens.as_str(), grafana.resolves.as_str(), grafana.per, grafana.fields.len());
    assert_eq!(said, ("incident.opened", "incident.resolved", Per::Alert, 1));
    let usual = adapters.settings(Adapter::Alertmanager);
    assert_eq!((usual.opens.as_str(), usual.per, usual.fields.len()), ("incident.created", Per::Group, 0));
    let warnings = adapters.warnings("prometheus", &config.workflows);
    let expected = "source \"prometheus\", [source.grafana]: no workflow takes events of type \"incident.opened\"; \
                    what comes in is refused";
    assert_eq!(warnings, [expected]);
}

#[test]
fn every_mistake_in_an_adapter_is_said_with_its_line() {
    let wrong = with(
        r#"[source.alertmanager]
opens = "invoice.overdue"
per = "fingerprint"
field = {}
[source.alertmanager.fields]
title = """
{{ labels.alertname }}
{{ label.x }}"""
ack = "{{ labels.x }}"
count = 3
"a.b" = "x"
[source.pagerduty]
per = "group"
"#,
    );
    let first = wrong.lines().position(|line| line == "[source.alertmanager]").unwrap() + 1;
    let found = problems("callout.toml", &wrong);
    let at = |line: usize, message: &str| {
        let expected = format!("callout.toml:{}: {message}", first + line);
        assert!(found.contains(&expected), "{expected}\nis not in\n{found}");
    };
    at(1, "source.alertmanager.opens: \"invoice.overdue\" is not among the types of the source, incident.*");
    at(2, "source.alertmanager.per: expected \"group\" or \"alert\", not \"fingerprint\"");
    at(3, "unknown key \"source.alertmanager.field\"; did you mean \"fields\"?");
    at(7, "source.alertmanager.fields.title: `label.x` is not known here; there are labels, annotations");
    at(8, "source.alertmanager.fields.ack: a template of a text could not use it");
    at(9, "source.alertmanager.fields.count: expected a string");
    at(10, "source.alertmanager.fields.a.b: a template of a text could not use it");
    at(12, "unknown key \"source.pagerduty.per\"");
}
