import bz2
import gzip
import io
import lzma
import os
import pathlib
import random
import subprocess
import tarfile
import zipfile

TOOL = "/app/unpack"
PACK = {"tar": lambda b: b, "tar.gz": gzip.compress, "tar.bz2": bz2.compress, "tar.xz": lzma.compress}


def tar_bytes(members, fmt=tarfile.GNU_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=fmt) as tar:
        for name, data, mode in members:
            info = tarfile.TarInfo(name)
            info.mode, info.mtime = mode, 1700000000
            if data is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zip_bytes(members, how=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as z:
        for name, data in members:
            z.writestr(zipfile.ZipInfo(name, (2023, 11, 14, 0, 0, 0)), data)
    return out.getvalue()


def run(tmp, files, cwd="/app"):
    src, dest = tmp / "src", tmp / "deep" / "dest"
    src.mkdir(exist_ok=True)
    for name, data in files.items():
        (src / name).write_bytes(data)
    p = subprocess.run([TOOL, str(src), str(dest)], cwd=cwd, capture_output=True, timeout=30)
    assert p.returncode == 0, p.stderr[-500:]
    assert {f.name: f.read_bytes() for f in src.iterdir() if f.is_file()} == files, "the source folder was changed"
    return dest, p.stdout.decode()


def tree(folder):
    folder = pathlib.Path(folder)
    found = {}
    for p in folder.rglob("*"):
        found[str(p.relative_to(folder))] = None if p.is_dir() else p.read_bytes()
    return found


def test_given_drop_was_unpacked():
    got = tree("/app/unpacked")
    prices = b"sku;price\n" + b"".join(b"%05d;%d.%02d\n" % (i, i % 90, i % 100) for i in range(400))
    assert got == {
        "prices march.zip": None, "prices march.zip/prices": None, "prices march.zip/prices/march.csv": prices,
        "catalogue.tar.gz": None, "catalogue.tar.gz/catalogue": None, "catalogue.tar.gz/catalogue/img": None,
        "catalogue.tar.gz/catalogue/index.html": b"<h1>Catalogue</h1>\n",
        "update": None, "update/bin": None, "update/bin/apply.sh": b"#!/bin/sh\necho applied\n",
        "stock.txt": None, "stock.txt/content": b"warehouse 7: 1200\n",
        "_unrecognized": None, "_unrecognized/readme.gz": b"This one is plain text, whatever it is called.\n",
    }


def test_every_tar_kind_under_wrong_names(tmp_path):
    rng = random.Random(11)
    names = {"tar": "a.zip", "tar.gz": "b.tar", "tar.bz2": "c.tar.xz", "tar.xz": "d"}
    files, want = {}, {}
    for kind, name in names.items():
        body = rng.randbytes(rng.randrange(1, 40000))
        files[name] = PACK[kind](tar_bytes([("x/", None, 0o755), ("x/data.bin", body, 0o644), ("top", kind.encode(), 0o600)]))
        want.update({name: None, f"{name}/x": None, f"{name}/x/data.bin": body, f"{name}/top": kind.encode()})
    dest, out = run(tmp_path, files)
    assert tree(dest) == want
    assert out == "tar\ta.zip\ntar.gz\tb.tar\ntar.bz2\tc.tar.xz\ntar.xz\td\n"


def test_compressed_single_files(tmp_path):
    text = b"just one file\n" * 300
    files = {"one": gzip.compress(text), "two.tar.gz": bz2.compress(text), "three.zip": lzma.compress(text), "zero": gzip.compress(b"")}
    dest, out = run(tmp_path, files)
    assert tree(dest) == {"one": None, "one/content": text, "two.tar.gz": None, "two.tar.gz/content": text,
                          "three.zip": None, "three.zip/content": text, "zero": None, "zero/content": b""}
    assert out == "gz\tone\nxz\tthree.zip\nbz2\ttwo.tar.gz\ngz\tzero\n"


def test_zip_with_empty_folder(tmp_path):
    dest, out = run(tmp_path, {"z.tar": zip_bytes([("a/b/c.txt", b"c" * 5000), ("empty/", b"")])})
    assert tree(dest) == {"z.tar": None, "z.tar/a": None, "z.tar/a/b": None, "z.tar/a/b/c.txt": b"c" * 5000, "z.tar/empty": None}
    assert out == "zip\tz.tar\n"


def test_archives_inside_archives_stay_packed(tmp_path):
    inner_zip = zip_bytes([("deep.txt", b"deep")], zipfile.ZIP_STORED)
    inner_tar = tar_bytes([("deep.txt", b"deep", 0o644)])
    dest, out = run(tmp_path, {"outer1": tar_bytes([("inner.zip", inner_zip, 0o644)]),
                               "outer2": zip_bytes([("inner.tar", inner_tar)], zipfile.ZIP_STORED)})
    assert tree(dest) == {"outer1": None, "outer1/inner.zip": inner_zip, "outer2": None, "outer2/inner.tar": inner_tar}
    assert out == "tar\touter1\nzip\touter2\n"


def test_unsafe_members_are_left_out(tmp_path):
    bad = [("ok/first.txt", b"1"), ("../escaped.txt", b"bad"), ("ok/../../escaped2.txt", b"bad"),
           ("/tmp/unpack-escaped.txt", b"bad"), ("ok/..dots", b"fine"), ("ok/last.txt", b"2")]
    files = {"evil.tgz": gzip.compress(tar_bytes([(n, d, 0o644) for n, d in bad])), "evil.bin": zip_bytes(bad)}
    dest, _ = run(tmp_path, files)
    want = {}
    for name in files:
        want.update({name: None, f"{name}/ok": None, f"{name}/ok/first.txt": b"1", f"{name}/ok/..dots": b"fine", f"{name}/ok/last.txt": b"2"})
    assert tree(dest) == want
    assert not os.path.exists("/tmp/unpack-escaped.txt")
    assert sorted(p.name for p in dest.parent.iterdir()) == ["dest"]


def test_tar_permissions(tmp_path):
    dest, _ = run(tmp_path, {"p": PACK["tar.xz"](tar_bytes([("run.sh", b"#!/bin/sh\n", 0o755), ("secret", b"s", 0o600), ("odd", b"o", 0o647)]))})
    modes = {n: (dest / "p" / n).stat().st_mode & 0o777 for n in ("run.sh", "secret", "odd")}
    assert modes == {"run.sh": 0o755, "secret": 0o600, "odd": 0o647}


def test_unrecognised_files(tmp_path):
    files = {"empty.zip": b"", "note.tar": b"PK is how this sentence starts\n", "pic": b"\x89PNG\r\n\x1a\n" + bytes(range(256))}
    dest, out = run(tmp_path, files)
    assert tree(dest) == {"_unrecognized": None, **{f"_unrecognized/{n}": d for n, d in files.items()}}
    assert out == "unknown\tempty.zip\nunknown\tnote.tar\nunknown\tpic\n"


def test_awkward_names_order_and_subfolders(tmp_path):
    (tmp_path / "src" / "sub").mkdir(parents=True)
    (tmp_path / "src" / "sub" / "x.gz").write_bytes(gzip.compress(b"ignored"))
    names = ["-rf", "B two  words", "a", ".hidden", "Z*?[a]", "ä.zip", "$HOME"]
    files = {n: gzip.compress(n.encode()) for n in names}
    dest, out = run(tmp_path, files, cwd=str(tmp_path))
    order = sorted(names, key=os.fsencode)
    assert out == "".join(f"gz\t{n}\n" for n in order)
    assert tree(dest) == {k: v for n in names for k, v in ((n, None), (f"{n}/content", n.encode()))}
