#!/bin/sh
# Publishes one CloudEvent to callout's exchange with rabbitmqadmin, which comes with RabbitMQ's management plugin.
#
#     export AMQP_URL=amqp://monitoring:PASSWORD@localhost:5672/%2F
#     ./publish.sh "Disk almost full"             # structured mode: the event is the body
#     ./publish.sh --binary "Disk almost full"    # binary mode: attributes are headers, the data is the body
#
# It asks the management API, at AMQP_URL's host and at MANAGEMENT_PORT (15672), to publish and to wait for the
# confirmation, so its user also needs the tag `management`. One request for each event: for scripts, not for a flood.
# Ends with 0 once the event is safe. After anything else, publish it again with the same id: callout acts on it once.
set -eu

form=structured
if [ "${1:-}" = --binary ]; then
    form=binary
    shift
fi
title=${1:-Disk almost full}
case $title in *[\"\\]*) echo "the title becomes JSON as it is: no quotes or backslashes in it" >&2; exit 2 ;; esac

# amqp://USER:PASSWORD@HOST[:PORT][/VHOST]; of encoded characters only the virtual host's slash is understood.
rest=${AMQP_URL:?set it, for example amqp://monitoring:PASSWORD@localhost:5672/%2F}
rest=${rest#*://}
login=${rest%%@*}
place=${rest#*@}
user=${login%%:*}
host=${place%%[:/]*}
vhost=/
case $place in */?*) vhost=$(printf %s "${place#*/}" | sed 's|%2[Ff]|/|g') ;; esac

# In a file that nobody else can read, for arguments are seen by everybody on the machine.
umask 077
settings=$(mktemp)
trap 'rm -f "$settings"' EXIT
cat > "$settings" <<END
[callout]
hostname = $host
port = ${MANAGEMENT_PORT:-15672}
username = $user
password = ${login#*:}
vhost = $vhost
END

# The event. `source` and `id` together name it; the type, which is also the routing key, decides who takes it.
id=$(cat /proc/sys/kernel/random/uuid)
source=monitoring
type=incident.created
subject=db-1
time=$(date -u +%Y-%m-%dT%H:%M:%SZ)
data="{\"severity\": \"high\", \"title\": \"$title\", \"service\": \"db-1\"}"

if [ $form = structured ]; then
    content_type=application/cloudevents+json
    headers='{}'
    body="{\"specversion\": \"1.0\", \"id\": \"$id\", \"source\": \"$source\", \"type\": \"$type\",
           \"subject\": \"$subject\", \"time\": \"$time\", \"data\": $data}"
else
    content_type=application/json
    headers="{\"cloudEvents:specversion\": \"1.0\", \"cloudEvents:id\": \"$id\", \"cloudEvents:source\": \"$source\",
              \"cloudEvents:type\": \"$type\", \"cloudEvents:subject\": \"$subject\", \"cloudEvents:time\": \"$time\"}"
    body=$data
fi

# Persistent; and the broker refuses any user_id but that of the publishing connection, so callout can trust it.
properties="{\"content_type\": \"$content_type\", \"delivery_mode\": 2, \"user_id\": \"$user\",
             \"message_id\": \"$id\", \"app_id\": \"$source\", \"headers\": $headers}"
answer=$(rabbitmqadmin --config="$settings" --node=callout publish \
    exchange=callout.v1.events routing_key="$type" properties="$properties" payload="$body")
# "Message published but NOT routed" is no failure to rabbitmqadmin.
if [ "$answer" != "Message published" ]; then
    echo "not published, publish it again: $answer" >&2
    exit 1
fi
echo "$id"
