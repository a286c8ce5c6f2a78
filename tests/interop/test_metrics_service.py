"""weft-proxy pushes its measurements to an Envoy MetricsService: gRPC's own server receives them, and the numbers add up; across a receiver
that goes away and comes back as well."""
import json
import time

import pytest

import peers

NODE = {"id": "sidecar~127.0.0.1~caller-1.default~default.svc.cluster.local", "cluster": "caller.default",
        "metadata": {"WORKLOAD_NAME": "caller", "NAMESPACE": "default", "LABELS": {"app": "caller", "version": "v1"}}}
PYTHON = peers.BUILD / "venv" / "bin" / "python"


def sink(**config):
    return {"name": "envoy.stat_sinks.metrics_service", "typed_config": {
        "@type": "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig", "transport_api_version": "V3",
        "grpc_service": {"envoy_grpc": {"cluster_name": "metrics"}}, "emit_tags_as_labels": True, "histogram_emit_mode": "HISTOGRAM", **config}}


class Receiver:
    def __init__(self, folder, port):
        self.folder, self.port, self.runs = folder, port, 0

    def run(self):
        self.runs += 1
        process = peers.Process([PYTHON, peers.ROOT / "tests" / "peers" / "metrics_receiver.py", self.port], self.folder / f"receiver-{self.runs}.log")
        peers.wait_port(self.port)
        return process

    def messages(self, run=None):
        logs = [self.folder / f"receiver-{i}.log" for i in ([run] if run else range(1, self.runs + 1))]
        return [json.loads(line) for log in logs for line in log.read_text().splitlines() if line.startswith("{")]

    def series(self, name, **kw):
        return [m for message in self.messages(**kw) for f in message["families"] if f["name"] == name for m in f["metrics"]]

    def total(self, **labels):
        return sum(m["counter"] for m in self.series("istio_requests_total") if labels.items() <= m["labels"].items())

    def wait_total(self, n, **labels):
        end = time.monotonic() + 20
        while self.total(**labels) != n and time.monotonic() < end:
            time.sleep(0.05)
        assert self.total(**labels) == n


@pytest.fixture
def mesh(tmp_path, request):
    """(receiver, request function): a proxy with the sink's options of the test, in front of the demo program and of nothing."""
    if not PYTHON.exists():
        pytest.skip("no test venv with grpcio")
    listen, admin, receive, refused = peers.free_ports(4)
    app, http, _ = peers.app(tmp_path)
    routes = [{"match": {"prefix": "/refused"}, "route": {"cluster": "refused"}}, {"match": {"prefix": "/"}, "route": {"cluster": "app"}}]
    clusters = [peers.cluster("app", http), peers.cluster("refused", refused), peers.cluster("metrics", receive, http2=True)]
    boot = peers.bootstrap(admin, [peers.listener(listen, routes)], clusters)
    config = dict(request.param)
    boot |= {"node": NODE, "stats_flush_interval": config.pop("interval", "0.2s"), "stats_sinks": [sink(**config)]}
    with app, peers.proxy(tmp_path, boot, [listen]) as proxy:
        def ask(n, path="/ping"):
            for _ in range(n):
                try:
                    peers.get(listen, path)
                except OSError:
                    pass
        receiver = Receiver(tmp_path, receive)
        receiver.proxy = proxy.process
        yield receiver, ask


@pytest.mark.parametrize("mesh", [{"report_counters_as_deltas": True}], indirect=True)
def test_deltas_add_up(mesh):
    receiver, ask = mesh
    with receiver.run():
        for _ in range(5):
            ask(20)
            time.sleep(0.15)
        ask(7, "/refused")
        receiver.wait_total(107)
        time.sleep(0.5)  # two intervals in which nothing changes
        messages = receiver.messages()
        assert receiver.total() == 107
    assert receiver.total(reporter="source", source_workload="caller", **{"envoy.cluster_name": "app"}) == 100
    assert receiver.total(response_code="503", response_flags="UF", **{"envoy.cluster_name": "refused"}) == 7
    assert [m["node"] for m in messages] == [NODE["id"]] + [None] * (len(messages) - 1) and len(messages) > 2
    assert all(m["counter"] > 0 for m in receiver.series("istio_requests_total"))
    times = receiver.series("istio_request_duration_milliseconds")
    assert sum(m["count"] for m in times) == 107
    for m in times:
        counts = [n for _, n in m["buckets"]]
        bounds = [b for b, _ in m["buckets"]]
        assert counts == sorted(counts) and counts[-1] == m["count"] and bounds == sorted(bounds)
        assert abs(m["at"] / 1000 - time.time()) < 60


@pytest.mark.parametrize("mesh", [{"report_counters_as_deltas": True, "batch_size": 1}], indirect=True)
def test_a_receiver_that_comes_and_goes(mesh):
    receiver, ask = mesh
    ask(10)  # nobody is there yet
    with receiver.run():
        receiver.wait_total(10)
        ask(10)
        receiver.wait_total(20)
    ask(30)
    with receiver.run():
        receiver.wait_total(50)
        assert all(len(m["families"]) <= (0 if m["node"] else 1) for m in receiver.messages())
        assert receiver.messages(run=2)[0]["node"] == NODE["id"]


@pytest.mark.parametrize("mesh", [{}], indirect=True)
def test_values_begin_anew_with_each_stream(mesh):
    receiver, ask = mesh
    last = lambda: [m["counter"] for m in receiver.series("istio_requests_total", run=receiver.runs)][-1:]  # noqa: E731
    for _ in range(2):
        with receiver.run():
            if receiver.runs == 1:
                ask(10)
            end = time.monotonic() + 20
            while last() != [10] and time.monotonic() < end:
                time.sleep(0.05)
            assert last() == [10]
    assert sum(m["count"] for m in receiver.series("istio_request_duration_milliseconds")) == 10  # histograms are of the interval, as Envoy's


@pytest.mark.parametrize("mesh", [{"report_counters_as_deltas": True, "interval": "60s"}], indirect=True)
def test_the_last_counts_before_the_end(mesh):
    receiver, ask = mesh
    with receiver.run():
        end = time.monotonic() + 20
        while not receiver.messages() and time.monotonic() < end:  # the stream stands
            time.sleep(0.05)
        ask(5)
        assert receiver.total() == 0
        receiver.proxy.terminate()
        receiver.proxy.wait(10)
        receiver.wait_total(5)
