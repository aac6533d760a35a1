#!/usr/bin/env node
// Records what the JavaScript SDK of CloudEvents writes by default, as the tests read it.
//
//     npm ci --ignore-scripts && node record.js > javascript.json
//
// A body is base64. The SDK has no AMQP binding: its users publish the HTTP headers, or the structured event.
"use strict";

const { CloudEvent, HTTP } = require("cloudevents");

const base = {
  id: "e-1",
  source: "monitoring",
  type: "incident.created",
  subject: "db-1",
  time: "2026-01-31T09:30:00.000Z",
};
const data = { severity: "high", title: 'Größe 5 % "über"' };
const cases = [];

function add(name, transport, { headers, body }) {
  const { "content-type": contentType, ...rest } = Object.fromEntries(
    Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value]),
  );
  const bytes = Buffer.from(body ?? "").toString("base64");
  cases.push({ name, transport, content_type: contentType ?? null, headers: rest, body: bytes });
}

const typed = new CloudEvent({ ...base, datacontenttype: "application/json", data });
const untyped = new CloudEvent({ ...base, data });
for (const [kind, event] of [["typed", typed], ["untyped", untyped]]) {
  for (const transport of ["http", "amqp"]) {
    add(`${transport} binary ${kind}`, transport, HTTP.binary(event));
    add(`${transport} structured ${kind}`, transport, HTTP.structured(event));
  }
}
add("http binary without data", "http", HTTP.binary(new CloudEvent(base)));
add("http structured bytes", "http", HTTP.structured(new CloudEvent({ ...base, datacontenttype: "application/json", data: new Uint8Array(Buffer.from(JSON.stringify(data))) })));
add("http batch", "http", {
  headers: { "content-type": "application/cloudevents-batch+json" },
  body: JSON.stringify([typed, typed]),
});
console.log(JSON.stringify({ sdk: `cloudevents (npm) ${require("cloudevents/package.json").version}`, cases }, null, 1));
