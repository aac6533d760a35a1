#!/usr/bin/env python3
"""Records what the Python SDK of CloudEvents writes by default, as the tests read it.

    pip install --require-hashes --requirement requirements.txt && python3 record.py > python.json

A header's value is a text, a number, or {"bytes": BASE64}; a body is base64.
"""

import base64
import datetime
import importlib.metadata
import json

from cloudevents.core.bindings import amqp, http, rabbitmq
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.http import CloudEvent as OldEvent
from cloudevents.v1.http import to_binary, to_structured

TIME = datetime.datetime(2026, 1, 31, 9, 30, tzinfo=datetime.timezone.utc)
DATA = {"severity": "high", "title": "Größe 5 % \"über\""}


def attributes(**more):
    return {"id": "e-1", "source": "monitoring", "type": "incident.created", "subject": "db \"eins\" ü", **more}


def body(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data or b"").decode()


def main():
    cases = []

    def case(name, transport, headers, content_type, data):
        known = {k: v for k, v in headers.items() if k.lower() != "content-type"}
        cases.append({"name": name, "transport": transport, "content_type": content_type, "headers": known, "body": body(data)})

    def over_http(name, headers, data):
        case(name, "http", headers, {k.lower(): v for k, v in headers.items()}.get("content-type"), data)

    typed, plain = attributes(time=TIME, datacontenttype="application/json"), attributes(time=TIME)
    for kind, given in (("typed", typed), ("untyped", plain)):
        event = CloudEvent(given, DATA)
        for form, write in (("binary", http.to_binary_event), ("structured", http.to_structured_event)):
            message = write(event)
            over_http(f"http {form} {kind}", message.headers, message.body)
        for form, write in (("binary", amqp.to_binary_event), ("structured", amqp.to_structured_event)):
            message = write(event)
            case(f"amqp {form} {kind}", "amqp", message.application_properties, message.properties.get("content-type"), message.application_data)
        for form, write in (("binary", rabbitmq.to_binary_event), ("structured", rabbitmq.to_structured_event)):
            message = write(event)
            case(f"rabbitmq {form} {kind}", "amqp", message.headers, message.content_type, message.body)
    old = attributes(time=TIME.isoformat())
    # The 1.x interface does not encode what it puts into headers.
    old["subject"] = "db-1"
    for form, write in (("binary", to_binary), ("structured", to_structured)):
        headers, data = write(OldEvent(old, DATA))
        over_http(f"http v1 {form}", headers, data)
    headers, data = to_structured(OldEvent(old, json.dumps(DATA).encode()))
    over_http("http v1 structured bytes", headers, data)
    event = CloudEvent(typed, json.dumps(DATA).encode())
    message = http.to_structured_event(event)
    over_http("http structured bytes", message.headers, message.body)
    message = http.to_binary_event(CloudEvent(plain))
    over_http("http binary without data", message.headers, message.body)
    message = rabbitmq.to_binary_event(CloudEvent(plain))
    case("rabbitmq binary without data", "amqp", message.headers, message.content_type, message.body)
    # The SDK has no batch of its own: its users join structured events.
    batch = b"[" + b",".join([http.to_structured_event(CloudEvent(typed, DATA)).body] * 2) + b"]"
    over_http("http batch", {"content-type": "application/cloudevents-batch+json"}, batch)
    print(json.dumps({"sdk": "cloudevents (PyPI) " + importlib.metadata.version("cloudevents"), "cases": cases}, indent=1))


main()
