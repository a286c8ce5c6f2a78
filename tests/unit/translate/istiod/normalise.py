#!/usr/bin/env python3
"""Dumps of what istiod sends (proto JSON, snake case) -> what weftd is expected to send: the explained differences taken out.

    normalise.py DUMP.json > EXPECTED.json

What is taken out and why is listed in docs/istiod-differences.md.
"""
import json
import sys

ISTIO_FILTERS = ("istio.",)


def is_istio(f):
    return f.get("name", "").startswith(ISTIO_FILTERS)


def clean(o):
    if isinstance(o, list):
        return [clean(x) for x in o if not (isinstance(x, dict) and is_istio(x))]
    if not isinstance(o, dict):
        return o
    out = {}
    for k, v in o.items():
        if k in ("tracing", "transport_socket_matches"):
            continue
        v = clean(v)
        if k == "filters" and v == []:
            continue
        out[k] = v
    return out


def is_tls_chain(c):
    return c.get("filter_chain_match", {}).get("transport_protocol") == "tls"


def listener(r):
    if r["name"] == "virtualInbound":
        r["filter_chains"] = [c for c in r["filter_chains"] if not is_tls_chain(c)]
        r["listener_filters"] = [f for f in r["listener_filters"] if f["name"] != "envoy.filters.listener.tls_inspector"]
    return r


def main():
    dump = json.load(open(sys.argv[1]))
    out = {}
    for kind, resources in dump.items():
        out[kind] = {}
        for r in resources:
            name = r.get("name") or r["cluster_name"]
            if kind == "endpoints" and name.endswith("|kubernetes.default.svc.cluster.local"):
                continue
            r = clean(r)
            out[kind][name] = listener(r) if kind == "listeners" else r
    json.dump(out, sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")


main()
