//! Whether the broker takes messages. In: nothing. Out: why not.

use async_trait::async_trait;
use ports::Dependency;

use crate::{bus::RabbitBus, message::Outgoing, publisher::Address};

#[async_trait]
impl Dependency for RabbitBus {
    /// Publishes to an exchange without queues and waits for the confirmation. A broker that is short of memory or disk
    /// space confirms nothing. What is published to a queue that was deleted is confirmed and gone.
    async fn check(&self) -> Result<(), String> {
        if let Some(missing) = self.core.topology_supervisor.missing() {
            return Err(missing);
        }
        let address = Address::nowhere(&self.core.topology_supervisor.topology.names);
        let message = Outgoing { body: Vec::new(), properties: lapin::BasicProperties::default() };
        self.checking.publish(address, message).await.map_err(|error| error.to_string())
    }
}
