#!/usr/bin/env python3
"""Buys one job from a running server and checks everything that its buyer was promised.

    BASE_URL=http://127.0.0.1:8411 AGENT_TOKEN=411_... scripts/smoke_enrich_upto_jobs.py --balance [--route websearch]
    BASE_URL=http://127.0.0.1:8411 scripts/smoke_enrich_upto_jobs.py --anon
    BASE_URL=http://127.0.0.1:8411 BUYER_KEY=0x... scripts/smoke_enrich_upto_jobs.py --upto [--ceiling 0.25]

Modes: --balance pays from the agent's balance. --anon pays nothing and looks at what an anonymous buyer is asked to sign. --upto pays by
an x402 authorization that the official Python client signs with BUYER_KEY, up to the ceiling: real money on a real network. The wallet
needs the token, and an allowance for Permit2.
Exit codes: 0 everything passed, 1 something failed, 2 bad usage or the client is missing, 3 the server has no x402 networks.
Python's standard library is all that it needs, except that --upto needs `pip install -r tests/clients/requirements.txt`.
"""

import argparse
import base64
import json
import os
import re
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


def polled(checks, base, job, bearer):
    """The last poll of a job, or nothing where it can't be polled."""
    deadline, seen = time.monotonic() + PATIENCE_SECONDS, []
    while True:
        poll = call(base, "GET", f"/api/v1/enrich/jobs/{job}", bearer, headers={"Prefer": "wait=5"})
        if poll.status != 200:
            checks.check("the job can be polled", False, poll.text)
            return None
        seen += [poll.get("status")] if poll.get("status") not in seen[-1:] else []
        if poll.get("status") in ENDED or time.monotonic() > deadline:
            checks.check("it completes", poll.get("status") == "completed", " -> ".join(map(str, seen)))
            return poll


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

    poll = polled(checks, base, job, poll_bearer)
    if poll is None:
        return checks.end()
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

    stranger = call(base, "GET", f"/api/v1/enrich/jobs/{job}", "411j_" + "0" * 52)
    checks.check("nobody else can look", (stranger.status, stranger.get("code")) == (404, "JOB_NOT_FOUND"), f"{stranger.status} {stranger.get('code')}")
    return checks.end()


def decoded(header):
    """The object in a payment header, or nothing."""
    try:
        return json.loads(base64.b64decode(header or "", validate=True), parse_float=Decimal)
    except ValueError:
        return None


def micros(usd):
    """Dollars in atomic units of the token."""
    return int(Decimal(str(usd)) * 1_000_000)


def unpaid(checks, base, body):
    """What a buyer without a bearer is asked for, or nothing where the server has no networks."""
    answer = call(base, "POST", "/api/v1/enrich/jobs", None, body)
    if answer.status == 402:
        return answer
    checks.check("a request without a bearer is told to get one", (answer.status, answer.get("code")) == (401, "AGENT_TOKEN_REQUIRED"), f"{answer.status} {answer.get('code')}")
    return None


def anon_mode(base, route, ceiling):
    checks = Checks()
    answer = unpaid(checks, base, order(route, ceiling))
    if answer is None:
        return no_networks(checks)
    header = answer.header("PAYMENT-REQUIRED") or ""
    demanded = decoded(header)
    if not checks.check("the header PAYMENT-REQUIRED is JSON in base64", isinstance(demanded, dict), header[:60]):
        return checks.end()
    checks.check("it is shorter than 8 KiB", len(header) < 8192, f"{len(header)} bytes")
    checks.check("the body says the same", demanded == answer.json)
    checks.check("it is x402 version 2", demanded.get("x402Version") == 2, demanded.get("x402Version"))
    checks.check("it says why", isinstance(demanded.get("error"), str), demanded.get("error"))
    url = str((demanded.get("resource") or {}).get("url"))
    checks.check("it names the resource", url.endswith("/api/v1/enrich/jobs"), url)
    accepts = demanded.get("accepts") or []
    checks.check("it accepts something, on each network once", accepts and len({one.get("network") for one in accepts}) == len(accepts), len(accepts))
    address = re.compile(r"0x[0-9a-fA-F]{40}")
    for one in accepts:
        network, extra = one.get("network"), one.get("extra") or {}
        checks.check("the network has a CAIP-2 name", re.fullmatch(r"eip155:[1-9][0-9]*", str(network)), network)
        checks.check(f"{network}: up to a maximum", one.get("scheme") == "upto", one.get("scheme"))
        checks.check(f"{network}: the maximum is the ceiling", one.get("amount") == str(micros(ceiling)), one.get("amount"))
        checks.check(f"{network}: token and recipient are addresses", all(address.fullmatch(str(one.get(name))) for name in ("asset", "payTo")), f"{one.get('asset')} to {one.get('payTo')}")
        checks.check(f"{network}: who settles is named", address.fullmatch(str(extra.get("facilitatorAddress"))), extra.get("facilitatorAddress"))
        checks.check(f"{network}: by Permit2", extra.get("assetTransferMethod") == "permit2", extra.get("assetTransferMethod"))
        checks.check(f"{network}: the token's domain is told", extra.get("name") and extra.get("version"), f"{extra.get('name')} {extra.get('version')}")
        seconds = one.get("maxTimeoutSeconds")
        checks.check(f"{network}: there is a time limit", isinstance(seconds, int) and seconds > 0, seconds)
    extensions = demanded.get("extensions") or {}
    identifier = (extensions.get("payment-identifier") or {}).get("info") or {}
    checks.check("a payment may have an identifier, and needs none", identifier.get("required") is False, identifier)
    bazaar = extensions.get("bazaar") or {}
    entry = (bazaar.get("info") or {}).get("input") or {}
    checks.check("catalogues are told what to send", (entry.get("type"), entry.get("method")) == ("http", "POST") and bazaar.get("schema"), f"{entry.get('type')} {entry.get('method')}")
    return checks.end()


