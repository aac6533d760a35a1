"""Sends a text for each task, under an idempotency key in Redis, and stores the SID under it."""
import json
import os

import urllib3
from celery import Celery
from redis import Redis

CONCURRENCY = int(os.environ["CONCURRENCY"])
ON_DOUBT = os.environ["ON_DOUBT"]
PUBLIC_URL = os.environ.get("PUBLIC_URL")
FROM = os.environ["TWILIO_FROM"]
ACCOUNT = os.environ["TWILIO_ACCOUNT_SID"]
URL = f"{os.environ['TWILIO_API_BASE'].rstrip('/')}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
AUTH = urllib3.make_headers(basic_auth=f"{ACCOUNT}:{os.environ['TWILIO_AUTH_TOKEN']}")
WEEK_S = 7 * 24 * 3600

app = Celery("texts", broker=os.environ["REDIS_URL"])
app.conf.update(
    task_acks_late=True,  # A task that was cut off comes again.
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={
        "visibility_timeout": 60,  # After this many seconds; an hour by default.
        "max_connections": 2 * CONCURRENCY,  # Every greenlet acknowledges; 10 by default.
    },
    broker_connection_retry_on_startup=True,
)
redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True, max_connections=2 * CONCURRENCY)
http = urllib3.PoolManager(maxsize=CONCURRENCY, retries=False)


@app.task(bind=True, autoretry_for=(Exception,), max_retries=4, retry_backoff=1)
def send(self, event):
    key, task = f"text:{event['source']}:{event['id']}", self.request.id
    holder = redis.set(key, task, ex=WEEK_S, nx=True, get=True)
    if holder not in (None, task):
        return  # Sent before, or another task of the same event.
    # This task was here before and did not come back. Its request was sent or was not, which nobody knows.
    if holder == task and ON_DOUBT == "leave":
        return
    data = event["data"]
    form = {"To": data["phone"], "From": FROM, "Body": f"Order {data['number']} is on its way."}
    if PUBLIC_URL:
        form["StatusCallback"] = f"{PUBLIC_URL}/status"
    answer = http.request("POST", URL, fields=form, encode_multipart=False, headers=AUTH)
    if answer.status != 201:
        redis.delete(key)  # It was refused, so that a later attempt is the first.
        raise RuntimeError(f"{answer.status}: {answer.data}")
    redis.set(key, json.loads(answer.data)["sid"], ex=WEEK_S)
