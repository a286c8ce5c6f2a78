"""The page's door: who gets in, from where, and how often one may try."""
import json
import re
import threading

import pytest

from weftd import PASSWORD, Caller, Platform


@pytest.fixture(scope="module")
def p():
    with Platform("--host", "weft.example.com") as p:
        yield p


def page(p, path="/", **headers):
    c = Caller(p, headers)
    return c.call("GET", path, raw=b"")


def test_headers(p):
    a = page(p)
    assert a.status == 200 and "html" in a.headers["content-type"]
    csp = a.headers["content-security-policy"]
    assert "default-src 'none'" in csp and "frame-ancestors 'none'" in csp and "script-src 'self'" in csp
    assert not re.search(r"script-src[^;]*unsafe", csp)
    assert a.headers["x-content-type-options"] == "nosniff" and a.headers["referrer-policy"] == "no-referrer"
    assert p.nobody.get("/session").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host, status", [("localhost", 200), ("127.0.0.1:80", 200), ("[::1]:8080", 200), ("weft.example.com", 200),
                                          ("evil.example.com", 421), ("weft.example.com.evil.com", 421), ("", 421)])
def test_host(p, host, status):
    """A name that somebody else's DNS made point here is not served (DNS rebinding)."""
    a = page(p, Host=host)
    assert a.status == status or (not host and a.status == 400), a


@pytest.mark.parametrize("origin, status", [("http://localhost:8080", 403), ("https://evil.example.com", 403), ("null", 403), ("http://HOST", 401)])
def test_origin(p, origin, status):
    a = p.nobody.get("/session", headers={"Origin": origin.replace("HOST", f"127.0.0.1:{p.port}")})
    assert a.status == status, a


def test_kubernetes_is_not_here(p):
    for path in ("/api/v1/pods", "/apis", "/metrics", "/healthz"):
        a = page(p, path)
        assert "html" in a.headers["content-type"] or a.status == 404, (path, a)


def test_deep_links_and_files(p):
    assert page(p, "/projects/checkout/services/reviews").status == 200
    assert page(p, "/assets/none.js").status == 404
    assert page(p, "/../../etc/passwd").status in (200, 400, 404) and "root:" not in page(p, "/../../etc/passwd").text


def test_csrf(p):
    anna = p.person("anna")
    without = Caller(p, {**anna.headers, "X-Weft-Csrf": None})
    assert without.get("/projects").status == 200
    for value in (None, "", "0" * 32):
        a = Caller(p, {**anna.headers, "X-Weft-Csrf": value}).post("/projects", {"name": "stolen"})
        assert a.status == 403 and a.json["code"] == "csrf", a
    assert p.local.get("/projects/stolen").status == 404


def test_cookie(p):
    p.person("anna")
    a = p.sign_in("anna")
    cookie = a.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
    me = p.session(a)
    assert me.delete("/session").status == 204
    assert me.get("/projects").status == 401, "the session is over on the server, not only in the browser"


def test_sessions_are_bounded(p):
    p.person("many")
    first = p.session(p.sign_in("many"))
    for _ in range(31):
        last = p.session(p.sign_in("many"))
    assert first.get("/projects").status == 401 and last.get("/projects").status == 200


def test_rate_limit_user(p):
    p.person("bob")
    seen = [p.sign_in("bob", "wrong password").status for _ in range(12)]
    assert seen[:5] == [401] * 5 and seen[-1] == 429, seen
    a = p.sign_in("bob")
    assert a.status == 429 and int(a.headers["retry-after"]) >= 1, "the right password must wait too"
    assert p.people["bob"].get("/projects").status == 200, "who is in stays in"


