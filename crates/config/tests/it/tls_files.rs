//! Private authorities, client certificates and the proxy: what is taken, and what is said of the rest.

use config::{Backend, Config, Scope, Secrets};
use tempfile::TempDir;

const SENDER: Scope = Scope { provider: true, ..Scope::OPERATOR };
/// A certificate without a meaning: only its form is looked at here.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("workflows")).unwrap();
    for name in ["contacts.toml", "oncall.toml", "workflows/incident-paging.toml"] {
        std::fs::copy(crate::examples().join(name), folder.path().join(name)).unwrap();
    }
    for (name, text) in [("ca.pem", CERTIFICATE), ("key.pem", KEY), ("ca.der", "\u{30}\u{1}")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn load(folder: &TempDir, settings: &str, env: &[(&str, &str)]) -> Result<(Config, Secrets), String> {
    let file = folder.path().join("callout.toml");
    std::fs::write(&file, format!("environment = \"test\"\n{settings}")).unwrap();
    let always = [
        ("CALLOUT_AMQP_URL", "amqps://broker"),
        ("CALLOUT_REDIS_URL", "rediss://redis"),
        ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
        ("TWILIO_AUTH_TOKEN", "token"),
    ];
    let find = |name: &str| env.iter().chain(&always).find(|(known, _)| *known == name);
    let env = |name: &str| find(name).map(|(_, value)| (*value).to_owned());
    config::load(&file, &env, SENDER).map_err(|problems| problems.to_string())
}

const TWILIO: &str = "[twilio]\nfrom = \"+15005550006\"\npublic_url = \"https://callout.example.org\"\n";

#[test]
fn g13_files_for_tls_are_taken_beside_the_configuration_or_named_with_their_line() {
    let folder = folder();
    let fleet = |keys: &str| format!("[backend]\nkind = \"fleet\"\n{keys}\n{TWILIO}");
    let right = "redis_ca_file = \"ca.pem\"\namqp_cert_file = \"ca.pem\"\namqp_key_file = \"key.pem\"";
    let (config, _) = load(&folder, &fleet(right), &[]).unwrap();
    let Backend::Fleet(settings) = config.infrastructure.backend else { panic!("a fleet") };
    let path = |name: &str| folder.path().join(name);
    assert_eq!(settings.redis_tls.ca, Some(path("ca.pem")));
    assert_eq!(settings.amqp_tls.client, Some((path("ca.pem"), path("key.pem"))));
    for (keys, said) in [
        ("redis_ca_file = \"none.pem\"", "callout.toml:4: redis_ca_file: "),
        ("redis_ca_file = \"none.pem\"", "cannot be read"),
        ("amqp_ca_file = \"ca.der\"", "callout.toml:4: amqp_ca_file: "),
        ("amqp_ca_file = \"ca.der\"", "give a PEM file"),
        ("amqp_ca_file = \"key.pem\"", "give a PEM file"),
        (
            "amqp_cert_file = \"ca.pem\"",
            "callout.toml:4: backend: give both amqp_cert_file and amqp_key_file",
        ),
        ("redis_cert_file = \"ca.pem\"\nredis_key_file = \"ca.pem\"", "callout.toml:5: redis_key_file: "),
    ] {
        let found = load(&folder, &fleet(keys), &[]).unwrap_err();
        assert!(found.contains(said), "{keys}: {found}");
    }
    for (url, said) in [
        ("redis://redis", "need TLS: begin CALLOUT_REDIS_URL with rediss://"),
        ("rediss+sentinel://one/main", "SSL_CERT_FILE"),
    ] {
        let keys = fleet("redis_ca_file = \"ca.pem\"");
        let found = load(&folder, &keys, &[("CALLOUT_REDIS_URL", url)]).unwrap_err();
        assert!(found.contains(said), "{found}");
    }
    let found = load(&folder, &format!("{TWILIO}ca_file = \"none.pem\"\n"), &[]).unwrap_err();
    assert!(found.contains("callout.toml:5: ca_file: "), "{found}");
}

#[test]
fn g13_a_proxy_comes_from_the_configuration_or_else_from_the_environment() {
    let folder = folder();
    let load = |proxy: &str, env: &[(&str, &str)]| {
        load(&folder, &format!("{TWILIO}{proxy}\n"), env).map(|(_, secrets)| secrets.twilio.unwrap().proxy)
    };
    let environment = [
        ("HTTPS_PROXY", "other.example.org:8080"),
        ("NO_PROXY", "internal"),
        ("TWILIO_PROXY_PASSWORD", "p w"),
    ];
    let named = load("proxy = \"http://user@proxy.example.org:3128\"", &environment).unwrap().unwrap();
    assert_eq!((named.url.as_str(), named.except), ("http://user:p%20w@proxy.example.org:3128/", None));
    let found = load("", &environment).unwrap().unwrap();
    assert_eq!(found.url.as_str(), "http://other.example.org:8080/");
    assert_eq!(found.except.as_deref(), Some("internal"));
    assert!(load("", &[]).unwrap().is_none());
    for (proxy, said) in [
        ("proxy = \"http://user:word@proxy:1\"", "TWILIO_PROXY_PASSWORD"),
        ("proxy = \"socks5://proxy:1\"", "such as http://proxy.example.org:3128"),
        ("proxy = \"http://proxy:1\"", "names no user"),
    ] {
        let found = load(proxy, &environment).unwrap_err();
        assert!(found.contains(said) && !found.contains("word@"), "{proxy}: {found}");
    }
}
