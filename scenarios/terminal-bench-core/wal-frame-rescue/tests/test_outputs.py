import hashlib
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from walmaker import Pair, dump_file  # noqa: E402

INCIDENT = "e5e7b277323c350aa7d24375b25621fc7a5a9e869916a74bef9ff3999eb7e3fe"
made = {}


@pytest.fixture
def pair(tmp_path_factory):
    def get(seed, **options):
        key = (seed, *sorted(options.items()))
        if key not in made:
            made[key] = Pair(tmp_path_factory.mktemp("make"), seed, **options)
        return made[key]
    return get


@pytest.fixture
def rescue(tmp_path):
    def run(pair, wal, old_out=False, timeout=60):
        source, target, alone = tmp_path / "in", tmp_path / "out", tmp_path / "alone"
        for d in (source, target, alone):
            shutil.rmtree(d, ignore_errors=True)
            d.mkdir()
        (source / "a.db").write_bytes(pair.db)
        (source / "a.db-wal").write_bytes(wal)
        if old_out:
            (target / "b.db").write_bytes(b"not a database" * 9999)
            (target / "b.db-wal").write_bytes(pair.log.head + b"".join(pair.log.frames))
            (target / "b.db-shm").write_bytes(bytes(32768))
        p = subprocess.run(["/app/walrescue", source / "a.db", source / "a.db-wal", target / "b.db"], capture_output=True,
                           text=True, timeout=timeout, cwd="/")
        assert p.returncode == 0, p.stderr[-1500:]
        assert sorted(os.listdir(source)) == ["a.db", "a.db-wal"], "something was left beside the inputs"
        assert (source / "a.db").read_bytes() == pair.db and (source / "a.db-wal").read_bytes() == wal, "an input was changed"
        left = set(os.listdir(target))
        assert "b.db" in left and not left & {"b.db-wal", "b.db-shm", "b.db-journal"}, left
        shutil.copy(target / "b.db", alone / "b.db")
        return dump_file(alone / "b.db")
    return run


def check(rescue, pair, head=False, lost=(), rot=(), cut=None, commits=None, **k):
    wal = pair.log.damaged(random.Random(9), head=head, lost=lost, rot=rot, cut=cut)
    survive = pair.log.surviving_commits(lost=lost, rot=rot, cut=cut)
    if commits is not None:
        assert survive == commits, "the test itself is wrong"
    found, integrity, _ = rescue(pair, wal, **k)
    count = [i for i, s in enumerate(pair.snapshots) if s == found]
    assert survive in count, f"OUT has the state after {count or 'no'} commits, it should be after {survive} of {len(pair.snapshots) - 1}"
    assert integrity == [("ok",)]


def commit_frames(pair):
    return [i for i, c in enumerate(pair.log.commits) if c]


def test_incident():
    assert Path("/app/recovered.db").is_file()
    for s in ("-wal", "-shm", "-journal"):
        if os.path.exists(f"/app/recovered.db{s}"):
            os.unlink(f"/app/recovered.db{s}")
    found, integrity, _ = dump_file("/app/recovered.db")
    assert integrity == [("ok",)]
    assert hashlib.sha256(repr(found).encode()).hexdigest() == INCIDENT


@pytest.mark.parametrize("leftovers", [False, True])
@pytest.mark.parametrize("open_tail", [False, True])
def test_undamaged(rescue, pair, leftovers, open_tail):
    check(rescue, pair(1, leftovers=leftovers, open_tail=open_tail), commits=8)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("leftovers", [False, True])
def test_lost_file_header(rescue, pair, order, leftovers):
    check(rescue, pair(2, order=order, leftovers=leftovers), head=True, commits=8)


