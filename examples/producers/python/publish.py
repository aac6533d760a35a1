#!/usr/bin/env python3
"""Publishes one CloudEvent to callout's exchange, and waits until the broker has it on disk.

    pip install -r requirements.txt
    export AMQP_URL=amqp://monitoring:PASSWORD@localhost:5672/%2F
    python3 publish.py "Disk almost full"             # structured mode: the event is the body
    python3 publish.py --binary "Disk almost full"    # binary mode: attributes are headers, the data is the body

Ends with 0 once the event is safe. After anything else, publish it again with the same id: callout acts on it once.
"""

import argparse
import datetime
import json
import os
import sys
import uuid

import pika

EXCHANGE = "callout.v1.events"


def incident(title):
    """The event. `source` and `id` together name it; the type decides which workflow takes it."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "monitoring",
        "type": "incident.created",
        "subject": "db-1",
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "datacontenttype": "application/json",
        "data": {"severity": "high", "title": title, "service": "db-1"},
    }


def structured(event):
    """The whole event as the body."""
    return json.dumps(event), "application/cloudevents+json", None


def binary(event):
    """The data as the body, every attribute as a header."""
    attributes = {name: value for name, value in event.items() if name not in ("data", "datacontenttype")}
    headers = {f"cloudEvents:{name}": value for name, value in attributes.items()}
    return json.dumps(event["data"]), event["datacontenttype"], headers


def publish(url, event, form):
    """Publishes an event in one of the two forms, and returns once the broker has confirmed it."""
    parameters = pika.URLParameters(url)
    parameters.blocked_connection_timeout = 30
    body, content_type, headers = form(event)
    properties = pika.BasicProperties(
        content_type=content_type,
        delivery_mode=pika.DeliveryMode.Persistent,
        # The broker refuses any name but that of the connection's user, so callout can believe it.
        user_id=parameters.credentials.username,
        message_id=event["id"],
        app_id="monitoring",
        headers=headers,
    )
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        # The routing key is the event's type. Raises if the broker refuses the event or the connection is lost.
        channel.basic_publish(EXCHANGE, routing_key=event["type"], body=body, properties=properties)


def main():
    arguments = argparse.ArgumentParser(description="Publish one incident to callout.")
    arguments.add_argument("--binary", action="store_true", help="binary mode instead of structured mode")
    arguments.add_argument("title", nargs="?", default="Disk almost full")
    arguments = arguments.parse_args()
    if "AMQP_URL" not in os.environ:
        sys.exit("set AMQP_URL, for example amqp://monitoring:PASSWORD@localhost:5672/%2F")
    event = incident(arguments.title)
    try:
        publish(os.environ["AMQP_URL"], event, binary if arguments.binary else structured)
    except pika.exceptions.AMQPError as error:
        sys.exit(f"not published, publish it again: {error!r}")
    print(event["id"])


if __name__ == "__main__":
    main()
