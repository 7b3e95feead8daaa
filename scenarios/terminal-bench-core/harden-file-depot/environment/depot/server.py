#!/usr/bin/env python3
"""Depot, a small file service. See README.md."""
import argparse
import base64
import json
import os
import pickle
import sqlite3
import subprocess
import threading
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

DEFAULT_PREFS = {"theme": "light", "per_page": 50}
lock = threading.Lock()


class Depot:
    def __init__(self, root, db):
        self.root = root
        self.db = sqlite3.connect(db, check_same_thread=False)
        self.db.execute("CREATE TABLE IF NOT EXISTS files(path TEXT PRIMARY KEY, size INTEGER)")
        self.db.execute("DELETE FROM files")
        for folder, _, names in os.walk(root):
            for name in names:
                full = os.path.join(folder, name)
                if not os.path.islink(full):
                    row = os.path.relpath(full, root), os.path.getsize(full)
                    self.db.execute("INSERT INTO files VALUES (?, ?)", row)
        self.db.commit()

    def index(self, path, size):
        self.db.execute(f"INSERT OR REPLACE INTO files VALUES ('{path}', {size})")

    def resolve(self, path):
        # no way out of the root
        path = path.replace("../", "")
        return os.path.join(self.root, path)

    def search(self, text, sort):
        order = sort.lstrip("-") + (" DESC" if sort.startswith("-") else "")
        with lock:
            rows = self.db.execute(f"SELECT path, size FROM files WHERE path LIKE '%{text}%' ORDER BY {order}").fetchall()
        return [{"path": p, "size": s} for p, s in rows]


class Handler(BaseHTTPRequestHandler):
    depot = None

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
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self):
        url = urlsplit(unquote(self.path))
        query = {k: v[-1] for k, v in parse_qs(urlsplit(self.path).query).items()}
        if url.path.startswith("/files/"):
            self.get_file(unquote(url.path[len("/files/"):]))
        elif url.path == "/search":
            found = self.depot.search(query.get("q", ""), query.get("sort", "path"))
            self.answer(200, json.dumps(found), "application/json")
        elif url.path == "/":
            links = "".join(f'<li><a href="/files/{r["path"]}">{r["path"]}</a>\n' for r in self.depot.search("", "path"))
            self.answer(200, f"<!DOCTYPE html><title>Depot</title><ul>\n{links}</ul>\n", "text/html; charset=utf-8")
        elif url.path == "/go":
            to = query.get("to", "/")
            self.answer(302, Location=to if to.startswith("/") else "/")
        elif url.path == "/prefs":
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get("prefs")
            prefs = pickle.loads(base64.b64decode(cookie.value)) if cookie else DEFAULT_PREFS
            self.answer(200, json.dumps(prefs), "application/json")
        else:
            self.answer(404, "not found\n")

    def get_file(self, path):
        full = self.depot.resolve(path)
        if not os.path.isfile(full):
            return self.answer(404, "no such file: " + path + "\n", "text/html; charset=utf-8")
        with open(full, "rb") as f:
            self.answer(200, f.read(), "application/octet-stream")

    def do_PUT(self):
        path = unquote(urlsplit(self.path).path)
        if not path.startswith("/files/"):
            return self.answer(404, "not found\n")
        path = path[len("/files/"):]
        full = self.depot.resolve(path)
        if os.path.isdir(full):
            return self.answer(409, "is a directory\n")
        new = not os.path.exists(full)
        data = self.body()
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(data)
        with lock:
            self.depot.index(path, len(data))
            self.depot.db.commit()
        self.answer(201 if new else 204)

    def do_POST(self):
        url = urlsplit(self.path)
        data = json.loads(self.body())
        if url.path == "/archive":
            names = " ".join(f'"{p}"' for p in data["paths"])
            tar = subprocess.run(f"cd {self.depot.root} && tar -czhf - {names}", shell=True, capture_output=True)
            if tar.returncode:
                return self.answer(404, tar.stderr)
            self.answer(200, tar.stdout, "application/gzip")
        elif url.path == "/prefs":
            value = base64.b64encode(pickle.dumps(data)).decode()
            self.answer(204, Set_Cookie=f"prefs={value}; Path=/; HttpOnly")
        else:
            self.answer(404, "not found\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--db", required=True)
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    Handler.depot = Depot(os.path.abspath(args.root), args.db)
    server = ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    print("ready", flush=True)
    server.serve_forever()


main()
