"""The pages over HTTP, as a browser and as a stranger sees them."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.look.conftest import HOST, LEVELS, ODD, TOKEN, Outline, fitted, people, small
from unnoise._errors import InputError
from unnoise.cli.given import told
from unnoise.look.answers import Answers
from unnoise.look.guard import HEADERS
from unnoise.look.server import addressed, check_installed, listening
from unnoise.model import DenoisingMarkovModel

Client = Callable[..., Any]
ASKED = {"is.place": LEVELS[0], "from.age": "30", "to.age": "40", "rows": "60"}
VIEWS = ["", "row", "noise"]
MORE = ["angles", "places", "letters"]


def test_every_answer_has_safe_headers(client: Client, answers: Answers) -> None:
    page = client(answers)
    for reply in (page.get(""), page.get("look.css"), page.get("nothing"), page.get("/elsewhere"), page.post("")):
        assert HEADERS.items() <= dict(reply.headers).items()
    assert page.get("").status_code == page.get("look.js").status_code == 200
    assert page.get("nothing").status_code == page.get("/elsewhere").status_code == 404
    assert page.post("").status_code == 405
    assert "access-control-allow-origin" not in page.get("").headers


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "http://evil.example"}])
def test_strangers_see_nothing(client: Client, answers: Answers, headers: dict[str, str]) -> None:
    reply = client(answers).get("", headers=headers)
    assert reply.status_code == 403
    assert "place" not in reply.text


@pytest.mark.parametrize(
    ("kind", "view"),
    [
        *(("", view) for view in VIEWS),
        *(("images", view) for view in [*VIEWS, "part", "part?surprise=1"]),
        *(pytest.param(kind, view, marks=pytest.mark.slow) for kind in MORE for view in VIEWS),
    ],
)
def test_every_page_can_be_read_and_used(client: Client, answers: Answers, kind: str, view: str) -> None:
    """Elements are closed, labels have fields and fields labels, names stand once, nothing comes from elsewhere."""
    page = client(Answers(small(kind)) if kind else answers).get(view if "?" in view else f"{view}?rows=20")
    assert page.status_code == 200
    outline = Outline(page.text)
    assert outline.open == []
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = {attributes.get("for") for attributes in outline.all("label")}
    assert {name for name in named if name} <= set(ids)
    fields = [*outline.all("input"), *outline.all("select")]
    inside = {"checkbox", "radio", "hidden"}  # which stand in their label, or are not seen
    assert all(field.get("type") in inside or field.get("id") in named for field in fields)
    assert all(image.get("alt") for image in outline.all("img"))
    links = [attributes.get(name) or "" for _, attributes in outline.elements for name in ("href", "src", "action")]
    assert all(link.startswith((f"/{TOKEN}/", "data:", "#")) for link in links if link)
    assert not [name for _, attributes in outline.elements for name in attributes if name.startswith(("on", "style"))]


def test_names_and_levels_are_escaped(client: Client, answers: Answers) -> None:
    for view, more in (("", ASKED), ("row", {}), ("noise", {})):
        text = client(answers).get(view, params=more | {"find": "<script>x</script>"}).text
        assert "<script>alert" not in text
        assert "<script>x" not in text
        assert "<b>größe" not in text
    assert ODD in Outline(client(answers).get("").text).words


def test_what_is_wrong_stands_beside_its_field(client: Client, answers: Answers) -> None:
    text = client(answers).get("", params={"from.age": "50", "to.age": "40"}).text
    i = list(answers.about).index("age")
    beside = text.partition(f'id="fault-{i}"')[2].partition("</p>")[0]
    assert "low at most high" in beside
    assert f'aria-describedby="fault-{i}"' in text
    assert "Mend what is marked" in text
    row = client(answers).get("row", params={"v.age": "old"}).text
    assert "expected a number" in row.partition(f'id="fault-{i}"')[2].partition("</p>")[0]


def test_what_nobody_is_gives_a_sentence(client: Client, answers: Answers) -> None:
    text = client(answers).get("", params={"is.age": "30", f"from.{ODD}": "100000", "rows": "2"}).text
    assert "next to impossible" in text


def test_a_question_that_few_rows_of_the_data_bear_out_says_so(client: Client, answers: Answers) -> None:
    rows = len(people().filter((pl.col("age") == 30) & (pl.col("place") == LEVELS[2])))
    assert 0 < rows < 30
    text = client(answers).get("", params={"is.age": "30", "is.place": LEVELS[2], "rows": "2"}).text
    assert f"{rows} row" in text.partition("too few to stand beside")[0][-60:]
    assert "too few" not in client(answers).get("", params=ASKED | {"rows": "2"}).text


def test_saved_rows_are_those_of_sample_and_of_the_command(client: Client, answers: Answers) -> None:
    page, given = client(answers), {"place": LEVELS[0], "age": (30, 40)}
    truth = fitted().sample(60, given=given, seed=7)
    saved = page.get("save.csv", params=ASKED | {"seed": "7"})
    assert saved.headers["content-disposition"] == 'attachment; filename="new.csv"'
    assert pl.read_csv(io.BytesIO(saved.content), try_parse_dates=True).equals(truth)
    assert pl.read_parquet(io.BytesIO(page.get("save.parquet", params=ASKED | {"seed": "7"}).content)).equals(truth)
    shown = Outline(page.get("", params=ASKED | {"seed": "7"}).text).words
    assert f"rows = model.sample(60, given={{'place': {LEVELS[0]!r}, 'age': (30, 40)}}, seed=7)" in shown
    assert f"unnoise sample 'the model' -n 60 --given 'place={LEVELS[0]}' --given age=30..40 --seed 7" in shown
    typed = told([f"place={LEVELS[0]}", "age=30..40"], fitted().schema_)
    assert fitted().sample(60, given=typed, seed=7).equals(truth)
    assert page.get("save.csv", params={"is.age": "x"}).status_code == 400


def test_the_first_rows_stand_in_the_table(client: Client, answers: Answers) -> None:
    words = Outline(client(answers).get("", params=ASKED).text).words
    first = fitted().sample(60, given={"place": LEVELS[0], "age": (30, 40)}, seed=0)
    for row in first[:12].iter_rows():
        assert all(str(value) in words for value in row if value is not None)
    assert "30 to 40" not in words  # as no row is outside


def test_few_rows_come_first_and_then_more(client: Client) -> None:
    answers = Answers(fitted(), people())
    answers.__dict__["first"] = 16
    page = client(answers)
    outline, sizes = Outline(page.get("").text), []
    while True:
        (answer,) = (found for found in outline.all("section") if found.get("id") == "answer")
        sizes.append((answer.get("data-told") or "").split()[0])
        if not answer.get("data-next"):
            break
        outline = Outline(page.get(f"http://{HOST}{answer['data-next']}").text)
    assert sizes == ["16", "64", "256", "1,000"]


@pytest.mark.parametrize("count", [100, pytest.param(500, marks=pytest.mark.slow)])
def test_many_columns_can_be_searched(client: Client, count: int) -> None:
    rng = np.random.default_rng(0)
    names = [f"spalte {i}" if i % 2 else f"列 {i} " + "long " * 20 for i in range(count)]
    frame = pl.DataFrame(rng.normal(size=(40, count)), schema=names)
    answers = Answers(DenoisingMarkovModel(quick=True, progress=False).fit(frame), frame)
    page = client(answers)
    text = page.get("", params={"rows": "16"}).text
    assert f"60 of {count} columns" in text
    assert len(text) < 200_000
    found = page.get("", params={"find": "SPALTE 9", "rows": "16", "is.spalte 99": "0.5", "is.spalte 1": "1"}).text
    assert found.count('class="column"') == 6  # 9, 91, 93, ..., 99
    some = page.get("", params={"find": "77", "rows": "16"}).text
    named = sum("77" in name for name in names)
    assert some.count('class="column"') == named, "digits are sought in names, and not in the ranges of all others"
    assert page.get("", params={"find": "numbers", "rows": "16"}).text.count('class="column"') == 60
    hidden = [field for field in Outline(found).all("input") if field.get("type") == "hidden"]
    assert {"type": "hidden", "name": "is.spalte 1", "value": "1"} in hidden


def test_conditions_that_are_no_columns(client: Client) -> None:
    page = client(Answers(small("images")))
    assert "New rows" not in page.get("").text, "of images no rows are shown, so no heading announces them"
    words = Outline(page.get("", params={"is.digit": "1", "rows": "8"}).text).words
    assert "model.sample(8, given={'digit': 1}, seed=0)" in words
    saved = np.load(io.BytesIO(page.get("save.npy", params={"is.digit": "1", "rows": "8"}).content))
    np.testing.assert_array_equal(saved, small("images").sample(8, given={"digit": 1}, seed=0))
    assert page.get("row", params={"is.digit": "1"}).status_code == 200


def test_a_model_of_the_joint_law_alone_says_so(client: Client) -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    page = client(Answers(DenoisingMarkovModel(roles="joint", steps=2, batch_size=16, progress=False).fit(x)))
    assert "20 rows drawn" in page.get("", params={"rows": "20"}).text
    assert "knows the joint law" in page.get("", params={"rows": "20", "is.x0": "1"}).text
    assert page.get("row").status_code == 200


def test_addresses_are_new_each_time_and_ports_are_free() -> None:
    pytest.importorskip("starlette")
    with listening() as one, listening() as other:
        made = [addressed(fitted(), None, None, where, "m", None)[0] for where in (one, one, other)]
        assert len(set(made)) == 3
        assert all(len(address.split("/")[3]) >= 32 for address in made)
        assert made[0].startswith(f"http://127.0.0.1:{one.getsockname()[1]}/")
        assert one.getsockname()[0] == "127.0.0.1"
        one.listen()
        with pytest.raises(InputError, match="cannot be used"):
            listening(one.getsockname()[1])


def test_without_the_extra_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "starlette", None)
    with pytest.raises(InputError, match=r"pip install 'unnoise\[look\]'"):
        check_installed()


def test_hosts_are_those_of_the_socket() -> None:
    assert HOST.startswith("127.0.0.1:")
    assert socket.gethostbyname("localhost") == "127.0.0.1"
