"""Programs of all three generations against the library that a fresh copy of the tree builds."""
import hashlib
import os
import random
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

APP = Path("/app")
LEGACY = Path("/opt/legacy")
TESTS = Path(__file__).parent
ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}
API2 = ["frame_checksum", "frame_encode", "frame_scan", "frame_decode", "frame_strerror", "frame_build_date"]
EXPORTS = {"frame_checksum@FRAME_1.0", "frame_encode@FRAME_1.0", "frame_scan@FRAME_1.0", "frame_set_trace@FRAME_1.0",
           "frame_scan@FRAME_1.1", "frame_decode@FRAME_1.1"} | {f"{n}@@FRAME_2.0" for n in API2}
MAP10 = "FRAME_1.0 { global: frame_checksum; frame_encode; frame_scan; frame_set_trace; local: *; };\n"
MAP11 = ("FRAME_1.0 { global: frame_checksum; frame_encode; frame_set_trace; local: *; };\n"
         "FRAME_1.1 { global: frame_scan; frame_decode; } FRAME_1.0;\n")


def run(args, cwd="/", data=b"", env=None, timeout=60):
    return subprocess.run([str(a) for a in args], cwd=cwd, env={**ENV, **(env or {})}, input=data, capture_output=True,
                          timeout=timeout)


def ok(args, **k):
    p = run(args, **k)
    assert p.returncode == 0, (args, p.stdout[-1500:], p.stderr[-2500:])
    return p.stdout


def copy_and_make(target, *args, env=None):
    shutil.copytree(APP, target, symlinks=True, ignore=shutil.ignore_patterns("build"))
    ok(["make", *args], cwd=target, env=env)
    return target / "build"


# -- reference ---------------------------------------------------------------------------------------------------

def fletcher(data):
    a = b = 0
    for x in data:
        a = (a + x) % 255
        b = (b + a) % 255
    return b << 8 | a


def frame1(payload, bad=False):
    return struct.pack(">H", len(payload)) + payload + struct.pack(">H", fletcher(payload) ^ (0x101 if bad else 0))


def frame2(payload, bad=False):
    return struct.pack(">I", len(payload)) + payload + struct.pack(">I", zlib.crc32(payload) ^ (1 if bad else 0))


def payloads(seed):
    r = random.Random(seed)
    return [r.randbytes(r.choice([0, 1, 7, 255, 300, 1000, 5000])) for _ in range(12)]


def cases1():
    """(name, buffer, kinds) with kinds a list of (payload, bad), and whether it is cut short"""
    a, b = payloads(11), payloads(12)
    yield "empty", [], False
    yield "good", [(p, False) for p in a], False
    yield "bad in the middle", [(p, i in (4, 9)) for i, p in enumerate(b)], False
    yield "bad first", [(p, i == 0) for i, p in enumerate(a)], False
    yield "cut short", [(p, False) for p in b], True
    yield "bad and cut short", [(p, i == 2) for i, p in enumerate(b)], True


def buffer1(frames, cut):
    data = b"".join(frame1(p, bad) for p, bad in frames)
    return data + b"\x00\x09only" if cut else data


def expect10(frames, cut):
    n = size = 0
    lines = []
    for p, bad in frames:
        if bad:
            return -1, n, size, lines
        n, size = n + 1, size + len(p)
        lines.append(f"frame {n} len {len(p)}")
    return (-1 if cut else n), n, size, lines


def expect11(frames, cut):
    good = [p for p, bad in frames if not bad]
    return (-1 if cut else len(good)), len(good), sum(map(len, good)), len(frames) - len(good)


CASES = list(cases1())

# -- set-up ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    # nothing built earlier, and no library installed somewhere, may help
    shutil.rmtree(APP / "build", ignore_errors=True)
    return copy_and_make(tmp_path_factory.mktemp("tree") / "frame")


