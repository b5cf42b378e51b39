#!/usr/bin/env python3
"""Buys one job from a running server and checks everything that its buyer was promised.

    BASE_URL=http://127.0.0.1:8411 AGENT_TOKEN=411_... scripts/smoke_enrich_upto_jobs.py --balance [--route websearch]

Modes: --balance pays from the agent's balance. --anon (no bearer) and --upto (an x402 authorization) need a server with x402
networks; this version has none, so they check that it says so, and exit 3.
Exit codes: 0 everything passed, 1 something failed, 2 bad usage, 3 the server has no x402 networks.
Python's standard library is all that it needs.
"""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from decimal import Decimal

ROUTES = {"websearch": ("enrich/websearch", {"business_name": "Acme Corp", "city": "Tampa", "state": "FL"})}
ENDED = ("completed", "failed")
PATIENCE_SECONDS = 180

NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Answer:
    """Status, headers and body. Amounts are decimals, since a float would round them."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.text = status, headers, body.decode("utf-8", "replace")
        try:
            self.json = json.loads(self.text, parse_float=Decimal)
        except ValueError:
            self.json = None

    def get(self, name, default=None):
        return self.json.get(name, default) if isinstance(self.json, dict) else default

    def header(self, name):
        return self.headers.get(name)


class Checks:
    """Prints a line for each check, and remembers whether one failed."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, holds, seen=""):
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        print(("PASS  " if holds else "FAIL  ") + what + (f": {seen}" if seen != "" else ""), flush=True)
        return bool(holds)

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def call(base, method, path, bearer=None, body=None, headers=None):
    url = path if path.startswith("http") else base + path
    request = urllib.request.Request(url, method=method, headers=dict(headers or {}))
    if bearer:
        request.add_header("Authorization", f"Bearer {bearer}")
    data = None
    if body is not None:
        request.add_header("Content-Type", "application/json")
        data = json.dumps(body).encode()
    try:
        with NO_PROXY.open(request, data=data, timeout=75) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())
    except OSError as error:
        sys.exit(f"{base} does not answer: {error}")


def order(route, ceiling):
    name, payload = ROUTES[route]
    return {"route": name, "payload": payload, "bill_up_to_usd": ceiling}


def ledger_of(base, token, job):
    """All lines of the statement that are about this job."""
    lines, cursor = [], ""
    while True:
        page = call(base, "GET", "/api/v1/agents/ledger?limit=200" + cursor, token)
        items = page.get("items") or []
        mine = [line for line in items if line.get("job_id") == job]
        lines += mine
        # Newest first, so a page without our lines after one with them is the end.
        if not page.get("next_cursor") or (lines and not mine):
            return lines
        cursor = "&cursor=" + page.get("next_cursor")


