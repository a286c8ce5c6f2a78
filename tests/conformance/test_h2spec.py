"""h2spec in strict mode, whole: against weft-proxy in front of an upstream, and against the server that weftd and the demo
program stand on. An
answer that is complete before h2spec has made its mistake would end the stream first, so the program takes its time (DELAY_MS)."""
import re
import subprocess

import peers


def passes_whole(port):
    out = subprocess.run([peers.h2spec(), "--strict", "-p", str(port), "-P", "/", "-o", "3"], capture_output=True, text=True, timeout=280).stdout
    assert "146 tests, 146 passed, 0 skipped, 0 failed" in out, out[out.find("Failures"):][-6000:]


def test_proxy(tmp_path):
    port, admin = peers.free_ports(2)
    app, http, grpc = peers.app(tmp_path, DELAY_MS="40")
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "up"}}]
    with app, peers.proxy(tmp_path, peers.bootstrap(admin, [peers.listener(port, routes, codec_type="HTTP2")], [peers.cluster("up", http)]), [port]):
        passes_whole(port)


def test_server(tmp_path):
    app, http, grpc = peers.app(tmp_path, DELAY_MS="40")
    with app:
        out = subprocess.run([peers.h2spec(), "--strict", "-p", str(http), "-P", "/", "-o", "3"], capture_output=True, text=True, timeout=280).stdout
        # The server speaks HTTP/1.1 too, so a wrong preface is a bad HTTP/1.1 request: answered 400, then closed.
        found = re.search(r"146 tests, (\d+) passed, 0 skipped, (\d+) failed", out)
        assert found and int(found.group(2)) <= 1 and ("Sends invalid connection preface" in out), out[-3000:]


def test_h2spec_strict_against_the_small_server(tmp_path):
    """The server of src/http that weftd, the admin port and the demo program use."""
    (port,) = peers.free_ports(1)
    with peers.Process([peers.BUILD / "tests" / "conformance" / "h2_server", f"127.0.0.1:{port}"], tmp_path / "h2_server.log"):
        peers.wait_port(port)
        out = subprocess.run([peers.h2spec(), "--strict", "-p", str(port), "-P", "/", "-o", "3"], capture_output=True, text=True, timeout=280).stdout
        assert re.search(r"146 passed, \d+ skipped, 0 failed", out), out[-6000:]
