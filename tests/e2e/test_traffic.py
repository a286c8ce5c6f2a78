"""Traffic in a running mesh: rules, split, sticky, timeout, faults, mirror; over a person's routes and without; at the gateway; undone."""
import collections
import json
import re
import subprocess

import pytest

from mesh import SERVICE, Mesh
from test_gateway import free_port
from test_routing import V1, V2, by_version, calls

VERSIONS = [{"name": "v1", "labels": {"app": V1}}, {"name": "v2", "labels": {"app": V2}}]
URL = f"http://{SERVICE}:8081/ping"


@pytest.fixture(scope="module")
def m():
    with Mesh("examples/canary", options=["--ingress", f"127.0.0.1:{free_port()}"]) as mesh:
        yield mesh


@pytest.fixture(autouse=True)
def restored(m):
    yield
    m.weft("delete", "traffic", SERVICE)
    m.ok("apply", "-f", "examples/canary")


def order(m, **spec):
    m.apply(json.dumps({"apiVersion": "weft.dev/v1alpha1", "kind": "Traffic", "metadata": {"name": SERVICE}, "spec": {"versions": VERSIONS, **spec}}))


def pings(m, n, *headers):
    """Which version answered each of n HTTP requests, in order; headers: texts with {} for the number of the request."""
    asked = " ".join(f'-H "{h}"' for h in headers).replace("{}", "$i")
    out = m.script(m.pod(V1), f"for i in $(seq {n}); do curl -s {asked} {URL}; echo; done")
    got = re.findall(r"k8s-combat-service-(v\d)-", out)
    assert len(got) == n, out[:500]
    return got


def routes(m):
    return m.ok("proxy-config", "routes", m.pod(V1), "-o", "json")


def without_virtual_service(m):
    m.ok("delete", "virtualservice", "k8s-combat-service-vs")
    m.ok("delete", "destinationrule", "k8s-combat-service-ds")


def test_split_without_a_virtual_service(m):
    without_virtual_service(m)
    order(m, split={"v1": 75, "v2": 25})
    got = by_version(calls(m, m.pod(V2), 1000))
    assert 190 <= got["v2"] <= 310, got
    assert set(pings(m, 30)) == {"v1", "v2"}
    order(m, split={"v1": 0, "v2": 100})
    assert by_version(calls(m, m.pod(V2), 100)) == {"v2": 100}


def test_over_a_persons_routes(m):
    """Rules first, the person's header routes stay, everyone else is split."""
    order(m, rules=[{"name": "testers", "match": [{"header": "x-tester"}], "to": "v2"}], split={"v1": 0, "v2": 100})
    assert set(pings(m, 10)) == {"v2"}
    assert set(pings(m, 10, "version: 100")) == {"v1"}
    assert set(pings(m, 10, "version: 100", "x-tester: ann")) == {"v2"}
    text = m.ok("get", "virtualservice", "k8s-combat-service-vs", "--effective")
    lines = [re.split(r"  +", line) for line in text.splitlines()]
    assert [line[0] for line in lines[1:]] == ["rule testers", "pinned", "rule testers", "pinned", "rule testers", "everyone else"], text
    assert lines[1][1] == "header version is 100 and header x-tester is there" or lines[1][1] == "header x-tester is there and header version is 100", text
    assert "VirtualService k8s-combat-service-vs.default http[2]; destinations by Traffic" in lines[6][3], text
    assert "weft_v2" in m.ok("get", "vs", "k8s-combat-service-vs", "--effective", "-o", "yaml")
    assert "weft_v2" not in m.ok("get", "vs", "k8s-combat-service-vs", "-o", "yaml")
    assert "everyone else" in m.ok("describe", "service", SERVICE)
    assert "rule testers" in m.ok("describe", "pod", m.pod(V2))
    assert f"default/{SERVICE}: rule testers" in m.ok("proxy-config", "routes", m.pod(V1))


