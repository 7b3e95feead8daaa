"""/app/memo: what it replays, what it must not replay, and how it behaves when things go wrong."""
import os
import secrets
import shutil
import signal
import stat
import subprocess
import time

import pytest

MEMO = "/app/memo"


class Box:
    """A working directory, a cache directory, and a log of the runs of a command."""

    def __init__(self, tmp_path):
        self.dir = tmp_path / "work"
        self.dir.mkdir()
        self.cache = tmp_path / "cache dir"
        self.runs = tmp_path / "runs"
        self.procs = []

    def argv(self, script, *args, opts=(), cache=None):
        """memo of: a shell script that leaves a mark for each run."""
        text = f'echo run >> "{self.runs}"; {script}'
        return [MEMO, "-c", str(cache or self.cache), *opts, "--", "sh", "-c", text, "sh", *args]

    def start(self, argv, **kw):
        p = subprocess.Popen(argv, **{"cwd": self.dir, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                                      "stderr": subprocess.PIPE, **kw})
        self.procs.append(p)
        return p

    def memo(self, script, *args, opts=(), cache=None, **kw):
        return self.call(self.argv(script, *args, opts=opts, cache=cache), **kw)

    def call(self, argv, timeout=20, **kw):
        return subprocess.run(argv, timeout=timeout, **{"cwd": self.dir, "stdin": subprocess.DEVNULL, "capture_output": True, **kw})

    def count(self):
        return len(self.runs.read_text().split()) if self.runs.exists() else 0

    def files(self):
        return [os.path.join(d, n) for d, _, names in os.walk(self.cache) for n in names]


@pytest.fixture
def box(tmp_path):
    b = Box(tmp_path)
    yield b
    for p in b.procs:
        if p.poll() is None:
            p.kill()
        p.wait()
        for f in (p.stdout, p.stderr):
            if f:
                f.close()


def wait_for(what, seconds=15):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def same(a, b):
    assert (a.returncode, a.stdout, a.stderr) == (b.returncode, b.stdout, b.stderr)


# ------------------------------------------------------------- run and replay

def test_replays_both_outputs_byte_for_byte(box):
    blob = bytes(range(256)) + b"\n\nno newline at the end" + secrets.token_bytes(50)
    (box.dir / "blob").write_bytes(blob)
    script = "cat blob; printf '\\000err\\377' >&2; cat blob blob >&2"
    first = box.memo(script)
    assert first.returncode == 0 and first.stdout == blob and first.stderr == b"\0err\xff" + blob * 2
    for _ in range(3):
        same(box.memo(script), first)
    assert box.count() == 1


def test_empty_and_large_output(box):
    for script in ("true", "head -c 20000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero >&2"):
        before = box.count()
        first = box.memo(script)
        same(box.memo(script), first)
        assert first.returncode == 0 and box.count() == before + 1
    assert len(first.stdout) == 20_000_000 and len(first.stderr) == 3_000_000


def test_stdin_of_the_command_is_empty(box):
    p = box.call(box.argv("cat; echo end"), stdin=None, input=b"not for you\n")
    assert p.stdout == b"end\n"


def test_command_gets_environment_umask_and_directory(box):
    p = box.memo('echo "$COLOUR"; umask; pwd', env={**os.environ, "COLOUR": "blue $x"}, umask=0o026)
    assert p.stdout == b"blue $x\n0026\n" + os.fsencode(box.dir) + b"\n"


# ------------------------------------------------------------- what makes two calls the same

def test_arguments_count_exactly(box):
    lists = [["a b"], ["a", "b"], ["a", "b", ""], ["", "a", "b"], ["a\nb"], ["a", "\nb"], ["ab"], ["a  b"], ["a b "], ["*"], ["a\\nb"],
             [b"\xff\xfe"], [b"\xff"], ["'a' b"], []]
    script = 'for x; do printf "<%s>" "$x"; done'
    for round_ in range(2):
        for args in lists:
            want = b"".join(b"<" + os.fsencode(a) + b">" for a in args)
            assert box.memo(script, *args).stdout == want, args
    assert box.count() == len(lists)


def test_options_after_the_dashes_belong_to_the_command(box):
    p = box.call([MEMO, "-c", str(box.cache), "--", "echo", "-c", "x", "--", "-i"])
    assert (p.returncode, p.stdout) == (0, b"-c x -- -i\n")


def test_working_directory_counts(box):
    (box.dir / "sub").mkdir()
    assert box.memo("pwd").stdout != box.memo("pwd", cwd=box.dir / "sub").stdout
    assert box.count() == 2


