"""An HTTP/1.1 server that tells what reached it, as JSON: the upstream of tests that look at rewrites and headers.

PORT (8080) is where it listens. /status/N answers with status N; /flaky/N/KEY fails the first N requests of KEY with 503;
/count/KEY tells how often /seen/KEY was asked; /sleep/MS answers after so many milliseconds.
"""
import collections
import json
import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

counts = collections.Counter()
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode("latin-1")
        parts = self.path.split("?")[0].strip("/").split("/")
        status = 200
        if parts[0] == "status":
            status = int(parts[1])
        elif parts[0] == "sleep":
            time.sleep(int(parts[1]) / 1000)
        elif parts[0] in ("flaky", "seen"):
            key = parts[-1]
            with lock:
                counts[key] += 1
                if parts[0] == "flaky" and counts[key] <= int(parts[1]):
                    status = 503
        answer = {"host": socket.gethostname(), "method": self.command, "path": self.path, "body": body, "status": status,
                  "headers": {k.lower(): v for k, v in self.headers.items()}}
        if parts[0] == "count":
            answer["count"] = counts[parts[1]]
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("x-from", "echo")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


Server(("0.0.0.0", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()
