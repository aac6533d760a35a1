//! Documents that cannot be read. In: a server on which a run and a dead letter were damaged. Out: all others.

use conformance::damaged::Whole;
use redis::cmd;
use store_redis::RedisStore;

use crate::setup::{config, raw_connection};

#[tokio::test(flavor = "multi_thread")]
async fn a_list_goes_on_behind_what_cannot_be_read() {
    let config = config(&test_servers::redis().url, "damaged");
    let prefix = config.key_prefix.clone();
    let store = RedisStore::connect(config).await.unwrap();
    let whole = Whole::stored(&*store).await;
    let mut connection = raw_connection(&test_servers::redis().url);
    let keys: Vec<String> = cmd("KEYS").arg(format!("{prefix}*")).query(&mut connection).unwrap();
    let run = keys.iter().find(|key| key.contains("run:") && key.ends_with(whole.run())).unwrap();
    let mut stored: Vec<u8> = cmd("GET").arg(run).query(&mut connection).unwrap();
    // The header is left, by which scripts find it.
    let header = stored.iter().position(|byte| *byte == b'\n').unwrap();
    stored.truncate(header + 8);
    cmd("SET").arg(run).arg(stored).exec(&mut connection).unwrap();
    let mut damaged = 0;
    for key in keys.iter().filter(|key| key.starts_with(&format!("{prefix}dead:"))) {
        let has: bool = cmd("HEXISTS").arg(key).arg(whole.letter()).query(&mut connection).unwrap();
        if has {
            cmd("HSET").arg(key).arg(whole.letter()).arg(r#"{"id":7}"#).exec(&mut connection).unwrap();
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1);
    whole.is_damaged(&*store).await;
}
