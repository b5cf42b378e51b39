"""A TCP proxy between a node and its Redis, which does one harm at exactly one command."""

import selectors
import socket
import struct
import threading
import time

CHUNK = 65_536
# A request in the protocol of Redis is an array of strings.
MANY, LENGTH = b"*", b"$"


class Commands:
    """Tells the commands in what a client sends, however it is cut into packets."""

    def __init__(self):
        self.waiting = b""

    def feed(self, data):
        """The commands that are whole now, each as its bytes."""
        self.waiting += data
        whole = []
        while (end := self.end()) is not None:
            whole.append(self.waiting[:end])
            self.waiting = self.waiting[end:]
        return whole

    def end(self):
        """Where the first command ends, if all of it is here."""
        at = self.waiting.find(b"\r\n")
        if at < 0:
            return None
        assert self.waiting[:1] == MANY, self.waiting[:40]
        count, at = int(self.waiting[1:at]), at + 2
        for _ in range(count):
            line = self.waiting.find(b"\r\n", at)
            if line < 0:
                return None
            assert self.waiting[at:at + 1] == LENGTH, self.waiting[at:at + 40]
            at = line + 2 + int(self.waiting[at + 1:line]) + 2
        return at if at <= len(self.waiting) else None


class Pair:
    """A client's connection and ours to Redis. TCP loses no single message: what is dropped is dropped from there on, until the
    connection ends."""

    def __init__(self, client, server):
        self.client, self.server, self.commands = client, server, Commands()
        self.up, self.down, self.late = True, True, 0.0
        self.cut_next_reply = False

    def close(self, abruptly=False):
        for end in (self.client, self.server):
            if end is None:
                continue
            if abruptly:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()


HARMS = ("drop_request", "drop_reply", "delay", "cut_reply", "half_open", "blackhole")


class RedisProxy:
    """Passes everything on until a harm that was laid is due: at the `nth` command that holds `word`, for so many seconds."""

    def __init__(self, port):
        self.redis = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs, self.lock, self.ended = set(), threading.Lock(), False
        self.trap, self.harms, self.dark_until = None, 0, 0.0
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def lay(self, harm, word, nth, seconds):
        assert harm in HARMS, harm
        with self.lock:
            self.trap = [harm, word.encode(), nth, seconds]

    def sprung(self):
        with self.lock:
            return self.trap is None

    def spring(self):
        """Takes away a harm that never came due. Whether it had come."""
        with self.lock:
            due, self.trap = self.trap is None, None
            return due

    def heal(self):
        """Ends whatever is broken: broken connections end, and new ones work."""
        with self.lock:
            self.dark_until = 0.0
            broken = [pair for pair in self.pairs if not (pair.up and pair.down)]
        for pair in broken:
            self.drop(pair)

    def go_dark(self):
        """Nothing comes through from now on, and no end is told."""
        self.dark_until = float("inf")

    def leads_to(self, port):
        """Connections end, and new ones lead to another server."""
        with self.lock:
            self.redis, pairs = port, list(self.pairs)
        for pair in pairs:
            self.drop(pair)

    def accept(self):
        while not self.ended:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        # In the dark a connection is made and nothing comes of it, as behind a firewall that forgot it.
        while (left := self.dark_until - time.monotonic()) > 0 and not self.ended:
            time.sleep(min(left, 0.05))
        try:
            server = socket.create_connection(("127.0.0.1", self.redis), timeout=5)
        except OSError:
            client.close()
            return
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.settimeout(None)
        pair = Pair(client, server)
        with self.lock:
            self.pairs.add(pair)
        back = threading.Thread(target=self.pump_down, args=(pair,), daemon=True)
        back.start()
        self.pump_up(pair)

    def pump_up(self, pair):
        try:
            while data := pair.client.recv(CHUNK):
                for command in pair.commands.feed(data):
                    self.look_at(pair, command)
                    if pair.late:
                        time.sleep(pair.late)
                        pair.late = 0.0
                    if pair.up and not self.is_dark():
                        pair.server.sendall(command)
        except OSError:
            pass
        self.drop(pair)

    def pump_down(self, pair):
        try:
            while data := pair.server.recv(CHUNK):
                if pair.cut_next_reply:
                    pair.client.sendall(data[:max(1, len(data) // 2)])
                    break
                if pair.down and not self.is_dark():
                    pair.client.sendall(data)
        except OSError:
            pass
        # Half open: Redis' side is gone, and the client is never told.
        if pair.down:
            self.drop(pair)

    def is_dark(self):
        return time.monotonic() < self.dark_until

    def look_at(self, pair, command):
        with self.lock:
            if self.trap is None or self.trap[1] not in command:
                return
            self.trap[2] -= 1
            if self.trap[2] > 0:
                return
            harm, _, _, seconds = self.trap
            self.trap = None
            self.harms += 1
        if harm == "drop_request":
            pair.up = False
        elif harm == "drop_reply":
            pair.down = False
        elif harm == "delay":
            pair.late = seconds
        elif harm == "cut_reply":
            pair.cut_next_reply = True
        elif harm == "half_open":
            pair.up = pair.down = False
            pair.server.shutdown(socket.SHUT_RDWR)
        else:
            self.dark_until = time.monotonic() + seconds
            pair.up = pair.down = False
        if harm != "delay":
            threading.Timer(seconds, self.heal).start()

    def drop(self, pair):
        with self.lock:
            if pair not in self.pairs:
                return
            self.pairs.discard(pair)
        pair.close()

    def close(self):
        self.ended = True
        self.listener.close()
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            self.drop(pair)
