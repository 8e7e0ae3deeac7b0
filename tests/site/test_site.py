"""The built site in a real browser; ``make docs-test`` runs these tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

api = pytest.importorskip("playwright.sync_api", reason="playwright is in the extra docs")

SITE = Path(__file__).parents[2] / "docs" / "_build" / "html"
SCREENSHOTS = os.environ.get("CKN_SITE_SCREENSHOTS")
"""A folder, to look at the pages as well."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGES = [
    "index",
    "start",
    "guides",
    "models",
    "scikit-learn",
    "sequences_and_dense",
    "large_sets",
    "neural_tangents",
    "speed",
    "performance",
    "contributing",
    "design",
    "changelog",
    "gallery/index",
    "gallery/plot_invariance",
    "reference/index",
    "reference/ckn_rs",
    "reference/names/ckn_rs.Layer",
    "reference/names/ckn_rs.compute_kernel_matrix",
    "reference/names/ckn_rs.store.Gram",
    "reference/names/ckn_rs.sklearn.ConvolutionalKernel",
]
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


class Quiet(SimpleHTTPRequestHandler):
    """Files of the site, without a line in the terminal for each."""

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The site on a port of this machine."""
    if not (SITE / "index.html").is_file():
        pytest.skip("the site is not built: make docs")
    handler = partial(Quiet, directory=str(SITE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with api.sync_playwright() as playwright:
        # Chromium refuses its sandbox to the user root, whom containers have.
        found = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield found
        found.close()


class Visit:
    """A page of the site in a window of its own, and what goes wrong there."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.address = address
        self.wrong: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("requestfailed", lambda request: self.wrong.append(request.url))
        self.page.on("request", self._asked)

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.wrong.append(f"{request.url} is not of this site")

    def open(self, name: str) -> Any:
        """The page of that name, once its pictures are there."""
        self.page.goto(f"{self.address}/{name}.html", wait_until="load")
        self.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate("window.scrollTo(0, 0)")
        return self.page

    def photograph(self, name: str) -> None:
        """Keep a picture of the page, if somebody wants to look at it."""
        if SCREENSHOTS:
            file = Path(SCREENSHOTS, f"{name.replace('/', '-')}.png")
            self.page.screenshot(path=file, full_page=True)


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Any]:
    """A function that opens windows; they are closed at the end."""
    visits = []

    def opened(**options: Any) -> Visit:
        visits.append(Visit(browser, address, **options))
        return visits[-1]

    yield opened
    for each in visits:
        each.context.close()


def empty_pictures(page: Any) -> list[str]:
    """The addresses of pictures that did not load."""
    found: list[str] = page.evaluate(
        "[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)"
    )
    return found


@pytest.mark.parametrize("name", PAGES)
def test_page_loads_by_itself(visit: Any, name: str) -> None:
    """Without an error in the console, and without a request to another place."""
    window = visit(viewport=DESK)
    page = window.open(name)
    assert page.locator("h1").count() == 1
    assert empty_pictures(page) == []
    assert window.wrong == []
    window.photograph(name)


