"""Splits chosen by a hash: a real Envoy and weft-proxy give the same user the same version, and a growing share moves nobody back."""
import http.client

import pytest

import peers

ENVOY = peers.envoy()
pytestmark = pytest.mark.skipif(not ENVOY, reason="no Envoy in the venv")
SHARES = (500, 2000, 5000)
USERS = [f"user-{n}" for n in range(300)]
POLICIES = {
    "header": ({"header": {"header_name": "x-user"}}, lambda u: ("/ping", {"x-user": u})),
    "cookie": ({"cookie": {"name": "u"}}, lambda u: ("/ping", {"cookie": f"a=b; u={u}; c=d"})),
    "query": ({"query_parameter": {"name": "u"}}, lambda u: (f"/ping?u={u}", {})),
}


def version(name, weight):
    return {"name": "app", "weight": weight, "response_headers_to_add": [{"header": {"key": "x-version", "value": name}}]}


def route(kind, share):
    return {"match": {"prefix": "/", "headers": [{"name": "x-share", "string_match": {"exact": f"{kind}-{share}"}}]},
            "route": {"weighted_clusters": {"clusters": [version("v2", share), version("v1", 10000 - share)], "use_hash_policy": True},
                      "hash_policy": [{**POLICIES[kind][0], "terminal": True}]}}


def picks(port):
    """(kind, share) -> the users that get v2."""
    got = {}
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for kind, (_, ask) in POLICIES.items():
        for share in SHARES:
            hit = set()
            for user in USERS:
                path, headers = ask(user)
                conn.request("GET", path, headers={"x-share": f"{kind}-{share}", **headers})
                answer = conn.getresponse()
                answer.read()
                assert answer.status == 200
                if answer.headers["x-version"] == "v2":
                    hit.add(user)
            got[kind, share] = hit
    conn.close()
    return got


def test_same_user_same_version(tmp_path):
    routes = [route(kind, share) for kind in POLICIES for share in SHARES]
    results = {}
    app, http_port, _ = peers.app(tmp_path)
    with app:
        for name in ("weft-proxy", "envoy"):
            port, admin = peers.free_ports(2)
            with peers.proxy(tmp_path, peers.bootstrap(admin, [peers.listener(port, routes)], [peers.cluster("app", http_port)]), [port], name):
                results[name] = picks(port)
    assert results["weft-proxy"] == results["envoy"]
    for kind in POLICIES:
        small, middle, large = (results["envoy"][kind, share] for share in SHARES)
        assert small <= middle <= large and 3 <= len(small) <= 30 and 120 <= len(large) <= 180
