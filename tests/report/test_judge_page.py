"""The parts of a page about a table."""

from __future__ import annotations

from unnoise.report import Assessment, page_of
from unnoise.report.page import Marked, Page


def test_the_box_says_yes_and_no_in_words_and_colours() -> None:
    page = Page("title")
    page.trust(
        [("Good?", "1 < 2", "It is.", True), ("Bad?", "0", "Sadly.", False), ("Else?", "", "Nobody knows.", None)]
    )
    source = page.html()
    assert '<li class="good"><span class="sign">yes</span><b>Good?</b><span>1 &lt; 2</span><p>It is.</p></li>' in source
    assert '<li class="bad"><span class="sign">no</span>' in source
    assert '<li class="open"><span class="sign">open</span>' in source
    assert source.index("Can I trust it?") < source.index("</header>") + 200


def test_cells_are_coloured_and_stay_numbers() -> None:
    page = Page("title")
    page.table([["a", Marked("0.5", True), Marked("x", False)], ["b", Marked(0.25, None), "y"]], header=["n", "v", "w"])
    source = page.html()
    assert '<td class="number good">0.5</td><td class="bad">x</td>' in source
    assert '<td class="number">0.25</td><td>y</td>' in source


def test_the_tables_name_columns_pairs_and_rivals(of_table: Assessment) -> None:
    source = page_of(of_table).html()
    worst = of_table.standing.margins[0]
    assert f'>{worst.distance:.3f}</td><td class="number">{worst.chance:.3f}</td>' in source
    pair = of_table.standing.pairs[0]
    assert f'>{pair.distance:.3f}</td><td class="number">{pair.chance:.3f}</td>' in source
    for name, standing in of_table.rivals.items():
        assert f"<td>{name}</td>" in source
        assert f">{standing.trees.auc:.3f}</td>" in source
    assert f">{of_table.standing.trees.auc:.3f}</td>" in source
    assert source.index("<td>unnoise</td>") < source.index("<td>Gaussian copula</td>")
    assert "Another one (gradient-boosted trees" in source
