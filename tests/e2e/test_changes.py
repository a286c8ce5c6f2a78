"""Changes while requests flow: not one is lost."""
import json
import re
import subprocess
import threading

import pytest

from mesh import SERVICE
from test_routing import V1, V2


def subset_route(version, host=SERVICE):
    return json.dumps({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "k8s-combat-service-vs"}, "spec": {
        "hosts": [host], "http": [{"route": [{"destination": {"host": host, "subset": version}}]}]}})


def subsets(*names):
    return json.dumps({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "k8s-combat-service-ds"}, "spec": {
        "host": SERVICE, "subsets": [{"name": n, "labels": {"app": f"k8s-combat-service-{n[:2]}"}} for n in names]}})


class Load:
    """Requests without pause from a pod until stopped; what went wrong."""

    def __init__(self, m, pod, kind):
        self.m, self.pod, self.stop_file = m, pod, f"/tmp/stop-{kind}"
        # HTTP/1.1 keep-alive: one curl process sends 400 requests on one connection. gRPC: /grpc_client holds one connection.
        url = (f"http://{SERVICE}:8081/ping?[1-400]" if kind == "http"
               else f"http://127.0.0.1:8081/grpc_client?name={SERVICE}&n=[1-400]")
        script = (f"rm -f {self.stop_file}; while [ ! -e {self.stop_file} ]; do curl -s -o /dev/stdout -w ' %{{http_code}}\\n' '{url}' || echo curl $?; done")
        self.thread = threading.Thread(target=self.run, args=(script,))
        self.out = ""

    def run(self, script):
        self.out = self.m.script(self.pod, script)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *args):
        self.m.run(self.pod, "touch", self.stop_file)
        self.thread.join()

    def check(self):
        """Every request was answered 200 by one of the service's pods."""
        answers = re.findall(r"hostname:k8s-combat-service-v\d-", self.out)
        endings = re.findall(r" (curl \d+|\d{3})$", self.out, re.M)
        bad = [e for e in endings if e != "200"]
        assert len(endings) > 100, self.out[-300:]
        wrong = [line for line in self.out.splitlines() if line.strip() and "hostname:k8s-combat-service-v" not in line and line.strip() != "200"]
        assert not bad and len(answers) == len(endings), f"{len(bad)} of {len(endings)} went wrong: {bad[:5]} {wrong[:5]}"


@pytest.fixture
def m(canary):
    yield canary
    canary.ok("scale", "deployment", V2, "--replicas", "1")
    canary.ok("apply", "-f", "examples/canary")
    canary.wait("the other pods to be gone", lambda: len(canary.get("pods")) == 2)


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_alternating_applies_lose_nothing(m, kind):
    with Load(m, m.pod(V1), kind) as load:
        for i in range(100):
            out = m.apply(subset_route("v1" if i % 2 else "v2"))
            assert re.search(r"\d+ of \d+ proxies acknowledged in \d+ ms", out), out
    load.check()


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_subsets_come_and_go_in_the_same_apply(m, kind):
    with Load(m, m.pod(V1), kind) as load:
        for i in range(20):
            name = f"v{1 + i % 2}-{i}"
            m.apply(subsets("v1", "v2", name) + "\n---\n" + subset_route(name))
    load.check()


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_scaling_under_load_loses_nothing(m, kind):
    m.apply(subset_route("v2"))
    with Load(m, m.pod(V1), kind) as load:
        for n in (5, 1):
            m.ok("scale", "deployment", V2, "--replicas", str(n))
            m.ok("rollout", "status", "deployment", V2)
    load.check()


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_a_new_template_rolls_out_under_load(m, kind):
    """Old pods go only when new ones are ready, and they end what they have begun."""
    m.apply(subset_route("v2"))
    m.ok("scale", "deployment", V2, "--replicas", "3")
    m.ok("rollout", "status", "deployment", V2)
    with Load(m, m.pod(V1), kind) as load:
        template = {"spec": {"template": {"spec": {"containers": [{"name": V2, "env": [{"name": "VERSION", "value": kind}]}]}}}}
        patch(m, f"/apis/apps/v1/namespaces/default/deployments/{V2}", template)
        m.ok("rollout", "status", "deployment", V2)
    load.check()
    assert f"version:{kind}" in m.curl(m.pod(V1), f"http://{SERVICE}:8081/ping")


def patch(m, path, what):
    subprocess.run(["curl", "-sf", "--unix-socket", f"{m.state}/api.sock", "-X", "PATCH", "-H", "content-type: application/strategic-merge-patch+json",
                    "-d", json.dumps(what), f"http://weft{path}"], check=True, capture_output=True)


def test_apply_without_an_answer_names_who_is_missing(m):
    """A proxy that does not run any more cannot acknowledge: it is stopped, so its connection stays open and silent."""
    pod = m.pod(V2)
    m.run(pod, "true")
    m.ok("exec", pod, "-c", "istio-proxy", "--", "sh", "-c", "kill -STOP $(pidof weft-proxy)")
    try:
        r = m.weft("apply", "-f", "-", "--timeout", "1s", stdin=subset_route("v2"))
        assert r.code == 1 and pod in r.out + r.err and re.search(r"\d+ of \d+", r.out + r.err), r
    finally:
        m.ok("exec", pod, "-c", "istio-proxy", "--", "sh", "-c", "kill -CONT $(pidof weft-proxy)")
