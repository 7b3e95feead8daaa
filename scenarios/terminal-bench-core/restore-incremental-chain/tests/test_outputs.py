import gzip
import hashlib
import io
import json
import os
import random
import stat
import subprocess
import tarfile

TOOL = "/app/restore"
T = 1600000000
DIR = None


class Backups:
    def __init__(self, folder):
        self.folder, self.sha = folder, {}
        folder.mkdir()

    def add(self, seq, parent, members, deleted=(), store=True):
        kind = "full" if parent is None else "incr"
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w") as tar:
            for name, what, mode, mtime in members:
                info = tarfile.TarInfo(name)
                info.mode, info.mtime = mode, mtime
                if what is DIR:
                    info.type = tarfile.DIRTYPE
                    tar.addfile(info)
                elif isinstance(what, tuple):
                    info.type = tarfile.SYMTYPE if what[0] == "sym" else tarfile.LNKTYPE
                    info.linkname = what[1]
                    tar.addfile(info)
                else:
                    info.size = len(what)
                    tar.addfile(info, io.BytesIO(what))
        data = gzip.compress(raw.getvalue(), mtime=0)
        self.sha[seq] = hashlib.sha256(data).hexdigest()
        name = f"{seq:03d}-{kind}.tar.gz"
        if store:
            (self.folder / name).write_bytes(data)
            (self.folder / f"{seq:03d}.json").write_text(json.dumps(
                {"seq": seq, "kind": kind, "archive": name, "sha256": self.sha[seq],
                 "parent": None if parent is None else self.sha[parent], "deleted": list(deleted)}))
        return self.folder / name


def call(folder, seq, dest):
    return subprocess.run([TOOL, str(folder), str(seq), str(dest)], capture_output=True, timeout=40, cwd="/app")


def look(root):
    found = {}
    for base, dirs, files in os.walk(root):
        for name in dirs + files:
            path = os.path.join(base, name)
            st = os.lstat(path)
            rel = os.path.relpath(path, root)
            if stat.S_ISLNK(st.st_mode):
                found[rel] = ("sym", os.readlink(path))
            elif stat.S_ISDIR(st.st_mode):
                found[rel] = ("dir", stat.S_IMODE(st.st_mode), int(st.st_mtime))
            else:
                found[rel] = ("file", open(path, "rb").read(), stat.S_IMODE(st.st_mode), int(st.st_mtime))
    return found


def restored(backups, seq, tmp_path):
    dest = tmp_path / f"out-{seq}"
    before = {p.name: p.read_bytes() for p in backups.folder.iterdir()}
    p = call(backups.folder, seq, dest)
    assert p.returncode == 0, p.stderr[-500:]
    assert {p.name: p.read_bytes() for p in backups.folder.iterdir()} == before, "the backups were changed"
    assert not [n for n in os.listdir(tmp_path) if n != "backups" and not n.startswith("out-")], "left-overs beside the result"
    return look(dest)


def test_sample_backup_three(tmp_path):
    p = call("/app/backups", 3, tmp_path / "r")
    assert p.returncode == 0, p.stderr[-500:]
    t = 1704067200
    assert look(tmp_path / "r") == {
        "etc": ("dir", 0o755, t), "etc/app.conf": ("file", b"port=80\n", 0o644, t), "etc/app.conf.bak": ("file", b"port=80\n", 0o644, t),
        "data": ("dir", 0o750, t), "data/b.txt": ("file", b"b\n", 0o600, t + 100), "data/d.txt": ("file", b"d\n", 0o600, t + 300),
        "current": ("sym", "data/a.txt")}


def test_sample_damaged_chain(tmp_path):
    p = call("/app/backups", 4, tmp_path / "r")
    assert p.returncode == 3
    assert b"002-incr.tar.gz" in p.stderr
    assert os.listdir(tmp_path) == []


def test_deletions_come_before_extraction(tmp_path):
    b = Backups(tmp_path / "backups")
    b.add(0, None, [("d", DIR, 0o755, T), ("d/x", b"1", 0o644, T), ("d/y", b"2", 0o644, T), ("e", b"e", 0o644, T)])
    b.add(1, 0, [("d", DIR, 0o700, T + 5), ("d/new", b"n", 0o644, T + 5)], ["d", "e"])
    assert restored(b, 1, tmp_path) == {"d": ("dir", 0o700, T + 5), "d/new": ("file", b"n", 0o644, T + 5)}


