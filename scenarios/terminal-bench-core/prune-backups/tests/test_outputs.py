"""/app/prune on directories made up here."""
import datetime
import os
import random
import subprocess

import pytest


def prune(*args, cwd=None):
    return subprocess.run(["/app/prune", *map(str, args)], capture_output=True, text=True, timeout=20, cwd=cwd)


def name(stamp):
    return f"backup-{stamp}.tar.gz"


def put(folder, names, text="x"):
    for n in names:
        (folder / n).write_text(text)


def reference(stamps, marked=()):
    """The stamps to delete, worked out the slow way."""
    def kept(s):
        newer = [t for t in stamps if t > s]
        if len(newer) < 7 or s in marked:
            return True
        newer_months = {t[:6] for t in stamps if t[:6] > s[:6]}
        return not any(t[:6] == s[:6] for t in newer) and len(newer_months) < 6
    return [s for s in sorted(stamps) if not kept(s)]


def random_stamps(rnd, count, days):
    start = datetime.datetime(rnd.randint(1998, 2031), rnd.randint(1, 12), rnd.randint(1, 28))
    got = set()
    while len(got) < count:
        got.add((start + datetime.timedelta(seconds=rnd.randrange(days * 86400))).strftime("%Y%m%d-%H%M%S"))
    return sorted(got)


def lines(stamps):
    return "".join(name(s) + "\n" for s in stamps)


