//! Topology on a broker. In: a channel of its own. Out: everything is there.
//!
//! Never: runs on a channel that anything else uses: one inequivalent argument closes it.

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};

use super::{Argument, Arguments, Topology};

impl Topology {
    /// Declares and binds whatever is missing.
    pub(crate) async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        for exchange in &self.exchanges {
            let options =
                ExchangeDeclareOptions { durable: true, internal: exchange.internal, ..Default::default() };
            let kind = ExchangeKind::Custom(exchange.kind.to_owned());
            let (name, arguments) = (exchange.name.as_str().into(), table(&exchange.arguments));
            channel.exchange_declare(name, kind, options, arguments).await?;
        }
        for queue in &self.queues {
            let (name, arguments) = (queue.name.as_str().into(), table(&queue.arguments));
            channel.queue_declare(name, QueueDeclareOptions::durable(), arguments).await?;
        }
        for binding in &self.bindings {
            let (queue, exchange) = (binding.queue.as_str().into(), binding.exchange.as_str().into());
            let (key, options) = (binding.key.as_str().into(), QueueBindOptions::default());
            channel.queue_bind(queue, exchange, key, options, FieldTable::default()).await?;
        }
        // After the new bindings: in between an event may arrive twice, which is harmless, but never nowhere.
        for binding in &self.stale_bindings {
            let (queue, exchange) = (binding.queue.as_str().into(), binding.exchange.as_str().into());
            channel.queue_unbind(queue, exchange, binding.key.as_str().into(), FieldTable::default()).await?;
        }
        Ok(())
    }
}

pub(crate) fn table(arguments: &Arguments) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        let value = match value {
            Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
            Argument::Number(number) => AMQPValue::LongLongInt(*number),
        };
        table.insert((*name).into(), value);
    }
    table
}
