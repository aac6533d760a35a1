#!/usr/bin/env node
// Publishes one CloudEvent to callout's exchange, and waits until the broker has it on disk.
//
//     npm ci
//     export AMQP_URL=amqp://monitoring:PASSWORD@localhost:5672/%2F
//     node publish.js "Disk almost full"             # structured mode: the event is the body
//     node publish.js --binary "Disk almost full"    # binary mode: attributes are headers, the data is the body
//
// Ends with 0 once the event is safe. After anything else, publish it again with the same id: callout acts on it once.
"use strict";

const { randomUUID } = require("node:crypto");
const amqp = require("amqplib");

const EXCHANGE = "callout.v1.events";

// The event. `source` and `id` together name it; the type decides which workflow takes it.
function incident(title) {
  return {
    specversion: "1.0",
    id: randomUUID(),
    source: "monitoring",
    type: "incident.created",
    subject: "db-1",
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    data: { severity: "high", title, service: "db-1" },
  };
}

// The whole event as the body.
function structured(event) {
  return { content: event, contentType: "application/cloudevents+json", headers: {} };
}

// The data as the body, every attribute as a header.
function binary(event) {
  const { data, datacontenttype, ...attributes } = event;
  const headers = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [`cloudEvents:${name}`, value]),
  );
  return { content: data, contentType: datacontenttype, headers };
}

// Publishes an event in one of the two forms, and resolves once the broker has confirmed it.
async function publish(url, event, form) {
  const { content, contentType, headers } = form(event);
  const connection = await amqp.connect(url);
  // An error that is lost here reaches us through the confirmation that never comes.
  connection.on("error", () => {});
  try {
    const channel = await connection.createConfirmChannel();
    channel.on("error", () => {});
    await new Promise((resolve, reject) => {
      const options = {
        contentType,
        headers,
        persistent: true,
        messageId: event.id,
        appId: "monitoring",
        // The broker refuses any name but that of the connection's user, so callout can believe it.
        userId: decodeURIComponent(new URL(url).username),
      };
      const body = Buffer.from(JSON.stringify(content));
      // The routing key is the event's type.
      channel.publish(EXCHANGE, event.type, body, options, (error) => (error ? reject(error) : resolve()));
    });
    await channel.close();
  } finally {
    await connection.close().catch(() => {});
  }
}

async function main() {
  const url = process.env.AMQP_URL;
  if (!url) throw new Error("set AMQP_URL, for example amqp://monitoring:PASSWORD@localhost:5672/%2F");
  const words = process.argv.slice(2);
  const form = words[0] === "--binary" ? binary : structured;
  const event = incident(words.filter((word) => word !== "--binary")[0] ?? "Disk almost full");
  await publish(url, event, form);
  console.log(event.id);
}

main().catch((error) => {
  console.error(`not published, publish it again: ${error.message}`);
  process.exitCode = 1;
});
