"""Takes batches of CloudEvents over HTTP, and queues a task for each. GET says how many workers there are."""
import json
import os

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from worker import app as tasks
from worker import send

KEY = f"Bearer {os.environ['SOURCE_KEY']}"


def queue(events):
    with tasks.producer_or_acquire() as producer:
        for event in events:
            send.apply_async((event,), producer=producer)


async def take(request):
    if request.headers.get("authorization") != KEY:
        return Response(status_code=401)
    events = json.loads(await request.body())
    await run_in_threadpool(queue, events if isinstance(events, list) else [events])
    return Response(status_code=202)


async def ready(request):
    workers = await run_in_threadpool(tasks.control.ping, timeout=0.5)
    return JSONResponse({"workers": len(workers)})


app = Starlette(routes=[Route("/v1/events", take, methods=["POST"]), Route("/", ready)])
