//! Another server behind the same address. In: a primary that was demoted, or that does not know us any more. Out: a
//! connection to the one that took its place.

use std::sync::Arc;

use conformance::fixture::{Opening, load, open_new};
use store_redis::RedisStore;
use test_servers::RedisServer;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::setup::{config, until};

/// An address that leads new connections to the server in force, as a load balancer does; old ones stay where they are.
async fn forward(to: watch::Receiver<(&'static str, u16)>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let to = *to.borrow();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(to).await.unwrap();
                drop(copy_bidirectional(&mut client, &mut server).await);
            });
        }
    });
    port
}

/// Two servers, of which the second becomes the primary after `demote`, and a store that goes on.
async fn goes_on_after(case: &'static str, demote: impl Fn(&RedisServer)) {
    let (first, second) = (RedisServer::private(), RedisServer::private());
    let (target, in_force) = watch::channel(first.address());
    let port = forward(in_force).await;
    let store: Arc<RedisStore> =
        RedisStore::connect(config(&format!("redis://127.0.0.1:{port}/"), case)).await.unwrap();
    open_new(&*store, &Opening::new(case, 1).change()).await;
    demote(&first);
    target.send_replace(second.address());
    let next = Opening::new(case, 2).change();
    until("the other server", || async { ports::RunStore::load_run(&*store, next.run.id()).await.is_ok() })
        .await;
    until("a write", || async { ports::Dependency::check(&*store).await.is_ok() }).await;
    open_new(&*store, &next).await;
    assert_eq!(load(&*store, &next.run).await.value, next.run);
    assert!(second.contents().contains(next.run.id().as_str()), "it is at the new one");
}

#[tokio::test(flavor = "multi_thread")]
async fn f4_a_primary_that_was_demoted_behind_its_address_is_given_up() {
    goes_on_after("demoted", |server| {
        assert_eq!(server.ask(&["REPLICAOF", "127.0.0.1", "1"]).trim(), "OK");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f4_a_server_that_withdrew_our_rights_is_given_up() {
    goes_on_after("rights", |server| {
        assert_eq!(server.ask(&["ACL", "SETUSER", "default", "-@all", "+ping"]).trim(), "OK");
    })
    .await;
}