@pytest.fixture(scope="session")
def old(tmp_path_factory):
    """Compiles programs the way it was done in the days of 1.0 and 1.1: against a stub with the old versions."""
    where = tmp_path_factory.mktemp("old")
    names = "checksum encode scan set_trace decode".split()
    (where / "stub.c").write_text("".join(f"void frame_{n}(void) {{}}\n" for n in names))
    stubs = {}
    for gen, text in (("1.0", MAP10), ("1.1", MAP11)):
        (where / f"{gen}.map").write_text(text)
        stubs[gen] = where / gen / "libframe.so"
        stubs[gen].parent.mkdir()
        ok(["gcc", "-w", "-shared", "-fPIC", "-Wl,-soname,libframe.so.1", f"-Wl,--version-script={where}/{gen}.map", "-o",
            stubs[gen], where / "stub.c"])

    def compile(gen, name, source, *options):
        (where / f"{name}.c").write_text(f'#include "frame-{gen}.h"\n' + source)
        ok(["gcc", "-O1", f"-I{TESTS}", *options, "-o", where / name, where / f"{name}.c", stubs[gen]])
        return where / name
    return compile


@pytest.fixture(scope="session")
def new(tmp_path_factory, build):
    where = tmp_path_factory.mktemp("new")

    def compile(name, source, *libs):
        (where / f"{name}.c").write_text('#include "frame-2.0.h"\n' + source)
        return run(["gcc", "-O1", f"-I{TESTS}", "-o", where / name, where / f"{name}.c", *(libs or (f"-L{build}", "-lframe", "-ldl"))])
    compile.where = where
    return compile


def with_lib(build):
    return {"LD_LIBRARY_PATH": str(build)}


