"""The page that is made of a comparison."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from pytest_terminalbench.comparing.compare_records import compare_records
from pytest_terminalbench.comparing.page import html
from pytest_terminalbench.comparing.plots import Axis, Bar, Row, interval_plot
from pytest_terminalbench.comparing.text import markdown
from tests.samples import a_record, a_task

_VOID = {"meta", "line", "circle", "wbr", "br"}
# Elements whose end tag HTML lets one leave out.
_OPEN = {"li", "p", "tr", "td", "th", "thead", "tbody", "dt", "dd"}


class _Page(HTMLParser):
    """What is in the page, and whether every element is closed in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _VOID | _OPEN:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in _OPEN:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


TASKS = {f"task-{number}": "✓✓✓✗✓" for number in range(20)}
BEFORE = a_record({name: a_task(marks, seconds=10.0 + len(name)) for name, marks in TASKS.items()})
AFTER = a_record({name: a_task(marks[::-1].replace("✓", "✗", 1), seconds=9.0) for name, marks in TASKS.items()})


def test_the_page_needs_nothing_from_anywhere() -> None:
    text = html(compare_records(BEFORE, AFTER))
    page = _Page(text)

    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not [value for name, value in page.attributes if name in ("src", "href", "srcset", "xlink:href")]
    assert not re.search(r"url\(|@import|https?://", text)


def test_it_has_its_plots_and_every_task() -> None:
    page = _Page(html(compare_records(BEFORE, AFTER)))

    assert page.tags.count("svg") == 3
    labels = [value for name, value in page.attributes if name == "aria-label"]
    assert labels[:3] == [
        "Mean scores of both sides with their intervals",
        "Change in solve rate of each task, with its interval",
        "Ratios of time and cost, candidate to baseline, with their intervals",
    ]
    assert all(name in page.text for name in TASKS)


def test_names_are_text_and_never_markup() -> None:
    name = "<script>alert('1')</script>\"&"
    comparison = compare_records(
        a_record({name: "✓✓✓"}, run_id=name, notes=(name,)), a_record({name: "✗✗✗"}, agent=name, dataset=name)
    )

    page = _Page(html(comparison))

    assert "script" not in page.tags
    assert name in page.text


def test_nothing_in_common_is_a_page_too() -> None:
    page = _Page(html(compare_records(a_record({"a": "✓"}), a_record({"b": "✓"}))))

    assert "svg" not in page.tags
    assert "INCONCLUSIVE" in page.text


def test_a_great_many_tasks_stay_below_a_megabyte() -> None:
    """Without a limit this page has two."""
    before = a_record({f"a-task-with-a-rather-long-name-{number}": "✓" * 30 for number in range(1_200)})
    after = a_record({f"a-task-with-a-rather-long-name-{number}": "✗" * 30 for number in range(1_200)})

    assert len(html(compare_records(before, after)).encode()) < 1_000_000


def _bar(plot: str) -> tuple[float, float]:
    """Where the first interval begins and ends."""
    left, right = re.findall(r'class="bar" x1="([\d.]+)" x2="([\d.]+)"', plot)[0]
    return float(left), float(right)


def test_measures_that_nobody_could_compare_are_told_without_bars() -> None:
    little = a_record({"a": a_task("✓", seconds=0.1)})
    comparison = compare_records(little, little)
    assert all(ratio.ratio is None for ratio in (*comparison.whole.metrics, *comparison.whole.noted))

    page = _Page(html(comparison))

    assert "too little to compare" in page.text
    assert "Dashed" not in page.text


def test_a_plot_draws_values_where_the_axis_has_them() -> None:
    axis = Axis(0, 1, [0, 1], str)
    text = interval_plot([Row(label="", value=0.5, bars=[Bar(0.0, 1.0, "tip")])], axis, title="t")

    left, right = _bar(text)
    (dot,) = re.findall(r'cx="([\d.]+)"', text)
    assert float(dot) == (left + right) / 2


def test_what_lies_beyond_the_axis_ends_at_it_without_a_cap() -> None:
    axis = Axis(0, 1, [0, 1], str)

    within, at_the_end, beyond = (
        interval_plot([Row(label="", value=0.5, bars=[Bar(0.2, high, "tip")])], axis, title="t")
        for high in (0.8, 1.0, 7.0)
    )

    assert [plot.count('class="cap"') for plot in (within, at_the_end, beyond)] == [2, 2, 1]
    assert _bar(beyond) == _bar(at_the_end)


def test_every_rendering_tells_what_the_tasks_say_in_pairs() -> None:
    comparison = compare_records(BEFORE, AFTER)

    assert "in pairs, the same 20 tasks: 20 lower, 0 higher" in _Page(html(comparison)).text
    assert "- in pairs, the same 20 tasks: 20 lower, 0 higher" in markdown(comparison)
