"""The docs site over its socket: headers, redirects, errors, late files."""
import hashlib
import http.client
import os
import secrets
import shutil
from urllib.parse import urlsplit

import pytest

SITE = "/app/site"
IMMUTABLE = "public, max-age=31536000, immutable"


ORIGINAL = {
    "404.html": "83bc5529ed464b5d9cfb1c3a08470035aa5acf67a25927cd8ead389a2b31db17",
    "assets/logo.77ab02.svg": "96686f02fad442a118ca1665c7cca0c8984904eb1842fe5dd3df807d17d10fdf",
    "assets/site.3f9a1c.css": "bd5fa4a0a66fb1903300ceb5cf4e21c9a006250ecbe94a5edfbe3efb505b4bc7",
    "docs/index.html": "14db172ffc964d7cfb2712bab79f08b5b0630a168a040de4beea897560c9f398",
    "docs/install.html": "e4bc779f76073e340f9b1b1481b263fbba66e671f8ee8d0d889866e46b7957a6",
    "downloads/notes-1.2.txt": "fd400125e43add8bace50fb6b009525d18c51869fbd8ab1243c34f398dd5d9a4",
    "index.html": "81274c44d185cc116d0595986f5915ff7961ba08827bbe19fd4e64a50fc3edfd",
    ".drafts/roadmap.html": "3147a9b3211491d5b5c0b1e8a042b8f8b48acc3bcfa88eee3577f6eae79e1b33",
}


def get(path, method="GET"):
    conn = http.client.HTTPConnection("127.0.0.1", 8080, timeout=5)
    try:
        conn.request(method, path)
        answer = conn.getresponse()
        body = answer.read()
        return answer.status, answer.headers, body
    finally:
        conn.close()


def only(headers, name):
    values = headers.get_all(name) or []
    assert len(values) == 1, f"{name}: want exactly one, got {values}"
    return values[0].strip()


def read(rel):
    with open(os.path.join(SITE, rel), "rb") as f:
        return f.read()


@pytest.fixture
def late():
    """Files put into the site while the server runs; taken away again."""
    made = []

    def put(rel, data):
        parts = rel.split("/")
        for n in range(1, len(parts)):
            d = os.path.join(SITE, *parts[:n])
            if not os.path.isdir(d):
                os.mkdir(d)
                os.chmod(d, 0o755)
                made.append(d)
        path = os.path.join(SITE, rel)
        if not os.path.exists(path):
            made.append(path)
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, 0o644)

    yield put
    for path in reversed(made):
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def word():
    return secrets.token_hex(6)


def test_site_is_unchanged():
    for rel, digest in ORIGINAL.items():
        assert hashlib.sha256(read(rel)).hexdigest() == digest, rel


@pytest.mark.parametrize("url,rel", [
    ("/", "index.html"), ("/index.html", "index.html"), ("/docs/", "docs/index.html"),
    ("/docs/install.html", "docs/install.html"), ("/downloads/notes-1.2.txt", "downloads/notes-1.2.txt"),
    ("/assets/site.3f9a1c.css", "assets/site.3f9a1c.css")])
def test_files_of_the_site(url, rel):
    status, _, body = get(url)
    assert status == 200 and body == read(rel)


def test_files_added_and_changed_later(late):
    name, one, two = word(), word().encode(), word().encode() * 3
    late(f"docs/{name}.html", one)
    status, headers, body = get(f"/docs/{name}.html?x=1")
    assert (status, body) == (200, one)
    assert only(headers, "Cache-Control") == "no-cache"
    late(f"docs/{name}.html", two)
    assert get(f"/docs/{name}.html")[2] == two
    late(f"{name}/index.html", one)
    assert get(f"/{name}/")[::2] == (200, one)


def test_content_types(late):
    name = word()
    late(f"{name}.html", b"<p>x</p>")
    late(f"{name}.css", b"p{}")
    late(f"assets/{name}.svg", b"<svg/>")
    late(f"{name}.txt", b"x")
    for url, want in [(f"/{name}.html", "text/html"), (f"/{name}.css", "text/css"),
                      (f"/assets/{name}.svg", "image/svg+xml"), (f"/{name}.txt", "text/plain")]:
        _, headers, _ = get(url)
        assert only(headers, "Content-Type").split(";")[0].strip().lower() == want, url


