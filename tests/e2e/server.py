#!/usr/bin/env python3
"""The real program, as an operator and a buyer meet it: started, sold from, killed, started again, audited, stopped.

ENRICH_BINARY names the program; without it, the debug build.
"""

import json
import pathlib
import re
import signal
import stat
import subprocess
import sys
import tempfile
import unittest
import urllib.request

from support.paths import BINARY, KEPT, TOP

DIRECTORY = "name,street,city,state,zip,phone\nAcme Corp,120 N Main St,Tampa,FL,33602,(813) 555-0142\n"
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Server:
    """A running `serve` in a folder of its own, on ports that are free."""

    def __init__(self, folder):
        self.settings = KEPT | {
            "ENRICH_LISTEN": "127.0.0.1:0",
            "ENRICH_ADMIN_LISTEN": "127.0.0.1:0",
            "ENRICH_ADMIN_TOKEN": "an-operators-token-of-32-letters",
        }
        self.folder = folder
        self.log = open(folder / "server.log", "a")
        self.process = subprocess.Popen([BINARY, "serve"], cwd=folder, env=self.settings, stdout=subprocess.PIPE, stderr=self.log, text=True)
        ready = next((line for line in self.process.stdout if "ready" in line), "")
        found = re.search(r"public (http://\S+), admin (http://\S+)", ready)
        if not found:
            self.kill()
            raise AssertionError(f"not ready: {ready!r}\n{(folder / 'server.log').read_text()}")
        self.public, admin = found.groups()
        self.settings["ENRICH_ADMIN_URL"] = admin

    def command(self, *arguments, **settings):
        return subprocess.run([BINARY, *arguments], cwd=self.folder, env=self.settings | settings, capture_output=True, text=True, timeout=60)

    def call(self, path, bearer, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()} | {"Authorization": f"Bearer {bearer}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        with HTTP.open(urllib.request.Request(self.public + path, body, headers), timeout=60) as answer:
            return answer.status, answer.headers, json.load(answer)

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.log.close()
        return code


class RealProgram(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self):
        server = Server(self.folder)
        self.addCleanup(lambda: server.process.poll() is None and server.kill())
        return server

    def done(self, process, code=0):
        self.assertEqual(process.returncode, code, process.stdout + process.stderr)
        return process.stdout

    def test_sells_survives_a_kill_and_stops_in_order(self):
        (self.folder / "businesses.csv").write_text(DIRECTORY)
        imported = subprocess.run([BINARY, "import-directory", "businesses.csv"], cwd=self.folder, env=KEPT, capture_output=True, text=True)
        self.assertIn("1 new", self.done(imported))
        self.assertEqual(stat.S_IMODE((self.folder / "data").stat().st_mode), 0o700, "nobody else looks into the store's folder")

        server = self.start()
        agent = json.loads(self.done(server.command("agents", "create", "--label", "buyer", "--credit-usd", "10", "--json")))
        token = agent["bearer"]
        smoke = [sys.executable, TOP / "scripts/smoke_enrich_upto_jobs.py", "--balance"]
        settings = KEPT | {"BASE_URL": server.public, "AGENT_TOKEN": token}
        self.done(subprocess.run(smoke, env=settings, capture_output=True, text=True, timeout=240))
        self.assertIn("balance", self.done(server.command("audit")))

        order = {"route": "enrich/websearch", "payload": {"business_name": "Acme Corp", "city": "Tampa", "state": "FL"}}
        status, _, first = server.call("/api/v1/enrich/jobs", token, order, Idempotency_Key="once")
        self.assertEqual(status, 202)
        server.kill()

        server = self.start()
        _, _, job = server.call(f"/api/v1/enrich/jobs/{first['job_id']}", first["poll_bearer"], Prefer="wait=30")
        while job["status"] not in ("completed", "failed"):
            _, _, job = server.call(f"/api/v1/enrich/jobs/{first['job_id']}", first["poll_bearer"], Prefer="wait=30")
        self.assertEqual((job["status"], job["result"]["matched"]), ("completed", True))
        _, headers, again = server.call("/api/v1/enrich/jobs", token, order, Idempotency_Key="once")
        self.assertEqual((again["job_id"], again["poll_bearer"]), (first["job_id"], first["poll_bearer"]))
        self.assertEqual(headers["Idempotency-Replayed"], "true")
        self.assertEqual(server.kill(signal.SIGTERM), 0)
        self.done(server.command("audit"))

    def test_a_setting_that_can_not_be_used_is_named(self):
        for name, value in [("ENRICH_LISTEN", "nowhere"), ("ENRICH_JOB_SLOTS", "many"), ("X402_NETWORKS", "base")]:
            refused = subprocess.run([BINARY, "serve"], cwd=self.folder, env=KEPT | {name: value}, capture_output=True, text=True, timeout=30)
            self.done(refused, code=2)
            self.assertIn(name, refused.stderr)

    def test_the_demo_keeps_what_it_promises(self):
        demo = [BINARY, "demo", "--exit", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        shown = self.done(subprocess.run(demo, cwd=self.folder, env=KEPT, capture_output=True, text=True, timeout=120))
        for promise in ["one key buys once", "callbacks are signed", "the books balance"]:
            self.assertRegex(shown, f"{promise} +yes")


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    failed = len(result.failures) + len(result.errors)
    print(f"test result: {'FAILED' if failed else 'ok'}. {result.testsRun - failed} passed; {failed} failed", flush=True)
    sys.exit(failed > 0)
