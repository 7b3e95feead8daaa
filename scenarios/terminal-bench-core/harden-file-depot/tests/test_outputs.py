"""Ordinary and hostile requests to the service, started on data of our own."""
import base64
import hashlib
import html.parser
import io
import json
import os
import pickle
import re
import select
import socket
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path
from urllib.parse import quote

import pytest

README = "48b70fe81b04e26d5f38b4e7de2a1566256c0824f53e10b40db5aabdd7958380"
SECRET = b"the secret of the house 7391"
NAMES = ["plain.txt", "-rf", "--checkpoint=1", "--checkpoint-action=exec=touch pwned", "a;b", "it's", "50%.txt", "50%25.txt", "%2e%2e", "..notes..", "...",
         "..x", "x..", "<b>", "<script>x", '"quoted"', "a&amp;b", "$(touch pwned)", "`touch pwned`", "back\\slash", "#hash?query=1",
         "two\nlines", "tab\there", " blank ", "ünï/çødé ☃.txt", "deep/er/and deeper/file", "*", "[a-z]", "x' OR '1'='1", "'); DROP TABLE files; --", "@list", "a+b",
         "C:\\x", "~", "javascript:alert(1)", "UPPER.txt", "under_score", "é.txt"]


def content(name):
    return (name * (1 + len(name) % 5)).encode() + b"\0\r\nend"


class Reply:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = [tuple(x.split(": ", 1)) for x in lines[1:]]

    def get(self, name):
        found = [v for k, v in self.headers if k.lower() == name.lower()]
        assert len(found) < 2, (name, found)
        return found[0] if found else None

    def json(self):
        assert self.status == 200, (self.status, self.body)
        return json.loads(self.body)


class Service:
    def __init__(self, base):
        self.base, self.root, self.db = base, base / "root", base / "depot.db"
        self.outside = base / "outside"
        self.port = None

    def prepare(self):
        self.root.mkdir(parents=True)
        for name in NAMES:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content(name))
        self.outside.mkdir()
        (self.outside / "secret.txt").write_bytes(SECRET)
        twin = self.base / "root-twin"      # its name begins with that of the root
        twin.mkdir()
        (twin / "secret.txt").write_bytes(SECRET)
        links = {"link-out": self.outside, "link-file": self.outside / "secret.txt", "link-twin": twin, "link-up": "..", "link-etc": "/etc",
                 "link-new": self.outside / "new.txt", "link-in": "plain.txt", "link-dir": "deep", "link-abs": self.root / "deep/er", "loop": "loop"}
        for name, target in links.items():
            (self.root / name).symlink_to(target)
        db = sqlite3.connect(self.db)
        db.execute("CREATE TABLE tokens(name TEXT, token TEXT)")
        db.execute("INSERT INTO tokens VALUES ('root', ?)", [SECRET.decode()])
        db.commit()
        db.close()

    def start(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.log = open(self.base / "log", "ab")
        self.process = subprocess.Popen([sys.executable, "/app/depot/server.py", "--root", str(self.root), "--db", str(self.db), "--port", str(self.port)],
                                        stdout=subprocess.PIPE, stderr=self.log, cwd="/")
        readable, _, _ = select.select([self.process.stdout], [], [], 20)
        line = self.process.stdout.readline() if readable else b""
        if line != b"ready\n":
            self.process.kill()
            raise AssertionError(f"not ready: {line!r} " + (self.base / "log").read_text()[-1500:])

    def stop(self):
        self.process.kill()
        self.process.wait(10)

    def raw(self, data):
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
            s.sendall(data)
            reply = b""
            while chunk := s.recv(1 << 16):
                reply += chunk
        assert reply, "no answer"
        return Reply(reply)

    def __call__(self, method, target, body=None, **headers):
        lines = [f"{method} {target} HTTP/1.0", "Host: depot", *(f"{k}: {v}" for k, v in headers.items())]
        if body is not None:
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            lines.append(f"Content-Length: {len(body)}")
        return self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))

    def file(self, name, method="GET", body=None):
        return self(method, "/files/" + quote(name), body)

    def search(self, q=None, **more):
        args = "&".join(f"{k}={quote(v, safe='')}" for k, v in {**({} if q is None else {"q": q}), **more}.items())
        return self("GET", "/search" + ("?" + args if args else ""))

    def outside_state(self):
        return {str(p): p.read_bytes() if p.is_file() else None for d in (self.outside, self.base / "root-twin") for p in d.rglob("*")} | {
            "base": sorted(p.name for p in self.base.iterdir() if not p.name.startswith("depot.db"))}


