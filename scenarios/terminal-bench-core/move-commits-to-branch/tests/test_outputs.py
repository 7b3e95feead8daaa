import os
import subprocess

SHOP, ORIGIN = "/app/shop", "/app/origin.git"
ENV = {**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*", "GIT_OPTIONAL_LOCKS": "0"}
BASE = "ddc5eedfd7fa110d30fb663433ce08a5b33fe620"


def git(*args, repo=SHOP):
    p = subprocess.run(["git", "-C", repo, *args], capture_output=True, text=True, timeout=30, env=ENV)
    assert p.returncode == 0, p.stderr
    return p.stdout


def commits(ref):
    """Message, author, author date and tree of every commit from the base to ref, oldest first."""
    out = git("log", "--reverse", "--format=%T|%an <%ae>|%ad|%B%x00", "--date=iso-strict", f"{BASE}..{ref}")
    return [tuple(x.strip().split("|", 3)) for x in out.split("\0") if x.strip()]


PERCENT = ("Kim Li <kim@shop.example>", "2024-05-04T10:03:00+02:00", "Coupons: percentages\n\nFirst step of SHOP-31. Not to be released before the legal review.")
KEEP = ("Sam Ortega <sam@shop.example>", "2024-05-05T10:04:00+02:00", "Coupons: keep them in the cart")
HOTFIX = ("Ana Petrov <ana@shop.example>", "2024-05-06T10:05:00+02:00", "Round taxes to the nearest cent\n\nAmounts such as 0.29 were one cent too low. Fixes SHOP-40.")
APPLY = ("Kim Li <kim@shop.example>", "2024-05-07T10:00:00+02:00", "Coupons: apply them to the total")


def test_main_has_only_the_tax_fix():
    assert [c[1:] for c in commits("main")] == [HOTFIX]
    assert git("rev-parse", "main^").strip() == BASE


def test_feature_branch_has_the_coupon_commits_in_order():
    assert [c[1:] for c in commits("feature/coupons")] == [PERCENT, KEEP, APPLY]
    assert git("merge-base", "main", "feature/coupons").strip() == BASE
    assert git("rev-list", "--merges", "main", "feature/coupons") == ""


def test_each_commit_contains_only_its_change():
    assert [c[0] for c in commits("main")] == ["c3f45dd3775962bfc429b40527e53b95982c4559"]
    assert [c[0] for c in commits("feature/coupons")] == ["935cacd5d0ebee414f86d2573e5a2028a9930c16", "6f9b6a8f012d26e0397b7c321f1f454460f1fcdb", "ec833b0909350279fa03e991ace4b1fc626b349f"]


def test_main_is_checked_out_and_uncommitted_work_is_there():
    assert git("symbolic-ref", "HEAD").strip() == "refs/heads/main"
    assert git("status", "--porcelain=v1", "--untracked-files=all") == " M README.md\n?? notes.txt\n"
    assert open(f"{SHOP}/README.md").read() == "# Shop\n\nA cart with taxes.\n\nRun the tests with `python3 -m unittest`.\n"
    assert open(f"{SHOP}/notes.txt").read() == "ask legal about SHOP-31\n"


def test_working_tree_has_the_fix_and_no_coupons():
    code = "from shop.cart import Cart; c = Cart(); c.add(29, 'reduced'); c.add(1005); print(c.total(), hasattr(c, 'coupons'))"
    p = subprocess.run(["python3", "-c", code], cwd=SHOP, capture_output=True, text=True, timeout=30)
    assert p.stdout == "1227 False\n", p.stderr
    assert not os.path.exists(f"{SHOP}/shop/coupon.py")


def test_nothing_else_was_left_behind():
    refs = git("for-each-ref", "--format=%(refname)").split()
    assert refs == ["refs/heads/feature/coupons", "refs/heads/main", "refs/remotes/origin/main"]
    assert git("stash", "list") == ""
    assert not [n for n in os.listdir(f"{SHOP}/.git") if n in ("rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD", "MERGE_HEAD", "sequencer")]
    assert git("worktree", "list", "--porcelain").count("worktree ") == 1


def test_nothing_was_pushed_and_upstreams():
    assert git("for-each-ref", "--format=%(refname) %(objectname)", repo=ORIGIN) == f"refs/heads/main {BASE}\n"
    assert git("rev-parse", "origin/main").strip() == BASE
    assert git("for-each-ref", "--format=%(upstream)", "refs/heads/main").strip() == "refs/remotes/origin/main"
    assert git("for-each-ref", "--format=%(upstream)", "refs/heads/feature/coupons").strip() == ""
    assert git("remote", "get-url", "origin").strip() == ORIGIN


def test_repository_is_sound():
    git("fsck", "--strict")
