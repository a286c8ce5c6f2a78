"""h2spec in strict mode, whole, against weft-proxy."""
import re
import subprocess

import peers


def test_h2spec_strict(tmp_path):
    port, admin = peers.free_ports(2)
    app, http, grpc = peers.app(tmp_path)
    routes = [{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "hello"}}}]
    with app, peers.proxy(tmp_path, peers.bootstrap(admin, [peers.listener(port, routes)], []), [port]):
        out = subprocess.run([peers.h2spec(), "--strict", "-p", str(port), "-P", "/", "-o", "3"], capture_output=True, text=True, timeout=280).stdout
        found = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", out)
        assert found, out[-2000:]
        total, passed, skipped, failed = map(int, found.groups())
        assert failed == 0 and passed == 146, out[-6000:]


def test_h2spec_strict_through_to_an_upstream(tmp_path):
    port, admin = peers.free_ports(2)
    app, http, grpc = peers.app(tmp_path)
    with app, peers.proxy(tmp_path, peers.bootstrap(admin, [peers.listener(port, [{"match": {"prefix": "/"}, "route": {"cluster": "up"}}])],
                                                    [peers.cluster("up", http)]), [port]):
        out = subprocess.run([peers.h2spec(), "--strict", "-p", str(port), "-P", "/", "-o", "3"], capture_output=True, text=True, timeout=280).stdout
        assert re.search(r"146 passed, \d+ skipped, 0 failed", out), out[-6000:]