def test_rate_limit_parallel():
    """Many tries at once do not slip through between check and count."""
    with Platform() as p:
        p.person("carl")
        seen = []
        threads = [threading.Thread(target=lambda: seen.append(p.sign_in("carl", "wrong password").status)) for _ in range(16)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert seen.count(401) <= 6 and seen.count(429) >= 10, seen


def test_unknown_user_is_told_the_same(p):
    a, b = p.sign_in("nobody-here", "wrong password"), None
    p.person("dora")
    b = p.sign_in("dora", "wrong password")
    assert (a.status, a.json["detail"]) == (b.status, b.json["detail"]) == (401, a.json["detail"])


def test_passwords():
    with Platform() as p:
        anna = p.person("anna")
        other = p.session(p.sign_in("anna"))
        assert anna.post("/session:password", {"old": "not this one", "new": "another fine password"}).pointers == ["/old"]
        assert anna.post("/session:password", {"old": PASSWORD, "new": "short"}).pointers == ["/new"]
        assert anna.post("/session:password", {"old": PASSWORD, "new": "aaaaaaaaaaaaaa"}).status == 422
        assert anna.post("/session:password", {"old": PASSWORD, "new": "another fine password"}).status == 204
        assert other.get("/projects").status == 401, "other sessions end"
        assert anna.get("/projects").status == 200
        assert p.sign_in("anna").status == 401
        assert p.sign_in("anna", "another fine password").status == 200
        everything = p.local.get("/audit/export").text + p.local.call("GET", "/users").text
        assert "scrypt" not in everything and "another fine" not in everything


def test_one_time(p):
    once = p.local.ok("POST", "/session:one-time")["oneTime"]
    me = p.session(p.nobody.post("/session", {"oneTime": once}))
    assert me.ok("GET", "/session")["user"] == "local"
    assert p.nobody.post("/session", {"oneTime": once}).status == 401, "once"
    assert p.nobody.post("/session", {"oneTime": "0" * 64}).status == 401


def test_single_user_mode():
    with Platform("--single") as p:
        s = p.nobody.get("/session")
        assert s.json["mode"] == "single" and s.json["user"] == "local"
        assert p.nobody.post("/projects", {"name": "a"}).json["code"] == "csrf", "another page's form must not get in"
        me = Caller(p, {"X-Weft-Csrf": s.json["csrf"]})
        assert me.post("/projects", {"name": "a"}).status == 201
    import subprocess
    from mesh import BUILD
    r = subprocess.run([BUILD / "weftd", "--state", p.state + "-x", "--xds", "127.0.0.1:0", "--page", "0.0.0.0:0", "--single"], capture_output=True,
                       text=True, timeout=20)
    assert r.returncode == 1 and "loopback" in r.stderr


def test_tokens(p):
    anna = p.person("anna")
    anna.ok("POST", "/projects", {"name": "shop"})
    made = anna.ok("POST", "/projects/shop/tokens", {"name": "ci", "scopes": ["read"]})
    robot = p.token(made["token"])
    assert robot.get("/projects/shop").status == 200
    assert robot.delete("/projects/shop", headers={"If-Match": "*"}).status == 403
    listed = anna.ok("GET", "/projects/shop/tokens")["items"][0]
    assert listed["lastUsedAt"] and made["token"] not in json.dumps(listed)
    assert anna.delete(f"/projects/shop/tokens/{made['id']}").status == 204
    assert robot.get("/projects/shop").status == 401
    assert p.token("weft_0000").get("/projects").status == 401


def test_events(p):
    """Each sees what it may see, and comes back where it was."""
    import http.client
    anna, eve = p.person("anna"), p.person("zoe")
    anna.post("/projects", {"name": "secret"})

    def watch(who, last=None):
        c = http.client.HTTPConnection("127.0.0.1", p.port, timeout=10)
        c.request("GET", "/weft/v1/events", headers={k: v for k, v in {**who.headers, "Last-Event-ID": last}.items() if v})
        return c.getresponse()

    def event(stream):
        e = {}
        while True:
            line = stream.fp.readline() if not stream.chunked else stream.readline()
            line = line.decode().rstrip("\n")
            if line.startswith(":"):
                continue
            if not line:
                if e:
                    return e
                continue
            key, _, value = line.partition(": ")
            e[key] = value

    a, b = watch(anna), watch(eve)
    assert a.headers["content-type"] == "text/event-stream"
    assert event(a)["event"] == event(b)["event"] == "hello"
    anna.ok("PUT", "/projects/secret/members/dora", {"role": "viewer"}) if p.person("dora") else None
    eve.ok("POST", "/projects", {"name": "eves"})
    seen = event(a)
    while seen["event"] != "audit":
        seen = event(a)
    assert json.loads(seen["data"])["project"] == "secret"
    theirs = event(b)
    while theirs["event"] != "audit":
        assert "secret" not in theirs["data"]
        theirs = event(b)
    assert json.loads(theirs["data"])["project"] == "eves", "nothing of the project that she may not see"
    again = watch(anna, str(int(seen["id"]) - 1))
    assert event(again)["event"] == "hello"
    assert event(again)["id"] == seen["id"]
    lost = watch(anna, "17")
    assert event(lost)["event"] == "hello" and event(lost)["event"] == "reset"
