"""A real Prometheus scrapes weft-proxy and weftd: its queries over Istio's metrics give what was sent, and promtool finds nothing to say about
the text. Needs Debian's prometheus; skipped without."""
import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

import peers
from test_metrics_service import NODE

PROMETHEUS, PROMTOOL = peers.tool("prometheus"), peers.tool("promtool")
pytestmark = pytest.mark.skipif(not PROMETHEUS or not PROMTOOL, reason="no prometheus: apt-get install prometheus")


class Prometheus:
    def __init__(self, folder, jobs):
        self.port, = peers.free_ports(1)
        config = folder / "prometheus.yml"
        config.write_text(json.dumps({"global": {"scrape_interval": "500ms", "scrape_timeout": "400ms"}, "scrape_configs": [
            {"job_name": name, "metrics_path": path, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]} for name, port, path in jobs]}))
        self.process = peers.Process([PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={folder}/tsdb", "--log.level=warn",
                                      f"--web.listen-address=127.0.0.1:{self.port}"], folder / "prometheus.log")

    def __enter__(self):
        self.process.__enter__()
        peers.wait_port(self.port)
        end = time.monotonic() + 20
        while not self.ready() and time.monotonic() < end:
            time.sleep(0.1)
        return self

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready") as r:
                return r.status == 200
        except OSError:
            return False

    def __exit__(self, *a):
        self.process.__exit__(*a)

    def query(self, text):
        url = f"http://127.0.0.1:{self.port}/api/v1/query?query={urllib.parse.quote(text)}"
        with urllib.request.urlopen(url) as r:
            return [float(v["value"][1]) for v in json.load(r)["data"]["result"]]

    def wait(self, text, ok, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got = self.query(text)
            if got and ok(got[0]):
                return got[0]
            time.sleep(0.1)
        raise AssertionError(f"{text}: {self.query(text)}")


def lint(text):
    """promtool's complaints. Istio's names are as they are (a counter of bytes, milliseconds): those are left out."""
    r = subprocess.run([PROMTOOL, "check", "metrics"], input=text, text=True, capture_output=True)
    return [line for line in r.stderr.splitlines() if not ("istio_" in line or "envoy_" in line or "no help text" in line)]


def fetch(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as r:
        return r.read().decode()


def test_istios_queries_over_weft_proxy(tmp_path):
    listen, admin, refused = peers.free_ports(3)
    app, http, _ = peers.app(tmp_path)
    routes = [{"match": {"prefix": "/refused"}, "route": {"cluster": "refused"}}, {"match": {"prefix": "/"}, "route": {"cluster": "app"}}]
    boot = peers.bootstrap(admin, [peers.listener(listen, routes)], [peers.cluster("app", http), peers.cluster("refused", refused)]) | {"node": NODE}
    with app, peers.proxy(tmp_path, boot, [listen]), Prometheus(tmp_path, [("proxy", admin, "/stats/prometheus")]) as prometheus:
        def ask(path, n):
            for _ in range(n):
                try:
                    peers.get(listen, path)
                except OSError:
                    pass
        ask("/ping", 1)
        prometheus.wait('sum(istio_requests_total{reporter="source"})', lambda v: v == 1)
        ask("/ping", 79)
        ask("/refused", 20)
        prometheus.wait('sum(istio_requests_total{reporter="source"})', lambda v: v == 100)
        assert prometheus.query('sum(istio_requests_total{response_code=~"5.."}) / sum(istio_requests_total)') == [0.2]
        # all of Istio's bounds and only those, and a quantile from them
        bounds = fetch(admin, "/stats/prometheus")
        assert [line.split('le="')[1].split('"')[0] for line in bounds.splitlines() if line.startswith("istio_request_duration_milliseconds_bucket") and 'response_code="200"' in line] == \
            ["0.5", "1", "5", "10", "25", "50", "100", "250", "500", "1000", "2500", "5000", "10000", "30000", "60000", "300000", "600000", "1.8e+06", "3.6e+06", "+Inf"]
        assert 0 < prometheus.query("histogram_quantile(0.99, sum(istio_request_duration_milliseconds_bucket) by (le))")[0] < 60000
        assert prometheus.query("sum(istio_request_duration_milliseconds_count)") == [100]
        assert not lint(bounds)


def test_weftds_own(tmp_path):
    metrics, xds = peers.free_ports(2)
    command = [peers.BUILD / "weftd", "--state", tmp_path / "state", "--xds", f"127.0.0.1:{xds}", "--metrics", f"127.0.0.1:{metrics}"]
    with peers.Process(command, tmp_path / "weftd.log"):
        peers.wait_port(metrics)
        with Prometheus(tmp_path, [("weftd", metrics, "/metrics")]) as prometheus:
            curl = ["curl", "-sf", "-o", "/dev/null", "--unix-socket", tmp_path / "state" / "api.sock", "http://weft/api/v1/namespaces"]
            subprocess.run(curl, check=True)
            prometheus.wait('weftd_api_requests_total{route="kubernetes",code="200"}', lambda v: v == 1)
            assert prometheus.query("weftd_xds_streams") == [0]
            assert prometheus.query("process_resident_memory_bytes")[0] > 1e6
            prometheus.wait("histogram_quantile(0.99, weftd_loop_lag_seconds_bucket)", lambda v: v < 10)
            assert not lint(fetch(metrics, "/metrics"))
            with pytest.raises(urllib.error.HTTPError, match="404"):
                fetch(metrics, "/api/v1/namespaces")
