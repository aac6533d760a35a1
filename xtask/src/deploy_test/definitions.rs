//! `deploy/rabbitmq` imported into a broker that has nothing yet, with each of its metadata stores.
//!
//! In: an engine. Out: that the files are taken as `docs/fleet.md` says.
//! Never: touches the broker of the compose file.

use anyhow::Result;

use super::{
    engine::Engine,
    place::holds,
    shell::{attempt, expect, read, run, wait_until},
};

const REMOVE: [&str; 4] = ["rm", "--force", "--volumes", "definitions"];
/// The order that `docs/fleet.md` gives.
const FILES: [&str; 3] = ["topology", "users", "policies"];

/// Drives it.
pub(super) fn drive(engine: &Engine) -> Result<()> {
    for store in ["mnesia", "khepri"] {
        let start = "docker run --detach --name definitions --hostname definitions \
                     --volume /source/deploy/rabbitmq:/definitions:ro rabbitmq:4-management";
        attempt(&mut engine.docker(&REMOVE))?;
        run(&mut engine.program(start))?;
        let ctl =
            |args: &str| engine.program(&format!("timeout 60 docker exec definitions rabbitmqctl {args}"));
        wait_until("a broker", 60, || Ok(attempt(&mut ctl("await_startup"))?.code == Some(0)))?;
        if store == "khepri" {
            read(&mut ctl("enable_feature_flag --experimental khepri_db"))?;
        }
        for file in FILES {
            read(&mut ctl(&format!("import_definitions /definitions/{file}.json")))?;
        }
        let exchanges = read(&mut ctl("--quiet list_exchanges name"))?;
        let users = read(&mut ctl("--quiet list_users"))?;
        let queues = read(&mut ctl("--quiet list_queues name policy"))?;
        expect(exchanges.contains("callout.v1.events") && users.contains("callout-sender"), || {
            format!("H4, {store}: {exchanges}{users}")
        })?;
        let unbounded = queues.lines().find(|line| line.starts_with("callout") && !line.contains("callout-"));
        expect(unbounded.is_none(), || format!("H4, {store}: without a policy: {unbounded:?}"))?;
        let version = read(&mut ctl("--quiet version"))?;
        holds("H3 and H4", &format!("RabbitMQ {} with {store} takes the definitions", version.trim()));
        run(&mut engine.docker(&REMOVE))?;
    }
    Ok(())
}
