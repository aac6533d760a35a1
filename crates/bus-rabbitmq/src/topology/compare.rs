//! A topology beside what a broker lists. In: exchanges, queues and bindings as its management API or an export of its
//! definitions shows them. Out: each difference, and what to do about it.
//!
//! Never: minds what else is there: other systems bind queues of their own.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Argument, Arguments, Binding, Exchange, QueueSpec, Topology};

/// What a broker has in one virtual host.
#[derive(Debug, Default, Deserialize)]
pub struct Definitions {
    /// Its exchanges.
    #[serde(default)]
    pub exchanges: Vec<Value>,
    /// Its queues.
    #[serde(default)]
    pub queues: Vec<Value>,
    /// Its bindings.
    #[serde(default)]
    pub bindings: Vec<Value>,
}

/// Something on a broker that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Difference {
    /// Something is missing, or a binding is left over.
    pub fn of_declaring(what: String) -> Self {
        let remedy = "run `callout topology declare` as a user who may configure it, or import what `callout topology \
                      export` prints";
        Self { what, remedy: remedy.to_owned() }
    }

    /// Something must go before it can be made anew.
    pub fn of_replacing(what: String) -> Self {
        let remedy = "let it run empty, delete it (`rabbitmqctl delete_queue NAME --if-empty`, or `rabbitmqadmin delete \
                      exchange name=NAME`), then run `callout topology declare`";
        Self { what, remedy: remedy.to_owned() }
    }
}

impl Definitions {
    /// The parts that belong to a virtual host.
    #[must_use]
    pub fn of_virtual_host(mut self, name: &str) -> Self {
        for list in [&mut self.exchanges, &mut self.queues, &mut self.bindings] {
            list.retain(|item| item["vhost"] == name);
        }
        self
    }

    fn binds(&self, binding: &Binding) -> bool {
        self.bindings.iter().any(|found| {
            found["source"] == *binding.exchange
                && found["destination"] == *binding.queue
                && found["destination_type"] == "queue"
                && found["routing_key"] == *binding.key
        })
    }
}

impl Topology {
    /// What is missing, or of another kind.
    pub fn differences(&self, found: &Definitions) -> Vec<Difference> {
        let exchanges = self.exchanges.iter().filter_map(|exchange| of_exchange(exchange, found));
        let queues = self.queues.iter().filter_map(|queue| of_queue(queue, found));
        let missing =
            self.bindings.iter().filter(|binding| !found.binds(binding)).map(|binding| {
                Difference::of_declaring(format!("there is no binding {}", described(binding)))
            });
        let left_over = self.stale_bindings.iter().filter(|binding| found.binds(binding)).map(|binding| {
            Difference::of_declaring(format!(
                "events arrive in two lanes by the binding {}",
                described(binding)
            ))
        });
        exchanges.chain(queues).chain(missing).chain(left_over).collect()
    }
}

fn described(Binding { exchange, queue, key }: &Binding) -> String {
    format!("of the queue {queue} to the exchange {exchange} with the key {key:?}")
}

fn of_exchange(exchange: &Exchange, found: &Definitions) -> Option<Difference> {
    let Exchange { name, kind, internal, arguments } = exchange;
    let Some(found) = found.exchanges.iter().find(|found| found["name"] == **name) else {
        return Some(Difference::of_declaring(format!("there is no exchange {name}")));
    };
    if found["type"] != *kind {
        let what = format!("the exchange {name} has the type {} and must have {kind:?}", found["type"]);
        return Some(Difference::of_replacing(what));
    }
    if found["internal"] != *internal {
        let what =
            format!("the exchange {name} has internal = {} and must have {internal}", found["internal"]);
        return Some(Difference::of_replacing(what));
    }
    of_arguments(&format!("exchange {name}"), arguments, found)
}