def balance_mode(base, token, route, ceiling):
    checks = Checks()
    before = call(base, "GET", "/api/v1/agents/balance", token)
    if not checks.check("the balance can be read", before.status == 200, before.text):
        return checks.end()
    available = Decimal(str(before.get("virtual_balance_usd")))

    key = f"smoke-{uuid.uuid4()}"
    body = order(route, ceiling)
    submit = lambda changed=None: call(base, "POST", "/api/v1/enrich/jobs", token, changed or body, {"Idempotency-Key": key})
    first = submit()
    if not checks.check("a job is accepted", first.status == 202, first.status if first.status == 202 else first.text):
        return checks.end()
    job, poll_bearer = first.get("job_id"), first.get("poll_bearer")
    checks.check("it has an id and a poll bearer", str(job).startswith("ej_") and str(poll_bearer).startswith("411j_"), job)
    checks.check("it is paid from the balance", first.get("billing_mode") == "virtual_balance", first.get("billing_mode"))
    checks.check("it tells its ceiling", Decimal(str(first.get("bill_up_to_usd"))) == Decimal(ceiling), first.get("bill_up_to_usd"))
    where = str(first.header("Location"))
    checks.check("it tells where to look", where.endswith(f"/api/v1/enrich/jobs/{job}") and first.header("Retry-After") == "2", where)

    second = submit()
    checks.check("the same key is answered as a replay", second.header("Idempotency-Replayed") == "true", second.header("Idempotency-Replayed"))
    checks.check("and with the same job and bearer", (second.status, second.get("job_id"), second.get("poll_bearer")) == (202, job, poll_bearer), second.get("job_id"))
    other = submit({**body, "bill_up_to_usd": str(Decimal(ceiling) * 2)})
    checks.check("the same key for another request is refused", (other.status, other.get("code")) == (422, "IDEMPOTENCY_KEY_REUSED"), f"{other.status} {other.get('code')}")

    path, deadline, seen = f"/api/v1/enrich/jobs/{job}", time.monotonic() + PATIENCE_SECONDS, []
    while True:
        poll = call(base, "GET", path, poll_bearer, headers={"Prefer": "wait=5"})
        if poll.status != 200:
            checks.check("the job can be polled", False, poll.text)
            return checks.end()
        seen += [poll.get("status")] if poll.get("status") not in seen[-1:] else []
        if poll.get("status") in ENDED or time.monotonic() > deadline:
            break
    checks.check("it completes", poll.get("status") == "completed", " -> ".join(map(str, seen)))
    checks.check("it is billed", poll.get("billing_status") == "settled_virtual", poll.get("billing_status"))

    costs = [Decimal(str(line["cost_usd"])) for line in poll.get("costs") or []]
    matched = bool((poll.get("result") or {}).get("matched"))
    charged = Decimal(str(poll.get("charged_usd")))
    refunded = Decimal(str(poll.get("refunded_usd")))
    wanted = min(sum(costs, Decimal(0)), Decimal(ceiling)) if matched else Decimal(0)
    hops = " + ".join(str(cost) for cost in costs) or "nothing"
    checks.check("the charge is the sum of the costs, within the ceiling" if matched else "no match costs nothing", charged == wanted, f"{hops} -> {charged}")
    checks.check("charge and refund make the ceiling", charged + refunded == Decimal(ceiling), f"{charged} + {refunded}")

    after = call(base, "GET", "/api/v1/agents/balance", token)
    left = Decimal(str(after.get("virtual_balance_usd")))
    checks.check("the balance fell by the charge", left == available - charged, f"{available} - {charged} = {left}")
    checks.check("nothing stays held", Decimal(str(after.get("held_usd"))) == Decimal(str(before.get("held_usd"))), after.get("held_usd"))

    lines = {line["kind"]: Decimal(str(line["amount_usd"])) for line in ledger_of(base, token, job)}
    wanted = {kind: amount for kind, amount in {"hold": Decimal(ceiling), "charge": charged, "refund": refunded}.items() if amount}
    shown = ", ".join(f"{kind} {amount}" for kind, amount in sorted(lines.items()))
    checks.check("the statement has the hold, the charge and the refund", {kind: amount for kind, amount in lines.items() if amount} == wanted, shown)

    stranger = call(base, "GET", path, "411j_" + "0" * 52)
    checks.check("nobody else can look", (stranger.status, stranger.get("code")) == (404, "JOB_NOT_FOUND"), f"{stranger.status} {stranger.get('code')}")
    return checks.end()


def without_networks(base, route, ceiling, mode):
    """Where no x402 network is configured, a request without a bearer is told to get one."""
    checks = Checks()
    answer = call(base, "POST", "/api/v1/enrich/jobs", None, order(route, ceiling))
    if answer.status == 402:
        print(f"The server has x402 networks; this version of the script can't pay by {mode} yet.")
        return 3
    held = checks.check("a request without a bearer is told to get one", (answer.status, answer.get("code")) == (401, "AGENT_TOKEN_REQUIRED"), f"{answer.status} {answer.get('code')}")
    if not held:
        return checks.end()
    print(f"The server has no x402 networks configured, so {mode} can't be tried.")
    return 3


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], epilog="Environment: BASE_URL, and AGENT_TOKEN (411_...) for --balance.")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--balance", action="store_true", help="pay from the balance of AGENT_TOKEN")
    mode.add_argument("--anon", action="store_true", help="without a bearer, by x402")
    mode.add_argument("--upto", action="store_true", help="by an x402 upto authorization")
    parser.add_argument("--route", choices=sorted(ROUTES), default="websearch")
    parser.add_argument("--ceiling", default="1.50", metavar="USD", help="the job's bill_up_to_usd (default %(default)s)")
    arguments = parser.parse_args()
    base = os.environ.get("BASE_URL", "").rstrip("/")
    if not base:
        parser.error("BASE_URL must be set, such as http://127.0.0.1:8411")
    if not arguments.balance:
        return without_networks(base, arguments.route, arguments.ceiling, "--anon" if arguments.anon else "--upto")
    token = os.environ.get("AGENT_TOKEN", "")
    if not token.startswith("411_"):
        parser.error("AGENT_TOKEN must be set to an agent's bearer (411_...)")
    return balance_mode(base, token, arguments.route, arguments.ceiling)


if __name__ == "__main__":
    sys.exit(main())
