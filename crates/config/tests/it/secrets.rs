//! Secrets: each process asks for its own, from variables or from files.

use config::{Scope, Secrets};

use crate::examples;

const ACCOUNT: &str = "AC00000000000000000000000000000001";

fn load(scope: Scope, env: &[(&str, &str)]) -> Result<Secrets, String> {
    let env = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let loaded = config::load(&examples().join("callout.toml"), &env, scope);
    loaded.map(|(_, secrets)| secrets).map_err(|problems| problems.to_string())
}

const KEYS: [(&str, &str); 3] =
    [("CALLOUT_KEY_MONITORING", "one"), ("CALLOUT_KEY_BILLING", "two"), ("CALLOUT_KEY_CALENDAR", "three")];

#[test]
fn e8_each_role_asks_for_its_own_secrets_and_no_others() {
    let ingest = Scope { sources: true, ..Scope::OPERATOR };
    let secrets = load(ingest, &KEYS).unwrap();
    assert!(secrets.sources.len() == 2 && secrets.twilio.is_none());

    let sender = Scope { provider: true, ..Scope::OPERATOR };
    let key = [
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_API_KEY", "SK00000000000000000000000000000001"),
        ("TWILIO_API_KEY_SECRET", "s"),
    ];
    let secrets = load(sender, &key).unwrap();
    assert!(secrets.twilio.is_some() && secrets.webhook_tokens.is_empty());
    let found = load(sender, &key[..1]).unwrap_err();
    assert!(found.contains("set TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_KEY_SECRET"), "{found}");

    let callback = Scope { webhooks: true, ..Scope::OPERATOR };
    let found = load(callback, &key).unwrap_err();
    assert!(found.contains("TWILIO_AUTH_TOKEN is not set"), "{found}");
    let secrets = load(callback, &[key[0], ("TWILIO_AUTH_TOKEN", "t")]).unwrap();
    assert!(secrets.twilio.is_none() && secrets.webhook_tokens.len() == 1);

    assert!(load(Scope::OPERATOR, &[]).is_ok());
}

#[test]
fn a_secret_may_be_in_a_file_that_its_variable_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let scope = Scope { webhooks: true, ..Scope::OPERATOR };
    let env = |path: &str| {
        let env = [("TWILIO_ACCOUNT_SID", ACCOUNT), ("TWILIO_AUTH_TOKEN_FILE", path)];
        load(scope, &env)
    };
    let path = file.to_str().unwrap();
    assert!(env(path).unwrap_err().contains("TWILIO_AUTH_TOKEN_FILE"), "the file is missing");
    for text in ["token", "token\n", "token\r\n"] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(env(path).unwrap().webhook_tokens[0].expose(), "token");
    }
    let both =
        [("TWILIO_ACCOUNT_SID", ACCOUNT), ("TWILIO_AUTH_TOKEN_FILE", path), ("TWILIO_AUTH_TOKEN", "other")];
    let found = load(scope, &both).unwrap_err();
    assert!(found.contains("TWILIO_AUTH_TOKEN and TWILIO_AUTH_TOKEN_FILE are both set"), "{found}");
}

#[test]
fn e9_a_blank_or_line_break_around_a_secret_is_an_error_that_does_not_show_it() {
    for value in ["hidden\n", "hidden ", " hidden", "hidden\t"] {
        let mut env = KEYS;
        env[0].1 = value;
        let found = load(Scope { sources: true, ..Scope::OPERATOR }, &env).unwrap_err();
        assert!(found.contains("CALLOUT_KEY_MONITORING begins or ends with a blank"), "{found}");
        assert!(!found.contains("hidden"), "{found}");
    }
}

#[test]
fn e10_a_name_that_is_nearly_right_is_pointed_out() {
    let mut env = KEYS.to_vec();
    env.push(("TWILIO_SID", ACCOUNT));
    let found = load(Scope::SERVER, &env).unwrap_err();
    assert!(
        found.contains("TWILIO_SID is set, which nothing reads; the name is TWILIO_ACCOUNT_SID"),
        "{found}"
    );
}

/// As docker-compose.yml makes the address of a password.
#[test]
fn h10_a_password_that_breaks_its_address_is_refused_with_what_to_write_instead() {
    let folder = tempfile::tempdir().unwrap();
    for entry in ["calendars.toml", "contacts.toml", "oncall.toml"] {
        std::fs::copy(examples().join(entry), folder.path().join(entry)).unwrap();
    }
    std::os::unix::fs::symlink(examples().join("workflows"), folder.path().join("workflows")).unwrap();
    let file = folder.path().join("callout.toml");
    std::fs::write(&file, "environment = \"test\"\n[backend]\nkind = \"fleet\"\n").unwrap();
    let load = |password: &str| {
        let env = |name: &str| match name {
            "CALLOUT_AMQP_URL" => Some(format!("amqp://callout:{password}@rabbitmq:5672/%2f")),
            "CALLOUT_REDIS_URL" => Some("redis://redis:6379".to_owned()),
            _ => None,
        };
        config::load(&file, &env, Scope::OPERATOR).map(drop).map_err(|problems| problems.to_string())
    };
    for password in ["p/w#1", "1/w", "1#w", "1?w"] {
        let found = load(password).unwrap_err();
        assert!(found.contains("CALLOUT_AMQP_URL cannot be read") && found.contains("/ as %2F"), "{found}");
        assert!(!found.contains("rabbitmq"), "{found}");
    }
    for password in ["secret", "p%2Fw%231", "a@b", "p:w"] {
        assert_eq!(load(password), Ok(()), "{password}");
    }
}

#[test]
fn a_key_for_hashes_of_recipients_is_optional_and_long() {
    let load = |key: Option<String>| {
        let env =
            move |name: &str| if name == "CALLOUT_RECIPIENT_KEY" { key.clone() } else { crate::env(name) };
        config::load(&crate::examples().join("callout.toml"), &env, config::Scope::OPERATOR)
    };
    assert_eq!(load(None).unwrap().1.recipient_key, None);
    assert!(load(Some("k".repeat(32))).unwrap().1.recipient_key.is_some());
    let found = load(Some("short".to_owned())).unwrap_err().to_string();
    assert!(found.contains("CALLOUT_RECIPIENT_KEY is shorter than 32 characters"), "{found}");
    assert!(!found.contains("short\""), "{found}");
}
