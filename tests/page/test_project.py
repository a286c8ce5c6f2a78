"""The first project: an empty page that teaches, a form, and a service that belongs to somebody."""
from playwright.sync_api import expect

from conftest import SERVICE


def test_the_first_project_is_made_in_the_page(bare, open_page):
    p = open_page(bare.page)
    page = p.open("/")
    expect(page.get_by_text("weft project create").first).to_be_visible()  # the empty state shows the command, too
    p.shot("projects-empty")
    page.get_by_role("link", name="New project").first.click()
    page.get_by_label("Name").first.fill("combat")
    page.get_by_role("checkbox", name=SERVICE).check()
    page.get_by_role("button", name="Create project").click()
    page.wait_for_url("**/p/combat*")
    expect(page.locator("main")).to_contain_text(SERVICE)
    spec = bare.api("GET", "/weft/v1/projects/combat")[1]["spec"]
    assert [s["name"] for s in spec["services"]] == [SERVICE]
    assert not p.complaints


def test_a_name_that_is_taken_is_told_beside_the_field(bare, open_page):
    p = open_page(bare.page)
    page = p.open("/new")
    page.get_by_label("Name").first.fill("combat")
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    assert len(bare.api("GET", "/weft/v1/projects")[1]["items"]) == 1


def test_a_token_is_shown_once_and_can_be_revoked(bare, open_page):
    p = open_page(bare.page)
    page = p.open("/p/combat/tokens")
    page.get_by_role("button", name="Make token").first.click()
    expect(page.locator(".msg").first).to_be_visible()  # it wants a name
    page.get_by_label("Name").first.fill("ci")
    page.get_by_label("start, pause, resume, retry releases").check()
    page.get_by_role("button", name="Make token").last.click()
    expect(page.locator("main")).to_contain_text("weft_")
    page.reload()
    expect(page.get_by_role("row", name="ci").first).to_be_visible()
    tokens = bare.api("GET", "/weft/v1/projects/combat/tokens")[1]["items"]
    assert [t["name"] for t in tokens] == ["ci"] and "release:start" in tokens[0]["scopes"]
    assert not p.complaints
