"""From outside into the mesh: the ingress gateway on a host port, by Host and by TLS server name."""
import base64
import concurrent.futures
import json
import socket
import subprocess

import pytest

from mesh import SERVICE, Mesh


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def m():
    http, https = free_port(), free_port()
    with Mesh("examples/canary", options=["--ingress", f"127.0.0.1:{http}", "--ingress", f"{https}=443"]) as mesh:
        mesh.http, mesh.https = http, https
        yield mesh


def manifest(kind, name, spec, ns="default", **more):
    return json.dumps({"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": name, "namespace": ns}, "spec": spec, **more})


def gateway(m, *servers):
    m.apply(manifest("Gateway", "edge", {"selector": {"istio": "ingressgateway"}, "servers": list(servers)}))
    m.apply(manifest("VirtualService", "edge", {"hosts": ["www.service1.io"], "gateways": ["edge"], "http": [
        {"match": [{"headers": {"version": {"exact": "200"}}}], "route": [{"destination": {"host": SERVICE, "subset": "v2", "port": {"number": 8081}}}]},
        {"route": [{"destination": {"host": SERVICE, "subset": "v1", "port": {"number": 8081}}}]}]}))


def curl(*args):
    r = subprocess.run(["curl", "-sS", "--max-time", "10", *args], capture_output=True, text=True)
    return r.stdout or r.stderr


def test_http_by_host(m):
    gateway(m, {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["www.service1.io"]})
    url = f"http://127.0.0.1:{m.http}/ping"
    assert "-v1-" in curl("-H", "Host: www.service1.io", url)
    assert "-v2-" in curl("-H", "Host: www.service1.io", "-H", "version: 200", url)
    assert curl("-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: www.service2.io", url) == "404"


def certificate(tmp_path, name):
    key, crt = tmp_path / f"{name}.key", tmp_path / f"{name}.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=DNS:www.service1.io", "-keyout", key, "-out", crt], check=True, capture_output=True)
    return key, crt


def secret(m, key, crt):
    m.apply(json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "edge-cert", "namespace": "istio-system"}, "type": "kubernetes.io/tls",
                        "data": {"tls.crt": base64.b64encode(crt.read_bytes()).decode(), "tls.key": base64.b64encode(key.read_bytes()).decode()}}))


def test_https_with_a_secret_that_is_rotated(m, tmp_path):
    first, second = certificate(tmp_path, "first"), certificate(tmp_path, "second")
    secret(m, *first)
    gateway(m, {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["www.service1.io"],
                "tls": {"mode": "SIMPLE", "credentialName": "edge-cert"}})
    url = f"https://www.service1.io:{m.https}/ping"
    to = ["--connect-to", f"www.service1.io:{m.https}:127.0.0.1:{m.https}"]
    m.wait("the TLS listener", lambda: "-v1-" in curl(*to, "--cacert", str(first[1]), url))

    def many():
        return [curl(*to, "-k", url) for _ in range(40)]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = [pool.submit(many) for _ in range(2)]
        secret(m, *second)
        answers = [a for r in running for a in r.result()]
    lost = [a for a in answers if "-v1-" not in a]
    assert not lost, f"{len(lost)} of {len(answers)} requests were lost while the secret was rotated: {lost[:3]}"
    m.wait("the new certificate", lambda: "-v1-" in curl(*to, "--cacert", str(second[1]), url))
    dump = m.ok("proxy-config", "listeners", "istio-system/" + gateway_pod(m), "-o", "json")
    assert "PRIVATE KEY" not in dump


def gateway_pod(m):
    return m.get("pods", "-n", "istio-system")[0]["metadata"]["name"]
