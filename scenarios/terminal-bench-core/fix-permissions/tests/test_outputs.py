"""The tree under /srv/shop, judged by acting as its users."""
import hashlib
import os
import secrets
import stat
import subprocess

import pytest

ROOT = "/srv/shop"
USERS = {"deploy": 1500, "build": 1501, "www": 1502, "guest": 1503}
MEMBERS, OTHERS = ("deploy", "build"), ("www", "guest")
RELEASE = 1600
CONTENT = {
    "bin/deploy.sh": "ad9212981d6c43fa59987f735e9eb6a41711d1cce495b93335ccc375e08d4bc2",
    "bin/lib/common.sh": "8c9ff5a9a3e15f7368f69515c8ee99afcf32063c85c1e226d38d97509f7bbef3",
    "etc/secrets.env": "80e70a14822204af8605243ab6443f7724d4de3e5483c94b0e2546658c4273fa",
}


def act(user, script, *args):
    """Run a piece of shell as a user; True when it succeeded."""
    uid = USERS[user]
    groups = [RELEASE] if user in MEMBERS else []
    return subprocess.run(["sh", "-c", script, "sh", *args], user=uid, group=uid, extra_groups=groups, cwd="/", umask=0o022,
                          capture_output=True, text=True, timeout=20, env={"PATH": "/usr/bin:/bin", "HOME": "/"})


def may(user, script, *args):
    return act(user, script, *args).returncode == 0


def mode(path):
    return stat.S_IMODE(os.lstat(os.path.join(ROOT, path)).st_mode)


def everything(top=ROOT):
    yield top
    for d, dirs, files in os.walk(top):
        for n in dirs + files:
            yield os.path.join(d, n)


def drop(user, version, text=None):
    text = text or f"<h1>{version}</h1>"
    p = act(user, 'printf "%s\\n" "$2" > /srv/shop/incoming/"$1".html', version, text)
    assert p.returncode == 0, p.stderr
    return text


def deploy(user, version):
    return act(user, '/srv/shop/bin/deploy.sh "$1"', version)


def new_version():
    return "v" + secrets.token_hex(4)


def test_accounts_are_as_before():
    import grp
    import pwd
    assert {u: pwd.getpwnam(u).pw_uid for u in USERS} == USERS
    assert grp.getgrgid(RELEASE).gr_name == "release" and sorted(grp.getgrgid(RELEASE).gr_mem) == ["build", "deploy"]
    for u in USERS:
        assert sorted(os.getgrouplist(u, USERS[u])) == sorted([USERS[u]] + ([RELEASE] if u in MEMBERS else []))


def test_contents_are_as_before():
    for rel, digest in CONTENT.items():
        with open(os.path.join(ROOT, rel), "rb") as f:
            assert hashlib.sha256(f.read()).hexdigest() == digest, rel
    for v in ("2024-09", "2024-10"):
        assert open(f"{ROOT}/releases/{v}/VERSION").read() == f"{v}\n"
        assert open(f"{ROOT}/releases/{v}/public/index.html").read() == f"<h1>Shop {v}</h1>\n"
    assert os.path.isfile(f"{ROOT}/releases/2024-10/public/img/.contact")
    assert open(f"{ROOT}/log/deploy.log").read().startswith("2024-09 deployed by deploy\n2024-10 deployed by build\n")


@pytest.mark.parametrize("user", MEMBERS)
def test_members_can_deploy(user):
    version = new_version()
    text = drop(user, version)
    p = deploy(user, version)
    assert p.returncode == 0, p.stderr
    assert open(f"{ROOT}/releases/{version}/public/index.html").read() == text + "\n"
    assert os.readlink(f"{ROOT}/releases/current") == version
    assert open(f"{ROOT}/log/deploy.log").read().endswith(f"{version} deployed by {user}\n")


def test_each_deploys_what_the_other_dropped_and_redeploys_over_it():
    version = new_version()
    drop("build", version)
    for user in ("deploy", "build", "deploy"):
        p = deploy(user, version) if user != "build" else act("build", "rm -r /srv/shop/releases/$1 && /srv/shop/bin/deploy.sh $1", version)
        assert p.returncode == 0, p.stderr


@pytest.mark.parametrize("first,second", [MEMBERS, MEMBERS[::-1]])
def test_new_releases_are_shared_and_public(first, second):
    version = new_version()
    text = drop(first, version)
    assert deploy(first, version).returncode == 0
    top = f"{ROOT}/releases/{version}"
    for path in everything(top):
        assert os.lstat(path).st_gid == RELEASE, path
    for who in OTHERS:
        assert act(who, f"cat {top}/public/index.html").stdout == text + "\n"
        assert may(who, f"ls {top} {top}/public && {top}/hooks/healthcheck.sh")
        assert not may(who, f"echo x >> {top}/public/index.html")
        assert not may(who, f"touch {top}/public/new")
    assert may(second, f"echo more >> {top}/public/index.html && touch {top}/public/new && rm {top}/VERSION")
    assert may(second, f"mkdir {top}/public/sub") and os.lstat(f"{top}/public/sub").st_gid == RELEASE
    assert may(second, f"rm -r {top}/hooks")


