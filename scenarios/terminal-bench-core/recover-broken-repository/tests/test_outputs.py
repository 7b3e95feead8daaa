import hashlib
import os
import pathlib
import subprocess

import pytest

REPO = pathlib.Path("/app/ledger")
ENV = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
ENV.update(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*", GIT_OPTIONAL_LOCKS="0",
           GIT_NO_REPLACE_OBJECTS="1", HOME="/nonexistent", GIT_CONFIG_NOSYSTEM="1")
REFS = {
    "refs/heads/feature/export": ("commit", "c4d047c7ff6f2fdfa30faab1a1d377ed13080338"),
    "refs/heads/feature/import": ("commit", "f3e079c82b23eb86e53b1104a90cd2510a64e9ab"),
    "refs/heads/main": ("commit", "19e6f2d851cab250651f58a861cec335607dea3c"),
    "refs/heads/release/1.x": ("commit", "86f6133d2199cad0ad049451df557691a5ea00d4"),
    "refs/stash": ("commit", "fbb65797a1216623b23431ffcdb94674a7528088"),
    "refs/tags/v1.0": ("tag", "54b8ae1b2e27c580d397d68d4e1de6904f75443c"),
    "refs/tags/v1.1": ("tag", "68159bfd3ae005c2e25eb4976b00c76c32551fdf"),
}
STASHES = ["fbb65797a1216623b23431ffcdb94674a7528088", "8064458ba309d015f95c19c330a40534f124a183"]


def git(*args, repo=REPO, binary=False, stdin=None):
    p = subprocess.run(["git", "-C", str(repo), *args], capture_output=True, timeout=60, env=ENV, input=stdin)
    assert p.returncode == 0, p.stderr[-1500:].decode()
    return p.stdout if binary else p.stdout.decode()


def test_head_is_on_the_right_branch():
    assert git("symbolic-ref", "HEAD") == "refs/heads/feature/export\n"


@pytest.mark.parametrize("ref", sorted(REFS))
def test_ref(ref):
    assert git("for-each-ref", "--format=%(objecttype) %(objectname)", ref).split() == list(REFS[ref])


def test_no_other_refs():
    assert git("for-each-ref", "--format=%(refname)").split() == sorted(REFS)


def test_fsck_is_clean():
    p = subprocess.run(["git", "-C", str(REPO), "fsck", "--full", "--strict", "--no-dangling", "--no-progress"], capture_output=True, text=True, timeout=60, env=ENV)
    assert p.returncode == 0 and not [x for x in (p.stdout + p.stderr).splitlines() if x], p.stdout + p.stderr


def test_every_object_can_be_read():
    listed = git("rev-list", "--objects", "--no-object-names", *[oid for _, oid in REFS.values()], *STASHES).split()
    assert len(listed) == len(set(listed)) >= 60
    out = git("cat-file", "--batch", binary=True, stdin="\n".join(listed).encode())
    for oid in listed:
        head, out = out.split(b"\n", 1)
        name, kind, size = head.split()
        body, out = out[:int(size)], out[int(size) + 1:]
        assert name.decode() == oid == hashlib.sha1(kind + b" " + size + b"\0" + body).hexdigest()


def test_packs_are_intact():
    packs = list((REPO / ".git/objects/pack").glob("*.pack"))
    for pack in packs:
        git("verify-pack", str(pack.with_suffix(".idx")))


def test_lost_commit_and_file_are_back():
    assert git("log", "-1", "--format=%an|%ae|%at|%s", "c4d047c7~1") == "Jo Marsh|jo@ledger.example|1707197110|Export: table of formats\n"
    assert git("show", "v1.1:ledger/about.py") == 'NAME = "ledger"\nEDITION = "spring"\nREVISION = "$Format:%h$"\nFULL = NAME + " " + REVISION\n'


def test_complete_copy_can_be_cloned(tmp_path):
    git("clone", "-q", "--mirror", "--no-local", f"file://{REPO}", str(tmp_path / "copy"), repo=tmp_path)
    git("fsck", "--full", "--strict", repo=tmp_path / "copy")
    got = git("for-each-ref", "--format=%(refname) %(objectname)", repo=tmp_path / "copy").split("\n")[:-1]
    assert got == [f"{name} {REFS[name][1]}" for name in sorted(REFS)]
    assert git("rev-list", "--count", "main", "feature/export", "release/1.x", "feature/import", repo=tmp_path / "copy") == "16\n"


def test_repository_stands_alone():
    for name in ("objects/info/alternates", "shallow", "info/grafts"):
        assert not (REPO / ".git" / name).exists(), name
    assert not (REPO / ".git/refs/replace").exists()
    assert (REPO / ".git").is_dir()


def test_both_stashes_are_there():
    assert git("stash", "list", "--format=%H").split() == STASHES
    assert "half an idea" in git("show", "stash@{1}:ledger/idea.py")
    assert "entries = list()" in git("show", "stash@{0}:ledger/book.py")


def test_reflogs_were_kept():
    def chain(name):
        return [x.split()[1] for x in (REPO / ".git/logs" / name).read_text().splitlines()]
    steps = chain("HEAD")
    assert len(steps) >= 24 and steps[0] == "dd8f07c3ef41963700f332ea86cca5c631bbf48a"
    for oid in ("99db9408938d9d57422d9b238d7cdd82701feb2f", "cefbb09a15f9da624598a7a679ba3113e5cdac72", "c4d047c7ff6f2fdfa30faab1a1d377ed13080338"):
        assert oid in steps
    assert chain("refs/heads/main")[0] == steps[0] and REFS["refs/heads/main"][1] in chain("refs/heads/main")
    assert REFS["refs/heads/release/1.x"][1] in chain("refs/heads/release/1.x")


def test_uncommitted_work_is_untouched():
    assert git("status", "--porcelain=v1", "--untracked-files=all") == "A  docs/export.md\n M ledger/export.py\n"
    assert git("show", ":docs/export.md") == "# Export\n\nFormats: csv, tsv.\n" == (REPO / "docs/export.md").read_text()
    assert (REPO / "ledger/export.py").read_text() == (
        'from ledger.formats import FORMATS\n\n\ndef write(book, out, fmt="csv"):\n    for account, cents in book.entries:\n'
        '        out.write(f"{account}{FORMATS[fmt]}{cents}\\n")\n\n\n# TODO: amounts in euro\n')


def test_work_can_go_on(tmp_path):
    assert not list((REPO / ".git").rglob("*.lock"))
    assert not [p for p in (REPO / ".git/objects").rglob("*") if p.is_file() and p.stat().st_size == 0]
    copy = tmp_path / "ledger"
    subprocess.run(["cp", "-a", str(REPO), str(copy)], check=True, timeout=60)
    who = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    git(*who, "commit", "-q", "-m", "Describe the export", repo=copy)
    assert git("rev-parse", "HEAD^", repo=copy).strip() == REFS["refs/heads/feature/export"][1]
    git("checkout", "-q", "--", "ledger/export.py", repo=copy)
    git("checkout", "-q", "release/1.x", repo=copy)
    git(*who, "merge", "-q", "-m", "m", "v1.0", repo=copy)
    git("checkout", "-q", "main", repo=copy)
    git(*who, "stash", "pop", "-q", repo=copy)
    git("update-ref", "refs/heads/x", "main", repo=copy)