def test_deleting_restores(m):
    before = routes(m)
    order(m, split={"v1": 50, "v2": 50}, timeout="3s", mirror={"to": "v2"})
    assert routes(m) != before
    m.ok("delete", "traffic", SERVICE)
    m.wait("the old routes", lambda: routes(m) == before)
    assert set(pings(m, 10)) == {"v1"}


def test_sticky(m):
    """A user has one version; a growing share moves nobody back."""
    before = set()
    for share in (10, 40, 80):
        order(m, split={"v1": 100 - share, "v2": share}, sticky={"cookie": "u"})
        first, second = pings(m, 60, "cookie: a=b; u=user-{}"), pings(m, 60, "cookie: u=user-{}")
        assert first == second
        now = {i for i, v in enumerate(first) if v == "v2"}
        assert before <= now
        before = now
    assert 30 <= len(before) <= 58


def test_percent_of_users(m):
    order(m, rules=[{"name": "few", "users": {"percent": 30, "by": {"header": "x-user"}}, "to": "v2"}])
    got = pings(m, 100, "x-user: n{}")
    assert got == pings(m, 100, "x-user: n{}") and 12 <= collections.Counter(got)["v2"] <= 48, got


def test_timeout_and_fault(m):
    order(m, timeout="0.3s")
    out = m.script(m.pod(V2), f"curl -s 'http://127.0.0.1:8081/grpc_client?name={SERVICE}&sleep-ms=3000&timeout=9s'")
    assert "DEADLINE_EXCEEDED" in out or "upstream request timeout" in out, out
    status = lambda *h: m.script(m.pod(V2), f"curl -s -o /dev/null -w '%{{http_code}}' {' '.join(h)} {URL}").strip()
    order(m, faults=[{"match": [{"header": "x-break"}], "httpStatus": 418, "until": "2099-01-01T00:00:00Z"}])
    assert status("-H", "'x-break: 1'") == "418"
    assert status() == "200"


def test_mirror(m):
    order(m, mirror={"to": "v2", "percent": 100})
    inbound = lambda: m.run(m.pod(V2), "curl", "-s", "http://127.0.0.1:15000/stats?filter=inbound.*upstream_rq_total")
    count = lambda: sum(int(line.rsplit(" ", 1)[1]) for line in inbound().splitlines() if "inbound|8081" in line or "8081" in line)
    before = count()
    assert set(pings(m, 20)) == {"v1"}
    m.wait("the copies", lambda: count() >= before + 20)


def test_gateway(m):
    port = int(re.search(r"127\.0\.0\.1:(\d+)", str(m.options)).group(1))
    edge = [{"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "edge"}, "spec": {"selector": {"istio": "ingressgateway"}, "servers": [
                {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["www.service1.io"]}]}},
            {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "edge"}, "spec": {"hosts": ["www.service1.io"], "gateways": ["edge"], "http": [
                {"match": [{"uri": {"prefix": "/api/"}}], "rewrite": {"uri": "/"}, "route": [{"destination": {"host": SERVICE, "subset": "v1", "port": {"number": 8081}}}]}]}}]
    for one in edge:
        m.apply(json.dumps(one))
    order(m, rules=[{"name": "t", "match": [{"query": "beta", "exact": "1"}], "to": "v2"}])
    ask = lambda query: subprocess.run(["curl", "-sS", "--max-time", "10", "-H", "Host: www.service1.io", f"http://127.0.0.1:{port}/api/ping{query}"],
                                       capture_output=True, text=True).stdout
    assert "-v1-" in ask("") and "-v2-" in ask("?beta=1")
    order(m, split={"v1": 0, "v2": 100})
    assert "-v2-" in ask("")
    m.ok("delete", "virtualservice", "edge")
    m.ok("delete", "gateway", "edge")


def test_refused(m):
    r = m.weft("apply", "-f", "-", stdin=json.dumps({"apiVersion": "weft.dev/v1alpha1", "kind": "Traffic", "metadata": {"name": SERVICE},
                                                      "spec": {"versions": VERSIONS, "split": {"v1": 50}}}))
    assert r.code == 1 and "spec.split: the shares add up to 50, not to 100" in str(r)