def test_every_link_inside_of_the_site_leads_somewhere(visit: Any) -> None:
    pages = {path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html")}
    own = sorted(page for page in pages if not page.startswith(("rust/", "_static/")))
    window, broken, links = visit(viewport=DESK, java_script_enabled=False), [], set()
    anchors: dict[str, set[str]] = {}
    for name in own:
        window.page.goto(f"{window.address}/{name}", wait_until="domcontentloaded")
        anchors[name] = set(window.page.locator("[id]").evaluate_all("a => a.map(e => e.id)"))
        found = window.page.locator("a[href]").evaluate_all("a => a.map(e => e.href)")
        links |= {(name, link) for link in found if link.startswith(window.address)}
    for name, link in sorted(links):
        target, _, anchor = link.removeprefix(f"{window.address}/").partition("#")
        target = target.partition("?")[0] or "index.html"
        if not (SITE / target).is_file() or (
            anchor and anchor not in anchors.get(target, {anchor})
        ):
            broken.append(f"{name}: {link}")
    assert len(links) > 1000
    assert broken == []


def test_gallery_has_seven_pictures(visit: Any) -> None:
    page = visit(viewport=DESK).open("gallery/index")
    cards = page.locator(".sphx-glr-thumbcontainer")
    assert cards.count() == len(list((SITE.parents[1] / "examples").glob("plot_*.py")))
    sources = cards.locator("img").evaluate_all("images => images.map(i => i.src)")
    assert not [source for source in sources if "no_image" in source or "broken" in source]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ridge.LAMBDAS", "The default regularisations."),
        ("store.Pace", "Seconds since the latest tile was written."),
        ("models.NAMES", "exp(0.65) 3x3 gaussian 2, exp(0.65) 3x3 gaussian 5"),
        ("sklearn.ConvolutionalKernel", "The kernel of each image with itself"),
        ("Layer", "Y. Cho and L. K. Saul"),
    ],
)
def test_reference_has_what_the_source_says(visit: Any, name: str, text: str) -> None:
    """Texts of constants, of fields and of inherited names, a list of models, and authors."""
    page = visit(viewport=DESK).open(f"reference/names/ckn_rs.{name}")
    assert text in page.locator("article").inner_text()


def test_search_finds_a_function(visit: Any) -> None:
    window = visit(viewport=DESK)
    page = window.open("index")
    page.goto(f"{window.address}/search.html?q=compute_gram")
    result = page.locator("#search-results a[href*='ckn_rs.store.compute_gram']").first
    result.wait_for()
    result.click()
    page.wait_for_url("**/reference/names/ckn_rs.store.compute_gram.html*")
    assert page.locator("h1").inner_text().startswith("compute_gram")
    assert window.wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_phone(visit: Any, name: str, scheme: str) -> None:
    """No page scrolls sideways; wide tables and code do so by themselves."""
    window = visit(viewport=PHONE, color_scheme=scheme, is_mobile=True, device_scale_factor=2)
    page = window.open(name)
    # The theme lets the text scroll by itself, so that the page alone would show nothing.
    parts = page.locator("html, .bd-main, .bd-content, .bd-article-container, .bd-article").all()
    assert len(parts) == 5
    for part in parts:
        inside, width = part.evaluate("part => [part.scrollWidth, part.clientWidth]")
        assert inside <= width <= PHONE["width"], part.evaluate("part => part.className")
    words = page.locator(":is(td, th) code .pre")
    assert words.evaluate_all("words => words.every(word => word.getClientRects().length == 1)")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert window.wrong == []
    window.photograph(f"{name}-phone-{scheme}")


LUMINANCE = """element => {
    const parts = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [[r, 0.2126], [g, 0.7152], [b, 0.0722]].reduce((sum, [v, w]) => {
        const c = v / 255;
        return sum + w * (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    }, 0);
    let ground = element;
    while (ground.parentElement && parts(getComputedStyle(ground).backgroundColor)[3] === 0)
        ground = ground.parentElement;
    const both = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor];
    const [low, high] = both.map(c => light(parts(c))).sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(visit: Any, scheme: str) -> None:
    """Texts, links, tables and code have the contrast that the guidelines of the web want, 4.5."""
    window = visit(viewport=DESK, color_scheme=scheme)
    for name in ("index", "models", "gallery/plot_digits", "reference/names/ckn_rs.Layer"):
        page = window.open(name)
        window.photograph(f"{name}-{scheme}")
        kinds = ("p", "a", "li", "td", "th", "code", "pre span", "h1", "h2", "dt", "figcaption")
        for kind in kinds:
            for element in page.locator(f".bd-article {kind}:visible").all()[:12]:
                if element.inner_text().strip():
                    contrast = element.evaluate(LUMINANCE)
                    assert contrast >= 4.5, f"{name}: {kind} {element.inner_text()!r}"
