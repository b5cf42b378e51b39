"""Several nodes on one Redis, the receivers of their callbacks, and buyers that try again."""

import http.client
import http.server
import json
import pathlib
import random
import signal
import socket
import subprocess
import threading
import time

from .paths import BINARY, KEPT
from .rpc_proxy import Quiet
from .shop import ADMIN_TOKEN, JOBS, call, until

SECRET_KEY = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
NODE_SECRET = "what-only-the-nodes-of-this-test-know"
LEASE_MS = 1500


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Redis:
    """A real `redis-server` whose every write is synced before it is answered."""

    def __init__(self, folder, *more, port=None):
        self.folder, self.more, self.port, self.process = pathlib.Path(folder), more, port or free_port(), None
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        command += ["--appendonly", "yes", "--appendfsync", "always", *self.more]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until("redis-server answers", lambda: self.cli("PING") == "PONG")

    def cli(self, *words):
        done = subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, timeout=20)
        return done.stdout.strip()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.kill()


class Cluster:
    """A Redis Cluster of three primaries."""

    def __init__(self, folder):
        self.servers = []
        for number in range(3):
            place = pathlib.Path(folder) / f"redis-{number}"
            place.mkdir()
            # Its port for other primaries is its own plus 10,000.
            while (port := free_port()) > 50_000:
                pass
            self.servers.append(Redis(place, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000", port=port))
        places = [f"127.0.0.1:{server.port}" for server in self.servers]
        made = subprocess.run(["redis-cli", "--cluster", "create", *places, "--cluster-yes"], capture_output=True, text=True, timeout=60)
        assert made.returncode == 0, made.stdout
        until("the cluster is one", lambda: all("cluster_state:ok" in server.cli("CLUSTER", "INFO") for server in self.servers))

    @property
    def url(self):
        return f"redis-cluster://127.0.0.1:{self.servers[0].port}"

    def holder(self, tag):
        """The primary that has the slot of a hash tag, and the number of the slot."""
        slot = self.servers[0].cli("CLUSTER", "KEYSLOT", "{" + tag + "}")
        for server in self.servers:
            lines = server.cli("CLUSTER", "NODES").splitlines()
            mine = next(line for line in lines if "myself" in line).split()
            for span in mine[8:]:
                first, _, last = span.partition("-")
                if first.isdigit() and int(first) <= int(slot) <= int(last or first):
                    return server, int(slot), mine[0]
        raise AssertionError(f"nobody has slot {slot}")

    def move(self, tag):
        """Moves a slot with its keys to another primary, as `redis-cli --cluster reshard` does. Returns how many keys there were."""
        source, slot, source_id = self.holder(tag)
        target = next(server for server in self.servers if server is not source)
        target_id = target.cli("CLUSTER", "MYID")
        target.cli("CLUSTER", "SETSLOT", str(slot), "IMPORTING", source_id)
        source.cli("CLUSTER", "SETSLOT", str(slot), "MIGRATING", target_id)
        moved = 0
        while keys := source.cli("CLUSTER", "GETKEYSINSLOT", str(slot), "10").split():
            for key in keys:
                said = source.cli("MIGRATE", "127.0.0.1", str(target.port), key, "0", "5000")
                assert said in ("OK", "NOKEY"), said
                moved += 1
        for server in [target, source, *self.servers]:
            server.cli("CLUSTER", "SETSLOT", str(slot), "NODE", target_id)
        return moved

    def close(self):
        for server in self.servers:
            server.close()


class Node:
    """A running `serve` that shares a store."""

    def __init__(self, folder, name, store, **settings):
        self.folder, self.name = pathlib.Path(folder) / name, name
        self.folder.mkdir()
        port = free_port()
        self.public = f"http://127.0.0.1:{port}"
        self.settings = KEPT | {
            "ENRICH_LISTEN": f"127.0.0.1:{port}",
            "ENRICH_ADVERTISE_URL": self.public,
            "ENRICH_ADMIN_LISTEN": "127.0.0.1:0",
            "ENRICH_ADMIN_TOKEN": ADMIN_TOKEN,
            "ENRICH_STORE": store,
            "ENRICH_SECRET_KEY": SECRET_KEY,
            "ENRICH_NODE_SECRET": NODE_SECRET,
            "ENRICH_NODE_DIR": "node",
            "ENRICH_LEASE_MS": str(LEASE_MS),
            "ENRICH_SHARDS": "8",
            "ENRICH_CALLBACK_ALLOW_LOOPBACK": "true",
            "REDIS_REQUIRE_AOF": "always",
            "VENDOR_NOOP": "true",
            "VENDOR_NOOP_COST_USD": "0.01",
            "VENDOR_NOOP_DELAY_MS": "150",
            "RATE_SUBMIT_PER_S": "0",
            "RATE_POLL_PER_S": "0",
        } | {name: str(value) for name, value in settings.items()}
        self.process = None
        self.start()

    def start(self):
        log = open(self.folder / "server.log", "a")
        self.process = subprocess.Popen([BINARY, "serve"], cwd=self.folder, env=self.settings, stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        line = ""
        while "is ready" not in line:
            line = self.process.stdout.readline()
            assert line, f"{self.name} did not start: {self.log()[-3000:]}"
        self.admin = line.split("admin ")[1].split()[0].rstrip(",")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def log(self):
        return (self.folder / "server.log").read_text()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def leave(self):
        """Ends in order. Returns how long it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
        return time.monotonic() - began

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()

    def as_operator(self, method, path, body=None, **headers):
        return call(self.admin, method, path, ADMIN_TOKEN, body, **headers)

    def metric(self, name):
        text = self.as_operator("GET", "/metrics").text
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name) and not line.startswith("#"))

    @property
    def id(self):
        return (self.folder / "node/node.id").read_text().strip()

    def held(self):
        """The numbers of the shards of every node, by its name, as this one sees it."""
        return {line["id"]: set(line["shards"]) for line in self.as_operator("GET", "/admin/nodes").body["items"]}

    def command(self, *arguments, code=0):
        done = subprocess.run([BINARY, *arguments], cwd=self.folder, env=self.settings, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, f"{arguments}: {done.returncode} {done.stdout} {done.stderr}"
        return done.stdout


class Receiver:
    """Takes callbacks, and keeps what came."""

    def __init__(self):
        self.got, self.lock = {}, threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    receiver.got.setdefault(json.loads(body)["data"]["job_id"], []).append((self.headers["webhook-id"], body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def of(self, job):
        with self.lock:
            return list(self.got.get(job, []))

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Buyer(threading.Thread):
    """Orders one job after the other from whichever node answers, under a key for each, until it is told to stop."""

    def __init__(self, nodes, bearer, receiver, seed):
        super().__init__(daemon=True)
        self.nodes, self.bearer, self.receiver, self.luck = nodes, bearer, receiver, random.Random(seed)
        self.jobs, self.stopped, self.odd, self.tries = {}, threading.Event(), [], 0

    def run(self):
        number = 0
        while not self.stopped.is_set():
            number += 1
            key = f"{self.bearer[-8:]}-{number}"
            accepted = self.order(key)
            if accepted:
                self.jobs[key] = accepted

    def order(self, key):
        body = {"route": "enrich/websearch", "payload": {"business_name": "Acme Corp"}, "bill_up_to_usd": 0.05, "callback_url": self.receiver.url}
        # Once it was sent, nobody knows whether it is accepted, so it is asked again until somebody says.
        while True:
            self.tries += 1
            node = self.luck.choice(self.nodes)
            try:
                answer = call(node.public, "POST", JOBS, self.bearer, body, Idempotency_Key=key)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
                continue
            if answer.status == 202:
                return answer.body
            if answer.status not in (409, 503):
                self.odd.append(answer)
                return None
            time.sleep(0.05)
