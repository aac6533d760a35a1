//! What is looked at before a server is trusted. In: servers with wrong settings. Out: a panic where one is trusted.
//!
//! Never: the shared server, whose settings are right.

use redis::cmd;
use store_redis::{ConnectError, Durability, RedisConfig, RedisStore};
use test_servers::RedisServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::setup::{config, raw_connection};

async fn refusal(config: RedisConfig) -> ConnectError {
    RedisStore::connect(config).await.err().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_durable_or_evicts_is_refused_unless_vouched_for() {
    for (options, word) in
        [("--appendonly no", "appendonly yes"), ("--maxmemory-policy allkeys-lru", "noeviction")]
    {
        let server = RedisServer::private_with(options);
        let error = refusal(config(&server.url, "settings")).await;
        assert!(matches!(error, ConnectError::NotDurable | ConnectError::Evicts { .. }), "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
        let mut connection = raw_connection(&server.url);
        assert_eq!(cmd("DBSIZE").query::<i64>(&mut connection).unwrap(), 0, "nothing was written");
        let vouched = RedisConfig { durability: Durability::Vouched, ..config(&server.url, "settings") };
        assert!(RedisStore::connect(vouched).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_version_wrote_is_left_alone() {
    for schema in ["3", "next"] {
        let url = &test_servers::redis().url;
        let config = config(url, "schema");
        let key = format!("{}schema", config.key_prefix);
        cmd("SET").arg(&key).arg(schema).exec(&mut raw_connection(url)).unwrap();
        let error = refusal(config).await;
        assert!(matches!(error, ConnectError::NewerSchema { known: 2, .. }), "{error:?}");
        assert_eq!(cmd("GET").arg(&key).query::<String>(&mut raw_connection(url)).unwrap(), schema);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g11_a_refusal_says_which_server_what_it_refused_and_what_to_do() {
    let server = RedisServer::private();
    let (host, port) = server.address();
    assert_eq!(
        server.ask(&["ACL", "SETUSER", "reader", "on", ">right", "~*", "+@read", "+info"]).trim(),
        "OK"
    );
    for (user, words) in [
        ("reader:wrong", "refuses this user and password"),
        ("nobody:right", "refuses this user and password"),
        ("reader:right", "a right that is needed"),
    ] {
        let error = refusal(config(&format!("redis://{user}@{host}:{port}/"), "refused")).await.to_string();
        assert!(error.contains(&format!("{host}:{port}")) && error.contains(words), "{user}: {error}");
        assert!(!error.contains("wrong") && !error.contains(":right"), "{error}");
    }
    server.kill();
    let error = refusal(config(&server.url, "away")).await.to_string();
    assert!(error.contains(&format!("{host}:{port} cannot be reached")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_a_server_is_an_error_that_hides_the_password() {
    for url in ["redis://:hunter2@127.0.0.1:1/", "not an address"] {
        let error = refusal(config(url, "unreachable")).await;
        assert!(matches!(error, ConnectError::Unreachable { .. } | ConnectError::Address(_)), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
    assert!(!format!("{:?}", config("redis://:hunter2@host/", "debug")).contains("hunter2"));
}

/// A broker answers the first bytes that it does not know with its own and closes.
#[tokio::test(flavor = "multi_thread")]
async fn another_kind_of_server_at_the_address_is_said_so() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 64];
            _ = stream.read(&mut asked).await;
            _ = stream.write_all(b"AMQP\x00\x00\x09\x01").await;
        }
    });
    let error = refusal(config(&format!("redis://{address}/"), "stranger")).await.to_string();
    assert!(
        error.contains(&address.to_string()) && error.contains("does not answer as Redis does"),
        "{error}"
    );
}
