"""Snakemake's report: opens offline, with every result and what it means."""

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe

from conftest import ROOT, run_snakemake

OpenPage = Callable[[Path], Any]
CATEGORIES = [
    "0 Overview",
    "1 Annotation",
    "2 Training",
    "3 Segmentation",
    "4 Tracking",
    "5 Divisions",
    "8 Quality",
    "9 Provenance",
]


@pytest.fixture(scope="module")
def report(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    style = ROOT / "workflow" / "report" / "report.css"
    run = run_snakemake(finished, "--report", str(path), "--report-stylesheet", str(style))
    assert run.code == 0, run.all
    # docutils complains of a caption that it cannot read, and puts the complaint into the page.
    assert "(ERROR/" not in run.all
    assert "(WARNING/" not in run.all
    return path


@pytest.fixture(scope="module")
def results(report: Path) -> dict[str, Any]:
    """The results within the report by their path, with `caption` as plain text."""
    text = report.read_text()
    start = text.rindex("var results = ") + len("var results = ")
    found: dict[str, Any] = json.JSONDecoder().raw_decode(text[start:])[0]
    for result in found.values():
        plain = html.unescape(re.sub(r"<[^>]+>", "", result["caption"]))
        result["caption"] = re.sub(r"\s+", " ", plain).strip()
    return found


def test_size(report: Path) -> None:
    assert report.stat().st_size < 10e6


def test_every_result_is_explained(results: dict[str, Any]) -> None:
    for path, result in results.items():
        caption = result["caption"]
        assert 1 <= caption.count(". ") <= 3, path
        assert caption.endswith((".", "config.yaml")), path
        for wrong in ("{{", "{%", "System Message"):
            assert wrong not in caption, path
        assert not re.search(r"\b(nan|undefined|None)\b", caption), path
        assert result["labels"]["result"]


def test_no_figure_is_there_twice(results: dict[str, Any]) -> None:
    stems = [str(Path(path).with_suffix("")) for path in results if "." in path]
    figures = [
        stem
        for stem, path in zip(stems, results, strict=True)
        if path.endswith((".png", ".svg", ".jpg"))
    ]
    assert len(figures) == len(set(figures))
    assert not [path for path in results if path.endswith(".mp4")]


def test_opens_with_what_to_look_at(open_page: OpenPage, report: Path) -> None:
    page = open_page(report)
    page.get_by_text("What came out", exact=True).wait_for()
    menu = [name for name in CATEGORIES if page.get_by_text(name, exact=True).count()]
    assert menu == CATEGORIES
    inner, whole = page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
    assert whole <= inner
    # Only the words are ours; the menu and the graph are Snakemake's.
    found = Axe().run(page, context=".prose").response["violations"]
    severe = [v["id"] for v in found if v["impact"] in ("serious", "critical")]
    assert severe == []


def test_overview_has_the_numbers_of_this_run(
    open_page: OpenPage, report: Path, finished: Path
) -> None:
    page = open_page(report)
    page.get_by_role("link", name="0 Overview").click()
    page.locator("#app table tbody tr", has_text="What came out").locator("a").first.click()
    shown = page.frame_locator("#app iframe")
    samples = pd.read_csv(finished / "results" / "tiny" / "summary.csv")
    nuclei = shown.locator("dl.numbers div", has_text="Nuclei found").locator("dd")
    number, note = nuclei.inner_text().splitlines()
    assert number == str(samples["n_nuclei"].sum())
    n_bad, n_images = samples["n_bad_images"].sum(), samples["n_images"].sum()
    assert note == f"{n_bad} of {n_images} images in doubt"
    assert shown.locator(".verdict .words").is_visible()


def test_every_figure_shows(open_page: OpenPage, report: Path, results: dict[str, Any]) -> None:
    page = open_page(report)
    shown = 0
    for name in CATEGORIES:
        page.reload()
        page.get_by_text(name, exact=True).first.click()
        rows = page.locator("#app table tbody tr")
        rows.first.wait_for()
        for i in range(rows.count()):
            button = rows.nth(i).locator("a").first
            if button.get_attribute("download") or "What came out" in rows.nth(i).inner_text():
                continue
            button.click()
            image = page.locator("#app .grow img")
            image.wait_for()
            assert image.evaluate(
                "async image => { await image.decode(); return image.naturalWidth; }"
            )
            inner, whole = page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
            assert whole <= inner
            shown += 1
    figures = [path for path in results if path.endswith((".png", ".jpg"))]
    assert shown == len(figures)
