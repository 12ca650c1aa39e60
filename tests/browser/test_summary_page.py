"""The page of an experiment: opens offline, shows, sorts, enlarges, tells, can be read by all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from autonuclei.report.summary import render_summary
from summary_examples import make_experiment

OpenPage = Callable[[Path], Any]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with everything that there can be."""
    experiment, view = make_experiment(tmp_path_factory.mktemp("drawn"))
    page = experiment.folder / "summary.html"
    page.write_text(render_summary(experiment, [view]), encoding="utf-8")
    return page


def check_page(page: Any) -> None:
    """What holds for every page, once its scripts have run."""
    page.wait_for_selector("table.dataTable", state="attached")
    page.wait_for_function("document.querySelector('.viewer').clientHeight > 200")
    inner, whole = page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
    assert whole <= inner, "the page is wider than the screen"
    images = page.evaluate(
        "[...document.querySelectorAll('figure img')].map(i => [i.naturalWidth, i.alt.length])"
    )
    assert images
    for width, described in images:
        assert width > 0
        assert described > 20
    found = Axe().run(page).response["violations"]
    severe = [
        (violation["id"], [node["target"] for node in violation["nodes"]][:3])
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]
    assert severe == []


def test_of_a_finished_run(open_page: OpenPage, finished: Path) -> None:
    page = open_page(finished / "results/tiny/summary.html")
    check_page(page)
    assert page.locator("h1").inner_text() == "tiny"
    assert page.locator("figure img").count() >= 4
    for link in page.locator("ul.files a").all():
        target = finished / "results/tiny" / link.get_attribute("href")
        assert target.exists()


def test_films_play(open_page: OpenPage, finished: Path) -> None:
    page = open_page(finished / "results/tiny/summary.html")
    films = page.locator("figure video")
    assert films.count() == 2
    for film in films.all():
        film.evaluate("film => film.play()")
        assert film.evaluate("film => film.videoWidth") > 0
        assert (finished / "results/tiny" / film.get_attribute("src")).is_file()


def test_with_everything(open_page: OpenPage, drawn: Path) -> None:
    page = open_page(drawn)
    for details in page.locator("summary").all():
        details.click()
    check_page(page)
    verdict = page.locator(".verdict")
    assert verdict.locator(".words").inner_text() == "Look at this"
    # The verdict can be seen without scrolling.
    assert verdict.bounding_box()["y"] + verdict.bounding_box()["height"] < 600
    weak = page.locator("table.findings").first
    assert weak.locator("tbody tr").count() == 2
    assert "undefined" in weak.inner_text()


def test_tables_sort(open_page: OpenPage, drawn: Path) -> None:
    page = open_page(drawn)
    page.wait_for_selector("table.dataTable", state="attached")
    table = page.locator("[aria-label='Metrics of each image'] table.sortable")

    def expect_column(column: int, values: list[str]) -> None:
        expect(table.locator(f"tbody td:nth-child({column})")).to_have_text(values)

    expect_column(2, ["0", "1", "10"])
    f1 = table.locator("thead th", has_text="F1")
    f1.click()
    expect_column(8, ["0.8", "0.9", "1"])
    assert f1.get_attribute("aria-sort") == "ascending"
    f1.click()
    expect_column(8, ["1", "0.9", "0.8"])
    # Numbers, not words: 10 comes after 1, and what is undefined is at one end.
    table.locator("thead th", has_text="Image").click()
    expect_column(2, ["0", "1", "10"])
    table.locator("thead th", has_text="Precision").click()
    expect_column(6, ["undefined", "0.5", "1"])


def test_pictures_enlarge(open_page: OpenPage, drawn: Path) -> None:
    page = open_page(drawn)
    page.locator("button.zoom").first.click()
    large = page.locator("dialog[open] img")
    assert large.evaluate("image => image.naturalWidth") == 200
    before = large.bounding_box()["width"]
    large.click()
    assert large.bounding_box()["width"] > 1.5 * before
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_nuclei_tell_their_values(open_page: OpenPage, drawn: Path) -> None:
    page = open_page(drawn)
    viewer = page.locator(".viewer")
    page.wait_for_function("window.Bokeh?.documents[0]?.is_idle")
    viewer.scroll_into_view_if_needed()
    box = viewer.locator("canvas").first.bounding_box()
    # The middle one of nine disks.
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    told = page.locator(".bk-tooltip-content")
    told.wait_for(state="visible")
    text = told.inner_text()
    assert "number" in text
    assert "5" in text
    assert "49.3 µm²" in text  # 197 px of 0.5 µm
    page.mouse.move(box["x"] + box["width"] / 6 * 2, box["y"] + box["height"] / 3)
    told.wait_for(state="hidden")
