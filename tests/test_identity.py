"""Which cell is meant: labels that different cells never share, and their parser."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.identity import CellId, Label, Source, check_distinct, escaped, identifying, parse_label

NAMES = st.text(st.sampled_from(string.ascii_letters + "0/:,-.~% é[]"), min_size=1, max_size=12)
CELLS = st.builds(
    CellId,
    dataset=NAMES,
    scenario=NAMES,
    agent=NAMES,
    model=st.none() | NAMES,
    profile=st.none() | NAMES,
    source=st.sampled_from(Source),
    arguments=st.dictionaries(NAMES, st.integers(0, 3) | NAMES, max_size=2).map(identifying),
)


def a_cell(**changes: object) -> CellId:
    return CellId(**{"dataset": "demo", "scenario": "alpha", "agent": "oracle", **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "oracle"),
        ({"agent": "terminal", "model": "openai/gpt-5"}, "terminal,openai%2Fgpt-5"),
        ({"agent": "terminal", "model": "m", "profile": "lean"}, "terminal,m,lean"),
        ({"agent": "terminal", "profile": "lean"}, "terminal,,lean"),
        ({"source": Source.REPLAY}, "oracle,~replay"),
        ({"agent": "..", "model": "-x"}, "%2E.,%2Dx"),
    ],
)
def test_labels(changes: dict[str, object], label: str) -> None:
    assert a_cell(**changes).label == label


def test_identifying_arguments_are_a_short_digest_in_the_label() -> None:
    label = a_cell(arguments=identifying({"effort": "high"})).label

    assert label == f"oracle,~{a_cell(arguments=identifying({'effort': 'high'})).arguments_digest}"
    assert label != a_cell(arguments=identifying({"effort": "low"})).label


@pytest.mark.parametrize(("one", "other"), [("a/b", "a-b"), ("a-b", "a:b"), ("a,b", "a%2Cb"), ("a b", "a%20b")])
def test_models_that_look_alike_are_different_cells(one: str, other: str) -> None:
    assert a_cell(model=one).label != a_cell(model=other).label


def test_an_agent_with_a_dash_is_not_an_agent_with_a_model() -> None:
    assert a_cell(agent="a", model="b-c").label != a_cell(agent="a-b", model="c").label


@given(CELLS, CELLS)
def test_different_cells_have_different_names(one: CellId, other: CellId) -> None:
    assert (one == other) == (one.key == other.key) == (one.trial_folder == other.trial_folder)
    assert (one.key == other.key) == (one.baseline_file == other.baseline_file)


@given(CELLS)
def test_a_label_is_read_back(cell: CellId) -> None:
    told = Label(cell.agent, cell.model, cell.profile, cell.arguments_digest, cell.source)

    assert parse_label(cell.label) == told


@given(CELLS)
def test_a_record_says_its_cell_in_full(cell: CellId) -> None:
    assert CellId.from_json(cell.to_json()) == cell


@given(NAMES)
def test_a_name_is_one_plain_folder(name: str) -> None:
    assert set(escaped(name)) <= set(string.ascii_letters + string.digits + "_.-%")
    assert not escaped(name).startswith((".", "-"))


@pytest.mark.parametrize("text", ["", ",m", "a,b,c,d", "a/b", "a%2fb", "~replay", ".a"])
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no label of a cell"):
        parse_label(text)


def test_cells_that_differ_in_case_alone_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"demo/alpha\[T,m\] and demo/alpha\[t,m\] differ in upper and lower case"):
        check_distinct([a_cell(agent="T", model="m"), a_cell(agent="t", model="m")])


def test_a_cell_named_twice_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"demo/alpha\[oracle\] and demo/alpha\[oracle\] are the same"):
        check_distinct([a_cell(), a_cell()])


def test_a_label_that_no_folder_can_have_is_refused() -> None:
    with pytest.raises(SettingsError, match="a folder's name has room for 200"):
        a_cell(agent="a" * 201)


@pytest.mark.parametrize("content", [{}, {"dataset": 1, "scenario": "a", "agent": "b"}, {"source": "dream"}])
def test_what_is_no_cell_is_refused(content: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        CellId.from_json({**content} if "source" not in content else {**a_cell().to_json(), **content})
