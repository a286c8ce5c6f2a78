"""Where requests go: by header, by weight, round robin, and by the name that was asked for."""
import collections
import re

import pytest

from mesh import SERVICE

V1, V2 = "k8s-combat-service-v1", "k8s-combat-service-v2"


def calls(m, pod, n, query=""):
    """n gRPC calls from a pod through /grpc_client; how many each pod answered."""
    url = f"http://127.0.0.1:8081/grpc_client?name={SERVICE}{query}"
    out = m.script(pod, f'for i in $(seq {n // 50}); do curl -s $(for j in $(seq 50); do echo "{url}"; done); done')
    answers = re.findall(r"hostname:([a-z0-9-]+), in:world", out)
    assert len(answers) == n, [line for line in out.splitlines() if "in:world" not in line][:5]
    return collections.Counter(answers)


def version_of(name):
    return re.match(r".*-(v\d)-", name).group(1)


def by_version(counter):
    total = collections.Counter()
    for pod, n in counter.items():
        total[version_of(pod)] += n
    return total


@pytest.mark.parametrize("query, version", [("&version=200", "v2"), ("&version=100", "v1"), ("", "v1")])
def test_header_routing_of_grpc(canary, query, version):
    for app in (V1, V2):
        assert by_version(calls(canary, canary.pod(app), 200, query)) == {version: 200}


@pytest.mark.parametrize("name", ["k8s-combat-service-istio-mesh", "k8s-combat-service-istio-mesh.default",
                                  "k8s-combat-service-istio-mesh.default.svc", "k8s-combat-service-istio-mesh.default.svc.cluster.local"])
@pytest.mark.parametrize("version, want", [("200", "v2"), ("100", "v1"), ("7", "v1")])
def test_header_routing_of_http(canary, name, version, want):
    out = canary.curl(canary.pod(V1), "-H", f"version: {version}", f"http://{name}:8081/ping")
    assert f"-{want}-" in out, out


WEIGHTS = """
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata:
  name: k8s-combat-service-vs
spec:
  gateways:
    - mesh
  hosts:
    - k8s-combat-service-istio-mesh
  http:
    - match:
        - uri:
            exact: /helloworld.Greeter/SayHello
      route:
        - destination:
            host: k8s-combat-service-istio-mesh
            subset: v1
          weight: {v1}
        - destination:
            host: k8s-combat-service-istio-mesh
            subset: v2
          weight: {v2}
      timeout: 5000ms
"""


@pytest.fixture
def restored(canary):
    yield canary
    canary.ok("apply", "-f", "examples/canary")


def test_weights(restored):
    restored.apply(WEIGHTS.format(v1=10, v2=90))
    got = by_version(calls(restored, restored.pod(V1), 2000))
    assert 150 <= got["v1"] <= 250, got


def test_weight_zero_gets_nothing(restored):
    restored.apply(WEIGHTS.format(v1=0, v2=100))
    assert by_version(calls(restored, restored.pod(V1), 500)) == {"v2": 500}


def test_timeout_of_the_route(restored):
    restored.apply(WEIGHTS.format(v1=100, v2=0))
    out = restored.script(restored.pod(V2), "curl -s -w ' %{time_total}' "
                          f"'http://127.0.0.1:8081/grpc_client?name={SERVICE}&sleep-ms=6000&timeout=9s'")
    # The caller sends a grpc-timeout of 9 s; the route's 5 s caps it, and Envoy words that so (max_grpc_timeout).
    assert "DEADLINE_EXCEEDED" in out or "upstream request timeout" in out, out
    assert 4.5 < float(out.split()[-1]) < 5.9, out


def test_round_robin_balances_requests(canary):
    """300 calls over one connection spread evenly over three replicas."""
    m = canary
    m.apply("""
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata:
  name: k8s-combat-service-ds
spec:
  host: k8s-combat-service-istio-mesh
  trafficPolicy:
    loadBalancer:
      simple: ROUND_ROBIN
""")
    m.ok("delete", "virtualservice", "k8s-combat-service-vs")
    m.ok("scale", "deployment", V2, "--replicas", "2")
    m.ok("rollout", "status", "deployment", V2)
    try:
        got = calls(m, m.pod(V1), 300)
        assert sorted(got.values()) == [100, 100, 100], got
    finally:
        m.ok("scale", "deployment", V2, "--replicas", "1")
        m.ok("rollout", "status", "deployment", V2)
        m.ok("apply", "-f", "examples/canary")


def test_same_name_in_another_namespace_is_not_touched(canary):
    """The rules of default do not reach a service of the same name elsewhere."""
    m = canary
    text = "".join(open(f"examples/canary/{f}.yaml").read() + "\n---\n" for f in ("deployments", "service"))
    m.apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: other\n---\n" + text, "-n", "other")
    try:
        m.ok("rollout", "status", "deployment", V1, "-n", "other")
        m.ok("rollout", "status", "deployment", V2, "-n", "other")
        out = m.script(m.pod(V1), f"curl -s -H 'version: 200' $(for i in $(seq 40); do echo http://{SERVICE}.other:8081/ping; done)")
        assert "-v1-" in out and "-v2-" in out, out
    finally:
        m.ok("delete", "namespace", "other")
