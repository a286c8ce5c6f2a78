"""What a VirtualService can do to a gRPC call: the same as for HTTP/1.1, seen by gRPC's own client."""
import collections
import json

import pytest

from mesh import BUILD, ROOT, SERVICE
from test_routing import V1, V2, version_of

PYTHON = BUILD / "venv" / "bin" / "python"


@pytest.fixture(scope="module")
def m(canary):
    yield canary
    canary.ok("apply", "-f", "examples/canary")


def routes(m, *http):
    m.apply(json.dumps({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "k8s-combat-service-vs"},
                        "spec": {"hosts": [SERVICE], "http": list(http)}}))


def to(version, **more):
    return {"route": [{"destination": {"host": SERVICE, "subset": version}}], **more}


def call(m, n=1, *metadata):
    """n calls from the first pod; what each gave."""
    out = m.run(m.pod(V1), PYTHON, ROOT / "tests" / "peers" / "grpc_call.py", f"{SERVICE}:50051", n, *metadata, timeout=120)
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == n
    return answers


def versions(answers):
    assert all(a["code"] == "OK" for a in answers), answers[:3]
    return {version_of(a["reply"].split(",")[0].removeprefix("hostname:")) for a in answers}


@pytest.mark.parametrize("match, hit, miss", [
    ({"uri": {"exact": "/helloworld.Greeter/SayHello"}}, [], None),
    ({"uri": {"prefix": "/helloworld.Greeter/"}}, [], None),
    ({"uri": {"regex": "/helloworld[.].*"}}, [], None),
    ({"method": {"exact": "POST"}}, [], None),
    ({"authority": {"prefix": SERVICE}}, [], None),
    ({"headers": {"x-user": {"exact": "ann"}}}, ["x-user=ann"], ["x-user=bob"]),
    ({"headers": {"x-user": {"regex": "a.*"}}}, ["x-user=anna"], []),
    ({"withoutHeaders": {"x-user": {"exact": "ann"}}}, ["x-user=bob"], ["x-user=ann"]),
    ({"port": 50051}, [], None),
    ({"sourceLabels": {"app": V1}}, [], None),
])
def test_match(m, match, hit, miss):
    routes(m, to("v2", match=[match]), to("v1"))
    assert versions(call(m, 5, *hit)) == {"v2"}
    if miss is not None:
        assert versions(call(m, 5, *miss)) == {"v1"}


def test_abort_with_a_grpc_status(m):
    routes(m, to("v1", match=[{"headers": {"bad": {"exact": "yes"}}}], fault={"abort": {"grpcStatus": "RESOURCE_EXHAUSTED", "percentage": {"value": 100}}}),
           to("v1", match=[{"headers": {"half": {"exact": "yes"}}}], fault={"abort": {"grpcStatus": "NOT_FOUND", "percentage": {"value": 50}}}), to("v1"))
    assert call(m, 1, "bad=yes")[0]["code"] == "RESOURCE_EXHAUSTED"
    assert call(m, 1)[0]["code"] == "OK"
    seen = collections.Counter(a["code"] for a in call(m, 400, "half=yes"))
    assert set(seen) == {"OK", "NOT_FOUND"} and 140 <= seen["OK"] <= 260, seen


def test_abort_with_an_http_status_and_delay(m):
    routes(m, to("v1", match=[{"headers": {"bad": {"exact": "yes"}}}], fault={"abort": {"httpStatus": 503, "percentage": {"value": 100}}}),
           to("v1", fault={"delay": {"fixedDelay": "0.5s", "percentage": {"value": 100}}}))
    assert call(m, 1, "bad=yes")[0]["code"] == "UNAVAILABLE"
    slow = call(m, 1)[0]
    assert slow["code"] == "OK" and 0.49 < slow["seconds"] < 5


def test_timeout(m):
    routes(m, to("v1", timeout="0.4s"))
    late = call(m, 1, "sleep-ms=3000")[0]
    assert late["code"] in ("DEADLINE_EXCEEDED", "UNAVAILABLE") and late["seconds"] < 2.5, late


def test_retries_on_a_grpc_status(m):
    """v2 answers UNAVAILABLE; a retry may reach v1: with enough attempts every call is answered."""
    routes(m, {"route": [{"destination": {"host": SERVICE}}], "retries": {"attempts": 0}})
    assert call(m, 1, "fail-code=14")[0]["code"] == "UNAVAILABLE"
    routes(m, {"route": [{"destination": {"host": SERVICE}}], "retries": {"attempts": 3, "retryOn": "unavailable"}})
    (failed,) = call(m, 1, "fail-code=14")
    assert failed["code"] == "UNAVAILABLE"


def test_header_operations(m):
    routes(m, to("v1", headers={"request": {"set": {"version": "77"}}, "response": {"add": {"x-added": "yes"}}}))
    (answer,) = call(m, 1)
    assert "version:77" in answer["reply"] and answer["metadata"]["x-added"] == "yes"


def test_rewrite_and_no_route(m):
    routes(m, to("v1", match=[{"uri": {"prefix": "/other.Service/"}}], rewrite={"uri": "/helloworld.Greeter/"}))
    assert call(m, 1, "/other.Service/SayHello")[0]["code"] == "OK"
    assert call(m, 1)[0]["code"] == "UNIMPLEMENTED"


def test_direct_response_becomes_a_grpc_status(m):
    routes(m, {"directResponse": {"status": 403, "body": {"string": "no"}}})
    assert call(m, 1)[0]["code"] == "PERMISSION_DENIED"


def test_mirror(m):
    """The mirrored calls appear in the other version's proxy."""
    def arrived():
        text = m.run(m.pod(V2), "curl", "-s", "http://127.0.0.1:15000/stats/prometheus")
        return sum(float(line.split()[-1]) for line in text.splitlines()
                   if line.startswith("istio_requests_total{") and 'reporter="destination"' in line and 'request_protocol="grpc"' in line)
    routes(m, to("v1", mirror={"host": SERVICE, "subset": "v2"}, mirrorPercentage={"value": 100}))
    before = arrived()
    assert versions(call(m, 20)) == {"v1"}
    m.wait("the mirrored calls", lambda: arrived() - before == 20)
