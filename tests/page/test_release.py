"""A release from the wizard to its end, as somebody does it in the page."""
from playwright.sync_api import expect

from conftest import SERVICE

PROJECT = "/p/k8s-combat"


def steps(p, *wanted):
    """Leaves steps with these weights and short bakes in the wizard's table."""
    page = p.page
    while page.locator("tr[data-step]").count() > len(wanted):
        row = page.locator("tr[data-step]").last
        row.get_by_role("button", name="Step").click()
        page.get_by_role("menuitem", name="Remove").click()
    for i, weight in enumerate(wanted):
        row = page.locator(f"tr[data-step='{i}']")
        row.get_by_label("Weight").fill(str(weight))
        row.get_by_label("Bake").fill("3s")
        row.get_by_label("Bake").press("Tab")


def start(p, version, *weights):
    page = p.open(f"{PROJECT}/releases/new?service={SERVICE}")
    page.get_by_label("Which version").select_option(version)
    steps(p, *weights)
    button = page.get_by_role("button", name="Start release")
    expect(button).not_to_have_attribute("aria-disabled", "true")
    return page, button


def test_a_newcomer_releases_by_header_then_by_weight_to_everybody(demo, open_page):
    p = open_page(demo.page)
    page = p.open("/")
    page.get_by_role("link", name="k8s-combat").first.click()
    page.get_by_role("link", name=SERVICE).first.click()
    expect(page.get_by_role("heading", name=SERVICE)).to_be_visible()
    p.shot("service")
    page.get_by_role("link", name="New release").first.click()
    expect(page.get_by_role("heading", name="New release of")).to_be_visible()
    p.shot("release-new")
    page, button = start(p, "v2", 0, 20, 100)
    button.click()
    page.wait_for_url("**/r/*")
    expect(page.locator("h1")).to_contain_text("v2")
    expect(page.locator("ol.rail > li")).to_have_count(3)
    p.shot("release")
    expect(page.locator("h1")).to_contain_text("v2 has all requests", timeout=60000)
    expect(page.locator(".rel-head")).to_contain_text("Roll")  # the old version is warm: one click
    p.shot("release-succeeded")
    page.keyboard.press("r")
    page.get_by_role("form", name="Roll back").get_by_role("button", name="Roll back").click()
    expect(page.locator(".rel-head")).to_contain_text("Rolled back", timeout=30000)
    assert not p.complaints


def test_a_bad_version_goes_back_by_itself_and_the_page_says_why(demo, open_page):
    p = open_page(demo.page)
    page, button = start(p, "v3", 50, 100)
    page.locator("tr[data-step='0']").get_by_label("Bake").fill("5m")
    page.locator("tr[data-step='0']").get_by_label("Bake").press("Tab")
    expect(button).not_to_have_attribute("aria-disabled", "true")
    button.click()
    page.wait_for_url("**/r/*")
    expect(page.locator(".rel-head .chip")).to_contain_text("Rolled back", timeout=120000)
    expect(page.locator("h1")).to_contain_text("Rolled back after")
    expect(page.locator("dl.out")).to_contain_text("100 % v1")
    p.shot("release-rolled-back")
    page.emulate_media(color_scheme="dark")
    p.shot("release-rolled-back-dark")
    out = demo.weft("release", "status", f"k8s-combat#{page.url.rsplit(chr(47), 1)[1]}")
    assert out.code == 3, out  # released, but rolled back
    assert not p.complaints


def test_a_release_that_was_started_elsewhere_shows_up_live(demo, open_page):
    p = open_page(demo.page)
    page = p.open(f"{PROJECT}/releases")
    demo.ok("release", "start", SERVICE, "--to", "v2", "--steps", "10,100", "--bake", "5m")
    row = page.get_by_role("row", name=SERVICE).first
    expect(row).to_contain_text("10 %", timeout=20000)
    row.get_by_role("link").first.click()
    expect(page.locator("ol.rail > li")).to_have_count(2)
    expect(page.locator(".rel-head .state")).to_contain_text("Step 1 of 2")
    page.keyboard.press("p")
    expect(page.locator(".rel-head .chip")).to_contain_text("Paused")
    page.get_by_role("button", name="Add note").first.click()
    page.get_by_label("What should others know?").fill("looked at it")
    page.get_by_role("button", name="Save note").click()
    expect(page.locator("ol.tl")).to_contain_text("looked at it")
    for tab in ("Routes", "Pods", "Audit", "As YAML", "As commands"):
        page.get_by_role("link", name=tab, exact=True).click()
        expect(page.locator(".rel .card").first).to_be_visible()
    page.get_by_role("link", name="Progress", exact=True).click()
    page.keyboard.press("r")
    expect(page.get_by_role("form", name="Roll back")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".rel-head .chip")).to_contain_text("Rolled back", timeout=30000)
    assert not p.complaints
