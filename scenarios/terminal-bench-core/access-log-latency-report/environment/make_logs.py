"""Sample access logs with a fixed seed."""
import datetime
import gzip
import os
import random
import sys

root = sys.argv[1]
os.makedirs(root)
rng = random.Random(20240301)
agents = ["Mozilla/5.0 (X11; Linux x86_64)", "curl/7.88.1", "kube-probe/1.29", r"Bot \"quick\" 1.0", "-"]
paths = ["/", "/api/orders", "/api/orders/{n}", "/api/orders/{n}/items/{n}", "/api/users/{u}", "/healthz", "/search?q=lamp&page={n}", "/static/app.js"]
start = datetime.datetime(2024, 3, 1)


def line(i):
    path = rng.choice(paths)
    while "{n}" in path:
        path = path.replace("{n}", str(rng.randrange(1, 9999)), 1)
    path = path.replace("{u}", "%08x-%04x-%04x-%04x-%012x" % tuple(rng.randrange(16**k) for k in (8, 4, 4, 4, 12)))
    method = rng.choice(["GET"] * 6 + ["POST", "DELETE"])
    status = rng.choice([200] * 12 + [301, 404, 404, 500, 502])
    stamp = (start + datetime.timedelta(seconds=i * 7)).strftime("%d/%b/%Y:%H:%M:%S +0000")
    rt = rng.lognormvariate(-2.5, 1)
    return f'10.0.{rng.randrange(256)}.{rng.randrange(256)} - - [{stamp}] "{method} {path} HTTP/1.1" {status} {rng.randrange(90000)} "-" "{rng.choice(agents)}" rt={rt:.3f}'


lines = [line(i) for i in range(6000)]
lines[700] = lines[700][:57]
lines[2100] = '10.0.9.9 - - [01/Mar/2024:04:05:00 +0000] "\\x16\\x03\\x01" 400 157 "-" "-" rt=0.000'
lines[4000] = ""
for name, part in (("access.log.2.gz", lines[:2000]), ("access.log.1", lines[2000:4500]), ("access.log", lines[4500:])):
    data = "".join(x + "\n" for x in part).encode()
    with open(f"{root}/{name}", "wb") as f:
        f.write(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
with open(f"{root}/error.log", "w") as f:
    f.write("2024/03/01 04:05:00 [error] upstream timed out\n")
