"""Fill the drop folder with a few deliveries whose names say little."""
import bz2
import gzip
import io
import lzma
import os
import sys
import tarfile
import zipfile

drop = sys.argv[1]
os.makedirs(drop)


def tar_bytes(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data, mode in members:
            info = tarfile.TarInfo(name)
            info.mtime = 1709251200
            info.mode = mode
            if data is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zip_bytes(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in members:
            z.writestr(zipfile.ZipInfo(name, (2024, 3, 1, 0, 0, 0)), data)
    return out.getvalue()


def put(name, data):
    with open(os.path.join(drop, name), "wb") as f:
        f.write(data)


prices = b"sku;price\n" + b"".join(b"%05d;%d.%02d\n" % (i, i % 90, i % 100) for i in range(400))
put("prices march.zip", gzip.compress(tar_bytes([("prices/", None, 0o755), ("prices/march.csv", prices, 0o640)]), mtime=0))
put("catalogue.tar.gz", zip_bytes([("catalogue/index.html", b"<h1>Catalogue</h1>\n"), ("catalogue/img/", b"")]))
put("update", lzma.compress(tar_bytes([("bin/", None, 0o755), ("bin/apply.sh", b"#!/bin/sh\necho applied\n", 0o755), ("../motd", b"hi\n", 0o644)])))
put("stock.txt", bz2.compress(b"warehouse 7: 1200\n"))
put("readme.gz", b"This one is plain text, whatever it is called.\n")
os.mkdir(os.path.join(drop, "archive"))
put("archive/old.zip", b"not looked at\n")