@pytest.fixture(scope="session", autouse=True)
def nothing_was_run():
    yield
    for where in ("/", "/tmp", "/app", "/app/depot", "/tests"):
        assert not list(Path(where).glob("pwned*"))


@pytest.fixture(scope="module")
def depot(tmp_path_factory):
    """One service for the requests that change nothing."""
    s = Service(tmp_path_factory.mktemp("shared"))
    s.prepare()
    s.start()
    yield s
    s.stop()


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """Another one, for requests that would change something if they worked."""
    s = Service(tmp_path_factory.mktemp("target"))
    s.prepare()
    s.start()
    yield s
    alive = s.process.poll() is None
    s.stop()
    assert alive, "the server went down"
    assert not [p for p in s.base.rglob("pwned*")]


@pytest.fixture
def fresh(tmp_path):
    s = Service(tmp_path / "own")
    s.base.mkdir()
    s.prepare()
    s.start()
    yield s
    alive = s.process.poll() is None
    s.stop()
    assert alive, "the server went down"
    assert not [p for p in s.base.rglob("pwned*")]


def found(reply):
    return [r["path"] for r in reply.json()]


def plain(text):
    return "".join(c.lower() if c.isascii() else c for c in text)


# -- files ------------------------------------------------------------------------------------------------------

def test_readme_is_unchanged():
    assert hashlib.sha256(Path("/app/depot/README.md").read_bytes()).hexdigest() == README


@pytest.mark.parametrize("name", NAMES)
def test_get(depot, name):
    r = depot.file(name)
    assert (r.status, r.body) == (200, content(name))
    assert r.get("Content-Type") == "application/octet-stream"


def test_get_what_is_not_there(depot):
    for name in ("nothing", "deep", "deep/er", "deep/nothing", "plain.txt/x", "plain.txt/", "x" * 300, "a/" * 3000 + "a", "loop", "loop/x"):
        r = depot.file(name)
        assert r.status == 404, name
    assert depot("GET", "/files/").status == 404
    assert depot("GET", "/nothing").status == 404


def test_names_are_decoded_exactly_once(depot):
    assert depot("GET", "/files/%252e%252e").body == content("%2e%2e")
    assert depot("GET", "/files/50%2525.txt").body == content("50%25.txt")
    assert depot("GET", "/files/50%25.txt").body == content("50%.txt")
    assert depot("GET", "/files/%70lain%2Etxt").body == content("plain.txt")
    assert depot("GET", "/files/a+b").body == content("a+b")
    assert depot("GET", "/files/deep%2Fer/and%20deeper/file").body == content("deep/er/and deeper/file")


def test_links_within_the_root(depot):
    assert depot.file("link-in").body == content("plain.txt")
    assert depot.file("link-dir/er/and deeper/file").body == content("deep/er/and deeper/file")
    assert depot.file("link-abs/and deeper/file").body == content("deep/er/and deeper/file")


TRAVERSALS = ["../outside/secret.txt", "%2e%2e/outside/secret.txt", "..%2foutside%2fsecret.txt", "....//outside/secret.txt", "....//....//etc/passwd",
              "..././outside/secret.txt", "deep/../../outside/secret.txt", "deep/%2e%2e/%2e%2e/outside/secret.txt", "%252e%252e/outside/secret.txt",
              "../root-twin/secret.txt", "link-out/secret.txt", "link-file", "link-twin/secret.txt", "link-up/outside/secret.txt", "link-etc/passwd",
              "link-up/depot.db", "deep/..%2f..%2fdepot.db", "/etc/passwd", "%2fetc/passwd", "//etc/passwd", "%2Fetc%2Fpasswd", "..\\outside\\secret.txt",
              "../../../../../../../../etc/passwd", "plain.txt%00", "..%00/outside/secret.txt", "%c0%ae%c0%ae/outside/secret.txt", "%ff", "..", ".", "deep/..",
              "deep/../plain.txt", "./plain.txt", "deep//er/and%20deeper/file", "/plain.txt", "link-up/root/plain.txt/../plain.txt"]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_get_of_paths_that_are_not_allowed(depot, path):
    for target in (f"/files/{path}", f"/files/{path}?x=1"):
        r = depot("GET", target)
        assert r.status == 404, (r.status, r.body[:80])
        assert SECRET not in r.body and b"root:" not in r.body


def test_get_with_an_absolute_place_of_the_secret(depot):
    for prefix in ("", "/", "%2f", "deep//", "./", "link-up/"):
        r = depot("GET", f"/files/{prefix}{depot.outside}/secret.txt")
        assert r.status == 404 and SECRET not in r.body


