#!/usr/bin/env python3
"""memo -c DIR [-i FILE]... [-e NAME]... -- CMD [ARG]...

An entry is one file: sha256 of the rest, lengths of the two outputs, stdout,
stderr. It is written beside its place, then renamed, so it is there as a whole
or not at all; the checksum catches what happens to it later. One lock file per
key, held (flock) while the command runs; file descriptors of Python are not
inherited, so the lock goes with memo, whatever the command's children do.

The command writes to unlinked temporary files rather than pipes: a background
process that keeps its stdout open can't hold us up, and nothing is left behind
when memo is killed.
"""
import fcntl
import hashlib
import os
import signal
import struct
import subprocess
import sys
import tempfile

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
HEAD = struct.Struct(">QQ")


class Caught(Exception):
    pass


class State:
    """What the signal handler has to know."""
    got = 0          # the first signal that came
    child = None     # the running command
    waiting = True   # interrupt at once (before a command runs)


def on_signal(number, _frame):
    State.got = State.got or number
    if State.child is not None:
        State.child.send_signal(number)
    elif State.waiting:
        raise Caught


def complain(text):
    os.write(2, b"memo: " + os.fsencode(str(text)) + b"\n")


def parse(argv):
    cache, inputs, names = None, [], []
    at = 0
    while at < len(argv) and argv[at] in ("-c", "-i", "-e") and at + 1 < len(argv):
        option, value = argv[at], argv[at + 1]
        if option == "-c":
            cache = value
        else:
            (inputs if option == "-i" else names).append(value)
        at += 2
    if at >= len(argv) or argv[at] != "--" or not argv[at + 1:] or not cache:
        return None
    return cache, inputs, names, argv[at + 1:]


def file_digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            h.update(block)
    return h.digest()


def make_key(inputs, names, command):
    h = hashlib.sha256()

    def add(*fields):
        for x in fields:
            x = x if isinstance(x, bytes) else os.fsencode(x)
            h.update(struct.pack(">Q", len(x)) + x)

    add(b"cwd", os.getcwd())
    for arg in command:
        add(b"arg", arg)
    for name in sorted(set(names)):
        if name in os.environ:
            add(b"env", name, os.environ[name])
        else:
            add(b"unset", name)
    for path in sorted(set(inputs)):
        add(b"file", path, file_digest(path))
    return h.hexdigest()


def load(path):
    """(stdout, stderr) of a sound entry, or None."""
    try:
        with open(path, "rb") as f:
            data = f.read()
    except OSError:
        return None
    body = data[32:]
    if len(body) < HEAD.size or hashlib.sha256(body).digest() != data[:32]:
        return None
    n, m = HEAD.unpack_from(body)
    out = body[HEAD.size:HEAD.size + n]
    return out, body[HEAD.size + n:HEAD.size + n + m]


def store(cache, path, out, err):
    body = HEAD.pack(len(out), len(err)) + out + err
    fd, temp = tempfile.mkstemp(prefix=".new-", dir=cache)  # mode 0600
    try:
        with os.fdopen(fd, "wb") as f:
            f.write(hashlib.sha256(body).digest() + body)
        os.rename(temp, path)
    except BaseException:
        os.unlink(temp)
        raise


def run(command, folder):
    """Run it; (status for our caller, stdout, stderr)."""
    with tempfile.TemporaryFile(dir=folder) as out, tempfile.TemporaryFile(dir=folder) as err:
        # no signal may slip in between the start and knowing the child
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                     preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS))
        except OSError as e:
            complain(e)
            return (127 if isinstance(e, FileNotFoundError) else 126), b"", b""
        finally:
            State.child = locals().get("child")
            State.waiting = False
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        status = child.wait()
        status = 128 - status if status < 0 else status

        def content(f):
            size, at, parts = os.fstat(f.fileno()).st_size, 0, []
            while at < size and (part := os.pread(f.fileno(), size - at, at)):
                parts.append(part)
                at += len(part)
            return b"".join(parts)
        return status, content(out), content(err)


def deliver(out, err):
    for fd, data in ((1, out), (2, err)):
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view):]


def open_cache(cache, key):
    """The open lock file, or None when the cache can't be used."""
    try:
        os.makedirs(cache, mode=0o700, exist_ok=True)
        return os.open(os.path.join(cache, key + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as e:
        complain(f"running without cache: {e}")
        return None


def main():
    parsed = parse(sys.argv[1:])
    if parsed is None:
        complain("usage: memo -c DIR [-i FILE]... [-e NAME]... -- CMD [ARG]...")
        return 64
    cache, inputs, names, command = parsed
    for s in SIGNALS:
        signal.signal(s, on_signal)
    try:
        key = make_key(inputs, names, command)
    except OSError as e:
        complain(e)
        return 66

    mask = os.umask(0o077)   # for what we create; the command gets its own back
    lock = open_cache(cache, key)
    entry = os.path.join(cache, key)
    if lock is not None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = load(entry)
        if found:
            os.close(lock)
            deliver(*found)
            return 0
    os.umask(mask)
    status, out, err = run(command, cache if lock is not None else None)
    os.umask(0o077)
    if lock is not None and status == 0 and not State.got:
        try:
            if make_key(inputs, names, command) == key:
                store(cache, entry, out, err)
        except OSError as e:
            complain(f"not stored: {e}")
    if lock is not None:
        os.close(lock)
    deliver(out, err)
    return 128 + State.got if State.got else status


try:
    code = main()
except Caught:
    code = 128 + State.got
except BrokenPipeError:
    code = 128 + signal.SIGPIPE
sys.exit(code)
