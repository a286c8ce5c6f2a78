"""Nothing is lost, nothing is changed behind anybody's back: kill -9, backup and restore, the audit chain, lost updates, repeated calls."""
import hashlib
import json
import random
import shutil
import sqlite3
import subprocess
import threading
import time

import pytest

from mesh import BUILD
from weftd import Platform


def check_chain(lines):
    prev = "0" * 64
    for i, line in enumerate(lines, 1):
        body, _, tail = line.rpartition(',"hash":"')
        entry = json.loads(line)
        assert entry["seq"] == i and entry["prev"] == prev
        prev = hashlib.sha256((body + "}").encode()).hexdigest()
        assert prev == entry["hash"] == tail[:64], f"entry {i} was changed"


def test_kill_at_any_moment():
    """weftd is killed while it makes projects; what it answered for is there afterwards, whole, with its audit entry."""
    rng = random.Random(4)
    made = []
    p = Platform()
    try:
        for turn in range(5):
            p.start()
            if turn:
                have = {x["name"] for x in p.local.ok("GET", "/projects?limit=1000")["items"]}
                assert set(made) <= have, "an answered change is lost"
                lines = p.local.get("/audit/export").text.splitlines()
                check_chain(lines)
                created = {json.loads(x)["project"] for x in lines if '"project:create"' in x}
                assert created == have, "a change without its entry, or the other way round"
            stopping = []

            def work():
                for i in range(500):
                    name = f"p{turn}-{i}"
                    try:
                        if p.local.post("/projects", {"name": name}).status == 201:
                            made.append(name)
                    except OSError:
                        stopping.append(True)
                        return
                    except Exception:  # http.client: the connection ended in the middle
                        return

            t = threading.Thread(target=work)
            t.start()
            time.sleep(rng.uniform(0.02, 0.3))
            p.kill()
            t.join()
        assert len(made) > 5
    finally:
        shutil.rmtree(p.state, ignore_errors=True)


