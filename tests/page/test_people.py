"""People: signing in, who may what, approval by somebody else."""
from playwright.sync_api import expect

from conftest import SERVICE, sign_in


def test_signing_in_and_out(team, open_page):
    p = open_page(team.page)
    p.page.goto(team.page + "/p/k8s-combat")
    expect(p.page.get_by_role("button", name="Sign in")).to_be_visible()
    sign_in(p, "ana", "wrong password")
    expect(p.page.get_by_role("alert").first).to_be_visible()
    sign_in(p, "ana")
    expect(p.page.get_by_role("heading", name="Projects")).to_be_visible()
    expect(p.page.locator(".nav")).to_contain_text("Ana Chen")
    p.shot("signed-in")


def test_the_address_that_weft_open_prints_signs_in_once(team, open_page):
    url = next(w for w in team.ok("open").split() if w.startswith("http"))
    p = open_page(team.page)
    p.page.goto(url)
    expect(p.page.get_by_role("heading", name="Projects")).to_be_visible()
    q = open_page(team.page)
    q.page.goto(url)
    expect(q.page.get_by_role("button", name="Sign in")).to_be_visible()


def test_an_approval_needs_somebody_else(team, open_page):
    team.ok("project", "guard-rails", "k8s-combat", "--approval-from", "50", "--approvers", "1")
    ana = open_page(team.page)
    sign_in(ana, "ana")
    expect(ana.page.get_by_role("heading", name="Projects")).to_be_visible()
    ana.page.evaluate("""async (service) => {
        const s = await (await fetch('/weft/v1/session')).json();
        const r = await fetch('/weft/v1/projects/k8s-combat/releases', {method: 'POST', headers: {'content-type': 'application/json', 'x-weft-csrf': s.csrf},
            body: JSON.stringify({spec: {service, to: 'v2', steps: [{weight: 10, bake: '2s'}, {weight: 60, bake: '2s'}, {weight: 100, bake: '2s'}]}})});
        if (!r.ok) throw new Error(await r.text());
    }""", SERVICE)
    ana.open("/p/k8s-combat/releases")
    ana.page.get_by_role("row", name=SERVICE).first.get_by_role("link").first.click()
    expect(ana.page.locator(".rel-head")).to_contain_text("approval", timeout=40000)
    refused = ana.page.get_by_role("button", name="Approve step 2")
    expect(refused).to_have_attribute("aria-disabled", "true")

    lin = open_page(team.page)
    sign_in(lin, "lin")
    expect(lin.page.get_by_role("heading", name="Projects")).to_be_visible()
    lin.open("/approvals")
    lin.shot("approvals")
    lin.page.get_by_role("button", name="Approve step 2").click()
    expect(ana.page.locator("ol.tl")).to_contain_text("approved step 2", timeout=20000)
    expect(ana.page.locator("ol.tl")).to_contain_text("approval of step 3", timeout=20000)
    ana.page.get_by_role("button", name="Roll back").click()
    ana.page.get_by_role("form", name="Roll back").get_by_role("button", name="Roll back").click()
    expect(ana.page.locator(".rel-head .chip")).to_contain_text("Rolled back", timeout=30000)


def test_a_wrong_password_many_times_is_slowed_down(team, open_page):
    p = open_page(team.page)
    for _ in range(8):
        sign_in(p, "mei", "no")
        expect(p.page.get_by_role("alert").first).to_be_visible()
    status = p.page.evaluate("""async () => (await fetch('/weft/v1/session', {method: 'POST', headers: {'content-type': 'application/json'},
        body: JSON.stringify({user: 'mei', password: 'no'})})).status""")
    assert status == 429
