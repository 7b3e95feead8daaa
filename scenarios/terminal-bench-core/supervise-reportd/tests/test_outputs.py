"""The supervised programs while they run; the tests go from harmless to rough."""
import glob
import hashlib
import json
import os
import secrets
import signal
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

CONF = "/app/supervisord.conf"
ENV = "/app/etc/reportd.env"
PROGRAMS = {
    "bin/reportd": "daaae3f387bf24d2a079d7807360423c35f7e8e60572b264da4541f35a195b37",
    "bin/migrate": "96f24f60554b9f35431fcec8392ce452597e6014f7364b9bd86d45ed730cdf71",
    "bin/mailer": "145b911ce5fe46765df56f23a22cb9e222fea3ebb06bad479a5dad5c54d016a3",
}
TOKEN = '9f%d;kQ "x7" $HOME\\n#%(here)s'
LABEL = "Hall 4, west  ; 'spare' = yes"


def get(path):
    with urllib.request.urlopen("http://127.0.0.1:8095" + path, timeout=5) as r:
        return json.load(r)


def ctl(*args):
    return subprocess.run(["supervisorctl", "-c", CONF, *args], capture_output=True, text=True, timeout=60)


def state(name):
    """(state, pid) of a program as supervisorctl tells it."""
    out = ctl("status", name).stdout.split()
    assert out and out[0] == name, out
    pid = int(out[out.index("pid") + 1].rstrip(",")) if "pid" in out else None
    return out[1], pid


def wait(what, seconds=30):
    end = time.monotonic() + seconds
    while True:
        try:
            value = what()
            if value:
                return value
        except OSError:
            pass
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds} s for {what.__name__}")
        time.sleep(0.1)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


