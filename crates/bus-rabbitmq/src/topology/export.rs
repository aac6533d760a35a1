//! Topology as a definitions file. In: a virtual host. Out: JSON for `rabbitmqctl import_definitions`.
//!
//! Never: users, permissions or policies: those are the operator's.

use serde_json::{Map, Value, json};

use super::{Argument, Arguments, Topology};

impl Topology {
    /// Exchanges, queues and bindings, for a broker where we may not declare.
    pub fn export(&self, virtual_host: &str) -> Value {
        let exchange = |exchange: &super::Exchange| {
            json!({
                "name": exchange.name, "vhost": virtual_host, "type": exchange.kind, "durable": true,
                "auto_delete": false, "internal": exchange.internal, "arguments": object(&exchange.arguments),
            })
        };
        let queue = |queue: &super::QueueSpec| {
            json!({
                "name": queue.name, "vhost": virtual_host, "durable": true, "auto_delete": false,
                "arguments": object(&queue.arguments),
            })
        };
        let binding = |binding: &super::Binding| {
            json!({
                "source": binding.exchange, "vhost": virtual_host, "destination": binding.queue,
                "destination_type": "queue", "routing_key": binding.key, "arguments": {},
            })
        };
        json!({
            "exchanges": self.exchanges.iter().map(exchange).collect::<Vec<_>>(),
            "queues": self.queues.iter().map(queue).collect::<Vec<_>>(),
            "bindings": self.bindings.iter().map(binding).collect::<Vec<_>>(),
        })
    }
}

fn object(arguments: &Arguments) -> Map<String, Value> {
    let value = |argument: &Argument| match argument {
        Argument::Text(text) => json!(text),
        Argument::Number(number) => json!(number),
    };
    arguments.iter().map(|(name, argument)| ((*name).to_owned(), value(argument))).collect()
}
