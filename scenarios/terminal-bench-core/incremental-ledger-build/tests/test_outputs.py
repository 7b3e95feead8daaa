"""Judges the build by what it does: every test works in its own copy of /app without build/."""
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

APP = Path("/app")
PROTECTED = {
    "src/codes.def": "39470c45cde24533a751c6d879e453ef9cd13d95f97f4d54cbdfb1c49f3d9ff9",
    "VERSION": "ad8650bc9057d9dfd809961b69dbad640c288d809fa44437d44d83d3b118c821",
    "tools/gencodes.py": "91b5463e6266e769c107e628fa03520ce84573ea6a37b5fb9444af0461cb1e66",
    "src/fmt/main.c": "f4280e0752bf3bbb0079f656c80054a725254b98d9f24fc605b49b6706130b1e",
    "src/fmt/style.h": "705b3d3fec4318cc8aa798b9345c52b15a34a4e6ebed0c267da933be14560949",
    "src/lib/amount.c": "cecb4a84b14b3d0bfed2d73f1b4ae22cb5d128169a157cd6e1f036bbbff3b1b3",
    "src/lib/amount.h": "4b44931b466e08ed3964d31e80742c85973cd010eed46a4550f1a18f6b6216c1",
    "src/lib/journal.c": "a6ce49626623cdbe582920ed43c0d1cd29e425d21e50a51854e677683566ad49",
    "src/lib/journal.h": "1c7f11a23635d61b06860a6b233312aecefb05d64406f1ec4cc65857d2939c46",
    "src/lib/lookup.c": "7ebe80f74fdf4981f5aeb822bc709d4ca733301cabbbad79519df401765d1dfe",
    "src/lib/lookup.h": "bdcbc5ad3199350d7f9da0934d8c4ef5ecceadb0deab8f7278ed7ae50b53c3fb",
    "src/lib/version.c": "9e7e0440f03519aa5bb3557d03803fb9b4944154a96b1dbf266e306efefb83b3",
    "src/lib/version.h": "9fb91e93424bea1886d5338d290c244cc01c044ef4f64b6b3a999b22441ae168",
    "src/sum/main.c": "f8f1ec76ad3e1f9cf754acc326baff6c7e34c21edc06b066c878ef8215654fa9",
}
OBJECTS = {"lib/amount", "lib/journal", "lib/lookup", "lib/version", "sum/main", "fmt/main", "gen/codes"}
USES_CODES = {"lib/journal", "lib/lookup", "fmt/main", "gen/codes"}
TABLE = "* FD food       -\n* RN rent       -\n* TR travel     -\n* SL salary     +\n* RF refund     +\n"
ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}


def run(args, cwd, text="", timeout=60):
    return subprocess.run(args, cwd=cwd, env=ENV, input=text, text=True, capture_output=True, timeout=timeout)


def make(tree, *args):
    p = run(["make", *args], tree)
    assert p.returncode == 0, f"make {args} failed:\n{p.stdout[-1500:]}\n{p.stderr[-1500:]}"
    return p


@pytest.fixture(scope="session", autouse=True)
def no_old_build():
    """What was built in /app must not be what the copies run with."""
    shutil.rmtree(APP / "build", ignore_errors=True)


@pytest.fixture
def tree(tmp_path):
    target = tmp_path / "work"
    shutil.copytree(APP, target, symlinks=True, ignore=shutil.ignore_patterns("build"))
    return target


@pytest.fixture
def built(tree):
    make(tree, "-j2")
    time.sleep(0.05)
    return tree


def stamps(tree):
    return {o: (tree / f"build/obj/{o}.o").stat().st_mtime_ns for o in OBJECTS}


def edit(path, old=None, new=None):
    """Change a file (or only touch it), with a time stamp that is surely newer than the build."""
    if old is None:
        os.utime(path)
    else:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
    time.sleep(0.05)


def rebuilt(tree):
    before = stamps(tree)
    make(tree)
    after = stamps(tree)
    time.sleep(0.05)
    return {o for o in OBJECTS if before[o] != after[o]}


def fmt(tree, *args):
    p = run([str(tree / "build/bin/ledger-fmt"), *args], "/")
    assert p.returncode == 0, p.stderr
    return p.stdout


def total(binary, text):
    return run([str(binary)], "/", text).stdout


def add_log_to_generator(tree, seconds=0.0):
    """Slow the generator down and let it note every run."""
    path = tree / "tools/gencodes.py"
    log = tree.parent / "generator.log"
    text = path.read_text().replace(
        "def main():\n", f"def main():\n    import time\n    open({str(log)!r}, 'a').write('run\\n')\n    time.sleep({seconds})\n", 1)
    path.write_text(text)
    return log