def test_environment_counts_only_where_named(box):
    base = {k: v for k, v in os.environ.items() if k not in ("A", "B")}
    script = 'echo "${A-unset}/${B-unset}"'
    opts = ("-e", "A", "-e", "B")
    envs = [{}, {"A": ""}, {"A": "", "B": ""}, {"A": "x"}, {"B": "x"}, {"A": "x\nB=x"}, {"A": "xB", "B": "x"}, {"A": "x", "B": "Bx"}]
    for _ in range(2):
        for e in envs:
            want = f"{e.get('A', 'unset')}/{e.get('B', 'unset')}\n".encode()
            assert box.memo(script, opts=opts, env={**base, **e}).stdout == want, e
    assert box.count() == len(envs)
    box.memo(script, opts=opts[2:] + opts[:2], env={**base, "A": "x", "C": "other"})
    assert box.count() == len(envs), "order of -e and unnamed variables must not matter"


def test_input_contents_count_not_times(box):
    a, b = box.dir / "a", box.dir / "b"
    a.write_text("one")
    b.write_text("two")
    opts, swapped = ("-i", "a", "-i", "b"), ("-i", "b", "-i", "a")
    script = "cat a b"
    assert box.memo(script, opts=opts).stdout == b"onetwo"
    os.utime(a, (1, 1))
    assert box.memo(script, opts=swapped).stdout == b"onetwo"
    assert box.count() == 1, "neither the time nor the order of -i matters"
    st = a.stat()
    a.write_text("ONE")
    os.utime(a, ns=(st.st_atime_ns, st.st_mtime_ns))
    assert box.memo(script, opts=opts).stdout == b"ONEtwo"
    a.write_text("onet")
    b.write_text("wo")
    assert box.memo(script, opts=opts).stdout == b"onetwo"
    assert box.count() == 3, "other contents, though they join to the same text"
    a.write_text("two")
    b.write_text("one")
    assert box.memo(script, opts=opts).stdout == b"twoone"
    a.write_text("one")
    b.write_text("two")
    assert box.memo(script, opts=opts).stdout == b"onetwo"
    assert box.count() == 4, "contents belong to their names; old results stay valid"


def test_odd_input_names(box):
    names = ["with blank", "line\nbreak", "-i", "*", os.fsdecode(b"\xff\xfe")]
    for n in names:
        (box.dir / n).write_text("x")
    opts = [x for n in names for x in ("-i", n)]
    for _ in range(2):
        assert box.memo("echo ok", opts=opts).stdout == b"ok\n"
    assert box.count() == 1
    (box.dir / names[-1]).write_text("y")
    assert box.memo("echo ok", opts=opts).stdout == b"ok\n"
    assert box.count() == 2


# ------------------------------------------------------------- what is not stored

def test_failures_are_passed_on_but_not_stored(box):
    for n in (1, 7, 255):
        for _ in range(2):
            p = box.memo(f"echo out-{n}; echo err-{n} >&2; exit {n}")
            assert (p.returncode, p.stdout, p.stderr) == (n, b"out-%d\n" % n, b"err-%d\n" % n)
            assert not any(b"out-" in open(f, "rb").read() for f in box.files())
    assert box.count() == 6
    p = box.memo("kill -9 $$")
    assert p.returncode == 137
    assert box.memo("kill -9 $$").returncode == 137 and box.count() == 8


def test_failed_then_good_is_stored(box):
    script = "echo try; test -e ok"
    assert box.memo(script).returncode == 1
    (box.dir / "ok").write_text("")
    for _ in range(2):
        p = box.memo(script)
        assert (p.returncode, p.stdout) == (0, b"try\n")
    assert box.count() == 2


def test_command_that_can_not_be_started(box):
    (box.dir / "plain").write_text("#!/bin/sh\n")
    for cmd, status in (("/no/such/program", 127), ("no-such-program-here", 127), ("./plain", 126)):
        p = box.call([MEMO, "-c", str(box.cache), "--", cmd])
        assert p.returncode == status and p.stdout == b"" and p.stderr, cmd


def test_usage_and_missing_input(box):
    for argv in ([], ["-c", str(box.cache)], ["-c", str(box.cache), "--"], ["--", "true"], ["-x", "-c", str(box.cache), "--", "true"]):
        p = box.call([MEMO, *argv])
        assert p.returncode == 64 and p.stdout == b"" and p.stderr, argv
    p = box.memo("echo hi", opts=("-i", "missing"))
    assert p.returncode == 66 and p.stdout == b"" and p.stderr and box.count() == 0


