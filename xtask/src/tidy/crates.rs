//! Which crate may use which: the arrows of ARCHITECTURE.md as a table.
//!
//! In: the manifests of the workspace, and source text. Out: a finding for each arrow that the table does not have.
//! Never: looks at `[dev-dependencies]`; a test may use what its crate may not.

struct Rule {
    name: &'static str,
    may_use: &'static [&'static str],
    why: &'static str,
}

const BACKEND: &str = "a backend implements the ports and knows neither roles nor another backend";
const ROLE: &str = "a role uses ports and the runtime, never another role, a backend or a provider; what two roles \
                    share is a decision (domain), a contract (ports) or the way to change a run (runtime)";
const TOOL: &str = "a tool starts real processes and looks at them from outside; what it needs of a role goes through \
                    the binary";

const RULES: [Rule; 31] = [
    Rule { name: "http-client", may_use: &[], why: "it builds clients and knows nothing of what they call" },
    Rule {
        name: "http-server",
        may_use: &["domain", "telemetry"],
        why: "it serves routes and knows nothing of what they do",
    },
    Rule { name: "json-schema", may_use: &[], why: "it wraps a library and knows nothing of ours" },
    Rule {
        name: "domain",
        may_use: &["json-schema"],
        why: "decisions use nothing of ours; what they need comes in as arguments",
    },
    Rule {
        name: "calendars",
        may_use: &["domain"],
        why: "it reads a text; where the text is from, and what follows from it, is for others",
    },
    Rule {
        name: "ports",
        may_use: &["domain"],
        why: "a port speaks the domain's words; what implements it is a backend",
    },
    Rule {
        name: "telemetry",
        may_use: &["domain", "http-client"],
        why: "names of spans, fields and metrics know no role and no backend",
    },
    Rule {
        name: "conformance",
        may_use: &["domain", "ports"],
        why: "the contract of the ports knows no backend; a difference is a value that the suite asks for",
    },
    Rule { name: "sealing", may_use: &[], why: "it encrypts bytes and knows nothing of what they say" },
    Rule { name: "embedded", may_use: &["domain", "ports", "sealing"], why: BACKEND },
    Rule { name: "bus-rabbitmq", may_use: &["domain", "ports"], why: BACKEND },
    Rule { name: "store-redis", may_use: &["domain", "ports", "sealing"], why: BACKEND },
    Rule {
        name: "twilio",
        may_use: &["domain", "http-client", "ports"],
        why: "a provider implements a port and knows no role",
    },
    Rule {
        name: "twilio-sim",
        may_use: &["domain", "http-client", "twilio"],
        why: "the simulator stands on the provider's side of the wire and knows no role or store",
    },
    Rule { name: "test-servers", may_use: &[], why: "it starts servers and knows nothing of what uses them" },
    Rule {
        name: "runtime",
        may_use: &["calendars", "domain", "ports", "telemetry"],
        why: "it is what roles stand on, so it knows no role",
    },
    Rule { name: "ingest", may_use: &["domain", "http-server", "ports", "runtime", "telemetry"], why: ROLE },
    Rule { name: "sender", may_use: &["domain", "ports", "runtime", "telemetry"], why: ROLE },
    Rule { name: "callback", may_use: &["domain", "ports", "runtime", "telemetry"], why: ROLE },
    Rule { name: "escalation", may_use: &["domain", "ports", "runtime", "telemetry"], why: ROLE },
    Rule { name: "integrations", may_use: &["domain", "ports", "runtime", "telemetry"], why: ROLE },
    Rule {
        name: "destinations",
        may_use: &["domain", "http-client", "ports"],
        why: "a destination implements a port and knows no role",
    },
    Rule {
        name: "api",
        may_use: &["control", "domain", "http-server", "ports"],
        why: "it puts operators' use-cases on HTTP and decides nothing; what it needs of a role goes through control",
    },
    Rule {
        name: "mcp",
        may_use: &["control", "domain", "http-server", "ports", "runtime"],
        why: "it puts use-cases before software agents and decides nothing; who may do what is control's",
    },
    Rule { name: "control", may_use: &["domain", "ports", "runtime", "telemetry"], why: ROLE },
    Rule {
        name: "config",
        may_use: &["domain", "sealing", "twilio"],
        why: "configuration is plain values; the cli turns them into what a role takes",
    },
    Rule {
        name: "simulation",
        may_use: &[
            "callback",
            "control",
            "domain",
            "escalation",
            "ingest",
            "integrations",
            "ports",
            "runtime",
            "sender",
            "twilio",
        ],
        why: "it runs roles on fake ports, so it needs no real backend",
    },
    Rule {
        name: "cli",
        may_use: &[
            "mcp",
            "bus-rabbitmq",
            "callback",
            "config",
            "control",
            "destinations",
            "domain",
            "embedded",
            "escalation",
            "http-client",
            "http-server",
            "ingest",
            "integrations",
            "api",
            "ports",
            "runtime",
            "sealing",
            "sender",
            "store-redis",
            "telemetry",
            "twilio",
            "twilio-sim",
        ],
        why: "it wires everything that the product ships; tests and tools are no part of it",
    },
    Rule {
        name: "bench",
        may_use: &[
            "bus-rabbitmq",
            "domain",
            "embedded",
            "http-client",
            "ports",
            "store-redis",
            "test-servers",
            "twilio",
            "twilio-sim",
        ],
        why: TOOL,
    },
    Rule {
        name: "chaos",
        may_use: &[
            "bus-rabbitmq",
            "domain",
            "http-client",
            "ports",
            "store-redis",
            "test-servers",
            "twilio",
            "twilio-sim",
        ],
        why: TOOL,
    },
    Rule { name: "xtask", may_use: &[], why: "a chore must run while the product does not compile" },
];

