"""A local chain with money on it, and what can happen there behind a server's back."""

import functools
import json
import subprocess
import threading
import time
import urllib.request

from .paths import CLIENTS, NODE_PATHS, PYTHON, TOP

HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# keccak256("Transfer(address,address,uint256)")
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
UNLIMITED = 2**256 - 1


def missing():
    """What tests on a chain need and this machine lacks, or nothing."""
    for path in NODE_PATHS:
        if not path.exists():
            return f"{path.relative_to(TOP)} is missing; scripts/test installs it"
    return "" if PYTHON.exists() else "the official Python client is missing; scripts/test installs it"


def word(value):
    """A number or an address as a word of calldata."""
    number = int(value, 16) if isinstance(value, str) else value
    return f"{number:064x}"


class Lines:
    """A program that says lines of JSON, and ends when its standard input closes."""

    def __init__(self, *command, **settings):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TOP, **settings)
        self.lock = threading.Lock()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{self.process.args} ended with {self.process.wait()}")
        return json.loads(line)

    def close(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Chain:
    """A running chain, with wallets to use one after the other."""

    def __init__(self, payers=60):
        self.launcher = Lines("node", TOP / "tests/chain/up.mjs", "--accounts", str(payers))
        self.place = self.launcher.read()
        self.wallets = Lines("node", CLIENTS / "wallet.mjs", self.place["rpc_url"])
        self.proxy_code_hash = self.wallet("codeHash", address=self.place["proxy"])
        self.unused = iter(self.place["payers"])

    @functools.cached_property
    def delegate(self):
        """Code that refuses every signature (EIP-7702)."""
        return self.wallet("deployDelegate", sponsor=self.place["stranger"]["key"])

    @functools.cached_property
    def gas_bomb(self):
        """Code that takes all the gas there is."""
        return self.wallet("deployDelegate", sponsor=self.place["stranger"]["key"], contract="GasBurningWallet")

    def close(self):
        self.wallets.close()
        self.launcher.close()

    def payer(self):
        """A wallet that no other test knows."""
        return next(self.unused)

    def wallet(self, method, **asked):
        """What the official client or a wallet does: see tests/clients/wallet.mjs."""
        with self.wallets.lock:
            self.wallets.process.stdin.write(json.dumps({"method": method} | asked) + "\n")
            self.wallets.process.stdin.flush()
            answer = self.wallets.read()
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def sign(self, payer, required, count=1):
        """Payments for what a 402 demands, by the official client; each as the header that carries it."""
        return self.wallet("sign", key=payer["key"], required=required, count=count)

    def rpc(self, method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.place["rpc_url"], body, {"Content-Type": "application/json"})
        with HTTP.open(request, timeout=30) as answer:
            said = json.load(answer)
        if "error" in said:
            raise AssertionError(f"{method}: {said['error']}")
        return said["result"]

    def block(self):
        return int(self.rpc("eth_blockNumber"), 16)

    def mine(self):
        self.rpc("evm_mine")

    def automine(self, on):
        self.rpc("evm_setAutomine", on)

    def reorg(self, depth):
        """Other, empty blocks in place of the last ones; what was in those is nowhere any more."""
        self.rpc("anvil_reorg", depth, [])

    def pending(self):
        """How many transactions wait for a block."""
        return int(self.rpc("txpool_status")["pending"], 16)

    def submit(self, sender, to, data, tip=0):
        """A transaction from an account that the chain signs for. Returns its hash. One with a tip is mined before those without."""
        fees = {"maxPriorityFeePerGas": hex(tip), "maxFeePerGas": hex(tip + 10**11)} if tip else {}
        return self.rpc("eth_sendTransaction", {"from": sender, "to": to, "data": data, "gas": "0x200000"} | fees)

    def done(self, hash):
        """Waits for a transaction, which has to succeed."""
        for _ in range(1000):
            receipt = self.rpc("eth_getTransactionReceipt", hash)
            if receipt:
                assert receipt["status"] == "0x1", receipt
                return receipt
            time.sleep(0.01)
        raise AssertionError(f"{hash} is not mined")

    def send(self, sender, to, data):
        return self.done(self.submit(sender, to, data))

    def call(self, to, data):
        return int(self.rpc("eth_call", {"to": to, "data": data}, "latest"), 16)

    def balance(self, owner):
        return self.call(self.place["token"], "0x70a08231" + word(owner["address"]))

    def leave(self, owner, amount):
        """Moves all tokens away but so many."""
        data = "0xa9059cbb" + word(self.place["stranger"]["address"]) + word(self.balance(owner) - amount)
        self.send(owner["address"], self.place["token"], data)

    def mint(self, owner, amount):
        self.send(self.place["deployer"]["address"], self.place["token"], "0x40c10f19" + word(owner["address"]) + word(amount))

    def approve(self, owner, amount):
        """Lets Permit2 take so much; 0 revokes."""
        self.send(owner["address"], self.place["token"], "0x095ea7b3" + word(self.place["permit2"]) + word(amount))

    def transfers(self, since, payer=None):
        """What the recipient was paid after a block, as (payer, amount, transaction)."""
        if self.block() <= since:
            return []
        topics = [TRANSFER, payer and "0x" + word(payer["address"]), "0x" + word(self.place["pay_to"])]
        logs = self.rpc("eth_getLogs", {"address": self.place["token"], "fromBlock": hex(since + 1), "topics": topics})
        return [("0x" + log["topics"][1][26:], int(log["data"], 16), log["transactionHash"]) for log in logs]
