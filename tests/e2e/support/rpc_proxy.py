"""A proxy between a server and its chain: it watches calls, and can hide what is there, lose answers, or have something happen
at exactly one moment."""

import http.client
import http.server
import json
import threading
import urllib.parse


class Cut(Exception):
    """Raised by a rule: the connection is closed without an answer."""


class RpcProxy:
    """Passes JSON-RPC calls on. `before[method](params)` runs before a call goes to the chain, `after[method](params, result)`
    before its answer goes to the server, and returns what the server is told. Both may raise `Cut`."""

    def __init__(self, upstream):
        self.upstream = urllib.parse.urlsplit(upstream)
        self.before, self.after, self.calls = {}, {}, []
        self.lock = threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    answer = proxy.answer(json.loads(body), body)
                except Cut:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request, body):
        method, params = request["method"], request.get("params", [])
        with self.lock:
            self.calls.append((method, params))
        before, after = self.before.get(method), self.after.get(method)
        if before:
            before(params)
        answer = self.forward(body)
        if after:
            said = json.loads(answer)
            if "result" in said:
                answer = json.dumps(said | {"result": after(params, said["result"])}).encode()
        return answer

    def forward(self, body):
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port, timeout=30)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return connection.getresponse().read()
        except OSError as error:
            raise Cut from error
        finally:
            connection.close()

    def asked(self, method):
        """The parameters of every such call, in order."""
        with self.lock:
            return [params for name, params in self.calls if name == method]

    def sent(self):
        """The signed bytes that the server sent, in order."""
        return [params[0] for params in self.asked("eth_sendRawTransaction")]

    def open(self):
        """From now on everything is passed on as it is."""
        self.before, self.after = {}, {}

    def hide_receipts(self):
        """The chain goes on, but nothing is to be read of what transactions did."""
        self.after = self.after | {"eth_getTransactionReceipt": lambda *_: None, "eth_getLogs": lambda *_: []}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Quiet(http.server.ThreadingHTTPServer):
    """Whoever it answers may be killed meanwhile, which is nothing to tell of."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass
