"""Takes the provider's status callbacks: checks the signature, and stores each status with its time."""
import base64
import hashlib
import hmac
import os
import time
from urllib.parse import parse_qsl

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

PUBLIC_URL = os.environ["PUBLIC_URL"]
TOKEN = os.environ["TWILIO_AUTH_TOKEN"].encode()
redis = Redis.from_url(os.environ["REDIS_URL"])


def is_signed(request, form):
    fields = "".join(name + value for name, value in sorted(form))
    text = PUBLIC_URL + request.url.path + fields
    digest = base64.b64encode(hmac.new(TOKEN, text.encode(), hashlib.sha1).digest())
    return hmac.compare_digest(digest, request.headers.get("x-twilio-signature", "").encode())


async def take(request):
    form = parse_qsl((await request.body()).decode(), keep_blank_values=True)
    if not is_signed(request, form):
        return Response(status_code=403)
    status = dict(form)
    await redis.hset(f"statuses:{status['MessageSid']}", status["MessageStatus"], int(time.time() * 1000))
    return Response(status_code=204)


app = Starlette(routes=[Route("/status", take, methods=["POST"])])
