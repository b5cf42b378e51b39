#!/usr/bin/env python3
"""The receiver in docs/callbacks.md takes what we sign, and nothing else.

The signature is the one in `golden_headers` of src/callbacks/signature.rs.
"""

import base64
import contextlib
import hashlib
import hmac
import io
import json
import pathlib
import re
import sys
import threading
import time
import types
import unittest
import urllib.error
import urllib.request

TOP = pathlib.Path(__file__).resolve().parents[2]
SECRET = "whsec_" + base64.b64encode(b"\7" * 32).decode()
BODY = b'{"a":1}'
AT = 1767225600
HEADERS = {
    "webhook-id": "evt_001g2081040g2081040g2081040g200",
    "webhook-timestamp": str(AT),
    "webhook-signature": "v1,6DiqxWwYhQjNJyWY0i1CeLfyUdxDV5vIHz3j0nHEGxQ=",
}
PLAIN = "sha256=5e311a3de1d034f7795443197f92801512827c7024b3fb51f95840bd250f1dcc"


def documented() -> types.ModuleType:
    text = (TOP / "docs/callbacks.md").read_text()
    module = types.ModuleType("documented")
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1), module.__dict__)
    return module


class Documented(unittest.TestCase):
    def setUp(self):
        self.receiver = documented()

    def genuine(self, headers=HEADERS, body=BODY, secret=SECRET, now=AT) -> bool:
        return self.receiver.is_genuine(headers, body, secret, now)

    def test_the_golden_signature_is_the_one_in_the_code_and_in_the_page(self):
        for file in ["src/callbacks/signature.rs", "docs/callbacks.md"]:
            text = (TOP / file).read_text()
            for value in [*HEADERS.values(), PLAIN]:
                self.assertTrue(value in text or value == str(AT) and "1_767_225_600" in text, f"{value} in {file}")

    def test_a_genuine_one_is_taken(self):
        self.assertTrue(self.genuine())
        self.assertTrue(self.genuine(now=AT + 299))
        both = HEADERS | {"webhook-signature": "v1,AAAA " + HEADERS["webhook-signature"]}
        self.assertTrue(self.genuine(headers=both), "the previous secret's signature stands first")

    def test_anything_else_is_refused(self):
        self.assertFalse(self.genuine(body=b'{"a":2}'))
        self.assertFalse(self.genuine(secret="whsec_" + base64.b64encode(b"\x08" * 32).decode()))
        self.assertFalse(self.genuine(now=AT + 301), "an old one")
        self.assertFalse(self.genuine(now=AT - 301), "one from the future")
        self.assertFalse(self.genuine(headers={}))
        for name in HEADERS:
            self.assertFalse(self.genuine(headers=HEADERS | {name: "1"}), name)

    def test_the_plain_signature_is_as_the_page_says(self):
        self.assertEqual("sha256=" + hmac.new(SECRET.encode("ascii"), BODY, hashlib.sha256).hexdigest(), PLAIN)

    def test_over_http_a_repeat_is_handled_once(self):
        receiver = self.receiver
        receiver.Receiver.secret = SECRET
        receiver.Receiver.log_message = lambda *_: None
        server = receiver.ThreadingHTTPServer(("127.0.0.1", 0), receiver.Receiver)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        event = {"id": "evt_1", "type": "enrich.job_completed", "data": {"job_id": "ej_1", "charged_usd": 0.02}}
        body = json.dumps(event).encode()
        timestamp = str(int(time.time()))
        signed = f"evt_1.{timestamp}.".encode() + body
        signature = base64.b64encode(hmac.new(b"\7" * 32, signed, hashlib.sha256).digest()).decode()

        def post(signature: str) -> int:
            headers = {"webhook-id": "evt_1", "webhook-timestamp": timestamp, "webhook-signature": "v1," + signature}
            request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}/", body, headers)
            try:
                with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code

        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.assertEqual([post(signature), post(signature), post("AAAA")], [204, 204, 401])
        server.shutdown()
        server.server_close()
        self.assertEqual(printed.getvalue(), "enrich.job_completed ej_1 0.02\n")


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    failed = len(result.failures) + len(result.errors)
    passed = result.testsRun - failed
    # As cargo prints it: scripts/test adds these up.
    print(f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {failed} failed", flush=True)
    sys.exit(failed > 0)
