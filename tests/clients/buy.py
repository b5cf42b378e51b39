#!/usr/bin/env python3
"""Buys from a server as the official Python client does, unmodified: asks, signs what the 402 demands, sends that, and polls
a job to its end.

    BUYER_KEY=0x... python tests/clients/buy.py BASE_URL PATH BODY [HEADER=VALUE ...]

Prints a line of JSON for the answer, {status, headers, body}, and where that is a job, another one for its last poll.
Needs what requirements.txt names.
"""

import json
import os
import sys
import time

import requests
from eth_account import Account
from x402 import x402ClientSync
from x402.http.clients.requests import wrapRequestsWithPayment
from x402.mechanisms.evm.exact import ExactEvmClientScheme
from x402.mechanisms.evm.upto import UptoEvmClientScheme

PATIENCE_SECONDS = 120


def official(key):
    """The official client with this key. It pays with any token, since none of a local chain is on its list."""
    account = Account.from_key(key)
    client = x402ClientSync()
    client.set_spend_controls(False)
    client.register("eip155:*", UptoEvmClientScheme(account))
    client.register("eip155:*", ExactEvmClientScheme(account))
    session = requests.Session()
    session.trust_env = False  # A proxy of the environment leads away from loopback.
    return wrapRequestsWithPayment(session, client)


def shown(response):
    headers = {name.lower(): value for name, value in response.headers.items()}
    print(json.dumps({"status": response.status_code, "headers": headers, "body": response.json()}), flush=True)
    return response.json()


def main():
    base, path, body, *more = sys.argv[1:]
    headers = {"Content-Type": "application/json"} | dict(word.split("=", 1) for word in more)
    session = official(os.environ["BUYER_KEY"])
    answer = session.post(base + path, data=body, headers=headers, timeout=240)
    job = shown(answer)
    if "poll_bearer" not in job:
        return
    deadline = time.monotonic() + PATIENCE_SECONDS
    headers = {"Authorization": f"Bearer {job['poll_bearer']}", "Prefer": "wait=20"}
    while True:
        poll = session.get(job["poll_url"], headers=headers, timeout=60)
        if poll.status_code != 200 or poll.json()["status"] in ("completed", "failed") or time.monotonic() > deadline:
            shown(poll)
            return


if __name__ == "__main__":
    main()
