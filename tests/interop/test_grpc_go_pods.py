"""grpc-go as server and client inside the pods, with weft-proxy beside it."""
import os
import subprocess
import sys

import pytest

import peers
from mesh import BUILD, ROOT, Mesh
from test_proxyless_grpc import workshop

sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from test_routing import V1, V2, WEIGHTS, by_version, calls  # noqa: E402


@pytest.fixture(scope="module")
def m():
    if not peers.tool("go"):
        pytest.skip("go is not at hand")
    program = BUILD / "interop" / "grpc-go-pods-program"
    if not program.exists():
        subprocess.run([peers.tool("go"), "build", "-o", str(program), "."], cwd=workshop("grpc-go-pods"), check=True, env=dict(os.environ, GOFLAGS="-mod=mod"))
    with Mesh("examples/canary", options=["--image", f"crossoverjie/k8s-combat:istio={program}"]) as mesh:
        yield mesh


@pytest.mark.parametrize("query, version", [("&version=200", "v2"), ("&version=100", "v1"), ("", "v1")])
def test_header_routing(m, query, version):
    assert by_version(calls(m, m.pod(V1), 200, query)) == {version: 200}


def test_weights(m):
    m.apply(WEIGHTS.format(v1=10, v2=90))
    got = by_version(calls(m, m.pod(V1), 2000))
    assert 150 <= got["v1"] <= 250, got


def test_round_robin(m):
    m.apply("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: k8s-combat-service-ds\nspec:\n"
            "  host: k8s-combat-service-istio-mesh\n  trafficPolicy:\n    loadBalancer:\n      simple: ROUND_ROBIN\n")
    m.ok("delete", "virtualservice", "k8s-combat-service-vs")
    m.ok("scale", "deployment", V2, "--replicas", "2")
    m.ok("rollout", "status", "deployment", V2)
    assert sorted(calls(m, m.pod(V1), 300).values()) == [100, 100, 100]
