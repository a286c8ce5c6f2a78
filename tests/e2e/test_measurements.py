"""What proxies measure arrives at weftd within about a second of the calls, counts each request once, and nothing but requests."""
import os
import re
import subprocess
import time

import pytest

from test_routing import V1, calls


ENVOY = "weft/proxy=" in os.environ.get("WEFT_UP_OPTIONS", "")  # a real Envoy in each pod


def numbers(mesh):
    text = subprocess.run(["curl", "-sf", "--unix-socket", f"{mesh.state}/api.sock", "http://weft/metrics"], capture_output=True, text=True, check=True).stdout
    return {m[1]: float(m[2]) for m in re.finditer(r"^(weftd_measure\S+) (\S+)$", text, re.M)}


def requests(mesh):
    return numbers(mesh)["weftd_measured_requests_total"]


def test_each_request_arrives_once_and_soon(canary):
    canary.wait("a stream of each proxy", lambda: numbers(canary)["weftd_measurement_streams"] == len(canary.get("pods")))
    before = requests(canary)
    calls(canary, canary.pod(V1), 200)
    done = time.monotonic()
    canary.wait("the calls among the measurements", lambda: requests(canary) >= before + 200, seconds=5)
    assert time.monotonic() - done < 2.5
    time.sleep(1.2)  # another report
    got = numbers(canary)
    assert got["weftd_measured_requests_total"] == before + 200
    assert got["weftd_measurement_refused_total"] == got["weftd_measurement_dropped_total"] == 0
    assert got['weftd_measurement_series{step="1s"}'] >= 1 and got['weftd_measurement_series{step="60s"}'] >= 1


@pytest.mark.skipif(ENVOY, reason="an Envoy has no istio_ series of its own")
def test_the_proxys_own_windows_are_no_traffic(canary):
    canary.wait("a stream of each proxy", lambda: numbers(canary)["weftd_measurement_streams"] == len(canary.get("pods")))
    time.sleep(1.2)
    before = requests(canary)
    pod = canary.pod(V1)
    assert "istio_requests_total" in canary.script(pod, "for i in 1 2 3 4 5; do curl -sf http://127.0.0.1:15021/healthz/ready; curl -sf http://127.0.0.1:15090/stats/prometheus; done")
    own = [line for line in canary.curl(pod, "http://127.0.0.1:15090/stats/prometheus").splitlines() if "admin" in line and line.startswith("istio_")]
    assert not own, own[:2]
    time.sleep(2.2)
    assert requests(canary) == before


def test_a_silent_mesh_shows_signs_of_life(canary):
    before = numbers(canary)
    canary.wait("messages without requests", lambda: numbers(canary)["weftd_measurement_messages_total"] >= before["weftd_measurement_messages_total"] + 3, seconds=5)
    assert requests(canary) == before["weftd_measured_requests_total"]
