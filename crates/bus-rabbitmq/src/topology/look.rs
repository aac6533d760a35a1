//! Looks at a topology on a broker. In: a connection. Out: what is missing, what differs, and what could not be seen.
//!
//! Never: changes anything: what exists is declared again with the same arguments, which a broker only compares.

use std::collections::BTreeSet;

use lapin::{
    Channel, Connection, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueDeclareOptions},
    types::FieldTable,
};

use super::{Difference, Exchange, QueueSpec, Topology, declare::table};
use crate::connect::{is_missing, is_refused, is_starting, within};

/// An exchange or a queue.
#[derive(Clone, Copy)]
enum Resource<'a> {
    Exchange(&'a Exchange),
    Queue(&'a QueueSpec),
}

/// What a connection shows of a topology. AMQP shows no bindings.
#[derive(Debug, Default)]
pub struct Look {
    /// Exchanges and queues that do not exist.
    pub missing: Vec<String>,
    /// The broker's words on each that exists and differs.
    pub different: Vec<String>,
    /// Those that this user may not look at.
    pub hidden: BTreeSet<String>,
    /// Whether types and arguments were compared: only a user who may configure can.
    pub is_compared: bool,
    /// Messages that no binding took.
    pub unrouted: Option<u32>,
}

impl Look {
    /// What is missing or differs, as far as it was seen.
    pub fn differences(&self) -> Vec<Difference> {
        let missing = self
            .missing
            .iter()
            .map(|name| Difference::of_declaring(format!("there is no exchange or queue {name}")));
        let different = self.different.iter().cloned().map(Difference::of_replacing);
        missing.chain(different).collect()
    }
}

impl Topology {
    /// Fails at the first exchange or queue that is not there, and adds those that this user may not look at to `hidden`:
    /// from 4.3 on the broker asks for a right to each. They are not asked for again.
    pub(crate) async fn verify(
        &self,
        connection: &Connection,
        hidden: &mut BTreeSet<String>,
    ) -> lapin::Result<()> {
        let mut channel = None;
        for resource in
            self.resources().filter(|resource| !hidden.contains(resource.name())).collect::<Vec<_>>()
        {
            let open = match channel.take() {
                Some(open) => open,
                None => connection.create_channel().await?,
            };
            match resource.exists(&open).await {
                Ok(_) => channel = Some(open),
                // The broker has closed this channel.
                Err(error) if is_refused(&error) => drop(hidden.insert(resource.name().to_owned())),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Looks at everything, however much of it is missing.
    pub(crate) async fn look(&self, connection: &Connection) -> lapin::Result<Look> {
        let mut look = Look { is_compared: true, ..Look::default() };
        for resource in self.resources() {
            let name = resource.name().to_owned();
            let channel = within(connection.create_channel()).await?;
            match within(resource.exists(&channel)).await {
                Ok(ready) if name == self.names.unrouted() && ready.is_some() => look.unrouted = ready,
                Ok(_) => {}
                Err(error) if is_missing(&error) && !is_starting(&error) => {
                    look.missing.push(name);
                    continue;
                }
                Err(error) if is_refused(&error) => {
                    look.hidden.insert(name);
                    continue;
                }
                Err(error) => return Err(error),
            }
            match within(resource.compare(&channel)).await {
                Ok(()) => {}
                Err(error) if is_refused(&error) => look.is_compared = false,
                Err(error) if error.is_amqp_soft_error() => look.different.push(error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Ok(look)
    }

    fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        self.exchanges.iter().map(Resource::Exchange).chain(self.queues.iter().map(Resource::Queue))
    }
}

impl<'a> Resource<'a> {
    fn name(self) -> &'a str {
        match self {
            Self::Exchange(exchange) => &exchange.name,
            Self::Queue(queue) => &queue.name,
        }
    }

    /// Fails if it does not exist. Returns how many messages are ready, if it is a queue.
    async fn exists(self, channel: &Channel) -> lapin::Result<Option<u32>> {
        let name = self.name().into();
        match self {
            Self::Exchange(exchange) => {
                let options = ExchangeDeclareOptions { passive: true, ..Default::default() };
                let kind = ExchangeKind::Custom(exchange.kind.to_owned());
                channel.exchange_declare(name, kind, options, FieldTable::default()).await?;
                Ok(None)
            }
            Self::Queue(_) => {
                let options = QueueDeclareOptions::durable().passive();
                let queue = channel.queue_declare(name, options, FieldTable::default()).await?;
                Ok(Some(queue.message_count()))
            }
        }
    }

    /// Declares what exists once more: the broker refuses other arguments than it has.
    async fn compare(self, channel: &Channel) -> lapin::Result<()> {
        let name = self.name().into();
        match self {
            Self::Exchange(exchange) => {
                let options = ExchangeDeclareOptions {
                    durable: true,
                    internal: exchange.internal,
                    ..Default::default()
                };
                let kind = ExchangeKind::Custom(exchange.kind.to_owned());
                channel.exchange_declare(name, kind, options, table(&exchange.arguments)).await
            }
            Self::Queue(queue) => {
                let options = QueueDeclareOptions::durable();
                channel.queue_declare(name, options, table(&queue.arguments)).await.map(drop)
            }
        }
    }
}
