"""What the hostile tests share: one weft-proxy with listeners of each kind, upstreams that write down what reaches them or
misbehave, and after each test the proof that the proxy still serves and has not grown."""
import collections
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

import peers
from mesh import SANITIZED, SANITIZER

GROWTH_KIB = 24 * 1024  # over the memory after the first good requests; sanitizers keep freed memory for a while
SANITIZED_GROWTH_KIB = 600 * 1024
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


class Upstream:
    """A server in a thread per connection. seen: the heads of all requests. answers: path -> bytes to send and then close, or a
    function of the socket that does all of it; other paths get a plain 200."""

    def __init__(self):
        self.seen, self.answers, self.lock = [], {}, threading.Lock()
        self.connections, self.at_once, self.most_at_once = 0, 0, 0
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.guard, args=(s,), daemon=True).start()

    def guard(self, s):
        try:
            with s:
                self.serve(s)
        except OSError:
            pass

    def serve(self, s):
        have = b""
        while True:
            while b"\r\n\r\n" not in have:
                more = s.recv(65536)
                if not more:
                    return
                have += more
            head, have = have.split(b"\r\n\r\n", 1)
            with self.lock:
                self.seen.append(head)
            path = head.split(b" ")[1].decode().split("?")[0]
            answer = self.answers.get(path)
            if callable(answer):
                answer(s)
                return
            if answer is not None:
                s.sendall(answer)
                return
            length = re.search(rb"\ncontent-length: (\d+)", head.lower())
            left = int(length.group(1)) if length else 0
            while len(have) < left:
                more = s.recv(65536)
                if not more:
                    return
                have += more
            have = have[left:]
            while b"chunked" in head.lower() and b"0\r\n\r\n" not in have:
                more = s.recv(65536)
                if not more:
                    return
                have += more
            if b"chunked" in head.lower():
                have = have.split(b"0\r\n\r\n", 1)[1]
            with self.lock:
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
            body = b"" if head.startswith(b"HEAD") else b"fine"
            s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n" + body)
            with self.lock:
                self.at_once -= 1

    def paths(self):
        return [h.split(b" ")[1].decode() for h in self.seen]


class RawServer:
    """Accepts and gives each connection to `behave` (a function of the socket) in a thread."""

    def __init__(self):
        self.behave = lambda s: None
        self.connections = self.active = 0
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.guard, args=(s,), daemon=True).start()

    def guard(self, s):
        self.active += 1
        try:
            with s:
                self.behave(s)
        except OSError:
            pass
        self.active -= 1


World = collections.namedtuple("World", "pid upstream h2up plain quick upgrades h1only h2only tls admin log")


def tls_chain(folder, listener):
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=x",
                    "-addext", "subjectAltName=DNS:x"], check=True, capture_output=True)
    chain = listener["filter_chains"][0]
    chain["filter_chain_match"] = {"server_names": ["x"]}
    chain["transport_socket_connect_timeout"] = "1s"
    chain["transport_socket"] = {"name": "tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", "common_tls_context": {
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_certificates": [{"certificate_chain": {"filename": str(cert)}, "private_key": {"filename": str(key)}}]}}}
    listener["listener_filters"] = [{"name": "envoy.filters.listener.tls_inspector", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"}}]
    listener["listener_filters_timeout"] = "1s"
    return listener


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attack")
    up, h2up = Upstream(), RawServer()
    admin, plain, quick, upgrades, h1only, h2only, tls = peers.free_ports(7)
    routes = [{"match": {"prefix": "/h2up/"}, "route": {"cluster": "h2up", "timeout": "3s"}}, {"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "3s"}}]
    listeners = [
        peers.listener(plain, routes, "plain"),
        peers.listener(quick, routes, "quick", request_headers_timeout="0.5s", stream_idle_timeout="1s", common_http_protocol_options={"idle_timeout": "1s"}),
        peers.listener(upgrades, routes, "upgrades", upgrade_configs=[{"upgrade_type": "websocket"}]),
        peers.listener(h1only, routes, "h1only", codec_type="HTTP1"),
        peers.listener(h2only, routes, "h2only", codec_type="HTTP2"),
        tls_chain(folder, peers.listener(tls, routes, "tls")),
    ]
    clusters = [peers.cluster("up", up.port), peers.cluster("h2up", h2up.port, http2=True)]
    ports = [plain, quick, upgrades, h1only, h2only, tls]
    with peers.proxy(folder, peers.bootstrap(admin, listeners, clusters), ports) as p:
        yield World(p.process.pid, up, h2up, *ports, admin, p.log)
    text = p.log.read_text(errors="replace")
    assert not SANITIZER.search(text), text[-8000:]


def pss(pid):
    return int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M).group(1))


def good(world):
    """The proxy serves over plain HTTP/1.1 and, where curl is, HTTP/2."""
    assert http1(world.plain, b"GET /good HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").statuses == [200]
    if shutil.which("curl"):
        r = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", f"http://127.0.0.1:{world.h2only}/good"],
                           capture_output=True, text=True)
        assert r.stdout == "200 2", r


BASE = {}


@pytest.fixture(autouse=True)
def survives(world):
    """After each attack: alive, serving, not grown, nobody got a smuggled request."""
    world.upstream.answers.clear()
    world.upstream.seen.clear()
    if not BASE:
        good(world)
        BASE["pss"] = pss(world.pid)
    yield
    assert "/smuggled" not in world.upstream.paths()
    good(world)
    grown = pss(world.pid) - BASE["pss"]
    assert grown < (SANITIZED_GROWTH_KIB if SANITIZED else GROWTH_KIB), f"{grown} KiB more than before the attacks"


Answer = collections.namedtuple("Answer", "statuses closed text")


def connect(port, timeout=5):
    s = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def read_all(s, seconds):
    """(bytes, closed): what comes until the peer closes or nothing came for so many seconds."""
    got = b""
    s.settimeout(seconds)
    while True:
        try:
            more = s.recv(65536)
        except socket.timeout:
            return got, False
        except ssl.SSLError:
            return got, True
        except OSError:
            return got, True
        if not more:
            return got, True
        got += more


def http1(port, raw, seconds=3):
    """Sends the bytes and reads until the proxy closes; statuses of the answers in order."""
    with connect(port) as s:
        try:
            s.sendall(raw)
        except OSError:
            pass
        text, closed = read_all(s, seconds)
    return Answer([int(x) for x in re.findall(rb"HTTP/1\.[01] (\d{3})", text)], closed, text)
