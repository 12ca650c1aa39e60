"""What jobs ask for against what they took, of the smallest images.

`python -m research.benchmarks.memory 1 4 16` compares larger ones; see docs/resources.md.
"""

from pathlib import Path

from research.benchmarks.memory import compare


def test_requests_fit_the_peaks(finished: Path) -> None:
    table = compare(finished, (finished / "said.txt").read_text())
    assert table["rule"].nunique() > 30  # nearly all of an experiment
    # The largest job of each rule: others of its size may find nothing to do.
    table = table.loc[table.groupby("rule")["peak_mb"].idxmax()]
    unfit = table[(table["ratio"] < 1.05) | (table["ratio"] > 2)]
    assert unfit.empty, unfit.to_string()