def test_protected_files_are_unchanged():
    for name, digest in PROTECTED.items():
        assert hashlib.sha256((APP / name).read_bytes()).hexdigest() == digest, name
    sources = {str(p.relative_to(APP)) for p in (APP / "src").rglob("*") if p.suffix in (".c", ".h")}
    assert sources == {n for n in PROTECTED if n.endswith((".c", ".h"))}


def test_layout_and_nothing_outside_build(tree):
    def listing():
        return {str(p.relative_to(tree)) for p in tree.rglob("*") if p.relative_to(tree).parts[0] != "build"}
    before = listing()
    make(tree)
    assert listing() == before
    for name in ("bin/ledger-sum", "bin/ledger-fmt", "lib/libledger.so.2", "gen/codes.h", "gen/codes.c"):
        assert (tree / "build" / name).is_file(), name
    assert not (tree / "build/lib/libledger.so.2").is_symlink()
    assert os.readlink(tree / "build/lib/libledger.so").split("/")[-1] == "libledger.so.2"
    assert (tree / "build/lib/libledger.so").exists()
    found = {str(p.relative_to(tree / "build/obj"))[:-2] for p in (tree / "build").rglob("*.o")}
    assert found == OBJECTS


def test_programs_work_and_use_the_shared_library(built):
    assert fmt(built) == TABLE
    assert total(built / "build/bin/ledger-sum", "SL 1000.00\nFD 12.345\nRN 500\nXX 1\n") == "487.65 EUR (1 bad)\n"
    for name in ("ledger-sum", "ledger-fmt"):
        out = run(["readelf", "-d", str(built / "build/bin" / name)], "/").stdout
        assert "Shared library: [libledger.so.2]" in out, out
    out = run(["readelf", "-d", str(built / "build/lib/libledger.so.2")], "/").stdout
    assert "Library soname: [libledger.so.2]" in out, out


def test_library_loads_by_itself(built):
    code = (f"import ctypes, os; l = ctypes.CDLL({str(built / 'build/lib/libledger.so.2')!r}, mode=os.RTLD_NOW);"
            "l.ledger_version.restype = ctypes.c_char_p; l.ledger_lookup.restype = ctypes.c_void_p;"
            "print(l.ledger_version().decode(), bool(l.ledger_lookup(b'RF')), bool(l.ledger_lookup(b'ZZ')))")
    p = run([sys.executable, "-c", code], "/")
    assert p.stdout == "2.3.1 True False\n", p.stderr


@pytest.mark.parametrize("round_", [1, 2])
def test_parallel_build_with_a_slow_generator(tree, round_):
    log = add_log_to_generator(tree, 0.7)
    make(tree, "-j8")
    assert log.read_text() == "run\n"
    assert fmt(tree) == TABLE


def test_generator_runs_once_per_change(tree):
    log = add_log_to_generator(tree)
    make(tree)
    time.sleep(0.05)
    edit(tree / "src/codes.def", "travel", "trips")
    make(tree, "-j8")
    assert log.read_text() == "run\nrun\n"
    time.sleep(0.05)
    make(tree, "-j8")
    assert log.read_text() == "run\nrun\n"
    assert "* TR trips      -\n" in fmt(tree)


def test_nothing_changed_touches_nothing(built):
    def state():
        return {str(p): (p.lstat().st_mtime_ns, p.lstat().st_ino) for p in (built / "build").rglob("*") if not p.is_dir()}
    before = state()
    make(built)
    make(built, "-j8")
    assert state() == before


@pytest.mark.parametrize("name,expected", [
    ("src/lib/amount.h", {"lib/amount", "lib/journal", "sum/main"}),
    ("src/lib/journal.h", {"lib/journal", "sum/main"}),
    ("src/lib/lookup.h", {"lib/journal", "lib/lookup"}),
    ("src/lib/version.h", {"lib/version", "sum/main", "fmt/main"}),
    ("src/fmt/style.h", {"fmt/main"}),
    ("src/lib/version.c", {"lib/version"}),
    ("src/sum/main.c", {"sum/main"}),
    ("src/lib/amount.c", {"lib/amount"}),
    ("src/codes.def", USES_CODES),
    ("tools/gencodes.py", USES_CODES),
    ("VERSION", {"lib/version"}),
])
def test_touching_recompiles_exactly_what_depends(built, name, expected):
    edit(built / name)
    assert rebuilt(built) == expected
    assert rebuilt(built) == set()