def test_backup_and_restore(tmp_path):
    with Platform() as p:
        anna = p.person("anna")
        anna.ok("POST", "/projects", {"name": "kept"})
        a = p.local.post("/backup")
        assert a.status == 200 and "attachment" in a.headers["content-disposition"]
        copy = tmp_path / "copy.db"
        copy.write_bytes(a.raw)
        assert sqlite3.connect(copy).execute("pragma integrity_check").fetchone() == ("ok",)
        anna.ok("POST", "/projects", {"name": "later"})
        assert anna.post("/backup").status == 403
    q = Platform(state=str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    shutil.copy(copy, tmp_path / "state" / "weft.db")
    with q:
        assert [x["name"] for x in q.local.ok("GET", "/projects")["items"]] == ["kept"]
        me = q.session(q.sign_in("anna"))
        assert me.get("/projects/kept").status == 200
        check_chain(q.local.get("/audit/export").text.splitlines())


def test_audit_chain_shows_a_change(tmp_path):
    """Who edits the database is found out."""
    p = Platform(state=str(tmp_path))
    with p:
        for i in range(5):
            p.local.ok("POST", "/projects", {"name": f"p{i}", "reason": "needed"})
        lines = p.local.get("/audit/export").text.splitlines()
        check_chain(lines)
        entry = json.loads(lines[2])
        assert entry["actor"] == "local" and entry["via"] == "cli" and entry["action"] == "project:create" and entry["reason"] == "needed"
        assert entry["before"] is None and entry["after"]["members"] == [{"user": "local", "role": "owner"}]
    db = sqlite3.connect(tmp_path / "weft.db")
    db.execute("update logs set json = replace(json, 'needed', 'wanted') where log = 'audit' and seq = 3")
    db.commit()
    db.close()
    p.own = False
    with p:
        with pytest.raises(AssertionError, match="entry 3"):
            check_chain(p.local.get("/audit/export").text.splitlines())


def test_audit_pages_and_filters():
    with Platform() as p:
        anna = p.person("anna")
        for i in range(7):
            anna.ok("POST", "/projects", {"name": f"p{i}"})
        first = p.local.ok("GET", "/audit?limit=3&actor=anna")
        rest = p.local.ok("GET", f"/audit?limit=1000&actor=anna&after={first['next']}")
        seqs = [x["seq"] for x in first["items"] + rest["items"]]
        assert seqs == sorted(seqs, reverse=True) and len(set(seqs)) == len(seqs) and rest["next"] is None
        assert {x["actor"] for x in first["items"] + rest["items"]} == {"anna"}
        assert len(p.local.ok("GET", "/audit?project=p3")["items"]) == 1
        assert p.local.ok("GET", "/audit?action=user:create")["items"][0]["target"] == "user anna"
        assert p.local.ok("GET", "/audit?since=2999-01-01T00:00:00Z")["items"] == []


def test_lost_updates():
    with Platform() as p:
        anna = p.person("anna")
        made = anna.post("/projects", {"name": "a"})
        etag, spec = made.headers["etag"], made.json["spec"]
        assert anna.put("/projects/a", {"spec": spec}).status == 428
        assert anna.put("/projects/a", {"spec": {**spec, "title": "One"}}, headers={"If-Match": etag}).status == 200
        stale = anna.put("/projects/a", {"spec": {**spec, "title": "Two"}}, headers={"If-Match": etag})
        assert stale.status == 412 and anna.ok("GET", "/projects/a")["spec"]["title"] == "One"
        now = anna.get("/projects/a")
        assert anna.get("/projects/a", headers={"If-None-Match": now.headers["etag"]}).status == 304
        assert anna.delete("/projects/a", headers={"If-Match": now.headers["etag"]}).status == 204


def test_repeated_calls(tmp_path):
    p = Platform(state=str(tmp_path))
    with p:
        key = {"Idempotency-Key": "k1"}
        a = p.local.post("/projects", {"name": "a"}, headers=key)
        b = p.local.post("/projects", {"name": "a"}, headers=key)
        assert (a.status, a.text) == (b.status, b.text) == (201, a.text)
        assert p.local.post("/projects", {"name": "b"}, headers=key).status == 422
        assert p.local.post("/projects", {"name": "a"}, headers={"Idempotency-Key": "k2"}).status == 409
        assert p.local.post("/projects", {"name": "a"}).status == 409
    with p:
        assert p.local.post("/projects", {"name": "a"}, headers=key).text == a.text, "also after a restart"
        assert len(p.local.get("/audit/export").text.splitlines()) == 1


def test_migration(tmp_path):
    """A database of the version before logs were kept is brought to this one."""
    p = Platform(state=str(tmp_path))
    with p:
        p.local.ok("POST", "/projects", {"name": "a"})
    db = sqlite3.connect(tmp_path / "weft.db")
    db.executescript("drop table logs; pragma user_version = 1;")
    db.close()
    with p:
        assert p.local.get("/projects/a").status == 200
        assert p.local.get("/audit/export").text == ""
        p.local.ok("POST", "/projects", {"name": "b"})
        check_chain(p.local.get("/audit/export").text.splitlines())


def test_users_leave_nothing_behind():
    """A name that is given to somebody else later opens no old doors."""
    with Platform() as p:
        anna, bob = p.person("anna"), p.person("bob")
        anna.ok("POST", "/projects", {"name": "a"})
        anna.ok("PUT", "/projects/a/members/bob", {"role": "owner"})
        assert p.local.delete("/users/bob").status == 204
        assert bob.get("/projects").status == 401
        assert [m["user"] for m in anna.ok("GET", "/projects/a")["spec"]["members"]] == ["anna"]
        refused = p.local.delete("/users/anna")
        assert refused.status == 409 and refused.json["project"] == "a", "a project would have no owner"
        assert anna.put("/projects/a/members/anna", {"role": "viewer"}).status == 409


def test_manifests_name_the_person():
    """Over the socket the command line says who types; what comes by manifest is that person's, and has its entry."""
    with Platform() as p:
        text = """
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: default}
spec: {selector: {app: reviews}, ports: [{port: 80, name: http}]}
---
apiVersion: weft.dev/v1alpha1
kind: Project
metadata: {name: shop}
spec: {members: [{user: anna, role: owner}], services: [{name: reviews, namespace: default}]}
"""
        p.local.ok("POST", "/weft/v1/apply", {"files": [{"name": "a.yaml", "text": text}]}, headers={"X-Weft-Actor": "anna"})
        lines = p.local.get("/audit/export").text.splitlines()
        check_chain(lines)
        entries = [json.loads(x) for x in lines]
        assert {e["actor"] for e in entries} == {"anna"}
        assert {e["action"] for e in entries} >= {"resource:create", "project:create"}
        p.local.ok("POST", "/weft/v1/apply", {"files": [{"name": "a.yaml", "text": text}]})
        assert len(p.local.get("/audit/export").text.splitlines()) == len(lines), "nothing changed, nothing is said"
