"""The conformance suite: every store, on the real thing, keeps base.py's promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from collector.store_cases import T0, embedded, influx, point, query, rows

from muster_collector.store.arrays import arrays
from muster_collector.store.base import Point, Store, Value
from servers import Influx1


@pytest_asyncio.fixture(params=["embedded", "influx1"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    server: Influx1 | None = None
    if request.param == "influx1":
        server = request.getfixturevalue("influx1")
    store: Store = influx(server) if server else embedded(tmp_path)
    await store.open()
    yield store
    await store.close()


async def written(store: Store, *points: Point) -> None:
    assert await store.write(points) == []


async def test_every_type_comes_back_as_it_went_in(store: Store) -> None:
    fields: dict[str, Value] = {
        "tiny": 5e-324, "huge": 1.7976931348623157e308, "third": 1 / 3, "whole": 5.0, "minus": -0.5,
        "low": -(2**63), "high": 2**63 - 1, "zero": 0, "yes": True, "no": False,
        "text": 'a "quoted"\\ back\\\\slash, = \'x\' \n\t 北京 🏙', "empty": "",
    }  # fmt: skip
    await written(store, point(0, fields, host="a"))
    table = await store.select(query(*((key, "raw") for key in fields)))
    (found,) = rows(table)
    assert found == (0, *fields.values())
    assert [type(value) for value in found[1:]] == [type(value) for value in fields.values()]


@pytest.mark.parametrize(
    "name",
    ["plain", "two words", "a,b", "a=b", 'q"q', "q'q", "a\\b", "北京",
     "select", "%s%d", "f0", "Series", "; DROP DATABASE x; --", "\\\\x", "x\\\\y"],
)  # fmt: skip
async def test_names_need_no_care(store: Store, name: str) -> None:
    await written(
        store,
        Point(name, ((name, name), ("z", "1")), {name + "f": 1.5}, T0),
        Point(name, ((name, "other"), ("z", "1")), {name + "f": 2.5}, T0),
    )
    found = await store.select(
        query((name + "f", "max"), measurement=name, group=(name,), where={name: [name]})
    )
    assert rows(found) == [(name, 0, 1.5)]


@pytest.mark.parametrize("value", ["a\\,b", "a\\ b", "a\\=b", "x\\\\=y", " ", "=", ",", "#x", '"'])
async def test_tag_values_may_hold_more_than_names(store: Store, value: str) -> None:
    await written(store, point(0, {"v": 1.5}, host=value), point(0, {"v": 2.5}, host="x"))
    found = await store.select(query(("v", "max"), group=("host",), where={"host": [value]}))
    assert rows(found) == [(value, 0, 1.5)]


async def test_writing_again_overwrites_field_by_field(store: Store) -> None:
    await written(store, point(0, {"a": 1, "b": 1.5}, host="x"), point(1000, {"a": 2}, host="x"))
    await written(store, point(0, {"a": 7}, host="x"))
    await written(store, point(0, {"c": "new"}, host="x"), point(0, {"a": 8}, host="x"))
    found = await store.select(query(("a", "raw"), ("b", "raw"), ("c", "raw")))
    assert rows(found) == [(0, 8, 1.5, "new"), (1000, 2, None, None)]


async def test_one_point_twice_in_a_batch_is_one_point(store: Store) -> None:
    await written(store, *[point(0, {"a": value}, host="x") for value in range(5)])
    assert rows(await store.select(query(("a", "raw")))) == [(0, 4)]


async def test_late_points_find_their_place(store: Store) -> None:
    for time in (5000, 1000, 3000, 1000):
        await written(store, point(time, {"a": time}, host="x"), point(time, {"a": 1}, host="y"))
    found = await store.select(query(("a", "raw"), where={"host": ["x"]}))
    assert rows(found) == [(1000, 1000), (3000, 3000), (5000, 5000)]


async def test_empty_tags_are_no_tags(store: Store) -> None:
    await written(
        store,
        Point("m", (("host", "x"), ("site", "")), {"a": 1}, T0),
        Point("m", (("host", "x"),), {"a": 2}, T0),
        Point("m", (("site", "s"),), {"a": 3}, T0),
    )
    found = await store.select(query(("a", "raw"), group=("host", "site")))
    assert rows(found) == [("", "s", 0, 3), ("x", "", 0, 2)]
    found = await store.select(query(("a", "raw"), group=("host",), where={"site": [""]}))
    assert rows(found) == [("x", 0, 2)]


BAD: list[tuple[Point, str]] = [
    (point(0, {}), "no fields"),
    (point(0, {"a": nan}), "not finite"),
    (point(0, {"a": 1.0, "b": inf}), "not finite"),
    (point(0, {"s": "text", "b": -inf}), "not finite"),
    (point(0, {"a": 2**63}), "64 bits"),
    (point(0, {"a": -(2**63) - 1}), "64 bits"),
    (point(0, {"a": 10**400, "b": 1.0}), "64 bits"),
    (point(0, {"time": 1}), "keeps for itself"),
    (point(0, {"": 1}), "empty"),
    (point(0, {"a\\": 1}), "backslash"),
    (point(0, {"a\nb": 1}), "control"),
    (point(0, {"a\\,b": 1}), "backslash"),
    (point(0, {"a": 1}, measurement="a\\ b"), "backslash"),
    (point(0, {"a": 1}, **{"a\\=b": "x"}), "backslash"),
    (point(0, {"a": "\ud800"}), "Unicode"),
    (point(0, {"a": "x" * 70_000}), "bytes"),
    (point(0, {"a": None}), "NoneType"),  # type: ignore[dict-item]  # a caller may err
    (point(0, {"a": 1}, measurement=""), "empty"),
    (point(0, {"a": 1}, measurement="#m"), "comment"),
    (point(0, {"a": 1}, measurement="m\\"), "backslash"),
    (point(0, {"a": 1}, host="x\ny"), "control"),
    (point(0, {"a": 1}, host="x\\"), "backslash"),
    (point(0, {"a": 1}, host="x" * 66_000), "bytes"),
    (Point("m", (("time", "now"),), {"a": 1}, T0), "keeps for itself"),
    (Point("m", (("", "x"),), {"a": 1}, T0), "empty"),
    (Point("m", (("t", "x"), ("t", "y")), {"a": 1}, T0), "twice"),
    (Point("m", (), {"a": 1}, 2**63), "64-bit"),
    (Point("m", (), {"a": 1}, -(2**63)), "64-bit"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD, ids=[reason for _, reason in BAD])
async def test_what_cannot_be_stored_is_refused_and_nothing_with_it(
    store: Store, bad: Point, reason: str
) -> None:
    for _ in range(2):
        refused = await store.write([point(1, {"ok": 1}), bad, point(2, {"ok": 1})])
        assert [position for position, _ in refused] == [1]
        assert reason in refused[0].reason
    found = await store.select(query(("ok", "count"), ("a", "count")))
    assert rows(found) == [(0, 2, None)]


async def test_a_refused_point_settles_no_type(store: Store) -> None:
    assert len(await store.write([point(0, {"a": 1, "bad": nan})])) == 1
    assert len(await store.write([point(0, {"a": 1}, host="x\ny")])) == 1
    await written(store, point(0, {"a": 1.5}))


async def test_a_field_keeps_its_type(store: Store) -> None:
    await written(store, point(0, {"a": 1.5, "b": 1}, host="x"))
    refused = await store.write(
        [point(1000, {"a": 2, "c": 1}, host="x"), point(1000, {"a": 2.5}, host="x"),
         point(2000, {"b": "text"}, host="y"), point(2000, {"b": True}, host="y"),
         point(2000, {"b": 7}, host="y")]
    )  # fmt: skip
    assert [position for position, _ in refused] == [0, 2, 3]
    for (_, reason), kind in zip(refused, ("integer", "string", "boolean"), strict=True):
        assert "field type conflict" in reason
        assert f"is type {kind}, already exists as type" in reason
    found = await store.select(query(("a", "raw"), ("b", "raw"), group=("host",)))
    assert rows(found) == [("x", 0, 1.5, 1), ("x", 1000, 2.5, None), ("y", 2000, None, 7)]


@pytest.mark.parametrize("known", [True, False], ids=["known field", "new field"])
@pytest.mark.parametrize("bad", [(10, 20, 4000), (2500, 4998, 4999), (1, 2, 3)], ids=str)
async def test_three_bad_lines_of_5000_cost_three(
    store: Store, bad: tuple[int, ...], known: bool
) -> None:
    if known:
        await written(store, point(-1, {"v": 0.5}, host="other"))
    batch = [
        point(i, {"v": i if i in bad else i + 0.5, "w": 1}, host=f"h{i % 50}") for i in range(5000)
    ]
    refused = await store.write(batch)
    assert tuple(position for position, _ in refused) == bad
    assert rows(await store.select(query(("v", "count"), ("w", "sum")))) == [(0, 4997, 4997)]


async def test_many_conflicts_of_many_kinds_in_one_batch(store: Store) -> None:
    await written(store, point(0, {f"f{i}": 0.5 for i in range(20)}, host="x"))
    batch = [
        point(1000 + i, {f"f{i % 20}": i if i % 7 == 0 else i + 0.5}, host="x") for i in range(400)
    ]
    refused = await store.write(batch)
    assert [position for position, _ in refused] == list(range(0, 400, 7))
    counts = rows(await store.select(query(*((f"f{i}", "count") for i in range(20)), start=1)))
    assert sum(counts[0][1:]) == 400 - len(refused)


STATISTICS: list[tuple[str, list[tuple[int, float]], Any]] = [
    # statistic, samples (ms after T0, value), what base.py says
    ("mean", [(0, 1.0), (1000, 2.0), (59_999, 6.0)], 3.0),
    ("max", [(0, -1.0), (1000, -2.0)], -1.0),
    ("min", [(0, -1.0), (1000, -2.0)], -2.0),
    ("last", [(1000, 5.0), (0, 9.0)], 5.0),
    ("first", [(1000, 5.0), (500, 9.0), (2000, 7.0)], 9.0),
    ("sum", [(0, 0.1), (1000, 0.2), (2000, 0.3)], 0.6),
    ("count", [(0, 1.0), (1000, 1.0)], 2),
    ("p50", [(0, 4.0), (1000, 1.0), (2000, 3.0), (3000, 2.0)], 2.0),
    ("p50", [(0, 7.0)], 7.0),
    ("p95", [(i, float(i)) for i in range(100)], 94.0),
    ("p95", [(i, float(i)) for i in range(10)], 9.0),
    ("p05", [(i, float(i)) for i in range(9)], None),
    ("p05", [(i, float(i)) for i in range(10)], 0.0),
    ("p05", [(i, float(i)) for i in range(29)], 0.0),
    ("p05", [(i, float(i)) for i in range(30)], 1.0),
    ("rate", [(0, 5.0)], None),
    ("rate", [(0, 5.0), (10_000, 25.0)], 2.0),
    ("rate", [(0, 100.0), (10_000, 130.0), (20_000, 4.0), (30_000, 14.0)], 40 / 30),
    ("rate", [(0, 9.0), (1000, 5.0)], 0.0),
    ("rate", [(0, 5.0), (1000, 5.0)], 0.0),
    ("resets", [(0, 5.0), (1000, 5.0), (2000, 6.0)], None),
    ("resets", [(0, 5.0), (1000, 1.0), (2000, 2.0), (3000, 0.0), (4000, 9.0)], 2),
]


@pytest.mark.parametrize(("statistic", "samples", "expected"), STATISTICS)
@pytest.mark.parametrize("whole", [False, True], ids=["float", "integer"])
async def test_statistics_mean_what_base_says(
    store: Store, statistic: str, samples: list[tuple[int, float]], expected: Any, whole: bool
) -> None:
    scale = 10 if whole else 1
    points = [
        point(time, {"v": round(value * scale) if whole else value}, host="x")
        for time, value in samples
    ]
    # Samples at the edges: `end` is outside, `start` is inside.
    outside = 12_345 if whole else 12_345.5
    await written(store, *points, *(point(t, {"v": outside}, host="x") for t in (-1, 60_000)))
    found = rows(await store.select(query(("v", statistic), group=("host",))))
    if expected is None:
        assert found == []
        return
    counted = statistic in ("count", "resets")
    if whole and not counted:
        expected *= scale
    assert found == [("x", 0, pytest.approx(expected, rel=1e-12))]
    same = ("max", "min", "first", "last", "sum", "p50")
    exact = counted or (whole and statistic in same)
    assert type(found[0][2]) is (int if exact or (whole and statistic[0] == "p") else float)


async def test_a_rate_of_64_bit_counters_does_not_overflow(store: Store) -> None:
    values = (2**63 - 11, 2**63 - 1, 0, 5)
    points = [point(i * 1000, {"v": v}, host="x") for i, v in enumerate(values)]
    await written(store, *points)
    assert rows(await store.select(query(("v", "rate")))) == [(0, 5.0)]


async def test_buckets_begin_at_multiples_and_empty_ones_are_left_out(store: Store) -> None:
    times = (1000, 4999, 5000, 17_000, 19_000)
    await written(store, *[point(t, {"v": float(t), "n": t}, host="x") for t in times])
    found = await store.select(
        query(("v", "mean"), ("n", "rate"), ("v", "count"), ("v", "p95"), ("v", "last"),
              start=500, end=18_000, every=5000)
    )  # fmt: skip
    assert rows(found) == [
        (0, pytest.approx(2999.5), pytest.approx(1000), 2, 4999.0, 4999.0),
        (5000, 5000.0, None, 1, 5000.0, 5000.0),
        (15_000, 17_000.0, None, 1, 17_000.0, 17_000.0),
    ]


async def test_a_rate_does_not_reach_over_a_buckets_edge(store: Store) -> None:
    await written(store, *[point(t, {"n": t * t}, host="x") for t in range(0, 20_000, 1000)])
    found = await store.select(query(("n", "rate"), every=10_000, group=("host",)))
    assert rows(found) == [
        ("x", 0, pytest.approx(9000**2 / 9)),
        ("x", 10_000, pytest.approx((19_000**2 - 10_000**2) / 9)),
    ]


async def test_resets_are_counted_in_each_bucket_and_not_at_its_edge(store: Store) -> None:
    values = (5, 6, 1, 0, 0, 3, 2, 4, 1, 9, 1, 2)
    await written(store, *[point(t * 1000, {"n": v}, host="x") for t, v in enumerate(values)])
    found = await store.select(query(("n", "resets"), ("n", "rate"), every=5000, group=("host",)))
    assert rows(found) == [
        ("x", 0, 2, 0.25),
        ("x", 5000, 2, 2.5),
        ("x", 10_000, None, 1.0),
    ]


async def test_groups_are_ordered_and_other_tags_ignored(store: Store) -> None:
    for host, cpu, value in (("b", "0", 1.0), ("b", "1", 3.0), ("a", "0", 5.0), ("é", "0", 7.0)):
        await written(store, point(0, {"v": value}, host=host, cpu=cpu))
    found = await store.select(query(("v", "mean"), ("v", "max"), ("v", "last"), group=("host",)))
    assert rows(found) == [
        ("a", 0, 5.0, 5.0, 5.0),
        ("b", 0, 2.0, 3.0, 3.0),
        ("é", 0, 7.0, 7.0, 7.0),
    ]
    found = await store.select(query(("v", "count"), group=("nope", "cpu")))
    assert rows(found) == [("", "0", 0, 3), ("", "1", 0, 1)]
    assert rows(await store.select(query(("v", "sum")))) == [(0, 16.0)]


async def test_several_series_in_one_group_count_a_time_once_for_a_rate(store: Store) -> None:
    for cpu in "01":
        for i in range(4):
            await written(store, point(i * 1000, {"n": i * 10}, host="x", cpu=cpu))
    assert rows(await store.select(query(("n", "rate"), group=("host",)))) == [("x", 0, 10.0)]


async def test_where_keeps_any_of_the_values(store: Store) -> None:
    for host in "abc":
        for cpu in "01":
            await written(store, point(0, {"v": 1}, host=host, cpu=cpu))
    found = await store.select(
        query(("v", "count"), group=("host",), where={"host": ["a", "c", "zz"], "cpu": ["1"]})
    )
    assert rows(found) == [("a", 0, 1), ("c", 0, 1)]
    assert len(await store.select(query(("v", "count"), where={"host": []}))) == 0
    many = [f"h{i}" for i in range(2000)]
    found = await store.select(query(("v", "count"), where={"host": [*many, "b"]}))
    assert rows(found) == [(0, 2)]


@pytest.mark.parametrize(
    "evil", ["x' OR 'x'='x", "x\\' OR 1=1 --", "'; DROP DATABASE x", 'a"b', "\n"]
)
async def test_a_value_in_where_is_only_a_value(store: Store, evil: str) -> None:
    await written(store, point(0, {"v": 1}, host="x"))
    assert len(await store.select(query(("v", "raw"), where={"host": [evil]}))) == 0
    assert len(await store.select(query(("v", "raw"), where={evil: ["x"]}))) == 0
    assert len(await store.select(query((evil, "raw"), group=("host",), measurement=evil))) == 0
    assert len(await store.select(query(("v", "raw"), (evil, "raw"), group=(evil + "2",)))) == 1


async def test_what_does_not_exist_has_no_rows(store: Store) -> None:
    await written(store, point(0, {"v": 1}, host="x"))
    assert len(await store.select(query(("v", "mean"), measurement="nope"))) == 0
    assert len(await store.select(query(("nope", "mean"), ("nope", "rate")))) == 0
    assert len(await store.select(query(("v", "mean"), start=1, end=1))) == 0
    assert len(await store.select(query(("v", "mean"), start=2, end=1))) == 0
    found = await store.select(query(("v", "sum"), ("nope", "mean"), ("nope", "count")))
    assert rows(found) == [(0, 1, None, None)]
    await written(store, point(0, {"nope": 1}, host="x"))
    assert rows(await store.select(query(("nope", "sum")))) == [(0, 1)]


async def test_texts_and_truth_values_have_a_last_value_and_a_count_only(store: Store) -> None:
    for time, text, truth in ((0, "a", True), (1000, "c", False), (2000, "b", False)):
        await written(store, point(time, {"s": text, "b": truth}, host="x"))
    reads = [
        (field, statistic)
        for field in "sb"
        for statistic in ("last", "count", "mean", "max", "rate", "p95")
    ]
    found = rows(await store.select(query(*reads)))
    assert found == [(0, "b", 3, None, None, None, None, False, 3, None, None, None, None)]


async def test_a_tag_and_a_field_may_share_a_name(store: Store) -> None:
    await written(store, point(0, {"a": 5, "z": 1}, a="t"), point(0, {"z": 2}, a="u"))
    assert rows(await store.select(query(("z", "sum"), where={"a": ["u"]}))) == [(0, 2)]
    found = rows(await store.select(query(("a", "sum"), ("z", "sum"), group=("a",))))
    assert found == [("t", 0, 5, 1), ("u", 0, None, 2)]


async def test_fields_that_differ_in_case_are_two(store: Store) -> None:
    await written(store, point(0, {"v": 1, "V": 2.5}, host="x"))
    await written(store, point(0, {"v": 3}, host="X", measurement="M"))
    assert rows(await store.select(query(("v", "raw"), ("V", "raw")))) == [(0, 1, 2.5)]


async def test_a_query_that_makes_no_sense_is_the_callers_mistake(store: Store) -> None:
    for wrong in (
        query(),
        query(("v", "raw"), ("v", "mean")),
        query(("v", "raw"), every=1000),
        query(("v", "mean"), every=0),
        query(("host", "raw"), group=("host",)),
        query(("v", "mean"), ("v", "mean")),
    ):
        with pytest.raises(ValueError, match="query of m"):
            await store.select(wrong)


async def test_an_empty_batch_is_nothing(store: Store) -> None:
    assert await store.write([]) == []


async def test_it_can_be_closed_and_opened_again(store: Store) -> None:
    await written(store, point(0, {"v": 1}, host="x"))
    await store.close()
    await store.open()
    await written(store, point(1000, {"v": 2}, host="x"), point(0, {"v": 3}, host="x"))
    assert rows(await store.select(query(("v", "raw")))) == [(0, 3), (1000, 2)]
    assert "; " not in store.name


async def test_arrays_are_the_samples_that_select_gives(store: Store) -> None:
    """Whole numbers beyond what a float holds, gaps, texts, several series in a group."""
    await written(
        store,
        point(0, {"f": 1 / 3, "i": 2**62 + 1, "t": "x", "b": True}, host="b"),
        point(1000, {"f": 5.0}, host="b"),
        point(0, {"i": -7}, host="a", cpu="1"),
        point(2000, {"i": 8, "t": ""}, host="a", cpu="2"),
        point(9000, {"f": 1.5}, site="s"),
    )
    for fields in (("f", "i", "t", "b", "none"), ("f", "i"), ("i",), ("t",)):
        wanted = query(*((name, "raw") for name in fields), group=("host",), end=10_000)
        found = await arrays(store, wanted)
        assert found is not None
        columns: dict[str, list[Any]] = {
            "host": [found.groups[place][0] for place in found.group],
            "time": found.time.tolist(),
        }
        for name in fields:
            values = found.values.get(name)
            columns[name] = [None] * len(found.time) if values is None else values.tolist()
        assert columns == (await store.select(wanted)).columns
        kinds = [[type(value) for value in column] for column in columns.values()]
        expected = (await store.select(wanted)).columns.values()
        assert kinds == [[type(value) for value in column] for column in expected]


async def test_no_arrays_of_nothing(store: Store) -> None:
    await written(store, point(0, {"f": 1.5}, host="b"))
    for wanted in (
        query(("g", "raw")),
        query(("f", "raw"), measurement="other"),
        query(("f", "raw"), where={"host": ["c"]}),
        query(("f", "raw"), where={"host": []}),
    ):
        assert await arrays(store, wanted) is None or not len((await arrays(store, wanted)).time)  # type: ignore[union-attr] # not None