def test_cache_control_of_assets(late):
    name = word()
    late(f"assets/{name}/deep.css", b"p{}")
    for url in ("/assets/site.3f9a1c.css", "/assets/logo.77ab02.svg", f"/assets/{name}/deep.css"):
        status, headers, _ = get(url)
        assert status == 200 and only(headers, "Cache-Control") == IMMUTABLE, url


def test_cache_control_elsewhere(late):
    name = word()
    late(f"docs/assets/{name}.css", b"p{}")  # "assets", but not at the top
    late(f"{name}.html", b"x")
    for url in ("/", "/docs/", "/downloads/notes-1.2.txt", "/healthz", f"/{name}.html", f"/docs/assets/{name}.css"):
        status, headers, _ = get(url)
        assert status == 200 and only(headers, "Cache-Control") == "no-cache", url


def test_missing_asset_is_not_cached_for_a_year():
    status, headers, _ = get(f"/assets/{word()}.css")
    assert status == 404
    assert not any("immutable" in v or "max-age=31536000" in v for v in headers.get_all("Cache-Control") or [])


def test_security_headers_on_every_answer(late):
    late(f"assets/{word()}.css", b"p{}")
    for url in ("/", "/docs/install.html", "/assets/site.3f9a1c.css", "/healthz", "/old/install.html",
                f"/{word()}", f"/assets/{word()}.css", "/.drafts/roadmap.html", "/downloads/"):
        _, headers, _ = get(url)
        assert only(headers, "X-Content-Type-Options").lower() == "nosniff", url
        assert only(headers, "Referrer-Policy").lower() == "no-referrer", url


def test_head_requests():
    for url in ("/", "/assets/site.3f9a1c.css"):
        status, headers, body = get(url, "HEAD")
        assert status == 200 and body == b""
        assert int(only(headers, "Content-Length")) == len(get(url)[2])
        assert only(headers, "Cache-Control") == get(url)[1]["Cache-Control"]
    assert get(f"/{word()}", "HEAD")[0] == 404


@pytest.mark.parametrize("url", ["/{}", "/docs/{}.html", "/assets/{}.css", "/downloads/", "/assets/"])
def test_not_found_page(url):
    """Also for directories that have no index.html: no listing, no 403."""
    status, headers, body = get(url.format(word()))
    assert status == 404
    assert body == read("404.html")
    assert headers.get_content_type() == "text/html"


def test_dot_names_are_hidden(late):
    name = word()
    late(f".{name}", b"secret")
    late(f"docs/.{name}/page.html", b"secret")
    late(f"assets/.{name}.css", b"secret")
    for url in ("/.htaccess-old", "/.drafts/roadmap.html", f"/.{name}", f"/docs/.{name}/page.html", f"/assets/.{name}.css"):
        status, _, body = get(url)
        assert status == 404 and body == read("404.html"), url


def test_no_way_out_of_the_site():
    for url in ("/../../etc/passwd", "/assets/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd"):
        status, _, body = get(url)
        assert status >= 400 and b"root:" not in body, url


@pytest.mark.parametrize("rest", ["install.html", "", "a/b-c/d_1.html", "HIDDEN/x.html"])
@pytest.mark.parametrize("query", ["", "?v=1.2&lang=de"])
def test_old_addresses_move_for_good(rest, query):
    rest = rest.replace("HIDDEN", word())
    status, headers, _ = get(f"/old/{rest}{query}")
    assert status == 301
    to = urlsplit(only(headers, "Location"))
    assert to.netloc in ("", "127.0.0.1:8080")
    assert to.path == f"/docs/{rest}"
    assert to.query == query[1:]


def test_healthz():
    status, headers, body = get("/healthz")
    assert (status, body) == (200, b"ok\n")
    assert headers.get_content_type() == "text/plain"
