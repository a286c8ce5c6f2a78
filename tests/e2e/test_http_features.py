"""What a VirtualService can do to an HTTP request, seen from both ends: the client pod and an upstream that tells what
reached it."""
import collections
import json

import pytest

from mesh import ROOT, Mesh

HOST = "echo"

WORKLOADS = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: client}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: client}}}}
  template:
    metadata: {{labels: {{app: client, tier: front}}}}
    spec:
      containers:
        - name: client
          image: none
          command: [sleep, infinity]
---
apiVersion: v1
kind: Service
metadata: {{name: echo}}
spec:
  selector: {{app: echo}}
  ports:
    - {{name: http, port: 80, targetPort: 8080}}
    - {{name: http-alt, port: 8000, targetPort: 8080}}
""" + "".join(f"""
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: echo-{v}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: echo, version: {v}}}}}
  template:
    metadata: {{labels: {{app: echo, version: {v}}}}}
    spec:
      containers:
        - name: echo
          image: none
          command: [python3, "{ROOT}/tests/peers/echo.py"]
          ports: [{{containerPort: 8080}}]
          readinessProbe: {{tcpSocket: {{port: 8080}}, periodSeconds: 1}}
""" for v in ("v1", "v2")) + """
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo}
spec:
  host: echo
  subsets:
    - {name: v1, labels: {version: v1}}
    - {name: v2, labels: {version: v2}}