def test_changes_reach_the_programs(built):
    edit(built / "src/lib/amount.h", '"EUR"', '"CHF"')
    make(built)
    assert total(built / "build/bin/ledger-sum", "RF 3\n") == "3.00 CHF (0 bad)\n"
    time.sleep(0.05)
    edit(built / "VERSION", "2.3.1", "2.4.0-rc7")
    assert rebuilt(built) == {"lib/version"}
    assert fmt(built, "--version") == "ledger-fmt 2.4.0-rc7\n"
    edit(built / "src/codes.def", "RF ", "RX ")
    assert rebuilt(built) == USES_CODES
    assert "* RX refund" in fmt(built)
    assert total(built / "build/bin/ledger-sum", "RX 3\n") == "3.00 CHF (0 bad)\n"
    edit(built / "src/fmt/style.h", '"*"', '"+"')
    assert rebuilt(built) == {"fmt/main"}
    assert fmt(built).startswith("+ FD food")


def test_include_added_later_is_followed(built):
    (built / "src/lib/extra.h").write_text('#define EXTRA "one"\n')
    edit(built / "src/lib/version.c", '#include "version.h"', '#include "version.h"\n#include "extra.h"')
    edit(built / "src/lib/version.c", "return LEDGER_VERSION;", 'return LEDGER_VERSION "-" EXTRA;')
    assert rebuilt(built) == {"lib/version"}
    assert fmt(built, "--version") == "ledger-fmt 2.3.1-one\n"
    edit(built / "src/lib/extra.h", "one", "two")
    assert rebuilt(built) == {"lib/version"}
    assert fmt(built, "--version") == "ledger-fmt 2.3.1-two\n"


def test_removed_header_needs_no_clean(built):
    (built / "src/fmt/style.h").unlink()
    edit(built / "src/fmt/main.c", '#include "style.h"', '#define STYLE_BULLET "-"\n#define STYLE_WIDTH 4')
    assert rebuilt(built) == {"fmt/main"}
    assert fmt(built).startswith("- FD food -\n")


@pytest.mark.parametrize("jobs", ["-j1", "-j8"])
def test_failing_generator_keeps_failing_until_repaired(tree, jobs):
    path = tree / "src/codes.def"
    good = path.read_text()
    path.write_text(good.replace("TR ", "Tr "))
    time.sleep(0.05)
    for _ in range(3):
        assert run(["make", jobs], tree).returncode != 0
        time.sleep(0.05)
    path.write_text(good)
    time.sleep(0.05)
    make(tree, jobs)
    assert fmt(tree) == TABLE


def test_failing_generator_after_a_good_build(built):
    path = built / "src/codes.def"
    good = path.read_text()
    path.write_text(good + "QQ oops 7\n")
    time.sleep(0.05)
    for _ in range(3):
        assert run(["make"], built).returncode != 0
        time.sleep(0.05)
    path.write_text(good + "QQ okay 1\n")
    time.sleep(0.05)
    make(built)
    assert fmt(built) == TABLE + "* QQ okay       +\n"


def test_build_directory_can_be_moved(built, tmp_path):
    away = tmp_path / "some where" / "else"
    away.parent.mkdir()
    shutil.move(str(built / "build"), str(away))
    p = run([str(away / "bin/ledger-fmt")], "/")
    assert (p.returncode, p.stdout) == (0, TABLE), p.stderr
    assert total(away / "bin/ledger-sum", "RF 1\nFD 0.5\n") == "0.50 EUR (0 bad)\n"


@pytest.mark.parametrize("prefix", [None, "/opt/ledger"])
def test_install(built, tmp_path, prefix):
    dest = tmp_path / "stage"
    make(built, "install", f"DESTDIR={dest}", *([f"PREFIX={prefix}"] if prefix else []))
    shutil.rmtree(built)
    root = Path(str(dest) + (prefix or "/usr/local"))
    assert {p.name for p in (root / "bin").iterdir()} == {"ledger-sum", "ledger-fmt"}
    assert {p.name for p in (root / "lib").iterdir()} == {"libledger.so", "libledger.so.2"}
    assert (root / "lib/libledger.so").is_symlink() and (root / "lib/libledger.so").exists()
    p = run([str(root / "bin/ledger-fmt")], "/")
    assert (p.returncode, p.stdout) == (0, TABLE), p.stderr
    assert total(root / "bin/ledger-sum", "SL 2\n") == "2.00 EUR (0 bad)\n"


def test_clean_removes_build(built):
    make(built, "clean")
    assert not (built / "build").exists()
    make(built, "-j8")
    assert fmt(built) == TABLE
