"""The web page in a real browser (the system's Chromium) against a real mesh with the demo's callers.

Set WEFT_SCREENSHOTS=DIR to keep pictures of what the tests see: docs/page/ holds those of the last look.
"""
import os
import pathlib
import sys

import pytest
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from mesh import Mesh  # noqa: E402

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
SHOTS = os.environ.get("WEFT_SCREENSHOTS")
PASSWORD = "correct horse battery"


class Page:
    """A browser's page that remembers what the console complained of."""

    def __init__(self, browser, url, **options):
        self.url = url
        self.context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce", **options)
        self.context.set_default_timeout(20000)
        self.page = self.context.new_page()
        self.complaints = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("response", lambda r: self.complaints.append(f"{r.status} {r.request.method} {r.url}") if r.status == 400 else None)
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))

    def open(self, path="/"):
        self.page.goto(self.url + path)
        self.page.wait_for_selector("h1")
        return self.page

    def shot(self, name):
        """Keeps a picture when pictures are wanted."""
        if SHOTS:
            pathlib.Path(SHOTS).mkdir(parents=True, exist_ok=True)
            self.page.wait_for_timeout(1200)  # charts have drawn; only where pictures are made
            self.page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)

    def close(self):
        self.context.close()


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    pages = []

    def opener(url, **options):
        pages.append(Page(chromium, url, **options))
        return pages[-1]

    yield opener
    for p in pages:
        p.close()


@pytest.fixture(scope="module")
def demo():
    """The mesh of `make demo`: project k8s-combat, two versions, a bad third one, callers. Single user, no sign-in."""
    with Mesh("examples/canary", "examples/demo") as m:
        yield m


@pytest.fixture(scope="module")
def bare():
    """A mesh with a service that no project owns."""
    with Mesh("examples/canary") as m:
        yield m


@pytest.fixture(scope="module")
def team():
    """The same mesh for people who sign in: ana (developer), lin (releaser), mei (owner)."""
    os.environ["WEFT_OTHER_USERS"] = "yes"
    mesh = Mesh("examples/canary", "examples/demo")
    mesh.env["WEFT_OTHER_USERS"] = "yes"
    with mesh as m:
        for name, full in (("ana", "Ana Chen"), ("lin", "Lin Wei"), ("mei", "Mei Kato")):
            m.ok("user", "add", name, "--display-name", full, "--password-stdin", stdin=PASSWORD + "\n")
        m.ok("project", "members", "k8s-combat", "ana=developer", "lin=releaser", "mei=owner")
        yield m


def sign_in(p, user, password=PASSWORD):
    p.page.goto(p.url + "/signin")
    p.page.get_by_label("Name").fill(user)
    p.page.get_by_label("Password", exact=True).fill(password)
    p.page.get_by_role("button", name="Sign in").click()


SERVICE = "k8s-combat-service-istio-mesh"
