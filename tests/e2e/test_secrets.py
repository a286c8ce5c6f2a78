"""Who gets what: a node id counts only from the pod that it names, a Secret goes only to the gateway that names it, and keys
are printed nowhere."""
import pathlib

import pytest

from mesh import BUILD, ROOT, Mesh
from test_gateway import certificate, free_port, gateway, secret
from test_routing import V1

SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


@pytest.fixture(scope="module")
def m(tmp_path_factory):
    with Mesh("examples/canary", options=["--ingress", str(free_port())]) as mesh:
        mesh.key, crt = certificate(tmp_path_factory.mktemp("secrets"), "edge")
        secret(mesh, mesh.key, crt)
        gateway(mesh, {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["www.service1.io"],
                       "tls": {"mode": "SIMPLE", "credentialName": "edge-cert"}})
        # A pod without a sidecar, so that its requests to weftd are its own.
        mesh.apply("apiVersion: v1\nkind: Pod\nmetadata:\n  name: thief\n  annotations: {sidecar.istio.io/inject: \"false\"}\n"
                   "spec:\n  containers: [{name: a, image: none, command: [sleep, infinity]}]\n")
        mesh.wait("the pod", lambda: any(p["metadata"]["name"] == "thief" and p["status"].get("phase") == "Running" for p in mesh.get("pods")))
        yield mesh


def node(m, kind, name, ns):
    (pod,) = [p for p in m.get("pods", "-n", ns) if p["metadata"]["name"].startswith(name)]
    return f"{kind}~{pod['status']['podIP']}~{pod['metadata']['name']}.{ns}~{ns}.svc.cluster.local"


def ask(m, who, *what):
    return m.run("thief", BUILD / "venv" / "bin" / "python", ROOT / "tests" / "peers" / "ads.py", who, *what).strip()


def test_a_pod_cannot_speak_as_another(m):
    for who in (node(m, "router", "istio-ingressgateway", "istio-system"), node(m, "sidecar", V1, "default")):
        for what in ((CLUSTER,), (SECRET, "kubernetes://edge-cert")):
            answer = ask(m, who, *what)
            assert answer.startswith("code UNAUTHENTICATED") or answer.startswith("code PERMISSION_DENIED"), answer


def test_a_secret_goes_only_to_its_gateway(m):
    """The pod as itself, also when it calls itself a router: clusters yes, the secret never."""
    for kind in ("sidecar", "router"):
        who = node(m, kind, "thief", "default")
        for name in ("kubernetes://edge-cert", "kubernetes-gateway://istio-system/edge-cert"):
            answer = ask(m, who, SECRET, name)
            assert answer in ("resources 0", "") or answer.startswith("code"), answer
    assert ask(m, node(m, "sidecar", "thief", "default"), CLUSTER).startswith("resources")


def test_keys_are_printed_nowhere(m):
    line = m.key.read_text().splitlines()[1]
    (pod,) = [p["metadata"]["name"] for p in m.get("pods", "-n", "istio-system")]
    dump = m.ok("exec", pod, "-n", "istio-system", "-c", "istio-proxy", "--", "curl", "-s", "http://127.0.0.1:15000/config_dump")
    assert "edge-cert" in dump and line not in dump and "PRIVATE KEY" not in dump
    for log in pathlib.Path(m.state).glob("logs/*"):
        text = log.read_text(errors="replace")
        assert line not in text and "PRIVATE KEY" not in text, log
    assert line not in m.ok("describe", "secret", "edge-cert", "-n", "istio-system")