@pytest.mark.parametrize("seed,count,days", [(1, 40, 60), (2, 200, 700), (3, 25, 2000), (4, 120, 120), (5, 9, 900), (6, 60, 20)])
def test_list_and_delete(tmp_path, seed, count, days):
    rnd = random.Random(seed * 7919)
    stamps = random_stamps(rnd, count, days)
    marked = set(rnd.sample(stamps, count // 8))
    put(tmp_path, map(name, stamps))
    put(tmp_path, [name(s) + ".keep" for s in marked])
    summed = set(rnd.sample(stamps, count // 2))
    put(tmp_path, [name(s) + ".sha256" for s in summed])
    before = set(os.listdir(tmp_path))
    want = reference(stamps, marked)

    p = prune(tmp_path)
    assert p.returncode == 0, p.stderr
    assert p.stdout == lines(want)
    assert set(os.listdir(tmp_path)) == before, "without --delete nothing may go"

    p = prune("--delete", tmp_path)
    assert p.returncode == 0 and p.stdout == lines(want)
    gone = {name(s) for s in want} | {name(s) + ".sha256" for s in want if s in summed}
    assert set(os.listdir(tmp_path)) == before - gone


def test_order_of_arguments_and_relative_path(tmp_path):
    stamps = random_stamps(random.Random(77), 50, 90)
    (tmp_path / "b").mkdir()
    put(tmp_path / "b", map(name, stamps))
    p = prune("b", "--delete", cwd=tmp_path)
    assert p.returncode == 0 and p.stdout == lines(reference(stamps))
    assert sorted(os.listdir(tmp_path / "b")) == [name(s) for s in stamps if s not in reference(stamps)]


def test_second_run_finds_nothing_more(tmp_path):
    put(tmp_path, map(name, random_stamps(random.Random(5), 90, 400)))
    assert prune(tmp_path, "--delete").stdout
    p = prune("--delete", tmp_path)
    assert (p.returncode, p.stdout) == (0, "")


def test_few_or_no_backups(tmp_path):
    assert (prune(tmp_path).returncode, prune(tmp_path).stdout) == (0, "")
    put(tmp_path, [name(f"20240501-0{n}0000") for n in range(7)])
    assert (prune(tmp_path).returncode, prune(tmp_path).stdout) == (0, "")
    put(tmp_path, [name("20240501-070000")])
    assert prune(tmp_path).stdout == lines(["20240501-000000"])


def test_months_without_backups_do_not_count(tmp_path):
    old = ["20100115-000000", "20100120-000000", "20120301-000000", "20130101-000000", "20130102-000000", "20140707-000000", "20150505-000000"]
    new = [f"202401{d:02d}-120000" for d in range(1, 9)]
    put(tmp_path, map(name, old + new))
    # months: 2024-01, 2015-05, 2014-07, 2013-01, 2012-03, 2010-01
    assert prune(tmp_path).stdout == lines(["20100115-000000", "20130101-000000", "20240101-120000"])


def test_other_names_are_left_alone_and_do_not_count(tmp_path):
    good = [f"2024030{d}-010203" for d in range(1, 10)]
    others = [name(s) for s in ("20240230-000000", "20231301-000000", "20240001-000000", "20240100-000000", "20230229-101010",
                                "20240331-240000", "20240331-236000", "20240331-235960", "20240331-235961", "2024033-100000", "202403310-000000")]
    others += ["backup-20240331-000000.tar.gz.part", "backup-20240331-000000.tar", "Backup-20240331-000000.tar.gz",
               "old-backup-20240331-000000.tar.gz", "backup-20240331_000000.tar.gz", "backup-20240331-000000.tar.gz\n",
               "backup-20240331-000000xtar.gz", "notes", ".backup-20240331-000000.tar.gz", "backup-20240331-000000.tar.gz.sha256"]
    put(tmp_path, map(name, good))
    put(tmp_path, others)
    want = ["20240301-010203", "20240302-010203"]
    assert prune("--delete", tmp_path).stdout == lines(want)
    assert sorted(os.listdir(tmp_path)) == sorted(others + [name(s) for s in good if s not in want])


def test_leap_day_counts(tmp_path):
    stamps = ["20240228-000000", "20240229-235959"] + [f"2024030{d}-000000" for d in range(1, 8)]
    put(tmp_path, map(name, stamps))
    assert prune(tmp_path).stdout == lines(["20240228-000000"])


def test_only_regular_files_count(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("p")
    d = tmp_path / "d"
    d.mkdir()
    stamps = [f"2024030{n}-000000" for n in range(1, 10)]
    put(d, map(name, stamps))
    (d / name("20240101-000000")).symlink_to(outside / "precious")
    (d / name("20240331-000000")).symlink_to(outside / "precious")
    (d / name("20240102-000000")).mkdir()
    (d / name("20240330-000000")).mkdir()
    (d / "sub").mkdir()
    put(d / "sub", [name(f"20200{n}01-000000") for n in range(1, 10)])
    assert prune("--delete", d).stdout == lines(["20240301-000000", "20240302-000000"])
    assert (d / name("20240101-000000")).is_symlink() and (d / name("20240102-000000")).is_dir()
    assert len(os.listdir(d / "sub")) == 9 and (outside / "precious").read_text() == "p"


def test_keep_mark_without_effect_on_the_rest(tmp_path):
    """A marked backup does not use up a place of the others, and its sha256 stays."""
    stamps = [f"202403{n:02d}-000000" for n in range(1, 13)]
    put(tmp_path, map(name, stamps))
    put(tmp_path, [name(s) + ".sha256" for s in stamps])
    put(tmp_path, [name("20240301-000000") + ".keep", name("20240312-000000") + ".keep"])
    want = [f"202403{n:02d}-000000" for n in range(2, 6)]
    assert prune("--delete", tmp_path).stdout == lines(want)
    assert sorted(os.listdir(tmp_path)) == sorted(
        [name(s) + x for s in stamps if s not in want for x in ("", ".sha256")]
        + [name("20240301-000000") + ".keep", name("20240312-000000") + ".keep"])


def test_directory_with_blanks_and_brackets(tmp_path):
    d = tmp_path / "my back ups * [old]"
    d.mkdir()
    stamps = random_stamps(random.Random(9), 30, 100)
    put(d, map(name, stamps))
    assert prune("--delete", d).stdout == lines(reference(stamps))
    assert sorted(os.listdir(d)) == [name(s) for s in stamps if s not in reference(stamps)]


def test_bad_usage(tmp_path):
    put(tmp_path, map(name, random_stamps(random.Random(3), 30, 100)))
    for args in ((), ("--delete",), (tmp_path / "missing",), (tmp_path, tmp_path), ("--delete", tmp_path / os.listdir(tmp_path)[0])):
        p = prune(*args)
        assert p.returncode == 2 and p.stdout == "" and p.stderr.strip(), args
    assert len(os.listdir(tmp_path)) == 30