def test_type_changes(tmp_path):
    b = Backups(tmp_path / "backups")
    b.add(0, None, [("a", DIR, 0o755, T), ("a/deep", DIR, 0o755, T), ("a/deep/f", b"f", 0o644, T), ("b", b"file", 0o644, T), ("c", DIR, 0o755, T), ("c/f", b"f", 0o644, T)])
    b.add(1, 0, [("a", b"now a file", 0o600, T + 1), ("b", DIR, 0o711, T + 1), ("b/in", b"in", 0o644, T + 1), ("c", ("sym", "b"), 0o777, T + 1)])
    assert restored(b, 1, tmp_path) == {"a": ("file", b"now a file", 0o600, T + 1), "b": ("dir", 0o711, T + 1),
                                        "b/in": ("file", b"in", 0o644, T + 1), "c": ("sym", "b")}


def test_never_writes_through_links(tmp_path):
    b = Backups(tmp_path / "backups")
    victim = tmp_path / "out-victim"
    victim.mkdir()
    (victim / "keep").write_text("keep")
    b.add(0, None, [("real", DIR, 0o755, T), ("real/f", b"real", 0o644, T), ("ldir", ("sym", "real"), 0o777, T), ("lout", ("sym", str(victim)), 0o777, T),
                    ("lfile", ("sym", "real/f"), 0o777, T), ("dangling", ("sym", "no/where"), 0o777, T)])
    b.add(1, 0, [("ldir", DIR, 0o755, T + 1), ("ldir/g", b"g", 0o644, T + 1), ("lout", DIR, 0o755, T + 1), ("lout/keep", b"other", 0o644, T + 1),
                 ("lfile", b"own", 0o640, T + 1)], ["dangling"])
    assert restored(b, 1, tmp_path) == {
        "real": ("dir", 0o755, T), "real/f": ("file", b"real", 0o644, T), "ldir": ("dir", 0o755, T + 1), "ldir/g": ("file", b"g", 0o644, T + 1),
        "lout": ("dir", 0o755, T + 1), "lout/keep": ("file", b"other", 0o644, T + 1), "lfile": ("file", b"own", 0o640, T + 1)}
    assert (victim / "keep").read_text() == "keep"


def test_deleting_a_link_keeps_its_target(tmp_path):
    b = Backups(tmp_path / "backups")
    b.add(0, None, [("real", DIR, 0o755, T), ("real/f", b"x", 0o644, T), ("l", ("sym", "real"), 0o777, T)])
    b.add(1, 0, [], ["l"])
    assert restored(b, 1, tmp_path) == {"real": ("dir", 0o755, T), "real/f": ("file", b"x", 0o644, T)}


def test_hard_links(tmp_path):
    b = Backups(tmp_path / "backups")
    b.add(0, None, [("one", b"shared", 0o644, T), ("two", ("link", "one"), 0o644, T), ("three", ("link", "one"), 0o644, T)])
    b.add(1, 0, [("one", b"changed", 0o600, T + 9)])
    restored(b, 0, tmp_path)
    ino = {n: os.stat(tmp_path / "out-0" / n).st_ino for n in ("one", "two", "three")}
    assert len(set(ino.values())) == 1
    got = restored(b, 1, tmp_path)
    assert got == {"one": ("file", b"changed", 0o600, T + 9), "two": ("file", b"shared", 0o644, T), "three": ("file", b"shared", 0o644, T)}
    ino = {n: os.stat(tmp_path / "out-1" / n).st_ino for n in ("one", "two", "three")}
    assert ino["two"] == ino["three"] != ino["one"]


def test_folder_times_and_modes(tmp_path):
    b = Backups(tmp_path / "backups")
    b.add(0, None, [("d", DIR, 0o555, T), ("d/sub", DIR, 0o700, T + 1), ("d/sub/f", b"f", 0o400, T + 2), ("d/g", b"g", 0o644, T)])
    b.add(1, 0, [("d/sub/h", b"h", 0o644, T + 50)], ["d/g"])
    b.add(2, 1, [("d/sub", DIR, 0o755, T + 80)])
    base = {"d": ("dir", 0o555, T), "d/sub/f": ("file", b"f", 0o400, T + 2), "d/sub/h": ("file", b"h", 0o644, T + 50)}
    assert restored(b, 1, tmp_path) == {**base, "d/sub": ("dir", 0o700, T + 1)}
    assert restored(b, 2, tmp_path) == {**base, "d/sub": ("dir", 0o755, T + 80)}


def test_chain_follows_parents_not_numbers(tmp_path):
    b = Backups(tmp_path / "backups")
    b.add(0, None, [("f", b"0", 0o644, T)])
    b.add(1, 0, [("one", b"1", 0o644, T)], ["f"])
    b.add(2, None, [("g", b"2", 0o644, T)])
    b.add(3, 0, [("three", b"3", 0o644, T)])
    b.add(7, 3, [("seven", b"7", 0o644, T)])
    b.add(12, 2, [("twelve", b"12", 0o644, T)])
    assert set(restored(b, 7, tmp_path)) == {"f", "three", "seven"}
    assert set(restored(b, 12, tmp_path)) == {"g", "twelve"}
    assert set(restored(b, 1, tmp_path)) == {"one"}