READ = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static unsigned char in[1 << 20], out[1 << 20];
static void show(const char *line) { printf("# %s\\n", line); }
static void intact(const unsigned char *p, int n) { while (n--) if (*p++ != 0xa5) { printf("OVERWRITTEN\\n"); exit(9); } }
"""
CLIENT10 = READ + """
int main(int argc, char **argv)
{
    size_t n = fread(in, 1, sizeof in, stdin);
    struct { unsigned char before[16]; struct frame_stat st; unsigned char after[64]; } s;
    int r;
    memset(&s, 0xa5, sizeof s);
    if (argc > 1) frame_set_trace(show);
    r = frame_scan(in, n, &s.st);
    intact(s.before, 16); intact(s.after, 64);
    printf("%d %u %u\\n", r, s.st.frames, s.st.bytes);
    frame_set_trace(NULL);
    frame_scan(in, n, &s.st);
    memset(out, 0xa5, sizeof out);
    r = frame_encode(in, n, out);
    intact(out + (r < 0 ? 0 : r), 4096);
    printf("%d %04x\\n", r, frame_checksum(in, n));
    if (r >= 0) printf("%04x\\n", frame_checksum(out, r));
    return 0;
}
"""
CLIENT11 = READ + """
int main(int argc, char **argv)
{
    size_t n = fread(in, 1, sizeof in, stdin);
    struct { unsigned char before[16]; struct frame_stat st; unsigned char after[64]; } s;
    int r;
    memset(&s, 0xa5, sizeof s);
    r = frame_scan(in, n, &s.st);
    intact(s.before, 16); intact(s.after, 64);
    printf("%d %u %u %u\\n", r, s.st.frames, s.st.bytes, s.st.bad);
    memset(out, 0xa5, sizeof out);
    r = frame_decode(in, n, out, 300);
    intact(out + (r < 0 ? 0 : r), 4096);
    printf("%d %04x\\n", r, r < 0 ? 0 : frame_checksum(out, r));
    return 0;
}
"""
CLIENT20 = READ + """
int main(void)
{
    size_t n = fread(in, 1, sizeof in, stdin);
    struct { unsigned char before[16]; struct frame_stat st; unsigned char after[64]; } s;
    long long r;
    memset(&s, 0xa5, sizeof s);
    r = frame_scan(in, n, &s.st);
    intact(s.before, 16); intact(s.after, 64);
    printf("%lld %llu %llu %llu %u\\n", r, (long long) s.st.frames, (long long) s.st.bytes, (long long) s.st.bad, s.st.largest);
    memset(out, 0xa5, sizeof out);
    r = frame_decode(in, n, out, 300);
    intact(out + (r < 0 ? 0 : r), 4096);
    printf("%lld %08x %s\\n", r, r < 0 ? 0 : frame_checksum(out, r), frame_strerror(r));
    printf("%lld\\n", (long long) frame_encode(in, n, out, n + 7));
    memset(out, 0xa5, sizeof out);
    r = frame_encode(in, n, out, n + 8);
    intact(out + r, 4096);
    printf("%lld %08x\\n", r, frame_checksum(out, r));
    return 0;
}
"""


def expect20(frames, data):
    good = [p for p, bad in frames if not bad]
    first, bad = frames[0]
    code = -2 if bad else -3 if len(first) > 300 else len(first)
    text = {-2: "wrong checksum", -3: "output does not fit"}.get(code, "no error")
    sum_ = zlib.crc32(first) if code >= 0 else 0
    return (f"{len(good)} {len(good)} {sum(map(len, good))} {len(frames) - len(good)} {max(map(len, good), default=0)}\n"
            f"{code} {sum_:08x} {text}\n-3\n{len(data) + 8} {zlib.crc32(frame2(data)):08x}\n")


CASES20 = [[(b"abc" * 70, False), (b"", False)], [(b"x" * 301, False), (b"yy", True), (b"z" * 70000, False)],
           [(b"bad", True), (b"good", False)], [(p, i % 5 == 3) for i, p in enumerate(payloads(5))]]


# -- tests -------------------------------------------------------------------------------------------------------

def test_given_files_are_unchanged():
    assert (APP / "src/frame.h").read_bytes() == (TESTS / "frame-2.0.h").read_bytes()
    for gen in ("1.0", "1.1"):
        assert (APP / f"abi/frame-{gen}.h").read_bytes() == (TESTS / f"frame-{gen}.h").read_bytes()


def test_files_and_soname(build):
    assert (build / "libframe.so.1").is_file() and not (build / "libframe.so.1").is_symlink()
    assert (build / "libframe.so").resolve() == (build / "libframe.so.1").resolve()
    assert b"Library soname: [libframe.so.1]" in ok(["readelf", "-d", build / "libframe.so.1"])


def test_exported_symbols(build):
    lines = ok(["nm", "-D", "--defined-only", build / "libframe.so.1"]).decode().split("\n")
    kinds = {line.split()[-1]: line.split()[-2] for line in lines if line.strip()}
    assert {n for n, kind in kinds.items() if kind != "A"} == EXPORTS
    assert {n.split("@")[0] for n, kind in kinds.items() if kind == "A"} <= {"FRAME_1.0", "FRAME_1.1", "FRAME_2.0"}


@pytest.mark.parametrize("name,frames,cut", CASES, ids=[c[0] for c in CASES])
def test_legacy_scan10(build, tmp_path, name, frames, cut):
    data = buffer1(frames, cut)
    (tmp_path / "in").write_bytes(data)
    r, n, size, lines = expect10(frames, cut)
    want = f"result {r} frames {n} bytes {size} whole {fletcher(data):04x}\n"
    assert ok([LEGACY / "scan10", tmp_path / "in"], env=with_lib(build)).decode() == want
    want = "".join(f"# {x}\n" for x in lines) + want
    assert ok([LEGACY / "scan10", "-t", tmp_path / "in"], env=with_lib(build)).decode() == want


def test_legacy_tool11(build):
    tool = LEGACY / "tool11"
    env = with_lib(build)
    for p in payloads(31) + [b"z" * 65535]:
        assert ok([tool, "encode"], data=p, env=env) == frame1(p)
    assert run([tool, "encode"], data=b"z" * 65536, env=env).returncode == 1
    assert ok([tool, "decode"], data=frame1(b"hello") + b"more", env=env) == b"hello"
    assert run([tool, "decode"], data=frame1(b"hello")[:-1], env=env).returncode == 1
    assert run([tool, "decode"], data=frame1(b"hello", True), env=env).returncode == 2
    assert run([tool, "decode"], data=frame1(b"h" * 1001), env=env).returncode == 3
    for _, frames, cut in CASES:
        assert ok([tool, "scan"], data=buffer1(frames, cut), env=env).decode() == "%d %d %d %d\n" % expect11(frames, cut)


def test_other_programs_of_1_0(build, old):
    program = old("1.0", "client10", CLIENT10)
    for _, frames, cut in CASES:
        data = buffer1(frames, cut)
        r, n, size, lines = expect10(frames, cut)
        rest = f"{r} {n} {size}\n{len(data) + 4} {fletcher(data):04x}\n{fletcher(frame1(data)):04x}\n"
        assert ok([program], data=data, env=with_lib(build)).decode() == rest
        assert ok([program, "trace"], data=data, env=with_lib(build)).decode() == "".join(f"# {x}\n" for x in lines) + rest
    big = b"\0" * 70000         # 17500 empty frames, and too long to be one
    assert ok([program], data=big, env=with_lib(build)).decode() == "17500 17500 0\n-1 0000\n"


def test_other_programs_of_1_1(build, old):
    program = old("1.1", "client11", CLIENT11)
    for _, frames, cut in CASES:
        data = buffer1(frames, cut)
        if not frames:
            code, sum_ = -1, 0
        else:
            first, bad = frames[0]
            code = -2 if bad else -3 if len(first) > 300 else len(first)
            sum_ = fletcher(first) if code >= 0 else 0
        want = "%d %d %d %d\n" % expect11(frames, cut) + f"{code} {sum_:04x}\n"
        assert ok([program], data=data, env=with_lib(build)).decode() == want


def test_new_programs_get_2_0(build, new):
    p = new("client20", CLIENT20)
    assert p.returncode == 0, p.stderr
    for frames in CASES20:
        data = b"".join(frame2(*f) for f in frames)
        assert ok([new.where / "client20"], data=data, env=with_lib(build)).decode() == expect20(frames, data)
    assert ok([new.where / "client20"], data=frame2(b"hello")[:-1], env=with_lib(build)).decode().startswith(
        "-1 0 0 0 0\n-1 00000000 frame is cut short\n")


def test_new_programs_cannot_link_the_trace(new):
    source = "void frame_set_trace(void (*)(const char *));\nint main(void) { frame_set_trace(0); return 0; }\n"
    p = new("tracer", source)
    assert p.returncode != 0 and b"frame_set_trace" in p.stderr
    assert new("plain", "int main(void) { return frame_build_date()[0] == 0; }\n").returncode == 0


def test_three_generations_in_one_process(build, old, new):
    module = READ + """
    void work(const unsigned char *buf, int n, int use_trace)
    {
        struct { struct frame_stat st; unsigned char after[64]; } s;
        memset(&s, 0xa5, sizeof s);
        if (use_trace) frame_set_trace(show);
        printf("old %d", frame_scan(buf, n, &s.st));
        intact(s.after, 64);
        printf(" %u %u %04x\\n", s.st.frames, s.st.bytes, frame_checksum(buf, n));
    }
    """
    m10 = old("1.0", "m10.so", module, "-shared", "-fPIC")
    m11 = old("1.1", "m11.so", module, "-shared", "-fPIC")
    p = new("host", READ + f"""
    #include <dlfcn.h>
    int main(void)
    {{
        int n = fread(in, 1, sizeof in, stdin);
        struct frame_stat st;
        void (*work10)(const unsigned char *, int, int) = dlsym(dlopen("{m10}", RTLD_NOW), "work");
        void (*work11)(const unsigned char *, int, int) = dlsym(dlopen("{m11}", RTLD_NOW), "work");
        work10(in, n, 0);
        work11(in, n, 1);
        work10(in, n, 0);
        printf("new %lld %08x\\n", (long long) frame_scan(in, n, &st), frame_checksum(in, n));
        return 0;
    }}
    """)
    assert p.returncode == 0, p.stderr
    data = frame1(b"one") + frame1(b"two", True) + frame1(b"three")
    f = f"{fletcher(data):04x}"
    assert ok([new.where / "host"], data=data, env=with_lib(build)).decode() == (
        f"old -1 1 3 {f}\n# frame 1 len 3\n# frame 2 len 5\nold 2 2 8 {f}\n# frame 1 len 3\nold -1 1 3 {f}\n"
        f"new -1 {zlib.crc32(data):08x}\n")


def test_archive_symbols(build):
    lines = ok(["nm", "-g", "--defined-only", build / "libframe.a"]).decode().split("\n")
    assert sorted(x.split()[-1] for x in lines if len(x.split()) == 3) == sorted(API2)


def test_archive_works_next_to_own_names(build, new):
    names = ["crc_update", "put32", "get32", "frame_check", "old_scan", "fill", "trace", "frame_set_trace"]
    own = "".join(f"int {n}(void) {{ return 1; }}\n" for n in names) + "int crc_table[256] = {5, 5};\n"
    p = new("static20", own + CLIENT20, build / "libframe.a")
    assert p.returncode == 0, p.stderr
    for frames in CASES20:
        data = b"".join(frame2(*f) for f in frames)
        assert ok([new.where / "static20"], data=data).decode() == expect20(frames, data)


def test_reproducible(tmp_path):
    seen = {}
    places = [("a", [], {"TZ": "UTC", "LANG": "C"}),
              ("b/considerably/longer/path-to_it", ["-j4"], {"TZ": "America/St_Johns", "LC_ALL": "C.UTF-8", "USER": "eve", "LOGNAME": "eve", "HOSTNAME": "elsewhere"})]
    for place, args, env in places:
        where = tmp_path / place / "frame"
        where.parent.mkdir(parents=True)
        fake = tmp_path / "bin"     # another host, user and time of day, as far as commands tell them
        fake.mkdir(exist_ok=True)
        if args:
            for tool, says in (("hostname", "elsewhere"), ("id", "eve"), ("whoami", "eve")):
                (fake / tool).write_text(f"#!/bin/sh\necho {says}\n")
                (fake / tool).chmod(0o755)
            env = {**env, "PATH": f"{fake}:{ENV['PATH']}"}
        b = copy_and_make(where, *args, env={**env, "SOURCE_DATE_EPOCH": "1000000000"})
        for name in ("libframe.so.1", "libframe.a"):
            data = (b / name).read_bytes()
            assert str(tmp_path).encode() not in data, f"{name} holds the directory it was built in"
            seen.setdefault(name, set()).add(hashlib.sha256(data).hexdigest())
    assert {n: len(v) for n, v in seen.items()} == {"libframe.so.1": 1, "libframe.a": 1}


@pytest.mark.parametrize("epoch,text", [("1000000000", "Sep  9 2001 01:46:40"), ("1735689599", "Dec 31 2024 23:59:59")])
def test_build_date(tmp_path, epoch, text):
    b = copy_and_make(tmp_path / "frame", env={"SOURCE_DATE_EPOCH": epoch, "TZ": "Asia/Tokyo"})
    code = (f"import ctypes; l = ctypes.CDLL('{b}/libframe.so.1'); l.frame_build_date.restype = ctypes.c_char_p;"
            "print(l.frame_build_date().decode())")
    assert ok(["python3", "-c", code]).decode() == text + "\n"


def test_archive_has_the_date_too(tmp_path):
    b = copy_and_make(tmp_path / "frame", env={"SOURCE_DATE_EPOCH": "86400"})
    (tmp_path / "d.c").write_text('#include "frame-2.0.h"\n#include <stdio.h>\nint main(void) { puts(frame_build_date()); return 0; }\n')
    ok(["gcc", f"-I{TESTS}", "-o", tmp_path / "d", tmp_path / "d.c", b / "libframe.a"])
    assert ok([tmp_path / "d"]).decode() == "Jan  2 1970 00:00:00\n"
