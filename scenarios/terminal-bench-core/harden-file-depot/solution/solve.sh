#!/bin/bash
set -eu
cat > /app/depot/server.py <<'PY'
#!/usr/bin/env python3
"""Depot, a small file service. See README.md."""
import argparse
import base64
import html
import io
import json
import os
import re
import sqlite3
import stat
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote_to_bytes

DEFAULT_PREFS = {"theme": "light", "per_page": 50}
lock = threading.Lock()


class NotAllowed(Exception):
    pass


def valid_prefs(x):
    return (isinstance(x, dict) and set(x) == {"theme", "per_page"} and isinstance(x["theme"], str) and x["theme"] in ("light", "dark")
            and type(x["per_page"]) is int and 1 <= x["per_page"] <= 200)


class Depot:
    def __init__(self, root, db):
        self.root = os.path.realpath(root)
        self.db = sqlite3.connect(db, check_same_thread=False)
        self.db.execute("CREATE TABLE IF NOT EXISTS files(path TEXT PRIMARY KEY, size INTEGER)")
        self.db.execute("DELETE FROM files")
        for folder, _, names in os.walk(self.root):
            for name in names:
                full = os.path.join(folder, name)
                info = os.lstat(full)
                if stat.S_ISREG(info.st_mode):
                    self.index(os.path.relpath(full, self.root), info.st_size)
        self.db.commit()

    def index(self, path, size):
        try:
            path.encode()
        except UnicodeEncodeError:
            return      # a name on disk that is not UTF-8 has no path in our sense
        self.db.execute("INSERT OR REPLACE INTO files VALUES (?, ?)", (path, size))

    def resolve(self, path):
        """The real place of an allowed path."""
        if "\0" in path or any(part in ("", ".", "..") for part in path.split("/")):
            raise NotAllowed
        try:
            full = os.path.realpath(os.path.join(self.root, path))
            full.encode()
        except (OSError, ValueError):
            raise NotAllowed from None
        if not full.startswith(self.root + "/"):
            raise NotAllowed
        return full

    def read(self, path):
        """The content of a regular file, or None."""
        try:
            with open(os.open(self.resolve(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as f:
                if stat.S_ISREG(os.fstat(f.fileno()).st_mode):
                    return f.read()
        except (NotAllowed, OSError):
            pass
        return None

    def write(self, path, data):
        """The status"""
        try:
            full = self.resolve(path)
        except NotAllowed:
            return 403
        if os.path.lexists(full) and not os.path.isfile(full):
            return 409
        new = not os.path.exists(full)
        try:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(os.open(full, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644), "wb") as f:
                f.write(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            return 409
        except OSError:
            return 403      # a name that the file system does not allow
        with lock:
            # under the real name: symbolic links are not indexed
            self.index(os.path.relpath(full, self.root), len(data))
            self.db.commit()
        return 201 if new else 204

    def search(self, text, sort):
        with lock:
            rows = self.db.execute("SELECT path, size FROM files").fetchall()
        def fold(s):
            return re.sub("[A-Z]", lambda m: m[0].lower(), s)
        text = fold(text)
        rows = sorted(r for r in rows if text in fold(r[0]))
        if sort == "-path":
            rows.reverse()
        elif sort in ("size", "-size"):
            rows.sort(key=lambda r: r[1] if sort == "size" else -r[1])
        return [{"path": p, "size": s} for p, s in rows]


class Handler(BaseHTTPRequestHandler):
    depot = None
    timeout = 20

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", kind="text/plain; charset=utf-8", **headers):
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def body(self):
        text = self.headers.get("Content-Length") or "0"
        return self.rfile.read(int(text)) if re.fullmatch("[0-9]{1,12}", text) else None

    def split(self):
        """(path still encoded, query): by hand, since urlsplit would take //x for a host"""
        path, _, query = self.path.partition("?")
        return path, {k: v[-1] for k, v in parse_qs(query, keep_blank_values=True).items()}

    def file_path(self, path):
        """The decoded path behind /files/, or None; \\0 stands for what is no UTF-8"""
        if not path.startswith("/files/"):
            return None
        try:
            return unquote_to_bytes(path[len("/files/"):]).decode()
        except UnicodeDecodeError:
            return "\0"

    def do_GET(self):
        path, query = self.split()
        name = self.file_path(path)
        if name is not None:
            data = self.depot.read(name)
            if data is None:
                return self.answer(404, "no such file\n")
            self.answer(200, data, "application/octet-stream")
        elif path == "/search":
            sort = query.get("sort", "path")
            if sort not in ("path", "-path", "size", "-size"):
                return self.answer(400, "cannot sort by that\n")
            self.answer(200, json.dumps(self.depot.search(query.get("q", ""), sort)), "application/json")
        elif path == "/":
            links = "".join(f'<li><a href="/files/{quote(r["path"])}">{html.escape(r["path"])}</a>\n'
                            for r in self.depot.search("", "path"))
            self.answer(200, f"<!DOCTYPE html><title>Depot</title><ul>\n{links}</ul>\n", "text/html; charset=utf-8")
        elif path == "/go":
            to = query.get("to", "/")
            self.answer(302, Location=to if re.fullmatch(r"/(?!/)[!-\[\]-~]*", to) else "/")
        elif path == "/prefs":
            self.answer(200, json.dumps(self.prefs()), "application/json")
        else:
            self.answer(404, "not found\n")

    def prefs(self):
        for part in (self.headers.get("Cookie") or "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == "prefs":
                try:
                    found = json.loads(base64.b64decode(value.encode(), validate=True))
                except (ValueError, RecursionError):
                    continue
                if valid_prefs(found):
                    return found
        return DEFAULT_PREFS

    def do_PUT(self):
        name = self.file_path(self.split()[0])
        if name is None:
            return self.answer(404, "not found\n")
        data = self.body()
        status = 400 if data is None else self.depot.write(name, data)
        self.answer(status, "" if status < 300 else "not stored\n")

    def do_POST(self):
        path = self.split()[0]
        if path not in ("/archive", "/prefs"):
            return self.answer(404, "not found\n")
        try:
            data = json.loads((self.body() or b"").decode())
        except (ValueError, RecursionError):
            return self.answer(400, "no JSON\n")
        if path == "/prefs":
            if not valid_prefs(data):
                return self.answer(400, "no valid preferences\n")
            value = base64.b64encode(json.dumps(data).encode()).decode()
            return self.answer(204, Set_Cookie=f"prefs={value}; Path=/; HttpOnly")
        paths = data.get("paths") if isinstance(data, dict) and set(data) == {"paths"} else None
        if not isinstance(paths, list) or not paths or not all(isinstance(p, str) for p in paths):
            return self.answer(400, "a list of paths is needed\n")
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
            for name in paths:
                content = self.depot.read(name)
                if content is None:
                    return self.answer(404, "no such file\n")
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        self.answer(200, out.getvalue(), "application/gzip")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--db", required=True)
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    Handler.depot = Depot(args.root, args.db)
    server = ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    print("ready", flush=True)
    server.serve_forever()


main()
PY
python3 -m py_compile /app/depot/server.py
rm -rf /app/depot/__pycache__