def test_errors_do_not_echo_html(depot):
    for target in ("/files/%3Cscript%3Ealert(1)%3C/script%3E", "/%3Cscript%3E", "/search?q=x&sort=%3Cscript%3E"):
        r = depot("GET", target)
        assert r.status in (400, 404)
        assert r.get("Content-Type").startswith("text/plain")


# -- put --------------------------------------------------------------------------------------------------------

def test_put_new_replace_and_index(fresh):
    names = ["new.txt", "new dir/sub/it's ü.txt", "-C", "..a/..b..", "%2e%2e%2f", "x'); DELETE FROM files; --", "<i>", "a\nb", "link-dir2/x"]
    for name in names:
        assert fresh.file(name, "PUT", content(name)).status == 201, name
        assert fresh.file(name).body == content(name)
        assert (fresh.root / name).read_bytes() == content(name)
        assert {"path": name, "size": len(content(name))} in fresh.search(name).json()
    for name in names[:4] + ["plain.txt", "deep/er/and deeper/file"]:
        assert fresh.file(name, "PUT", b"short").status == 204, name
        assert fresh.file(name).body == b"short"
        assert {"path": name, "size": 5} in fresh.search(name).json()
    assert fresh.file("empty", "PUT", b"").status == 201 and fresh.file("empty").body == b""
    assert sorted(found(fresh.search())) == sorted(NAMES + names + ["empty"])


def test_put_conflicts(fresh):
    for name in ("deep", "deep/er", "plain.txt/x", "plain.txt/x/y", "link-dir", "link-in/x"):
        assert fresh.file(name, "PUT", b"data").status == 409, name
    assert fresh.file("plain.txt").body == content("plain.txt")
    assert sorted(found(fresh.search())) == sorted(NAMES)


def test_put_through_links_within_the_root(fresh):
    assert fresh.file("link-dir/er/new", "PUT", b"data").status == 201
    assert (fresh.root / "deep/er/new").read_bytes() == b"data"
    assert fresh.file("link-in", "PUT", b"data").status == 204
    assert (fresh.root / "plain.txt").read_bytes() == b"data"


@pytest.mark.parametrize("path", ["../outside/put.txt", "%2e%2e/outside/put.txt", "..%2foutside%2fput.txt", "....//outside/put.txt", "deep/../../outside/put.txt",
                                  "link-out/put.txt", "link-out/a/b/put.txt", "link-file", "link-new", "link-twin/put.txt", "link-up/put.txt", "link-up/depot.db",
                                  "../root-twin/put.txt", "deep/../put.txt", "./put.txt", "", "..", "put%00.txt", "deep//put.txt", "%2Ftmp/pwned-put", "/tmp/pwned-put",
                                  "new/../../outside/put.txt", "..%00/put.txt", "%ff%fe"])
def test_put_of_paths_that_are_not_allowed(target, path):
    before = target.outside_state()
    inside = sorted(str(p) for p in target.root.rglob("*"))
    assert target("PUT", f"/files/{path}", b"evil").status == 403
    assert target.outside_state() == before
    assert sorted(str(p) for p in target.root.rglob("*")) == inside


# -- search -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("q", ["", "txt", "TXT", "upper", "%", "_", "'", "''", '"', "\\", "..", "é", "É", "score", "r_s", "5%t", "' OR 1=1 --", "')", "*", "a\nb", "\n", "deep/er", "%25", "!"])
def test_search_is_plain_text(depot, q):
    assert found(depot.search(q)) == sorted(n for n in NAMES if plain(q) in plain(n))


def test_search_orders(depot):
    size = {n: len(content(n)) for n in NAMES}
    orders = {"path": sorted(NAMES), "-path": sorted(NAMES, reverse=True), "size": sorted(NAMES, key=lambda n: (size[n], n)),
              "-size": sorted(NAMES, key=lambda n: (-size[n], n))}
    for key, names in orders.items():
        assert depot.search(sort=key).json() == [{"path": n, "size": size[n]} for n in names], key
    assert found(depot.search()) == orders["path"]


@pytest.mark.parametrize("sort", ["token", "--path", "path DESC", "path,size", "1", "(SELECT token FROM tokens)", "size; DROP TABLE files", "PATH", "rowid",
                                  "-", "CASE WHEN (SELECT substr(token,1,1) FROM tokens)='t' THEN path ELSE size END"])
def test_search_by_other_keys(depot, sort):
    assert depot.search("", sort=sort).status == 400


