"""Vendors of a lead session on loopback: a business's pages, a web search and a language model. They count what they are asked, and
one question can be held so that the program dies while it is under way."""

import http.server
import json
import threading
import urllib.parse
from collections import Counter

from .paths import TOP
from .rpc_proxy import Quiet
from .shop import PATIENCE_SECONDS

HOST = "haney-furniture.example"


def call(number, name, **arguments):
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


class Vendors:
    """`hold(n)` keeps the n-th question, from 1, until `release()`; `reached` tells that it came."""

    def __init__(self):
        self.lock = threading.Lock()
        self.reached, self.let_go = threading.Event(), threading.Event()
        self.start_anew()
        vendors = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                if url.path.endswith("/robots.txt"):
                    return self.say(404, "text/plain", b"")
                if url.path == "/search":
                    words = urllib.parse.parse_qs(url.query)["q"][0]
                    vendors.ask("search " + words)
                    return self.say(200, "application/json", json.dumps({"results": []}).encode())
                vendors.ask("page " + url.path)
                file = TOP / "samples/sites" / (url.path.lstrip("/") + ("index.html" if url.path.endswith("/") else ""))
                if not file.is_file():
                    return self.say(404, "text/plain", b"")
                self.say(200, "text/html; charset=utf-8", file.read_bytes())

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                vendors.ask("model " + body)
                self.say(200, "application/json", json.dumps(vendors.completion(json.loads(body))).encode())

            def say(self, status, kind, body):
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # Whoever asked was killed meanwhile.

            def log_message(self, *_):
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def start_anew(self):
        self.asked, self.count, self.held_at = Counter(), 0, None
        self.reached.clear()
        self.let_go.set()

    def hold(self, number):
        self.held_at = number
        self.reached.clear()
        self.let_go.clear()

    def release(self):
        self.held_at = None
        self.let_go.set()

    def ask(self, question):
        with self.lock:
            self.asked[question] += 1
            self.count += 1
            is_held = self.count == self.held_at
        if is_held:
            self.reached.set()
            self.let_go.wait(PATIENCE_SECONDS)

    def completion(self, request):
        """A model's turn, by the conversation alone, as any model's: it looks up, reads, reads on, and reports. It claims more tokens than
        there can have been."""
        turn = sum(message["role"] == "assistant" for message in request["messages"])
        site = f"{self.url}/{HOST}/"
        turns = [
            [call(0, "find_in_directory"), call(1, "search_web", query="haney furniture new castle"), call(2, "pay_mallory", usd=9)],
            [call(3, "read_page", url=site), call(4, "read_page", url="http://169.254.169.254/latest/")],
            [call(5, "read_page", url=site + "people.html"), call(6, "read_page", url=site + "contact.html")],
        ]
        calls = turns[turn] if turn < len(turns) else [call(9, "report", values=[], done=True)]
        message = {"role": "assistant", "content": None, "tool_calls": calls}
        usage = {"prompt_tokens": 10**9, "completion_tokens": 10**9, "total_tokens": 2 * 10**9}
        return {"id": "c", "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "usage": usage}

    def close(self):
        self.release()
        self.server.shutdown()
        self.server.server_close()
