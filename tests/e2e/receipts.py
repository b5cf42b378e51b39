#!/usr/bin/env python3
"""The checker in docs/receipts.md, which is Node's own crypto and none of our code, takes a real receipt and nothing else."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from server import Server
from support.paths import TOP


def checker():
    return re.search(r"```js\n(.*?)```", (TOP / "docs/receipts.md").read_text(), re.DOTALL).group(1)


class Receipts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "check.mjs").write_text(checker())

    def write(self, name, value):
        (self.folder / name).write_text(json.dumps(value))

    def check(self, body):
        self.write("poll.json", body)
        command = ["node", "check.mjs", "poll.json", "jwks.json", "payload.json"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=30)

    def test_others_verify_what_we_sign(self):
        server = Server(self.folder)
        self.addCleanup(lambda: server.process.poll() is None and server.kill())
        made = server.command("agents", "create", "--label", "buyer", "--credit-usd", "10", "--json")
        token = json.loads(made.stdout)["bearer"]
        # Numbers, escapes and an order of members that their canonical forms differ from.
        lead = {"company": "Ac\u20acme \U0001f600", "number1": 1e21, "zip": 33602.0, "\ufb33": 2, "a": [0.1, -0.0, 123456789012345680000]}
        payload = {"lead": lead, "budget_usd": 0.5}
        _, _, order = server.call("/api/v1/enrich/jobs", token, {"route": "enrich/lead-session", "payload": payload})
        job = {"status": "queued"}
        while job["status"] not in ("completed", "failed"):
            _, _, job = server.call(f"/api/v1/enrich/jobs/{order['job_id']}", order["poll_bearer"], Prefer="wait=30")
        _, _, keys = server.call("/.well-known/jwks.json", token)
        self.write("jwks.json", keys)
        self.write("payload.json", payload)
        taken = self.check(job)
        self.assertEqual(taken.returncode, 0, taken.stdout + taken.stderr)
        self.assertIn(f"holds: {order['job_id']}", taken.stdout)

        head, claims, signature = job["receipt"].split(".")
        for changed in [f"{head}.{claims[:-1] + ('A' if claims[-1] != 'A' else 'B')}.{signature}", f"{head}.{claims}.{'A' + signature[1:] if signature[0] != 'A' else 'B' + signature[1:]}"]:
            self.assertNotEqual(self.check(job | {"receipt": changed}).returncode, 0)
        self.assertEqual(self.check(job | {"result": (job.get("result") or {}) | {"matched": "no"}}).returncode, 1)
        self.write("payload.json", payload | {"budget_usd": 0.6})
        self.assertEqual(self.check(job).returncode, 1)


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    failed = len(result.failures) + len(result.errors)
    print(f"test result: {'FAILED' if failed else 'ok'}. {result.testsRun - failed} passed; {failed} failed", flush=True)
    sys.exit(failed > 0)