def test_input_that_changes_while_the_command_runs(box):
    (box.dir / "in").write_text("old")
    script = "cat in; if [ -e once ]; then rm once; printf new > in; fi"
    (box.dir / "once").write_text("")
    p = box.memo(script, opts=("-i", "in"))
    assert (p.returncode, p.stdout) == (0, b"old")
    (box.dir / "in").write_text("old")
    box.memo(script, opts=("-i", "in"))
    assert box.count() == 2, "the first result must not have been stored"
    box.memo(script, opts=("-i", "in"))
    assert box.count() == 2


# ------------------------------------------------------------- several at once

def test_many_calls_one_run(box):
    argv = box.argv("sleep 1; echo done; echo note >&2; date +%N")
    procs = [box.start(argv) for _ in range(20)]
    outs = {(p.wait(20), p.stdout.read(), p.stderr.read()) for p in procs}
    assert box.count() == 1 and len(outs) == 1
    status, out, err = outs.pop()
    assert status == 0 and out.startswith(b"done\n") and err == b"note\n"


def test_waiting_calls_try_for_themselves_after_a_failure(box):
    """One after the other: never two at a time, and each failure only counts for its own call."""
    script = "mkdir busy || echo overlap >> overlaps; sleep 0.2; rmdir busy; [ $(wc -l < %s) -ge 4 ] && echo good" % box.runs
    procs = [box.start(box.argv(script)) for _ in range(8)]
    results = sorted((p.wait(20), p.stdout.read()) for p in procs)
    assert results == [(0, b"good\n")] * 5 + [(1, b"")] * 3
    assert box.count() == 4 and not (box.dir / "overlaps").exists()


def test_other_calls_are_not_held_up(box):
    slow = box.start(box.argv("sleep 30"))
    wait_for(lambda: box.count() == 1)
    for n in range(5):
        assert box.memo("echo quick", str(n), timeout=8).stdout == b"quick\n"
    assert slow.poll() is None


def test_memo_inside_memo(box):
    inner = f'{MEMO} -c "{box.cache}" -- echo inner'
    for _ in range(2):
        p = box.memo(inner, timeout=10)
        assert (p.returncode, p.stdout) == (0, b"inner\n")
    assert box.count() == 1


# ------------------------------------------------------------- things that go wrong

def test_background_process_does_not_hold_up_memo(box):
    script = "echo started; sleep 40 & echo $! > bg"
    try:
        p = box.memo(script, timeout=10)
        assert (p.returncode, p.stdout) == (0, b"started\n")
        p = box.memo(script, timeout=10)
        assert (p.returncode, p.stdout) == (0, b"started\n") and box.count() == 1
    finally:
        os.kill(int((box.dir / "bg").read_text()), signal.SIGKILL)


def test_background_process_does_not_keep_the_next_one_waiting(box):
    """As before, but the command fails, so the next call has to run it again."""
    script = "sleep 40 & echo $! >> bg; exit 3"
    try:
        for _ in range(2):
            assert box.memo(script, timeout=10).returncode == 3
        assert box.count() == 2
    finally:
        for pid in (box.dir / "bg").read_text().split():
            os.kill(int(pid), signal.SIGKILL)


def test_killed_memo_leaves_nothing_and_blocks_nobody(box):
    """kill -9 of memo while its command goes on: no partial result, no stale lock."""
    script = "echo part; echo $$ >> pids; [ -e fast ] || sleep 40; echo whole"
    p = box.start(box.argv(script))
    try:
        wait_for(lambda: (box.dir / "pids").exists() and (box.dir / "pids").read_text().strip())
        p.kill()
        p.wait()
        (box.dir / "fast").write_text("")
        for _ in range(2):
            q = box.memo(script, timeout=10)
            assert (q.returncode, q.stdout) == (0, b"part\nwhole\n")
        assert box.count() == 2
    finally:
        first = int((box.dir / "pids").read_text().split()[0])
        subprocess.run(["pkill", "-KILL", "-P", str(first)], timeout=5)
        try:
            os.kill(first, signal.SIGKILL)
        except OSError:
            pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_goes_to_the_command(box, number):
    """The command cleans up and even ends with 0: still not stored, and 128+N."""
    name = number.name[3:]
    script = f"trap 'echo got {name}; sleep 0.5; echo clean > cleaned; exit 0' {name}; echo up; : > ready; while :; do sleep 0.05; done"
    p = box.start(box.argv(script))
    wait_for(lambda: (box.dir / "ready").exists())
    p.send_signal(number)
    assert p.wait(10) == 128 + number
    assert (box.dir / "cleaned").exists(), "memo must wait for the command"
    assert p.stdout.read() == f"up\ngot {name}\n".encode()
    (box.dir / "ready").unlink()
    q = box.start(box.argv(script))
    wait_for(lambda: (box.dir / "ready").exists())
    q.send_signal(number)
    assert q.wait(10) == 128 + number
    assert box.count() == 2