@pytest.mark.parametrize("q", ["' UNION SELECT name, token FROM tokens --", "%' UNION SELECT token, 1 FROM tokens WHERE '%'='", "'; DROP TABLE tokens; --", "\0", "x" * 5000])
def test_search_injection(depot, q):
    assert depot.search(q).json() == []
    db = sqlite3.connect(depot.db)
    assert db.execute("SELECT * FROM tokens").fetchall() == [("root", SECRET.decode())]
    db.close()


# -- archive ----------------------------------------------------------------------------------------------------

def members(reply):
    assert reply.status == 200, reply.body[:200]
    assert reply.get("Content-Type") == "application/gzip"
    with tarfile.open(fileobj=io.BytesIO(reply.body), mode="r:gz") as tar:
        return [(m.name, m.isreg(), tar.extractfile(m).read() if m.isreg() else None) for m in tar]


def test_archive_of_all_names(fresh):
    assert members(fresh("POST", "/archive", {"paths": NAMES})) == [(n, True, content(n)) for n in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_archive_of_one(depot, name):
    assert members(depot("POST", "/archive", {"paths": [name]})) == [(name, True, content(name))]


def test_archive_order_and_links(depot):
    names = ["plain.txt", "link-in", "link-dir/er/and deeper/file", "..."]
    want = [content("plain.txt"), content("plain.txt"), content("deep/er/and deeper/file"), content("...")]
    assert members(depot("POST", "/archive", {"paths": names})) == [(n, True, c) for n, c in zip(names, want)]


@pytest.mark.parametrize("path", ["nothing", "deep", "", ".", "..", "../outside/secret.txt", "deep/../../outside/secret.txt", "/etc/passwd", "link-file", "link-out/secret.txt",
                                  "link-twin/secret.txt", "link-etc/passwd", "link-up/depot.db", "./plain.txt", "plain.txt\0", "$(touch pwned1)", '"; touch pwned2; "',
                                  "x\" $(touch /tmp/pwned3) \"", "--to-command=x", "-T/etc/passwd", "-C", "%70lain.txt", "\ud800"])
def test_archive_of_what_is_not_allowed(target, path):
    for paths in ([path], ["plain.txt", path], ["--checkpoint=1", "--checkpoint-action=exec=touch pwned", path]):
        r = target("POST", "/archive", {"paths": paths})
        assert r.status == 404 and SECRET not in r.body


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"7", b"{}", b'{"paths": []}', b'{"paths": "plain.txt"}', b'{"paths": [1]}', b'{"paths": [null]}', b'{"paths": {"a": 1}}',
                                  b'{"paths": [["plain.txt"]]}', b"\xff\xfe", b"[" * 100000], ids=range(14))
def test_archive_of_something_else(depot, body):
    assert depot("POST", "/archive", body).status == 400
    assert depot.file("plain.txt").status == 200


# -- page, redirect, preferences --------------------------------------------------------------------------------

class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.tags, self.inside = [], [], False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not [a for a, _ in attrs if a.startswith("on")], attrs
        if tag == "a":
            self.links.append([dict(attrs)["href"], ""])
            self.inside = True

    def handle_endtag(self, tag):
        if tag == "a":
            self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.links[-1][1] += data


def test_page(fresh):
    evil = ["</a><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'onmouseover='x", "&lt;", "</title>"]
    for name in evil:
        assert fresh.file(name, "PUT", content(name)).status == 201
    r = fresh("GET", "/")
    assert r.status == 200 and r.get("Content-Type") == "text/html; charset=utf-8"
    page = Page(r.body.decode())
    names = sorted(NAMES + evil)
    assert [text for _, text in page.links] == names
    assert not {"script", "img", "b", "i"} & set(page.tags)
    for (href, _), name in zip(page.links, names):
        assert href.startswith("/files/") and re.fullmatch("[!-~]*", href), href
        assert fresh("GET", href).body == content(name)


@pytest.mark.parametrize("to", ["/", "/files/plain.txt", "/search?q=a&sort=size", "/a//b", "/a:b@c", "/?to=http://x", "/%0d%0aX:1", "/#part", "/~[]{}|^'\""])
def test_go_local(depot, to):
    r = depot("GET", "/go?to=" + quote(to, safe=""))
    assert (r.status, r.get("Location")) == (302, to)


@pytest.mark.parametrize("to", ["http://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "evil", "", "javascript:alert(1)", "/a\r\nX-Evil: 1", "/a\nX-Evil: 1",
                                "/\r\n\r\n<script>", " /a", "/a b", "/ü", "/a\\b", "\t//evil.example", "/\t/evil.example", "/a\x7f", "/a\n", "///evil.example"])
def test_go_elsewhere(depot, to):
    r = depot("GET", "/go?to=" + quote(to, safe=""))
    assert (r.status, r.get("Location"), r.get("X-Evil")) == (302, "/", None)
    assert b"<script>" not in r.body