/// Looks at one manifest.
pub(super) fn check_manifest(text: &str, find: &mut impl FnMut(usize, &str)) {
    let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).unwrap_or("");
    let Some(rule) = rule(name) else {
        find(1, &format!("no rule says what {name:?} may use; add it to xtask/src/tidy/crates.rs"));
        return;
    };
    let mut in_dependencies = false;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            in_dependencies = line == "[dependencies]" || line.ends_with(".dependencies]");
        } else if in_dependencies
            && let Some(used) = line.split(['.', ' ', '=']).next()
            && self::rule(used).is_some()
            && !rule.may_use.contains(&used)
        {
            find(number + 1, &format!("{name} may not use {used}: {}", rule.why));
        }
    }
}

fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

#[cfg(test)]
mod tests {
    use super::{RULES, check_manifest};

    fn manifest(text: &str) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        check_manifest(text, &mut |line, what| found.push((line, what.to_owned())));
        found
    }

    #[test]
    fn a_role_may_not_use_a_role_and_its_tests_may() {
        let text = "[package]\nname = \"sender\"\n[dependencies]\ndomain.workspace = true\ntokio.workspace = true\n\
                    escalation.workspace = true\n[dev-dependencies]\ncontrol.workspace = true\n";
        let found = manifest(text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, 6);
        assert!(found[0].1.starts_with("sender may not use escalation: a role uses"), "{}", found[0].1);
    }

    #[test]
    fn tables_of_a_platform_and_of_one_dependency_count_too() {
        let text = "name = \"domain\"\n[target.'cfg(unix)'.dependencies]\nports = { workspace = true }\n";
        assert_eq!(manifest(text)[0].0, 3);
    }

    #[test]
    fn a_crate_without_a_rule_is_reported() {
        assert!(manifest("name = \"new\"\n")[0].1.contains("no rule"));
    }

    #[test]
    fn no_rule_goes_against_another() {
        for rule in &RULES {
            for used in rule.may_use {
                let other = super::rule(used).unwrap();
                assert!(!other.may_use.contains(&rule.name), "{} and {} use each other", rule.name, used);
            }
        }
    }
}
