"""weft-proxy by itself: signals, drains, and limits that count what is under way."""
import http.client
import json
import pathlib
import signal
import threading
import time
import urllib.request

import peers


def run(folder, bootstrap, ports, *options):
    file = pathlib.Path(folder) / "proxy.json"
    file.write_text(json.dumps(bootstrap))
    process = peers.Process([peers.BUILD / "weft-proxy", "-c", file, "--concurrency", "1", "-l", "warning", *options], pathlib.Path(folder) / "proxy.log")
    for port in ports:
        peers.wait_port(port)
    return process


def hello(**more):
    return [{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "hello"}}, **more}]


def test_sigterm_with_dns(tmp_path):
    """The thread that resolves names takes no signals: the program ends by its own rules."""
    port, admin = peers.free_ports(2)
    dns = {"name": "dns", "type": "STRICT_DNS", "connect_timeout": "1s", "dns_refresh_rate": "0.2s", "load_assignment": {"cluster_name": "dns", "endpoints": [
        {"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "localhost", "port_value": port}}}}]}]}}
    with run(tmp_path, peers.bootstrap(admin, [peers.listener(port, hello())], [dns]), [port]) as p:
        time.sleep(0.5)
        assert "dns::127.0.0.1" in peers.get(admin, "/clusters")
        p.process.send_signal(signal.SIGTERM)
        assert p.process.wait(10) == 0


def test_idle_connections_end_with_the_drain(tmp_path):
    port, admin = peers.free_ports(2)
    with run(tmp_path, peers.bootstrap(admin, [peers.listener(port, hello())], []), [port, admin], "--drain-time-s", "1"):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        c.request("GET", "/")
        assert c.getresponse().read() == b"hello"
        began = time.monotonic()
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{admin}/drain_listeners", method="POST"), timeout=5).read()
        assert c.sock.recv(1) == b""
        assert 0.8 < time.monotonic() - began < 4


def test_max_active_faults(tmp_path):
    port, admin = peers.free_ports(2)
    fault = {"name": "fault", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault", "max_active_faults": 1,
                                               "delay": {"fixed_delay": "1s", "percentage": {"numerator": 100}}}}
    with run(tmp_path, peers.bootstrap(admin, [peers.listener(port, hello(), filters=[fault])], []), [port]):
        def timed():
            began = time.monotonic()
            assert peers.get(port, "/") == "hello"
            return time.monotonic() - began

        slow = []
        t = threading.Thread(target=lambda: slow.append(timed()))
        t.start()
        time.sleep(0.3)
        assert timed() < 0.5  # one is under way: no second fault
        t.join()
        assert slow[0] >= 1
        assert timed() >= 1  # and it was counted off