def cookie_of(reply):
    assert reply.status == 204, (reply.status, reply.body)
    return reply.get("Set-Cookie").split(";")[0]


@pytest.mark.parametrize("prefs", [{"theme": "dark", "per_page": 1}, {"theme": "light", "per_page": 200}, {"per_page": 77, "theme": "dark"}])
def test_prefs_come_back(depot, prefs):
    cookie = cookie_of(depot("POST", "/prefs", prefs))
    assert cookie.startswith("prefs=")
    assert depot("GET", "/prefs", Cookie=cookie).json() == prefs
    assert depot("GET", "/prefs", Cookie=f"a=b; {cookie}; c=d").json() == prefs


DEFAULT = {"theme": "light", "per_page": 50}
BAD_PREFS = [{}, [], None, 5, "dark", {"theme": "dark"}, {"per_page": 5}, {"theme": "blue", "per_page": 5}, {"theme": "dark", "per_page": 0}, {"theme": "dark", "per_page": 201},
             {"theme": "dark", "per_page": "5"}, {"theme": "dark", "per_page": 5.0}, {"theme": "dark", "per_page": True}, {"theme": ["dark"], "per_page": 5},
             {"theme": "dark", "per_page": 5, "admin": True}, {"theme": "dark\r\nX-Evil: 1", "per_page": 5}, {"theme": {}, "per_page": 5}]


@pytest.mark.parametrize("prefs", BAD_PREFS, ids=range(len(BAD_PREFS)))
def test_other_prefs_are_refused(depot, prefs):
    assert depot("POST", "/prefs", prefs).status == 400
    for value in (base64.b64encode(json.dumps(prefs).encode()).decode(), quote(json.dumps(prefs)), base64.urlsafe_b64encode(json.dumps(prefs).encode()).decode().rstrip("=")):
        assert depot("GET", "/prefs", Cookie=f"prefs={value}").json() == DEFAULT


def test_no_prefs(depot):
    assert depot("GET", "/prefs").json() == DEFAULT
    for value in ("", "x", "=", "%", "a" * 5000, '"', base64.b64encode(b"\xff\xfe").decode(), base64.b64encode(b"[" * 20000).decode()):
        assert depot("GET", "/prefs", Cookie=f"prefs={value}").json() == DEFAULT
    assert depot("POST", "/prefs", b"{").status == 400


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_pickled_cookies_do_nothing(depot, tmp_path, protocol):
    for value in (Evil(tmp_path / "pwned"), {"theme": "dark", "per_page": Evil(tmp_path / "pwned")}, {"theme": "light", "per_page": 10**6}):
        data = pickle.dumps(value, protocol)
        for text in (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()):
            assert depot("GET", "/prefs", Cookie=f"prefs={text}").json() == DEFAULT
    assert not (tmp_path / "pwned").exists()


# -- the whole --------------------------------------------------------------------------------------------------

def test_restart_indexes_anew(fresh):
    fresh.stop()
    (fresh.root / "plain.txt").unlink()
    (fresh.root / "dropped; in").write_bytes(b"1234")
    fresh.start()
    assert sorted(found(fresh.search())) == sorted(set(NAMES) - {"plain.txt"} | {"dropped; in"})
    db = sqlite3.connect(fresh.db)
    assert db.execute("SELECT count(*) FROM tokens").fetchone() == (1,)
    db.close()


def test_root_with_an_unusual_name(tmp_path):
    s = Service(tmp_path / "a; touch pwned; it's $(x)")
    s.base.mkdir()
    s.prepare()
    s.start()
    try:
        assert members(s("POST", "/archive", {"paths": ["it's", "-rf"]})) == [("it's", True, content("it's")), ("-rf", True, content("-rf"))]
        assert s.file("plain.txt").status == 200
        assert s.file("../outside/secret.txt").status == 404
    finally:
        s.stop()


def test_odd_requests_do_not_stop_it(fresh):
    for data in (b"GET /files/../outside/secret.txt HTTP/1.0\r\n\r\n", b"GET //files/plain.txt HTTP/1.0\r\n\r\n", b"GET /files//etc/passwd HTTP/1.0\r\n\r\n",
                 b"GET http://x/files/../outside/secret.txt HTTP/1.0\r\n\r\n", b"GET /files/\xff\xfe HTTP/1.0\r\n\r\n", b"BREW / HTTP/1.0\r\n\r\n"):
        r = fresh.raw(data)
        assert SECRET not in r.body and b"root:" not in r.body
    assert fresh.file("plain.txt").status == 200
