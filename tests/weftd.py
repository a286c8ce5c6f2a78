"""A weftd of its own with the page's door, and people who call it.

    with Platform() as p:
        anna = p.person("anna")
        anna.post("/projects", {"name": "checkout"})
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from mesh import BUILD

PASSWORD = "correct horse battery"


class Answer:
    def __init__(self, r, body):
        self.status, self.headers, self.text = r.status, {k.lower(): v for k, v in r.getheaders()}, body.decode("utf-8", "replace")
        self.raw = body
        self.json = json.loads(body) if "json" in self.headers.get("content-type", "") and "jsonl" not in self.headers["content-type"] else None

    def __repr__(self):
        return f"{self.status} {self.text[:600]}"

    @property
    def pointers(self):
        return [e["pointer"] for e in (self.json or {}).get("errors", [])]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("weft", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


class Caller:
    """Somebody: a session, a token, the socket, or nobody."""

    def __init__(self, platform, headers=None, unix=False):
        self.platform, self.headers, self.unix = platform, dict(headers or {}), unix

    def call(self, method, path, body=None, headers=None, raw=None):
        c = UnixConnection(self.platform.socket) if self.unix else http.client.HTTPConnection("127.0.0.1", self.platform.port, timeout=20)
        h = {**self.headers, **(headers or {})}
        if body is not None or raw is not None:
            h.setdefault("Content-Type", "application/json")
        h = {k: v for k, v in h.items() if v is not None}
        c.request(method, path if path.startswith("/weft") or raw == b"" else "/weft/v1" + path,
                  body=raw if raw is not None else json.dumps(body) if body is not None else None, headers=h)
        r = c.getresponse()
        a = Answer(r, r.read())
        c.close()
        return a

    def get(self, path, **kw):
        return self.call("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.call("POST", path, body, **kw)

    def put(self, path, body=None, **kw):
        return self.call("PUT", path, body, **kw)

    def patch(self, path, body=None, **kw):
        return self.call("PATCH", path, body, **kw)

    def delete(self, path, **kw):
        return self.call("DELETE", path, **kw)

    def ok(self, method, path, body=None, **kw):
        a = self.call(method, path, body, **kw)
        assert a.status < 300, f"{method} {path}: {a}"
        return a.json


class Platform:
    def __init__(self, *options, state=None):
        self.options, self.own = options, state is None
        self.state = state or tempfile.mkdtemp(prefix="weft-test-", dir="/tmp")
        self.socket = os.path.join(self.state, "api.sock")
        self.process = None
        self.people = {}

    def start(self):
        """The page's socket is made here and handed over, so that its port is known."""
        self.page = socket.socket()
        self.page.bind(("127.0.0.1", 0))
        self.page.listen(128)
        self.port = self.page.getsockname()[1]
        fd = self.page.fileno()

        def hand_over():
            os.dup2(fd, 3)
            os.set_inheritable(3, True)

        env = {**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "page"}
        # LISTEN_PID must be weftd's own: the shell knows it.
        self.process = subprocess.Popen(["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", str(BUILD / "weftd"), "--state", self.state, "--xds",
                                         "127.0.0.1:0", "-l", "warning", *self.options], env=env, preexec_fn=hand_over, close_fds=False,
                                        stdout=subprocess.PIPE, text=True)
        self.page.close()
        line = self.process.stdout.readline()
        assert "ready" in line, line
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=20) == 0
        self.process.stdout.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *rest):
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            if self.process.poll() is None:
                self.process.kill()
            if self.own:
                shutil.rmtree(self.state, ignore_errors=True)

    @property
    def local(self):
        return Caller(self, unix=True)

    @property
    def nobody(self):
        return Caller(self)

    def token(self, secret):
        return Caller(self, {"Authorization": f"Bearer {secret}"})

    def sign_in(self, user, password=PASSWORD, **kw):
        return self.nobody.post("/session", {"user": user, "password": password}, **kw)

    def session(self, answer):
        """The caller of an answer to POST /session."""
        assert answer.status == 200, answer
        cookie = answer.headers["set-cookie"].split(";")[0]
        return Caller(self, {"Cookie": cookie, "X-Weft-Csrf": answer.json["csrf"]})

    def person(self, name, operator=False):
        """Somebody who is signed in; made on first use."""
        if name not in self.people:
            self.local.ok("POST", "/users", {"name": name, "password": PASSWORD, "operator": operator})
            self.people[name] = self.session(self.sign_in(name))
        return self.people[name]


def manifest(text):
    """For POST /weft/v1/apply over the socket."""
    return {"files": [{"name": "test.yaml", "text": text}]}