"""


@pytest.fixture(scope="module")
def m(tmp_path_factory):
    file = tmp_path_factory.mktemp("features") / "workloads.yaml"
    file.write_text(WORKLOADS)
    with Mesh(file) as mesh:
        mesh.client = mesh.pod("client")
        yield mesh


def routes(m, *http):
    """Makes these the HTTP routes of the service; each is a dict as in spec.http."""
    m.apply(json.dumps({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "echo"},
                        "spec": {"hosts": [HOST], "http": list(http)}}))


def to(version, **more):
    return {"route": [{"destination": {"host": HOST, "subset": version}}], **more}


def ask(m, path="/", *args, port=80):
    """One request; (status, the upstream's account of it or the text of the answer, response headers)."""
    out = m.curl(m.client, "-D", "/dev/stderr", "-w", "\n%{http_code}", *args, f"http://{HOST}:{port}{path}")
    body, _, status = out.rpartition("\n")
    try:
        return int(status), json.loads(body)
    except ValueError:
        return int(status), body


def version(answer):
    status, told = answer
    assert status == 200, answer
    return told["host"].split("-")[1]


MATCHES = [
    ({"uri": {"exact": "/a/b"}}, ["/a/b"], ["/a/b/", "/a/bc", "/A/b"]),
    ({"uri": {"prefix": "/api"}}, ["/api", "/api/x", "/apix"], ["/ap", "/x/api"]),
    ({"uri": {"regex": "/v[0-9]+/.*"}}, ["/v1/x", "/v22/"], ["/vx/1", "/x/v1/y"]),
    ({"uri": {"exact": "/CaSe"}, "ignoreUriCase": True}, ["/case", "/CASE"], ["/case2"]),
    ({"uri": {"prefix": "/Pre"}, "ignoreUriCase": True}, ["/pre/x", "/PREfix"], ["/p"]),
]


@pytest.mark.parametrize("match, hits, misses", MATCHES)
def test_match_on_uri(m, match, hits, misses):
    routes(m, to("v2", match=[match]), to("v1"))
    for path in hits:
        assert version(ask(m, path)) == "v2", path
    for path in misses:
        assert version(ask(m, path)) == "v1", path


REQUESTS = [
    ({"method": {"exact": "POST"}}, ["-X", "POST"], ["-X", "PUT"]),
    ({"scheme": {"exact": "http"}}, [], None),
    ({"authority": {"exact": "echo"}}, [], None),
    ({"headers": {"x-user": {"exact": "ann"}}}, ["-H", "X-User: ann"], ["-H", "x-user: anna"]),
    ({"headers": {"x-user": {"prefix": "an"}}}, ["-H", "x-user: anna"], ["-H", "x-user: bob"]),
    ({"headers": {"x-user": {"regex": "a.*z"}}}, ["-H", "x-user: a1z"], ["-H", "x-user: a1zz1"]),
    ({"headers": {"x-user": {}}}, ["-H", "x-user: whoever"], []),
    ({"withoutHeaders": {"x-user": {"exact": "ann"}}}, ["-H", "x-user: bob"], ["-H", "x-user: ann"]),
    ({"withoutHeaders": {"x-user": {}}}, [], ["-H", "x-user: ann"]),
]


@pytest.mark.parametrize("match, hit, miss", REQUESTS)
def test_match_on_the_request(m, match, hit, miss):
    routes(m, to("v2", match=[match]), to("v1"))
    assert version(ask(m, "/", *hit)) == "v2"
    if miss is not None:
        assert version(ask(m, "/", *miss)) == "v1"


def test_match_on_query_parameters(m):
    routes(m, to("v2", match=[{"queryParams": {"user": {"exact": "ann"}}}]), to("v2", match=[{"queryParams": {"n": {"regex": "[0-9]+"}}}]), to("v1"))
    for path, want in (("/?user=ann", "v2"), ("/?x=1&user=ann", "v2"), ("/?user=bob", "v1"), ("/?n=12", "v2"), ("/?n=x", "v1")):
        assert version(ask(m, path)) == want, path


def test_match_on_port_and_source_labels(m):
    routes(m, to("v2", match=[{"port": 8000}]), to("v1"))
    assert version(ask(m, port=8000)) == "v2"
    assert version(ask(m, port=80)) == "v1"
    routes(m, to("v2", match=[{"sourceLabels": {"tier": "front"}}]), to("v1"))
    assert version(ask(m)) == "v2"
    routes(m, to("v2", match=[{"sourceLabels": {"tier": "back"}}]), to("v1"))
    assert version(ask(m)) == "v1"


def test_blocks_of_a_match_are_alternatives_and_their_fields_all_hold(m):
    routes(m, to("v2", match=[{"uri": {"exact": "/x"}, "headers": {"a": {"exact": "1"}}}, {"uri": {"exact": "/y"}}]), to("v1"))
    assert version(ask(m, "/x")) == "v1"
    assert version(ask(m, "/x", "-H", "a: 1")) == "v2"
    assert version(ask(m, "/y")) == "v2"


def test_no_route_is_404(m):
    routes(m, to("v1", match=[{"uri": {"prefix": "/only"}}]))
    assert ask(m, "/other")[0] == 404
    assert ask(m, "/only")[0] == 200


def test_rewrite(m):
    routes(m, to("v1", match=[{"uri": {"prefix": "/old"}}], rewrite={"uri": "/new", "authority": "else.where"}),
           to("v1", match=[{"uri": {"regex": "/r/.*"}}], rewrite={"uriRegexRewrite": {"match": "/r/(.*)/(.*)", "rewrite": r"/\2/\1"}}))
    status, told = ask(m, "/old/path?q=1")
    assert (status, told["path"], told["headers"]["host"]) == (200, "/new/path?q=1", "else.where")
    assert ask(m, "/r/a/b?q=2")[1]["path"] == "/b/a?q=2"


def test_redirect(m):
    routes(m, {"match": [{"uri": {"prefix": "/a"}}], "redirect": {"uri": "/b", "authority": "there", "redirectCode": 302}},
           {"redirect": {"authority": "elsewhere"}})
    out = m.curl(m.client, "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", f"http://{HOST}/a?q=1")
    assert out in ("302 http://there/b", "302 http://there/b?q=1"), out
    out = m.curl(m.client, "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", f"http://{HOST}/x?q=1")
    assert out == "301 http://elsewhere/x?q=1"


def test_direct_response(m):
    routes(m, {"directResponse": {"status": 418, "body": {"string": "short and stout"}}})
    assert ask(m) == (418, "short and stout")


def test_header_operations(m):
    routes(m, to("v1", headers={"request": {"set": {"x-set": "new"}, "add": {"x-add": "more"}, "remove": ["x-gone"]},
                                "response": {"set": {"x-from": "mesh"}, "add": {"x-added": "yes"}, "remove": ["content-type"]}}))
    status, told = ask(m, "/", "-H", "x-set: old", "-H", "x-gone: here")
    assert told["headers"]["x-set"] == "new" and told["headers"]["x-add"] == "more" and "x-gone" not in told["headers"]
    out = m.curl(m.client, "-D", "-", "-o", "/dev/null", f"http://{HOST}/").lower()
    assert "x-from: mesh" in out and "x-added: yes" in out and "content-type" not in out


def test_fault_abort_and_delay(m):
    routes(m, to("v1", match=[{"headers": {"bad": {"exact": "yes"}}}], fault={"abort": {"httpStatus": 555, "percentage": {"value": 100}}}),
           to("v1", match=[{"headers": {"slow": {"exact": "yes"}}}], fault={"delay": {"fixedDelay": "0.7s", "percentage": {"value": 100}}}),
           to("v1", match=[{"headers": {"half": {"exact": "yes"}}}], fault={"abort": {"httpStatus": 503, "percentage": {"value": 50}}}), to("v1"))
    assert ask(m, "/", "-H", "bad: yes") == (555, "fault filter abort")
    assert ask(m)[0] == 200
    out = m.curl(m.client, "-o", "/dev/null", "-w", "%{time_total}", "-H", "slow: yes", f"http://{HOST}/")
    assert 0.69 < float(out) < 5
    out = m.script(m.client, f"curl -s -o /dev/null -w '%{{http_code}}\\n' -H 'half: yes' 'http://{HOST}/[1-400]'")
    seen = collections.Counter(out.split())
    assert 140 <= seen["503"] <= 260, seen


def test_timeout(m):
    routes(m, to("v1", timeout="0.4s"))
    assert ask(m, "/sleep/3000") == (504, "upstream request timeout")
    assert ask(m, "/sleep/10")[0] == 200


def test_retries(m):
    routes(m, to("v1", retries={"attempts": 3, "retryOn": "5xx"}))
    assert ask(m, "/flaky/3/three")[0] == 200
    assert ask(m, "/flaky/4/four")[0] == 503
    assert ask(m, "/count/four")[1]["count"] == 4
    routes(m, to("v1", retries={"attempts": 0}))
    assert ask(m, "/flaky/1/never")[0] == 503
    assert ask(m, "/count/never")[1]["count"] == 1
    routes(m, to("v1", retries={"attempts": 2, "perTryTimeout": "0.3s", "retryOn": "5xx"}))
    assert ask(m, "/sleep/2000")[0] == 504


def test_mirror(m):
    routes(m, to("v1", mirror={"host": HOST, "subset": "v2"}, mirrorPercentage={"value": 100}),)
    for _ in range(20):
        assert version(ask(m, "/seen/mirrored")) == "v1"
    routes(m, to("v2"))
    m.wait("the mirrored requests", lambda: ask(m, "/count/mirrored")[1]["count"] == 20)
    routes(m, to("v1", mirror={"host": HOST, "subset": "v2"}, mirrorPercentage={"value": 0}))
    assert version(ask(m, "/seen/nomirror")) == "v1"
    routes(m, to("v2"))
    assert ask(m, "/count/nomirror")[1]["count"] == 0


def test_weighted_with_headers_of_a_destination(m):
    routes(m, {"route": [{"destination": {"host": HOST, "subset": "v1"}, "weight": 30, "headers": {"response": {"add": {"which": "one"}}}},
                         {"destination": {"host": HOST, "subset": "v2"}, "weight": 70, "headers": {"request": {"set": {"which": "two"}}}}]})
    out = m.script(m.client, f"curl -s -D - 'http://{HOST}/[1-1000]'")
    first, second = out.count("which: one"), out.count('"which": "two"')
    assert first + second == 1000 and 240 <= first <= 360, (first, second)
