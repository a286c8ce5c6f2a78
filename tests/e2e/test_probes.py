"""Readiness by all four kinds of probe, liveness, preStop, limits, pods without a sidecar, names: what the node does for pods."""
import json
import re

import pytest

from mesh import SERVICE, Mesh

IMAGE = "crossoverjie/k8s-combat:istio"


def pod(name, container=None, annotations=None, **spec):
    return json.dumps({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}, "annotations": annotations or {}},
        "spec": {"terminationGracePeriodSeconds": 5, **spec, "containers": [{"name": "app", "image": IMAGE, **(container or {})}]}})


def status(m, name):
    found = [p for p in m.get("pods") if p["metadata"]["name"] == name]
    return found[0]["status"] if found else None


def ready(m, name):
    s = status(m, name)
    return s and any(c["type"] == "Ready" and c["status"] == "True" for c in s.get("conditions", []))


@pytest.mark.parametrize("probe", [
    {"httpGet": {"path": "/ping", "port": 8081}},
    {"tcpSocket": {"port": 50051}},
    {"grpc": {"port": 50051}},
    {"exec": {"command": ["true"]}},
], ids=lambda p: next(iter(p)))
def test_ready_when_the_probe_passes(canary, probe):
    m, name = canary, f"ready-{next(iter(probe)).lower()}"
    m.apply(pod(name, {"readinessProbe": {**probe, "periodSeconds": 1}}))
    try:
        m.wait("the pod to be ready", lambda: ready(m, name))
    finally:
        m.ok("delete", "pod", name)


@pytest.mark.parametrize("probe", [
    {"httpGet": {"path": "/nothing-here", "port": 8081}},
    {"tcpSocket": {"port": 9}},
    {"grpc": {"port": 9}},
    {"exec": {"command": ["false"]}},
], ids=lambda p: next(iter(p)))
def test_not_ready_while_the_probe_fails(canary, probe):
    """It runs, it is not ready, and callers do not get it: the pod carries the labels of the service's v1."""
    m, name = canary, f"unready-{next(iter(probe)).lower()}"
    body = json.loads(pod(name, {"readinessProbe": {**probe, "periodSeconds": 1}}))
    body["metadata"]["labels"] = {"app": "k8s-combat-service-v1", "appId": "12345"}
    m.apply(json.dumps(body))
    try:
        m.wait("the pod to run", lambda: (status(m, name) or {}).get("phase") == "Running")
        out = m.script(m.pod("k8s-combat-service-v2"), f"for i in $(seq 60); do curl -s http://{SERVICE}:8081/ping; echo; done")
        assert name not in out and out.count("k8s-combat-service-v") == 60, out[:500]
        assert not ready(m, name)
    finally:
        m.ok("delete", "pod", name)


def test_liveness_restarts_the_container(canary):
    m = canary
    m.apply(pod("sick", {"livenessProbe": {"exec": {"command": ["sh", "-c", "test ! -e /run/sick || ! rm /run/sick"]}, "periodSeconds": 1, "failureThreshold": 1}}))
    try:
        m.wait("the pod to be ready", lambda: ready(m, "sick"))
        m.run("sick", "touch", "/run/sick")
        app = lambda: [c for c in status(m, "sick")["containerStatuses"] if c["name"] == "app"][0]
        m.wait("a restart", lambda: app()["restartCount"] >= 1)
        m.wait("the pod to be ready again", lambda: ready(m, "sick"))
        assert "terminated" in app()["lastState"]
    finally:
        m.ok("delete", "pod", "sick")


def test_memory_limit(canary):
    """The kernel ends what takes more, or describe says that limits do not apply here."""
    m = canary
    eat = "x=$(head -c 200000000 /dev/zero | tr '\\0' a); sleep 60"
    m.apply(pod("hungry", {"command": ["sh", "-c", eat], "resources": {"limits": {"memory": "64Mi", "cpu": "1"}}}))
    try:
        m.wait("the pod to run", lambda: (status(m, "hungry") or {}).get("phase") == "Running")
        if re.search("not applied", m.ok("describe", "pod", "hungry")):
            pytest.skip("no writable cgroup controller here")
        m.wait("OOMKilled", lambda: "OOMKilled" in json.dumps(status(m, "hungry")))
    finally:
        m.ok("delete", "pod", "hungry")


def test_pod_without_sidecar_reaches_services(canary):
    m = canary
    m.apply(pod("bare", annotations={"sidecar.istio.io/inject": "false"}))
    try:
        m.wait("the pod to be ready", lambda: ready(m, "bare"))
        assert len(status(m, "bare")["containerStatuses"]) == 1
        out = m.script("bare", f"for i in $(seq 40); do curl -s http://{SERVICE}.default:8081/ping; echo; done")
        seen = set(re.findall(r"k8s-combat-service-v\d", out))
        assert seen == {"k8s-combat-service-v1", "k8s-combat-service-v2"}, out[:500]  # at random, with no route to obey
    finally:
        m.ok("delete", "pod", "bare")


def test_names(canary):
    m = canary
    name = m.pod("k8s-combat-service-v1")
    assert m.run(name, "hostname").strip() == name
    for host in (SERVICE, f"{SERVICE}.default", f"{SERVICE}.default.svc", f"{SERVICE}.default.svc.cluster.local"):
        assert re.search(r"^198\.19\.\d+\.\d+ ", m.run(name, "getent", "ahostsv4", host), re.M), host
    r = m.weft("exec", name, "--", "getent", "hosts", "www.example.com")
    assert r.code != 0
    # No way out of the fabric, and no wait for it either.
    assert m.weft("exec", name, "--", "curl", "-s", "--max-time", "5", "http://192.0.2.1/").code not in (0, 28)


def test_pod_cannot_command_the_mesh(canary):
    """The store and the sockets are not in the pods' sight, and an application has no capability."""
    m = canary
    name = m.pod("k8s-combat-service-v1")
    assert m.run(name, "ls", "-A", m.state).strip() == ""
    caps = m.run(name, "grep", "Cap", "/proc/self/status")
    assert not [line for line in caps.splitlines() if int(line.split()[1], 16) and "CapInh" not in line], caps
