"""The manifests of the article, unchanged, each by itself and in the article's order."""
import pytest

from mesh import SEED, SERVICE, Mesh
from test_routing import V1, by_version, calls

pytestmark = pytest.mark.skipif(not SEED.exists(), reason="the article's manifests are not at hand")


def test_in_the_order_of_the_article():
    with Mesh(SEED / "istio-mesh.yaml", options=["--ingress", "127.0.0.1:18080"]) as m:
        assert by_version(calls(m, m.pod(V1), 50, "&version=200")) == {"v2": 50}
        m.ok("apply", "-f", SEED / "weights.yaml")
        assert 50 <= by_version(calls(m, m.pod(V1), 1000))["v1"] <= 160
        m.ok("apply", "-f", SEED / "istio-ingress-gateway.yaml")
        answer = m.wait("the gateway's listener", lambda: host_curl("www.service1.io"))
        assert "-v1-" in answer
        m.ok("delete", "virtualservice", "k8s-combat-service-vs")
        m.ok("apply", "-f", SEED / "round-robin.yaml")
        got = by_version(calls(m, m.pod(V1), 100))
        assert got == {"v1": 50, "v2": 50}, got


def host_curl(host, *args):
    import subprocess
    r = subprocess.run(["curl", "-sf", "--max-time", "5", "-H", f"Host: {host}", *args, "http://127.0.0.1:18080/ping"], capture_output=True, text=True)
    return r.stdout


def test_deployment_alone():
    with Mesh(SEED / "deployment-istio.yaml") as m:
        pod = m.pod("k8s-combat-service")
        out = m.script(pod, "curl -s $(for i in $(seq 60); do echo http://k8s-combat-service:8081/ping; done)")
        assert len({p["metadata"]["name"] for p in m.get("pods") if p["metadata"]["name"] in out}) == 3


@pytest.mark.parametrize("version", ["v1alpha3", "v1beta1", "v1"])
def test_every_served_version(version):
    m = Mesh()
    text = (SEED / "weights.yaml").read_text().replace("v1alpha3", version)
    r = m.weft("analyze", "-", stdin=text)
    assert "error:" not in r.err, r
    m.down()
