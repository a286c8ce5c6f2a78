"""Everyday controls of a service: preview, apply, undo, history; and how the page looks and reads."""
import gzip
import pathlib
import re
import urllib.request

import pytest
from playwright.sync_api import expect

from conftest import SERVICE

PATHS = ["/", "/new", "/approvals", "/map", "/audit", "/settings", "/help", "/p/k8s-combat", f"/p/k8s-combat/s/{SERVICE}", f"/p/k8s-combat/s/{SERVICE}/config",
         "/p/k8s-combat/releases", "/p/k8s-combat/releases/new", "/p/k8s-combat/guard-rails", "/p/k8s-combat/members", "/p/k8s-combat/tokens"]


def axe():
    import axe_playwright_python
    return next(pathlib.Path(axe_playwright_python.__file__).parent.glob("**/axe.min.js")).read_text()


def test_a_split_is_previewed_applied_and_undone(demo, open_page):
    p = open_page(demo.page)
    page = p.open(f"/p/k8s-combat/s/{SERVICE}")
    page.locator("main input[aria-label*='v2']").first.fill("20")
    preview = page.locator("aside")
    expect(preview).to_contain_text("v2 gets 20")
    p.shot("service-preview")
    preview.get_by_role("button", name="Apply").click()
    expect(page.locator("aside")).to_contain_text(re.compile(r"\d+ of \d+ proxies acknowledged"))
    spec = demo.api("GET", f"/weft/v1/projects/k8s-combat/services/{SERVICE}/traffic")[1]["spec"]
    assert spec["split"]["v2"] == 20
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Undo").first.click()
    demo.wait("the split is what it was", lambda: (demo.api("GET", f"/weft/v1/projects/k8s-combat/services/{SERVICE}/traffic")[1].get("spec") or {}).get("split", {}).get("v2", 0) == 0)
    page.get_by_role("link", name="History").first.click()
    expect(page.locator("main")).to_contain_text("20 %")
    p.shot("history")
    assert not p.complaints


def test_a_wrong_field_says_so_beside_itself_and_changes_nothing(demo, open_page):
    p = open_page(demo.page)
    page = p.open("/new")
    page.get_by_label("Name").first.fill("Not A Name!")
    page.get_by_role("button", name="Create project").click()
    expect(page.locator(".msg").first).to_be_visible()
    assert [x["name"] for x in demo.api("GET", "/weft/v1/projects")[1]["items"]] == ["k8s-combat"]


@pytest.mark.parametrize("path", PATHS)
def test_every_page_reads_well(demo, open_page, path):
    """No serious finding of axe, light and dark; nothing scrolls sideways on a phone; both languages; a quiet console."""
    p = open_page(demo.page)
    page = p.open(path)
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        # Through the protocol, so that the page's own policy (no inline scripts) stays as it is.
        page.evaluate(axe() + "; void 0")
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        bad = [f"{v['id']}: {v['help']}: {[n['target'] for n in v['nodes']][:3]}" for v in found if v["impact"] in ("serious", "critical")]
        assert not bad, f"{path} {scheme}: {bad}"
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    page.set_viewport_size({"width": 1440, "height": 900})
    assert page.locator("h1").count() == 1
    page.evaluate("localStorage.setItem('weft.lang', 'zh')")
    page.reload()
    page.wait_for_selector("h1")
    assert page.evaluate("document.documentElement.lang") == "zh"
    assert re.search("[一-鿿]", page.locator("nav").first.inner_text())
    assert not p.complaints, p.complaints


def test_pictures_in_both_languages_and_on_a_phone(demo, open_page):
    p = open_page(demo.page)
    for name, path in (("projects", "/"), ("map", "/map?part=all"), ("guard-rails", "/p/k8s-combat/guard-rails"), ("audit", "/audit"), ("config", f"/p/k8s-combat/s/{SERVICE}/config")):
        p.open(path)
        p.shot(name)
    p.page.emulate_media(color_scheme="dark")
    p.open(f"/p/k8s-combat/s/{SERVICE}")
    p.shot("service-dark")
    p.page.emulate_media(color_scheme="light")
    p.page.evaluate("localStorage.setItem('weft.lang', 'zh')")
    p.open(f"/p/k8s-combat/s/{SERVICE}")
    p.shot("service-zh")
    p.page.set_viewport_size({"width": 360, "height": 740})
    p.open(f"/p/k8s-combat/s/{SERVICE}")
    p.shot("service-phone-zh")


def test_the_first_load_is_small_and_fast(demo, open_page):
    p = open_page(demo.page)
    sizes = {}
    p.page.on("response", lambda r: sizes.__setitem__(r.url, int(r.headers.get("content-length", 0))) if "/assets/" in r.url or r.url.endswith("/") else None)
    p.open("/")
    first = p.page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert 0 < first < 1000, first
    html = urllib.request.urlopen(demo.page + "/").read()
    total = len(gzip.compress(html)) + sum(sizes.values())
    assert total <= 150 * 1024, (total, sizes)


def test_keys_search_and_help(demo, open_page):
    p = open_page(demo.page)
    page = p.open("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("istio-mesh")
    expect(page.get_by_role("option", name=re.compile(SERVICE)).first).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/s/"))
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/map")
    assert not p.complaints