fn of_queue(queue: &QueueSpec, found: &Definitions) -> Option<Difference> {
    let QueueSpec { name, arguments } = queue;
    let Some(found) = found.queues.iter().find(|found| found["name"] == **name) else {
        return Some(Difference::of_declaring(format!("there is no queue {name}")));
    };
    // An export of definitions names the type among the arguments alone, and leaves out that of a classic queue.
    let kind =
        found["type"].as_str().or_else(|| found["arguments"]["x-queue-type"].as_str()).unwrap_or("classic");
    if arguments.get("x-queue-type") != Some(&Argument::Text(kind.to_owned())) {
        let what = format!("the queue {name} is a {kind} queue and must be a quorum queue");
        return Some(Difference::of_replacing(what));
    }
    of_arguments(&format!("queue {name}"), arguments, found)
}

fn of_arguments(of: &str, arguments: &Arguments, found: &Value) -> Option<Difference> {
    let none = Map::new();
    let found = found["arguments"].as_object().unwrap_or(&none);
    let differs = |(name, argument): &(&&str, &Argument)| {
        let found = found.get(**name);
        match argument {
            Argument::Text(text) => found.and_then(Value::as_str) != Some(text),
            Argument::Number(number) => found.and_then(Value::as_i64) != Some(*number),
        }
    };
    let (name, argument) = arguments.iter().find(differs)?;
    let is = found.get(*name).map_or_else(|| "no".to_owned(), Value::to_string);
    let must = match argument {
        Argument::Text(text) => format!("{text:?}"),
        Argument::Number(number) => number.to_string(),
    };
    Some(Difference::of_replacing(format!("the {of} has {is} {name} and must have {must}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::workflow::Lane;
    use serde_json::json;

    use super::*;
    use crate::delay::DelayMode;

    fn topology() -> Topology {
        let lanes: BTreeMap<String, Lane> = [("incident.created".to_owned(), Lane::Critical)].into();
        Topology::new(&lanes, DelayMode::Buckets).unwrap()
    }

    fn check(change: impl FnOnce(&mut Definitions), expected: &[&str]) {
        let topology = topology();
        let mut found: Definitions = serde_json::from_value(topology.export("/")).unwrap();
        change(&mut found);
        let differences = topology.differences(&found.of_virtual_host("/"));
        let whats: Vec<_> = differences.iter().map(|difference| difference.what.as_str()).collect();
        assert_eq!(whats, expected);
    }

    #[test]
    fn f3_what_is_missing_or_of_another_kind_is_named() {
        check(|_| {}, &[]);
        check(
            |found| found.bindings.retain(|binding| binding["routing_key"] != "incident.created"),
            &[
                "there is no binding of the queue callout.v1.events.critical to the exchange callout.v1.events with the \
               key \"incident.created\"",
            ],
        );
        check(
            |found| found.queues[0]["arguments"] = json!({}),
            &["the queue callout.v1.unrouted is a classic queue and must be a quorum queue"],
        );
        check(
            |found| found.queues[0]["arguments"]["x-delivery-limit"] = json!(20),
            &["the queue callout.v1.unrouted has 20 x-delivery-limit and must have 1000000"],
        );
        check(
            |found| found.exchanges[2]["type"] = json!("direct"),
            &["the exchange callout.v1.events has the type \"direct\" and must have \"topic\""],
        );
        check(
            |found| found.exchanges[2]["arguments"] = json!({}),
            &[
                "the exchange callout.v1.events has no alternate-exchange and must have \"callout.v1.events.other\"",
            ],
        );
        check(|found| drop(found.queues.remove(1)), &["there is no queue callout.v1.dead"]);
    }

    #[test]
    fn f3_a_type_in_two_lanes_is_named_and_what_others_bind_is_not() {
        let binding = |queue: &str, key: &str| {
            json!({"source": "callout.v1.events", "vhost": "/", "destination": queue, "destination_type": "queue",
                "routing_key": key})
        };
        check(
            |found| found.bindings.push(binding("callout.v1.events.bulk", "incident.created")),
            &[
                "events arrive in two lanes by the binding of the queue callout.v1.events.bulk to the exchange \
               callout.v1.events with the key \"incident.created\"",
            ],
        );
        check(|found| found.bindings.push(binding("somebodys", "incident.created")), &[]);
    }
}
