"""A server that sells, the websites that its jobs read, and buyers."""

import base64
import http.client
import http.server
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.parse
from decimal import Decimal

from .paths import BINARY, CLIENTS, KEPT, PYTHON, TOP
from .rpc_proxy import Quiet

ADMIN_TOKEN = "an-operators-token-of-32-letters"
JOBS = "/api/v1/enrich/jobs"
ACME = {"business_name": "Acme Corp", "city": "Tampa", "state": "FL"}
NOBODY = {"business_name": "Zzyzx Xylophone Quarry", "city": "Nome", "state": "AK"}
ENDED = ("completed", "failed")
PATIENCE_SECONDS = 20


def order(ceiling=0.5, payload=ACME, **more):
    return {"route": "enrich/websearch", "payload": payload, "bill_up_to_usd": ceiling} | more


def micros(usd):
    """Dollars as the chain counts them."""
    amount = Decimal(str(usd)) * 1_000_000
    assert amount == int(amount), usd
    return int(amount)


def decoded(header):
    """The object in a payment header."""
    return json.loads(base64.b64decode(header))


def until(what, check, seconds=PATIENCE_SECONDS):
    """Waits until a check is true, and returns what it said."""
    deadline = time.monotonic() + seconds
    while True:
        said = check()
        if said:
            return said
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


class Answer:
    """Status, headers and body. Amounts are decimals, since a float would round them."""

    def __init__(self, status, headers, text):
        self.status, self.text = status, text
        self.headers = {name.lower(): value for name, value in dict(headers).items()}
        self.body = json.loads(text, parse_float=Decimal) if text[:1] in ("{", "[") else None

    def __repr__(self):
        return f"{self.status} {self.text[:600]}"

    def demanded(self):
        """What a 402 or 412 asks for."""
        return decoded(self.headers["payment-required"])


def call(base, method, path, bearer=None, body=None, payment=None, **headers):
    url = urllib.parse.urlsplit(base)
    headers = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    if payment:
        headers["PAYMENT-SIGNATURE"] = payment
    if body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=240)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read().decode())
    finally:
        connection.close()


class Sites:
    """The sample's websites on loopback. A page can be held back, and tells that it is waited for."""

    def __init__(self):
        self.held, self.asked = threading.Event(), threading.Event()
        self.held.set()
        sites = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=TOP / "samples/sites")

            def do_GET(self):
                sites.asked.set()
                sites.held.wait(PATIENCE_SECONDS)
                super().do_GET()

            def log_message(self, *_):
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def hold(self):
        self.asked.clear()
        self.held.clear()

    def release(self):
        self.held.set()

    def close(self):
        self.release()
        self.server.shutdown()
        self.server.server_close()


