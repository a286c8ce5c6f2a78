"""A real Envoy in the sidecar's place, driven by weftd: it keeps our xDS honest."""
import os

import pytest

import peers
from mesh import ROOT, SERVICE, Mesh

import sys
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from test_routing import V1, V2, WEIGHTS, by_version, calls  # noqa: E402

ENVOY = peers.envoy()
pytestmark = [pytest.mark.skipif(not ENVOY, reason="no Envoy in the venv"),
              pytest.mark.skipif(os.getuid() != 0, reason="Envoy cannot mark its sockets: as an ordinary user it would redirect to itself")]


@pytest.fixture(scope="module")
def m(tmp_path_factory):
    folder = tmp_path_factory.mktemp("envoy")
    for file in (ROOT / "examples" / "canary").glob("*.yaml"):
        text = file.read_text().replace("    metadata:\n      labels:\n", "    metadata:\n      annotations:\n        sidecar.istio.io/proxyImage: envoyproxy/envoy\n      labels:\n")
        (folder / file.name).write_text(text)
    with Mesh(folder, options=["--image", f"envoyproxy/envoy={ENVOY}"]) as mesh:
        yield mesh


def test_it_is_envoy(m):
    assert "BoringSSL" in m.run(m.pod(V1), "curl", "-s", "http://127.0.0.1:15000/server_info")


def test_nothing_is_refused(m):
    stats = m.run(m.pod(V1), "curl", "-s", "http://127.0.0.1:15000/stats?filter=update_rejected")
    assert stats.strip() and all(line.endswith(": 0") for line in stats.strip().splitlines()), stats


@pytest.mark.parametrize("query, version", [("&version=200", "v2"), ("&version=100", "v1"), ("", "v1")])
def test_header_routing(m, query, version):
    assert by_version(calls(m, m.pod(V1), 200, query)) == {version: 200}


def test_weights_and_timeout(m):
    m.apply(WEIGHTS.format(v1=10, v2=90))
    got = by_version(calls(m, m.pod(V1), 2000))
    assert 150 <= got["v1"] <= 250, got
    out = m.script(m.pod(V2), f"curl -s 'http://127.0.0.1:8081/grpc_client?name={SERVICE}&sleep-ms=6000&timeout=9s'")
    assert "DEADLINE_EXCEEDED" in out or "upstream request timeout" in out, out


def test_round_robin(m):
    m.apply("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: k8s-combat-service-ds\nspec:\n"
            "  host: k8s-combat-service-istio-mesh\n  trafficPolicy:\n    loadBalancer:\n      simple: ROUND_ROBIN\n")
    m.ok("delete", "virtualservice", "k8s-combat-service-vs")
    m.ok("scale", "deployment", V2, "--replicas", "2")
    m.ok("rollout", "status", "deployment", V2)
    assert sorted(calls(m, m.pod(V1), 300).values()) == [100, 100, 100]