def cmdline(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as f:
        return f.read().decode().split("\0")


def supervisor_pid():
    return int(ctl("pid").stdout)


def running():
    """The status of reportd once it answers and supervisorctl agrees."""
    name, pid = state("reportd")
    if name != "RUNNING":
        return None
    s = get("/status")
    return s if s["pid"] == pid else None


def test_programs_are_the_original_ones():
    for rel, digest in PROGRAMS.items():
        with open(f"/app/{rel}", "rb") as f:
            assert hashlib.sha256(f.read()).hexdigest() == digest, rel


def test_supervisord_runs_with_a_private_socket():
    pid = supervisor_pid()
    assert any(os.path.basename(a) == "supervisord" for a in cmdline(pid)[:2])
    st = os.stat("/app/run/supervisor.sock")
    assert st.st_uid == 0 and not st.st_mode & 0o077
    names = sorted(line.split()[0] for line in ctl("status").stdout.splitlines())
    assert names == ["mailer", "migrate", "reportd"]


def test_reportd_is_supervised():
    s = wait(running)
    assert s["ppid"] == supervisor_pid()
    argv = cmdline(s["pid"])
    assert "/app/bin/reportd" in argv[:2] and "--foreground" in argv
    assert all(alive(h) for h in s["helpers"]) and len(s["helpers"]) == 2


def test_reportd_user_directory_umask():
    s = wait(running)
    assert (s["uid"], s["gid"]) == (1400, 1400)
    assert s["cwd"] == "/app/var"
    assert s["umask"] == 0o027
    with open(f"/proc/{s['pid']}/status") as f:
        groups = [line for line in f if line.startswith("Groups:")][0].split()[1:]
    assert set(groups) <= {"1400"}


def test_settings_as_delivered():
    with open(ENV) as f:
        assert f.read() == f"REPORTD_TOKEN={TOKEN}\nREPORTD_LABEL={LABEL}\n"
    s = wait(running)
    assert s["token"] == TOKEN
    assert s["label"] == LABEL


def test_token_is_not_open_to_everybody():
    """The env file keeps its modes, and no file that all can read has the token."""
    st = os.stat(ENV)
    assert st.st_uid == 0 and not st.st_mode & 0o027
    for d, _, files in os.walk("/app"):
        for n in files:
            path = os.path.join(d, n)
            st = os.lstat(path)
            if not os.path.isfile(path) or not st.st_mode & 0o004 or st.st_size > 1 << 22:
                continue
            with open(path, "rb") as f:
                assert b"9f%d" not in f.read().replace(b"%%", b"%"), path


def test_migrate_ran_once_as_report():
    name, _ = state("migrate")
    assert name == "EXITED"
    with open("/app/var/migrate.log") as f:
        lines = f.read().splitlines()
    assert lines.count(f"run by parent {supervisor_pid()}") == 1
    assert lines[-1] == f"run by parent {supervisor_pid()}"
    assert os.stat("/app/var/migrate.log").st_uid == 1400


def test_mailer_only_when_asked():
    assert state("mailer")[0] == "STOPPED"
    assert ctl("start", "mailer").returncode == 0
    try:
        name, pid = state("mailer")
        assert name == "RUNNING" and os.stat(f"/proc/{pid}").st_uid == 1401
        assert "/app/bin/mailer" in cmdline(pid)[:2]
        os.kill(pid, signal.SIGKILL)

        def mailer_is_back():
            n, p = state("mailer")
            return n == "RUNNING" and p != pid
        wait(mailer_is_back)
    finally:
        ctl("stop", "mailer")
    assert state("mailer")[0] == "STOPPED"


def test_output_goes_to_a_rotated_log():
    wait(running)
    tag = secrets.token_hex(8)
    for _ in range(5):
        get(f"/noise?lines=2000&tag={tag}")
    last = f"{tag} 001999 "

    def both_streams_are_in_the_log():
        text = "".join(open(p).read() for p in glob.glob("/app/log/reportd.log*"))
        return f"{tag} 001998 " in text and last in text
    wait(both_streams_are_in_the_log)
    time.sleep(0.5)
    files = sorted(glob.glob("/app/log/reportd.log*"))
    assert files == ["/app/log/reportd.log"] + [f"/app/log/reportd.log.{n}" for n in (1, 2, 3)]
    assert all(os.path.getsize(f) <= 250_000 for f in files)
    assert all(os.path.getsize(f) >= 60_000 for f in files[1:])
    others = [p for p in glob.glob("/app/log/*") if p not in files and os.path.isfile(p)]
    assert not any(tag in open(p, errors="replace").read() for p in others)


def test_stop_drains_the_queue():
    """stop must not lose anything, and leaves no process of reportd behind."""
    s = wait(running)
    item = secrets.token_hex(8)
    get(f"/queue?id={item}")
    assert ctl("stop", "reportd").returncode == 0
    try:
        assert state("reportd")[0] == "STOPPED"
        with open("/app/var/drain.log") as f:
            text = f.read()
        assert f"done {item}\n" in text and f"drained {s['pid']}\n" in text

        def processes_are_gone():
            return not any(alive(p) for p in [s["pid"], *s["helpers"]])
        wait(processes_are_gone, 5)
    finally:
        assert ctl("start", "reportd").returncode == 0
    assert wait(running)["pid"] != s["pid"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_comes_back_after_it_ended(how):
    """By whatever signal it ends, also the one after which it ends with status 0."""
    s = wait(running)
    time.sleep(1.5)  # a run that counts as started
    os.kill(s["pid"], how)

    def reportd_is_back():
        t = running()
        return t and t["pid"] != s["pid"] and t
    t = wait(reportd_is_back)
    assert t["token"] == TOKEN and t["uid"] == 1400 and t["umask"] == 0o027


def test_new_settings_count_after_a_restart():
    with open(ENV) as f:
        before = f.read()
    token = f"{secrets.token_hex(4)}%%(x)s `id` $(id) ${{HOME}}\\ 'q\" ;#=, {secrets.token_hex(4)}"
    label = f"A={secrets.token_hex(3)}   \"two  blanks\" & <more> * %h"
    try:
        with open(ENV, "w") as f:
            f.write(f"REPORTD_LABEL={label}\nREPORTD_TOKEN={token}\n")
        assert ctl("restart", "reportd").returncode == 0
        s = wait(running)
        assert s["token"] == token
        assert s["label"] == label
    finally:
        with open(ENV, "w") as f:
            f.write(before)


def test_comes_up_from_nothing():
    """supervisord is ended and started again, as after a reboot: migrate first, then reportd."""
    old = supervisor_pid()
    ctl("shutdown")

    def supervisord_is_gone():
        return not alive(old)
    wait(supervisord_is_gone)
    if os.path.exists("/app/var/ready"):
        os.unlink("/app/var/ready")
    subprocess.run(["supervisord", "-c", CONF], check=True, timeout=20, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    s = wait(running)
    assert s["ppid"] == supervisor_pid() != old
    assert s["token"] == TOKEN

    def migrate_is_through():
        return state("migrate")[0] == "EXITED"
    wait(migrate_is_through)
    with open("/app/var/migrate.log") as f:
        assert f.read().splitlines().count(f"run by parent {supervisor_pid()}") == 1
    assert state("mailer")[0] == "STOPPED"
