"""Twilio's Python SDK against a simulator: create, fetch, list with paging, update, delete, errors.

In: base URL, account SID, auth token, a sender, a messaging service. Out: exit status 0 if all of it works.
Never: reaches another host; every request is sent to the base URL.
"""

import sys
import time
from urllib.parse import urlsplit, urlunsplit

from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client


class LocalClient(TwilioHttpClient):
    """Sends what is meant for Twilio to the simulator."""

    def __init__(self, base):
        super().__init__()
        self.base = urlsplit(base)

    def request(self, method, url, *args, **kwargs):
        parts = urlsplit(url)
        local = urlunsplit((self.base.scheme, self.base.netloc, parts.path, parts.query, ""))
        return super().request(method, local, *args, **kwargs)


def check(holds, what):
    if not holds:
        sys.exit(f"failed: {what}")


def refusal(act):
    try:
        act()
    except TwilioRestException as error:
        return error.status, error.code
    sys.exit("failed: a refusal was expected")


def main(base, account, token, sender, service):
    client = Client(account, token, http_client=LocalClient(base))
    phone = "+14155550177"

    sent = client.messages.create(to=phone, from_=sender, body="hello from the SDK \u2705")
    check(sent.sid.startswith("SM") and sent.status == "queued", "a text from a number is queued")
    check(sent.num_segments == "1" and sent.date_created.tzinfo is not None, "fields have their types")

    pooled = client.messages.create(to=phone, messaging_service_sid=service, body="through a service")
    check(pooled.status == "accepted" and pooled.from_ is None, "a service send is accepted without a sender")

    deadline = time.monotonic() + 30
    while (fetched := client.messages(sent.sid).fetch()).status != "delivered":
        check(time.monotonic() < deadline, "the text is delivered")
        time.sleep(0.02)
    check(fetched.body == sent.body and fetched.date_sent is not None, "a fetched text is the one that was sent")

    for number in range(5):
        client.messages.create(to=phone, from_=sender, body=f"page {number}")
    listed = [message.body for message in client.messages.list(to=phone, page_size=2)]
    check(len(listed) == 7 and listed[0] == "page 4", f"every page is listed, newest first: {listed}")
    day = fetched.date_sent.date()
    check(client.messages.list(to=phone, date_sent_after=day), "texts are found by date")

    check(refusal(lambda: client.messages.create(to="nonsense", from_=sender, body="x")) == (400, 21211), "21211")
    check(refusal(lambda: client.messages("SM" + "0" * 32).fetch()) == (404, 20404), "20404")
    wrong = Client(account, "wrong", http_client=LocalClient(base))
    check(refusal(lambda: wrong.messages(pooled.sid).fetch()) == (401, 20003), "20003")

    check(client.messages(sent.sid).update(body="").body == "", "a text is redacted")
    check(client.messages(sent.sid).delete(), "a text is deleted")
    check(client.api.v2010.accounts(account).fetch().status == "active", "the account is active")
    print("the SDK is content")


if __name__ == "__main__":
    main(*sys.argv[1:])