class Shop:
    """A running `serve` in a folder of its own, on ports that are free."""

    def __init__(self, folder, chain, sites, way, **settings):
        self.folder, self.chain, self.sites = folder, chain, sites
        self.settings = KEPT | {
            "ENRICH_LISTEN": "127.0.0.1:0",
            "ENRICH_ADMIN_LISTEN": "127.0.0.1:0",
            "ENRICH_ADMIN_TOKEN": ADMIN_TOKEN,
            "VENDOR_WEBSITE_ALLOW_LOOPBACK": "true",
            "VENDOR_WEBSITE_HOST_INTERVAL_MS": "0",
        }
        self.settings |= (networks(chain, way) if chain else {}) | {name: str(value) for name, value in settings.items()}
        self.process = None
        self.restore()
        self.start()

    def restore(self):
        """Imports the sample's directory, with its pages where they are served."""
        csv = (TOP / "samples/directory.csv").read_text().replace("{{SITES}}", self.sites.url)
        (self.folder / "businesses.csv").write_text(csv)
        self.command("import-directory", "businesses.csv")

    def command(self, *arguments, code=0, **settings):
        done = subprocess.run([BINARY, *arguments], cwd=self.folder, env=self.settings | settings, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self):
        with open(self.folder / "server.log", "a") as log:
            self.process = subprocess.Popen([BINARY, "serve"], cwd=self.folder, env=self.settings, stdout=subprocess.PIPE, stderr=log, text=True)
        ready = next((line for line in self.process.stdout if "ready" in line), "")
        found = re.search(r"public (http://\S+), admin (http://\S+)", ready)
        if not found:
            self.kill()
            raise AssertionError(f"not ready: {ready!r}\n{self.log()}")
        self.public, self.admin = found.groups()
        self.settings["ENRICH_ADMIN_URL"] = self.admin

    def log(self):
        return (self.folder / "server.log").read_text()

    def kill(self, how=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        return code

    def close(self):
        if self.process.poll() is None:
            self.kill()

    def post(self, body, payment=None, bearer=None, path=JOBS, **headers):
        return call(self.public, "POST", path, bearer, body, payment, **headers)

    def demand(self, body=None, path=JOBS, **headers):
        """What an anonymous buyer is asked to sign, once the network is offered."""
        def asked():
            answer = self.post(order() if body is None else body, path=path, **headers)
            return answer if answer.status == 402 else None
        return until(f"a 402 at {path}", asked).demanded()

    def signed(self, payer, body=None, path=JOBS, **headers):
        """A payment for a body, by the official client."""
        return self.chain.sign(payer, self.demand(body, path, **headers))[0]

    def bought(self, payer, body=None):
        """A job that is accepted for a payment, and the payment."""
        body = order() if body is None else body
        payment = self.signed(payer, body)
        answer = self.post(body, payment)
        assert answer.status == 202, answer
        return Job(self, answer), payment

    def ask(self, path, method="GET", body=None, **headers):
        """An operator's request."""
        return call(self.admin, method, path, ADMIN_TOKEN, body, **headers)

    def agent(self, credit=10):
        answer = self.ask("/admin/agents", "POST", {"label": "a buyer", "credit_usd": credit})
        assert answer.status == 201, answer
        return answer.body

    def audit(self):
        """The books as the running server sees them."""
        answer = self.ask("/admin/audit")
        assert answer.status == 200 and answer.body["ok"], answer
        return answer.body


class Job:
    """A job as its buyer sees it."""

    def __init__(self, shop, accepted):
        self.shop, self.accepted = shop, accepted.body
        self.id, self.bearer = accepted.body["job_id"], accepted.body["poll_bearer"]

    def poll(self, **headers):
        answer = call(self.shop.public, "GET", f"{JOBS}/{self.id}", self.bearer, **headers)
        assert answer.status == 200, answer
        return answer

    def status(self):
        return self.poll().body["status"]

    def end(self, seconds=PATIENCE_SECONDS):
        def ended():
            poll = self.poll(Prefer="wait=2")
            # What is not paid for is not shown, in no state before the end.
            assert poll.body["status"] in ENDED or "result" not in poll.body, poll
            return poll if poll.body["status"] in ENDED else None
        return until(f"the end of {self.id}", ended, seconds)

    def as_operator(self):
        answer = self.shop.ask(f"/admin/jobs/{self.id}")
        assert answer.status == 200, answer
        return answer.body


def networks(chain, way):
    """The settings for a chain, settled in this way: `direct`, `batch`, or a facilitator's URL."""
    place = chain.place
    settings = {
        "RPC_URL": place["rpc_url"],
        "ASSET": place["token"],
        "ASSET_NAME": place["token_name"],
        "ASSET_VERSION": place["token_version"],
        "PAY_TO": place["pay_to"],
        "PROXY_CODE_HASH": chain.proxy_code_hash,
    }
    if way in ("direct", "batch"):
        settings["OPERATOR_KEYS"] = ",".join(operator["key"] for operator in place["operators"])
    if way == "batch":
        settings["SETTLER_ADDRESS"] = place["settler"]
    if way not in ("direct", "batch"):
        settings["FACILITATOR_URL"] = way
    network = f"eip155:{place['chain_id']}"
    prefix = "X402_" + network.upper().replace(":", "_") + "_"
    return {"X402_NETWORKS": network} | {prefix + name: value for name, value in settings.items()}


def typescript(*arguments):
    return ["node", CLIENTS / "buy.mjs", *arguments]


def python(*arguments):
    return [PYTHON, CLIENTS / "buy.py", *arguments]


OFFICIAL = {"typescript": typescript, "python": python}


def buy(client, shop, payer, path, body, **headers):
    """What an official client gets: its answer, and where that is a job, the last poll."""
    words = [f"{name.replace('_', '-')}={value}" for name, value in headers.items()]
    command = OFFICIAL[client](shop.public, path, json.dumps(body), *words)
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()} | {"BUYER_KEY": payer["key"]}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    # Python writes a number as it reads it, so this is what the client was told.
    return [Answer(line["status"], line["headers"], json.dumps(line["body"])) for line in said]