def test_damage_outside_the_chain_does_not_matter(tmp_path):
    b = Backups(tmp_path / "backups")
    b.add(0, None, [("f", b"0", 0o644, T)])
    b.add(1, 0, [("one", b"1", 0o644, T)]).write_bytes(b"broken")
    b.add(2, 0, [("two", b"2", 0o644, T)])
    assert set(restored(b, 2, tmp_path)) == {"f", "two"}


def test_damaged_or_missing_archives_fail_cleanly(tmp_path):
    b = Backups(tmp_path / "backups")
    b.add(0, None, [("f", b"0", 0o644, T)])
    other = b.add(1, 0, [("one", b"1", 0o644, T)])
    b.add(2, 1, [("two", b"2", 0o644, T)])
    good = other.read_bytes()
    valid_but_other = gzip.compress(gzip.decompress(good), mtime=5)
    for bad in (good[:-9], valid_but_other, b""):
        other.write_bytes(bad)
        p = call(b.folder, 2, tmp_path / "out")
        assert p.returncode == 3 and b"001-incr.tar.gz" in p.stderr
        assert os.listdir(tmp_path) == ["backups"]
    other.unlink()
    p = call(b.folder, 2, tmp_path / "out")
    assert p.returncode == 3 and b"001-incr.tar.gz" in p.stderr
    assert os.listdir(tmp_path) == ["backups"]


def test_missing_parent(tmp_path):
    b = Backups(tmp_path / "backups")
    b.add(0, None, [("f", b"0", 0o644, T)], store=False)
    b.add(1, 0, [("one", b"1", 0o644, T)])
    p = call(b.folder, 1, tmp_path / "out")
    assert p.returncode == 3 and b"001-incr.tar.gz" in p.stderr
    assert os.listdir(tmp_path) == ["backups"]


def test_unknown_number_and_existing_destination(tmp_path):
    b = Backups(tmp_path / "backups")
    b.add(0, None, [("f", b"0", 0o644, T)])
    assert call(b.folder, 5, tmp_path / "out").returncode == 2
    assert os.listdir(tmp_path) == ["backups"]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    assert call(b.folder, 0, tmp_path / "out").returncode == 4
    assert os.listdir(tmp_path / "out") == ["mine"]


def test_awkward_names(tmp_path):
    names = ["with space", "new\nline", "-dash", "*", "ü", "back\\slash", "d/.hidden", "d/" + "l" * 150]
    b = Backups(tmp_path / "backups")
    b.add(0, None, [("d", DIR, 0o755, T)] + [(n, n.encode(), 0o644, T) for n in names])
    b.add(1, 0, [], [n for n in names if n != "*"])
    want = {"d": ("dir", 0o755, T), **{n: ("file", n.encode(), 0o644, T) for n in names}}
    assert restored(b, 0, tmp_path) == want
    assert restored(b, 1, tmp_path) == {"d": want["d"], "*": want["*"]}


def test_random_long_chain(tmp_path):
    rng = random.Random(77)
    b = Backups(tmp_path / "backups")
    state = {}
    for seq in range(30):
        members, deleted = [], []
        if seq == 0:
            for d in ("p", "q"):
                members.append((d, DIR, 0o755, T))
                state[d] = ("dir", 0o755, T)
        for name in [f"{d}/{i}" for d in "pq" for i in range(12)]:
            dice = rng.random()
            below = [k for k in state if k == name or k.startswith(name + "/")]
            if dice < 0.12 and name in state:
                deleted.append(name)
                for k in below:
                    del state[k]
            elif dice < 0.3:
                for k in below:
                    del state[k]
                data, mode, t = rng.randbytes(rng.randrange(0, 300)), rng.choice([0o644, 0o600, 0o755]), T + seq
                members.append((name, data, mode, t))
                state[name] = ("file", data, mode, t)
            elif dice < 0.36:
                for k in below:
                    del state[k]
                members.append((name, ("sym", "../p/1"), 0o777, T))
                state[name] = ("sym", "../p/1")
            elif dice < 0.46:
                if state.get(name, ("",))[0] != "dir":
                    for k in below:
                        del state[k]
                members.append((name, DIR, 0o750, T + seq))
                state[name] = ("dir", 0o750, T + seq)
                data = rng.randbytes(40)
                members.append((f"{name}/in{seq % 3}", data, 0o644, T + seq))
                state[f"{name}/in{seq % 3}"] = ("file", data, 0o644, T + seq)
        b.add(seq, seq - 1 if seq else None, members, deleted)
        if seq in (9, 20, 29):
            assert restored(b, seq, tmp_path) == state
