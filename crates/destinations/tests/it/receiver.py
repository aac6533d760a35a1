"""Takes webhooks with the official Standard Webhooks library.

In: a secret as argument, requests on a port that is printed first. Out: 204 for what verifies, 401 for the rest.
"""

import http.server
import sys

from standardwebhooks import Webhook, WebhookVerificationError

VERIFIER = Webhook(sys.argv[1])


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            VERIFIER.verify(body, dict(self.headers))
            self.send_response(204)
        except WebhookVerificationError:
            self.send_response(401)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_address[1], flush=True)
server.serve_forever()
