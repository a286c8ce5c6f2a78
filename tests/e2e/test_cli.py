"""The command line: what a person types, also wrong, and what it answers."""
import json

from mesh import Mesh, SEED, WEFT

import pytest


def test_no_mesh_is_one_line_and_exit_1():
    m = Mesh()
    r = m.weft("get", "pods")
    assert r.code == 1 and r.out == ""
    assert "no mesh runs in" in r.err and "weft up" in r.err and len(r.err.splitlines()) == 1
    m.down()


@pytest.mark.parametrize("args, hint", [
    (["gett", "pods"], 'did you mean "get"?'),
    (["get", "pods", "--namespce", "x"], "did you mean --namespace?"),
    (["scale", "deployment", "x", "--replicas", "many"], "not a whole number"),
    (["get"], "needs"),
])
def test_mistyped(args, hint):
    m = Mesh()
    r = m.weft(*args)
    assert r.code == 2 and hint in r.err, r
    m.down()


def test_get_prints_tables_and_lists(canary):
    out = canary.ok("get", "pods")
    assert out.splitlines()[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert out.count("2/2") == 2 and out.count("Running") == 2, out
    for word in ("po", "pod", "pods"):
        doc = json.loads(canary.ok("get", word, "-o", "json"))
        assert doc["kind"] == "List" and len(doc["items"]) == 2
    everything = canary.ok("get", "all")
    for name in ("pod/k8s-combat-service-v1", "service/k8s-combat-service-istio-mesh", "deployment.apps/k8s-combat-service-v2"):
        assert name in everything
    assert "k8s-combat-service-vs" in canary.ok("get", "vs")
    assert "kind: List" in canary.ok("get", "dr", "-o", "yaml")


def test_describe_and_logs(canary):
    pod = canary.pod("k8s-combat-service-v1")
    text = canary.ok("describe", "pod", pod)
    for word in ("Name:", "Containers:", "istio-proxy", "Ready", "IP:"):
        assert word in text, text
    assert canary.weft("logs", pod).code == 0
    r = canary.weft("logs", "no-such-pod")
    assert r.code == 1 and "no-such-pod" in r.err


def test_exec_gives_the_exit_code_and_stdin(canary):
    pod = canary.pod("k8s-combat-service-v1")
    assert canary.weft("exec", pod, "--", "sh", "-c", "exit 7").code == 7
    assert canary.run(pod, "hostname").strip() == pod
    assert canary.ok("exec", "-i", pod, "--", "cat", stdin="through\n") == "through\n"


def test_proxy_status_and_config(canary):
    out = canary.ok("proxy-status")
    assert out.count("SYNCED") >= 2, out
    pod = canary.pod("k8s-combat-service-v1")
    assert "outbound|50051|v2|" in canary.ok("proxy-config", "clusters", pod, "-o", "json")
    for what in ("listeners", "routes", "clusters", "endpoints"):
        assert len(canary.ok("proxy-config", what, pod).splitlines()) > 2


@pytest.mark.skipif(not SEED.exists(), reason="the article's manifests are not at hand")
@pytest.mark.parametrize("command", ["analyze", "apply"])
def test_misindented_is_refused_with_the_place(canary, command):
    file = SEED / "misindented.yaml"
    r = canary.weft(command, "-f" if command == "apply" else file, *([file] if command == "apply" else []))
    assert r.code == 1
    assert f"{file}:10:1: error: " in r.err + r.out and "did you mean spec.http?" in r.err + r.out, r