def test_old_releases_are_shared_and_public():
    for who in OTHERS:
        assert may(who, f"find {ROOT}/releases -type f -exec cat {{}} +"), who
        assert may(who, f"find {ROOT}/releases -type d -exec ls {{}} +"), who
        for v in ("2024-09", "2024-10"):
            top = f"{ROOT}/releases/{v}"
            for act_ in (f"echo x >> {top}/public/index.html", f"touch {top}/x", f"touch {top}/public/img/x", f"rm -f {top}/VERSION",
                         f"mv {top} {ROOT}/releases/moved", f"rm {ROOT}/releases/current", f"touch {ROOT}/releases/x",
                         f"chmod o+w {top}/public/img"):
                assert not may(who, act_), (who, act_)
    for who in MEMBERS:
        for v in ("2024-09", "2024-10"):
            top = f"{ROOT}/releases/{v}"
            assert may(who, f"cd {top} && : >> public/index.html && : >> public/img/dot.ppm && : >> VERSION"), who
            assert may(who, f"cd {top} && touch n public/img/n && rm n public/img/n && mkdir public/d"), who
            assert os.lstat(f"{top}/public/d").st_gid == RELEASE
            os.rmdir(f"{top}/public/d")


def test_bin_is_roots():
    for who in MEMBERS:
        for path in ("bin/deploy.sh", "bin/lib/common.sh"):
            assert may(who, f"cat {ROOT}/{path}"), (who, path)
    for who in USERS:
        for act_ in (f"echo x >> {ROOT}/bin/deploy.sh", f"echo x >> {ROOT}/bin/lib/common.sh", f"touch {ROOT}/bin/x",
                     f"touch {ROOT}/bin/lib/x", f"mv {ROOT}/bin {ROOT}/b2", f"chmod 777 {ROOT}/bin/deploy.sh", f"touch {ROOT}/x"):
            assert not may(who, act_), (who, act_)
    for who in OTHERS:
        assert not may(who, f"ls {ROOT}/bin")
        assert not may(who, f"cat {ROOT}/bin/deploy.sh")
        assert not may(who, f"{ROOT}/bin/deploy.sh 2024-11")


def test_etc_is_read_by_members_only():
    for name in ("secrets.env", "deploy.conf"):
        for who in MEMBERS:
            assert may(who, f"cat {ROOT}/etc/{name}")
        for who in OTHERS:
            assert not may(who, f"cat {ROOT}/etc/{name}")
        for who in USERS:
            assert not may(who, f": >> {ROOT}/etc/{name}")
            assert not may(who, f"rm -f {ROOT}/etc/{name}")
            assert not may(who, f"touch {ROOT}/etc/x")


def test_incoming_is_a_drop_box():
    name = new_version()
    for mine, other in (MEMBERS, MEMBERS[::-1]):
        f = f"{ROOT}/incoming/{name}-{mine}.html"
        assert may(mine, f"echo {mine} > {f}")
        assert os.lstat(f).st_gid == RELEASE
        assert act(other, f"cat {f}").stdout == f"{mine}\n"
        assert not may(other, f"rm -f {f}")
        assert not may(other, f"mv {f} {f}.x")
        for who in OTHERS:
            assert not may(who, f"cat {f}")
            assert not may(who, f"ls {ROOT}/incoming")
            assert not may(who, f"touch {ROOT}/incoming/{who}")
        assert may(mine, f"mv {f} {f}.x && rm {f}.x")
    for who in MEMBERS:
        assert act(who, f"cat {ROOT}/incoming/2024-11.html").stdout == "<h1>Shop 2024-11</h1>\n"
        assert not may(who, f"rm -f {ROOT}/incoming/2024-11.html")


def test_log_is_appended_but_never_replaced():
    for who in MEMBERS:
        mark = new_version()
        assert may(who, f"echo {mark} >> {ROOT}/log/deploy.log")
        assert mark in act(who, f"cat {ROOT}/log/deploy.log").stdout
        assert not may(who, f"rm -f {ROOT}/log/deploy.log")
        assert not may(who, f"mv {ROOT}/log/deploy.log {ROOT}/log/old")
        assert not may(who, f"touch {ROOT}/log/x")
    for who in OTHERS:
        assert not may(who, f"cat {ROOT}/log/deploy.log")
        assert not may(who, f"echo x >> {ROOT}/log/deploy.log")


def test_only_scripts_are_executable():
    for path in everything():
        if os.path.islink(path) or os.path.isdir(path):
            continue
        rel = os.path.relpath(path, ROOT)
        want = rel == "bin/deploy.sh" or rel.startswith("releases/") and rel.endswith(".sh")
        assert bool(mode(rel) & 0o111) == want, f"{rel} {mode(rel):o}"
    for who in USERS:
        assert act(who, f"{ROOT}/releases/2024-10/hooks/healthcheck.sh").stdout == "release 2024-10 is healthy\n"


def test_nothing_is_world_writable_or_setuid():
    for path in everything():
        if not os.path.islink(path):
            m = stat.S_IMODE(os.lstat(path).st_mode)
            assert not m & 0o002, f"{path} {m:o}"
            assert not m & 0o4000, f"{path} {m:o}"
            if os.path.isfile(path):
                assert not m & 0o2000, f"{path} {m:o}"