def test_signal_kills_a_simple_command(box):
    p = box.start([MEMO, "-c", str(box.cache), "--", "sh", "-c", "echo secret-part; : > ready; exec sleep 60"])
    wait_for(lambda: (box.dir / "ready").exists())
    p.terminate()
    assert p.wait(10) == 143 and p.stdout.read() == b"secret-part\n"
    assert not any(b"secret-part" in open(f, "rb").read() for f in box.files())


def test_signal_while_waiting_for_another_call(box):
    argv = box.argv(": > ready; sleep 4; echo ok")
    first = box.start(argv)
    wait_for(lambda: (box.dir / "ready").exists())
    second = box.start(argv)
    time.sleep(1.5)  # time to start and to begin waiting
    second.terminate()
    assert second.wait(2) == 143
    assert first.poll() is None, "the call that was waiting must end at once"
    assert first.wait(10) == 0 and first.stdout.read() == b"ok\n"
    assert box.memo(": > ready; sleep 4; echo ok").stdout == b"ok\n" and box.count() == 1


def damage(data, how):
    if how == "empty":
        return b""
    if how == "half":
        return data[:len(data) // 2]
    if how == "one short":
        return data[:-1]
    if how == "longer":
        return data + b"x"
    if how == "garbage":
        return b"\xa5" * len(data)
    at = {"first": 0, "middle": len(data) // 2, "last": len(data) - 1, "quarter": len(data) // 4}[how]
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1:]


@pytest.mark.parametrize("how", ["empty", "half", "one short", "longer", "garbage", "first", "quarter", "middle", "last"])
def test_damaged_entries_are_never_replayed(box, how):
    script = "echo alpha beta gamma delta; echo epsilon zeta >&2"
    first = box.memo(script)
    files = [f for f in box.files() if os.path.getsize(f)]
    assert files
    for victim in range(len(files)):
        now = sorted(f for f in box.files() if os.path.getsize(f))
        f = now[victim % len(now)]
        with open(f, "rb") as h:
            data = h.read()
        with open(f, "wb") as h:
            h.write(damage(data, how))
        same(box.memo(script), first)
    runs = box.count()
    same(box.memo(script), first)
    assert box.count() == runs, "after that the result is stored again"


def test_damaged_all_files_at_once(box):
    script = "echo one; echo two >&2"
    first = box.memo(script)
    for f in box.files():
        with open(f, "r+b") as h:
            h.truncate(os.path.getsize(f) * 2 // 3)
    same(box.memo(script), first)
    assert box.count() == 2
    same(box.memo(script), first)
    assert box.count() == 2


def test_cache_directory_is_made_and_private(box):
    deep = box.cache / "a" / "b"
    p = box.memo("umask 000; echo secret", cache=deep, umask=0)
    assert p.stdout == b"secret\n"
    assert box.memo("umask 000; echo secret", cache=deep, umask=0).stdout == b"secret\n" and box.count() == 1
    for d, dirs, names in os.walk(deep):
        for n in names + dirs:
            assert not stat.S_IMODE(os.lstat(os.path.join(d, n)).st_mode) & 0o077, n


def test_cache_that_can_not_be_used(box):
    (box.dir / "file").write_text("in the way")
    for _ in range(2):
        p = box.memo("echo out; echo err >&2; exit 4", cache=box.dir / "file" / "cache")
        assert p.returncode == 4 and p.stdout == b"out\n"
        lines = p.stderr.splitlines()
        assert b"err" in lines and any(x.startswith(b"memo: ") for x in lines) and len(lines) == 2
    assert box.count() == 2 and (box.dir / "file").read_text() == "in the way"


def test_cache_can_be_moved_and_cleared(box):
    box.memo("echo x")
    other = box.cache.parent / "moved"
    os.rename(box.cache, other)
    assert box.memo("echo x", cache=other).stdout == b"x\n" and box.count() == 1
    shutil.rmtree(other)
    assert box.memo("echo x", cache=other).stdout == b"x\n" and box.count() == 2