def official_session(key, asked):
    """The official client. It may pay with the token that the server named, up to what was asked."""
    try:
        import requests
        from eth_account import Account
        from x402 import x402ClientSync
        from x402.http.clients.requests import wrapRequestsWithPayment
        from x402.mechanisms.evm.upto import UptoEvmClientScheme
    except ImportError as error:
        print(f"--upto needs the official Python client ({error}): pip install -r tests/clients/requirements.txt", file=sys.stderr)
        sys.exit(2)
    client = x402ClientSync()
    client.register("eip155:*", UptoEvmClientScheme(Account.from_key(key)))
    client.set_spend_controls({"allowed_assets": [{"network": one["network"], "asset": one["asset"], "max_amount_per_payment": one["amount"]} for one in asked]})
    session = requests.Session()
    session.trust_env = False
    return wrapRequestsWithPayment(session, client)


def upto_mode(base, key, route, ceiling):
    checks = Checks()
    body = order(route, ceiling)
    asked = unpaid(checks, base, body)
    if asked is None:
        return no_networks(checks)
    accepts = asked.get("accepts") or []
    checks.check("no more than the ceiling is asked for", accepts and all(one["amount"] == str(micros(ceiling)) for one in accepts), ", ".join(one["network"] for one in accepts))
    session = official_session(key, accepts)
    sent = {"Idempotency-Key": f"smoke-{uuid.uuid4()}"}
    first = session.post(base + "/api/v1/enrich/jobs", json=body, headers=sent, timeout=75)
    accepted = first.json() if first.status_code == 202 else {}
    if not checks.check("a signed maximum is accepted", first.status_code == 202, first.status_code if accepted else first.text):
        return checks.end()
    job, poll_bearer = accepted["job_id"], accepted["poll_bearer"]
    checks.check("it has an id and a poll bearer", job.startswith("ej_") and poll_bearer.startswith("411j_"), job)
    checks.check("a wallet pays for it", accepted.get("billing_mode") == "x402_upto", accepted.get("billing_mode"))
    checks.check("nothing is settled yet", "PAYMENT-RESPONSE" not in first.headers)
    again = call(base, "POST", "/api/v1/enrich/jobs", None, body, sent | {"PAYMENT-SIGNATURE": first.request.headers["PAYMENT-SIGNATURE"]})
    checks.check("the same payment again is the same job", (again.status, again.get("job_id"), again.get("poll_bearer")) == (202, job, poll_bearer), f"{again.status} {again.get('job_id')}")

    poll = polled(checks, base, job, poll_bearer)
    if poll is None:
        return checks.end()
    checks.check("it is billed", poll.get("billing_status") == "settled", poll.get("billing_status"))
    matched, charged = bool((poll.get("result") or {}).get("matched")), Decimal(str(poll.get("charged_usd")))
    costs = sum((Decimal(str(line["cost_usd"])) for line in poll.get("costs") or []), Decimal(0))
    checks.check("the charge is the sum of the costs" if matched else "no match costs nothing", charged == (min(costs, Decimal(ceiling)) if matched else 0), charged)
    checks.check("the charge is at most what was signed", charged <= Decimal(ceiling), f"{charged} of {ceiling}")
    said = decoded(poll.header("PAYMENT-RESPONSE")) or {}
    checks.check("PAYMENT-RESPONSE tells of the settlement", said.get("success") is True, said)
    checks.check("of the charge", str(said.get("amount")) == str(micros(charged)), said.get("amount"))
    payment = poll.get("payment") or {}
    checks.check("by the poll's transaction" if charged else "without a transaction", (said.get("transaction") or None) == payment.get("transaction") and bool(said.get("transaction")) == bool(charged), said.get("transaction"))
    checks.check("on the network that was signed for", said.get("network") == payment.get("network") and said.get("network") in [one["network"] for one in accepts], said.get("network"))
    return checks.end()


def no_networks(checks):
    if checks.failed:
        return checks.end()
    print("The server has no x402 networks configured, so wallets can't pay there.")
    return 3


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], epilog="Environment: BASE_URL; AGENT_TOKEN (411_...) for --balance; BUYER_KEY (0x..., a wallet's secret key) for --upto.")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--balance", action="store_true", help="pay from the balance of AGENT_TOKEN")
    mode.add_argument("--anon", action="store_true", help="pay nothing; check what a buyer without a bearer is asked to sign")
    mode.add_argument("--upto", action="store_true", help="pay by an x402 upto authorization of BUYER_KEY")
    parser.add_argument("--route", choices=sorted(ROUTES), default="websearch")
    parser.add_argument("--ceiling", default="1.50", metavar="USD", help="the job's bill_up_to_usd (default %(default)s)")
    arguments = parser.parse_args()
    base = os.environ.get("BASE_URL", "").rstrip("/")
    if not base:
        parser.error("BASE_URL must be set, such as http://127.0.0.1:8411")
    if arguments.anon:
        return anon_mode(base, arguments.route, arguments.ceiling)
    if arguments.upto:
        key = os.environ.get("BUYER_KEY", "")
        if not re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", key):
            parser.error("BUYER_KEY must be set to the secret key of a wallet, 64 hex digits")
        return upto_mode(base, key, arguments.route, arguments.ceiling)
    token = os.environ.get("AGENT_TOKEN", "")
    if not token.startswith("411_"):
        parser.error("AGENT_TOKEN must be set to an agent's bearer (411_...)")
    return balance_mode(base, token, arguments.route, arguments.ceiling)


if __name__ == "__main__":
    sys.exit(main())
