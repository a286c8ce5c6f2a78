"""Istio's mesh configuration (ConfigMap istio-system/istio) and the API as other programs see it."""
import json
import re
import subprocess

import pytest

from mesh import SERVICE
from test_routing import V1

# Istio's default format: pilot/pkg/model/telemetry_logging.go
LINE = re.compile(r'^\[\d{4}-\d\d-\d\dT[\d:.]+Z\] "(?P<method>\S+) (?P<path>\S+) (?P<protocol>\S+)" (?P<code>\d+) (?P<flags>\S+) (?P<details>\S+) \S+ "[^"]*" '
                  r'\d+ \d+ \d+ \S+ "[^"]*" "[^"]*" "[^"]*" "(?P<authority>[^"]*)" "(?P<host>[^"]*)" (?P<cluster>\S+) \S+ \S+ \S+ \S+ (?P<route>\S+)$')


def mesh_config(**fields):
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"}, "data": {"mesh": json.dumps(fields)}})


@pytest.fixture
def m(canary):
    yield canary
    canary.weft("delete", "configmap", "istio", "-n", "istio-system")


def log_lines(m, pod, path):
    return [x for x in (LINE.match(line) for line in m.ok("logs", pod, "-c", "istio-proxy").splitlines()) if x and x["path"] == path]


def test_access_log(m):
    pod = m.pod(V1)
    m.curl(pod, f"http://{SERVICE}:8081/ping?before")
    m.apply(mesh_config(accessLogFile="/dev/stdout"))
    m.curl(pod, f"http://{SERVICE}:8081/ping?after")
    m.wait("the access log", lambda: log_lines(m, pod, "/ping?after"))
    lines = log_lines(m, pod, "/ping?after")
    assert any(x["cluster"].startswith("outbound|8081|") and x["code"] == "200" and x["authority"] == f"{SERVICE}:8081" for x in lines), lines
    assert not log_lines(m, pod, "/ping?before")


def test_registry_only(m):
    pod = m.pod(V1)
    # The gRPC port: its listener is shared by all services of the port, so the host decides.
    code = ("-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: nobody.example", f"http://{SERVICE}:50051/")
    m.apply(mesh_config(outboundTrafficPolicy={"mode": "REGISTRY_ONLY"}))
    assert m.curl(pod, *code).strip().endswith("502")


def test_the_socket_speaks_kubernetes_dialect(m):
    def get(path, *options):
        out = subprocess.run(["curl", "-s", "--unix-socket", f"{m.state}/api.sock", *options, f"http://weft{path}"], capture_output=True, text=True, check=True)
        return json.loads(out.stdout)
    assert "networking.istio.io" in [g["name"] for g in get("/apis")["groups"]]
    assert {"pods", "services"} <= {r["name"] for r in get("/api/v1")["resources"]}
    pods = get("/api/v1/pods?labelSelector=appId%3D12345")
    assert pods["kind"] == "PodList" and len(pods["items"]) == 2
    missing = get("/api/v1/namespaces/default/pods/x")
    assert (missing["reason"], missing["message"]) == ("NotFound", 'pods "x" not found')
    proxies = get("/weft/v1/proxy-status")["proxies"]
    assert len(proxies) == 2 and all(p["types"]["RDS"]["state"] == "SYNCED" for p in proxies)
