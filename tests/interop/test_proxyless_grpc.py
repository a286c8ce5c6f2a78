"""gRPC clients that speak xDS themselves, without a proxy, through weftd: grpc-go, grpc-js and gRPC Core (Python)."""
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from mesh import BUILD, ROOT, SERVICE, Mesh

HERE = pathlib.Path(__file__).resolve().parent
V2 = "k8s-combat-service-v2"
TARGET = f"xds:///{SERVICE}.default.svc.cluster.local:50051"


def tool(name):
    """A program of the machine or of the test venv; None where there is none."""
    found = shutil.which(name)
    return found or (str(BUILD / "venv" / "bin" / name) if (BUILD / "venv" / "bin" / name).exists() else None)


def workshop(name):
    """A copy of a client's source in the build folder: package managers write beside it."""
    folder = BUILD / "interop" / name
    folder.mkdir(parents=True, exist_ok=True)
    for f in (HERE / name).iterdir():
        shutil.copy(f, folder)
    return folder


def go_client():
    """The grpc-go client, built once per build folder."""
    out = BUILD / "interop" / "grpc-go-client"
    if not out.exists():
        subprocess.run([tool("go"), "build", "-o", str(out), "."], cwd=workshop("grpc-go"), check=True, env=dict(os.environ, GOFLAGS="-mod=mod"))
    return [str(out)]


def js_client():
    folder = BUILD / "interop" / "grpc-js"
    if not (folder / "node_modules").exists():
        subprocess.run([tool("npm"), "install", "--silent", "--no-audit", "--no-fund"], cwd=workshop("grpc-js"), check=True)
    return [tool("node"), str(folder / "client.js")]


def python_client():
    return [str(BUILD / "venv" / "bin" / "python"), str(HERE / "grpc-python" / "client.py")]


CLIENTS = {"go": (go_client, "go"), "js": (js_client, "npm"), "python": (python_client, "python3")}

POD = """
apiVersion: v1
kind: Pod
metadata:
  name: proxyless
  labels: {app: proxyless}
  annotations: {sidecar.istio.io/inject: "false"}
spec:
  containers: [{name: client, image: none, command: [sleep, infinity]}]
"""


@pytest.fixture(scope="module")
def m():
    with Mesh("examples/canary") as mesh:
        mesh.apply(POD)
        mesh.wait("the pod", lambda: any(p["metadata"]["name"] == "proxyless" and p["status"].get("phase") == "Running" for p in mesh.get("pods")))
        yield mesh


def bootstrap(m, tmp_path, generator):
    (ip,) = [p["status"]["podIP"] for p in m.get("pods") if p["metadata"]["name"] == "proxyless"]
    node = {"id": f"sidecar~{ip}~proxyless.default~default.svc.cluster.local", "metadata": {"NAMESPACE": "default"}, "locality": {}}
    if generator:
        node["metadata"]["GENERATOR"] = "grpc"
    file = tmp_path / "bootstrap.json"
    file.write_text(json.dumps({"xds_servers": [{"server_uri": "198.18.0.1:15010", "channel_creds": [{"type": "insecure"}], "server_features": ["xds_v3"]}], "node": node}))
    tmp_path.chmod(0o755)
    return file


def calls(m, client, file, n, version="", wait_ready=0):
    make, needs = CLIENTS[client]
    if not tool(needs):
        pytest.skip(f"{needs} is not at hand")
    command = make()
    out = m.run("proxyless", "env", f"GRPC_XDS_BOOTSTRAP={file}", *command, TARGET, str(n), version, str(wait_ready), timeout=120)
    answers = re.findall(r"hostname:([a-z0-9-]+)", out)
    assert len(answers) == n, out[-800:]
    return collections.Counter(answers)


@pytest.mark.parametrize("generator", [True, False], ids=["generator", "plain"])
@pytest.mark.parametrize("client", CLIENTS)
def test_header_routing(m, tmp_path, client, generator):
    file = bootstrap(m, tmp_path, generator)
    for version, want in (("200", "-v2-"), ("100", "-v1-"), ("", "-v1-")):
        got = calls(m, client, file, 100, version)
        assert all(want in pod for pod in got), got


@pytest.mark.parametrize("client", CLIENTS)
def test_weights(m, tmp_path, client):
    m.apply(json.dumps({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "k8s-combat-service-vs"}, "spec": {
        "hosts": [SERVICE], "http": [{"timeout": "5s", "route": [{"destination": {"host": SERVICE, "subset": "v1"}, "weight": 10},
                                                 {"destination": {"host": SERVICE, "subset": "v2"}, "weight": 90}]}]}}))
    got = calls(m, client, bootstrap(m, tmp_path, True), 2000)
    first = sum(n for pod, n in got.items() if "-v1-" in pod)
    assert 150 <= first <= 250, got
    m.ok("apply", "-f", "examples/canary")


@pytest.mark.parametrize("client", CLIENTS)
def test_round_robin(m, tmp_path, client):
    m.apply("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: k8s-combat-service-ds\nspec:\n"
            f"  host: {SERVICE}\n  trafficPolicy:\n    loadBalancer:\n      simple: ROUND_ROBIN\n")
    m.weft("delete", "virtualservice", "k8s-combat-service-vs")
    m.ok("scale", "deployment", V2, "--replicas", "2")
    m.ok("rollout", "status", "deployment", V2)
    got = calls(m, client, bootstrap(m, tmp_path, True), 300, "", 3)
    assert len(got) == 3 and all(99 <= n <= 101 for n in got.values()), got
    m.ok("apply", "-f", "examples/canary")