@pytest.mark.parametrize("order", ["<", ">"])
def test_lost_header_inside_a_transaction(rescue, pair, order):
    p = pair(3, order=order)
    inside = [k for k in range(1, p.log.current - 1) if not p.log.commits[k]]
    for k in (inside[0], inside[len(inside) // 2], inside[-1]):
        check(rescue, p, lost={k}, commits=8)


@pytest.mark.parametrize("order", ["<", ">"])
def test_lost_commit_frame(rescue, pair, order):
    p = pair(3, order=order)
    check(rescue, p, lost={commit_frames(p)[3]}, commits=8)
    check(rescue, p, lost={commit_frames(p)[6]}, head=True, commits=8)


def test_lost_commit_frame_before_an_open_transaction(rescue, pair):
    """Only the recovered header tells that this was a commit."""
    p = pair(4, open_tail=True, leftovers=False)
    check(rescue, p, lost={commit_frames(p)[-1]}, commits=8)


def test_lost_first_frame(rescue, pair):
    check(rescue, pair(3), lost={0}, commits=8)
    check(rescue, pair(3), lost={0, 2, 4}, commits=8)


@pytest.mark.parametrize("leftovers", [False, True])
def test_lost_last_frame_cannot_be_trusted(rescue, pair, leftovers):
    p = pair(5, leftovers=leftovers)
    check(rescue, p, lost={p.log.current - 1}, commits=7)
    check(rescue, p, lost={p.log.current - 1}, head=True, commits=7)


def test_lost_headers_among_left_overs(rescue, pair):
    p = pair(5, leftovers=True)
    n = p.log.current
    check(rescue, p, lost={n}, commits=8)
    check(rescue, p, lost={n + 1, n + 3}, head=True, commits=8)


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_second_header_lost(rescue, pair, order):
    p = pair(6, order=order)
    n = p.log.current
    check(rescue, p, lost=set(range(1, n - 1, 2)), head=True, commits=8)
    check(rescue, p, lost=set(range(0, n - 1, 2)), commits=8)


def test_rotten_page_ends_the_log(rescue, pair):
    p = pair(7)
    c = commit_frames(p)
    check(rescue, p, rot={c[4] + 1}, commits=5)
    check(rescue, p, rot={c[4]}, commits=4)
    check(rescue, p, rot={c[4]}, lost={c[2], c[6]}, head=True, commits=4)
    check(rescue, p, rot={0}, commits=0)


def test_rotten_page_next_to_a_lost_header(rescue, pair):
    p = pair(7)
    c = commit_frames(p)
    check(rescue, p, lost={c[4]}, rot={c[4] + 1}, commits=4)        # nothing vouches for the commit
    check(rescue, p, lost={c[4] + 1}, rot={c[4]}, commits=4)
    check(rescue, p, lost={c[5]}, rot={c[5]}, commits=5)            # lost and rotten
    check(rescue, p, lost={c[5]}, rot={c[5] + 2}, commits=6)        # the next frame is still sound


def test_torn_end(rescue, pair):
    p = pair(8, leftovers=False)
    step, c = p.log.step, commit_frames(p)
    check(rescue, p, cut=32 + step * p.log.current - 1, commits=7)
    check(rescue, p, cut=32 + step * (c[3] + 1), commits=4)
    check(rescue, p, cut=32 + step * c[3] + 24, commits=3)
    check(rescue, p, cut=32 + step * (c[3] + 1) + 700, lost={c[3]}, commits=3)
    check(rescue, p, cut=32 + step * (c[3] + 2), lost={c[3]}, head=True, commits=4)


@pytest.mark.parametrize("cut", [0, 7, 32, 40, 56, 32 + 24 + 1023])
def test_log_without_a_whole_frame(rescue, pair, cut):
    check(rescue, pair(8, leftovers=False), cut=cut, commits=0)
    check(rescue, pair(8, leftovers=False), cut=cut, head=True, commits=0)


def test_new_file_header_before_old_frames_only(rescue, pair):
    """The log was begun anew, but no frame of the new generation was written."""
    p = pair(9, leftovers=True)
    wal = p.log.head + b"".join(p.log.frames[p.log.current:])
    found, integrity, _ = rescue(p, wal)
    assert found == p.snapshots[0] and integrity == [("ok",)]


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
@pytest.mark.parametrize("order", ["<", ">"])
def test_page_sizes(rescue, pair, page_size, order):
    p = pair(10, page_size=page_size, order=order, transactions=5, rows=8)
    n = p.log.current
    check(rescue, p, head=True, lost=set(random.Random(page_size).sample(range(1, n - 1, 2), min(n // 3, 6))), commits=5)


def test_database_that_became_smaller(rescue, pair):
    p = pair(11, vacuum=True, leftovers=False, transactions=8, rows=60)
    check(rescue, p, head=True, lost={3, 9, commit_frames(p)[-2]}, commits=9)
    vacuum = commit_frames(p)[5]
    cut = 32 + p.log.step * (vacuum + 2)
    check(rescue, p, lost={vacuum, vacuum - 4}, cut=cut, commits=6)
    _, _, pages = rescue(p, p.log.damaged(None, lost={vacuum}, cut=cut))
    assert pages == int.from_bytes(p.log.frames[vacuum][4:8], "big")
    assert pages < len(p.db) // 1024


def test_partly_checkpointed_log(rescue, pair):
    p = pair(12, leftovers=False, checkpoint_at=4)
    check(rescue, p, head=True, lost={2, commit_frames(p)[1], commit_frames(p)[6]}, commits=8)


def test_output_replaces_an_earlier_attempt(rescue, pair):
    p = pair(13, leftovers=False)
    c = commit_frames(p)
    check(rescue, p, rot={c[4]}, old_out=True, commits=4)
    check(rescue, p, cut=10, old_out=True, commits=0)


@pytest.mark.parametrize("seed", range(100, 112))
def test_random_damage(rescue, pair, seed):
    r = random.Random(seed)
    p = pair(seed, page_size=r.choice([512, 1024, 2048]), order=r.choice("<>"), leftovers=r.random() < 0.5, transactions=10, rows=15,
             open_tail=r.random() < 0.3)
    n = p.log.current
    for _ in range(3):
        head = r.random() < 0.6
        lost = set()
        for k in r.sample(range(1 if head else 0, n), min(n // 4, r.choice([3, 10, 30]))):
            if not lost & {k - 1, k + 1}:
                lost.add(k)
        rot = {r.randrange(n // 2, n)} if r.random() < 0.5 else set()
        cut = 32 + r.randrange(p.log.step * n) if r.random() < 0.3 else None
        check(rescue, p, head=head, lost=lost, rot=rot, cut=cut)


def test_large_log_in_reasonable_time(rescue, pair):
    p = pair(14, page_size=4096, transactions=80, rows=90, leftovers=False)
    assert 700 < p.log.current < 1300, p.log.current
    check(rescue, p, head=True, lost=set(range(1, p.log.current - 1, 3)), commits=80, timeout=60)
