"""Judges the running Redis, then kills it, starts it from its configuration, and judges it again."""
import glob
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from resp import Error, Redis, migrated, read_all  # noqa: E402

PASSWORDS = {"ops": "Kx7-tarn-ovel-93", "shop": "wIndmill.brook.5518", "reports": "4thFloor_lantern!"}
started = []


def connect(user=None):
    return Redis(6390, user, user and PASSWORDS[user])


def info(r, section):
    return dict(x.split(":", 1) for x in r("INFO", section).split("\r\n") if ":" in x)


def server_pid():
    return int(info(connect("ops"), "server")["process_id"])


def kill_and_start_again():
    pid = server_pid()
    os.kill(pid, signal.SIGKILL)
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] == "Z":
                break
        except (FileNotFoundError, ProcessLookupError):
            break
        time.sleep(0.05)
    started.append(subprocess.Popen(["redis-server", "/etc/redis/shop.conf"], cwd="/", stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
    for _ in range(200):
        try:
            if not str(connect()("PING")).startswith("LOADING"):
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("redis-server /etc/redis/shop.conf does not answer on 127.0.0.1:6390")


@pytest.fixture(scope="module", params=["as left", "started again"])
def server(request):
    if request.param == "started again":
        kill_and_start_again()
    return request.param


def test_it_is_redis_7_with_its_configuration(server):
    r = connect("ops")
    facts = info(r, "server")
    assert facts["redis_version"].startswith("7.0.")
    pid = int(facts["process_id"])
    exe = Path(os.readlink(f"/proc/{pid}/exe"))
    assert exe in (Path("/usr/bin/redis-server").resolve(), Path("/usr/bin/redis-server"))
    assert facts["config_file"] == "/etc/redis/shop.conf"
    assert r("CONFIG", "GET", "dir")[1].rstrip("/") == "/srv/redis"


def fd_link(path):
    """A descriptor may be closed between being listed and being read."""
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""


def test_listens_on_loopback_only(server):
    listening = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                listening.add(fields[1])
    ours = {x for x in listening if x.endswith(":%04X" % 6390)}
    assert ours == {"0100007F:%04X" % 6390}
    pid = server_pid()
    inodes = {link[8:-1] for link in map(fd_link, glob.glob(f"/proc/{pid}/fd/*")) if link.startswith("socket:")}
    own = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                own.add(fields[1])
    assert own == ours


@pytest.mark.parametrize("db", [0, 3])
def test_data(server, db):
    expected, found = migrated()[db], read_all(connect("ops"), db)
    assert sorted(found) == sorted(expected)
    wrong = {k: (found[k], expected[k]) for k in expected if found[k] != expected[k]}
    assert not wrong


def test_no_further_databases(server):
    assert set(info(connect("ops"), "keyspace")) == {"db0", "db3"}


def test_durability_and_memory_settings(server):
    r = connect("ops")
    get = lambda name: r("CONFIG", "GET", name)[1]
    assert get("appendonly") == "yes"
    assert get("appendfsync") == "always"
    assert get("maxmemory") == str(96 * 1024 * 1024)
    assert get("maxmemory-policy") == "volatile-ttl"
    facts = info(r, "persistence")
    assert facts["aof_enabled"] == "1" and facts["aof_last_write_status"] == "ok"


def test_nothing_without_log_in(server):
    for command in (["PING"], ["GET", "shop:queue"], ["INFO"], ["CONFIG", "GET", "dir"], ["SET", "shop:x", "1"]):
        reply = connect()(*command)
        assert isinstance(reply, Error) and reply.startswith(("NOAUTH", "NOPERM")), (command, reply)


@pytest.mark.parametrize("login", [("AUTH", "x"), ("AUTH", ""), ("AUTH", PASSWORDS["ops"]), ("AUTH", "default", ""),
                                   ("AUTH", "shop", PASSWORDS["ops"]), ("AUTH", "ops", ""), ("AUTH", "admin", "admin")])
def test_wrong_log_ins(server, login):
    assert isinstance(connect()(*login), Error)


def test_users(server):
    r = connect("ops")
    assert "off" in r("ACL", "GETUSER", "default")[1]
    assert sorted(r("ACL", "USERS")) == ["default", "ops", "reports", "shop"]
    for user in PASSWORDS:
        assert "nopass" not in r("ACL", "GETUSER", user)[1]
        assert connect(user)("PING") == "PONG"


# ACL DRYRUN asks the server whether a user may, without doing it
DENIED_TO_BOTH = ["FLUSHALL", "FLUSHDB", "KEYS *", "CONFIG GET *", "SHUTDOWN NOSAVE", "DEBUG SLEEP 0", "ACL LIST", "ACL SETUSER x",
                  "MONITOR", "BGSAVE", "REPLICAOF NO ONE", "EVAL x 0", "EVALSHA x 0", "FCALL f 0", "FUNCTION LIST", "SCRIPT FLUSH",
                  "CLIENT KILL 1.1.1.1:1", "MODULE LIST", "INFO", "SWAPDB 0 3", "GET stocktaking", "SET carts x", "GET cart:x",
                  "GET lockfile", "GET Shop:x", "SET stock:x 1", "PUBLISH news x", "SUBSCRIBE news", "PSUBSCRIBE *"]
SHOP_MAY = ["GET shop:x", "SET shop:x 1", "SET lock:a 1 NX PX 500", "DEL shop:x lock:y", "HSET shop:cart:u a 1", "HINCRBY shop:stock a -1",
            "ZADD shop:rank:week 1 a", "LPUSH shop:queue j", "BLPOP shop:queue 1", "XADD shop:orders * a b", "XREADGROUP GROUP mail w STREAMS shop:orders >",
            "EXPIRE shop:x 5", "RENAME shop:x shop:y", "MULTI", "EXEC", "WATCH shop:x", "SCAN 0", "TYPE shop:x", "PUBLISH shop:news x",
            "SUBSCRIBE shop:news", "PSUBSCRIBE shop:*", "SELECT 3", "CLIENT SETNAME web", "GETDEL shop:x", "SETBIT shop:b 1 1", "PFADD shop:p x", "COPY shop:x lock:x"]
SHOP_MAY_NOT = ["GET report:x", "SET report:x 1", "RENAME shop:x other", "COPY shop:x report:x", "MGET shop:x stocktaking", "DEL shop:x carts",
                "ZUNIONSTORE report:x 1 shop:rank:week", "PUBLISH report:x y"]
REPORTS_MAY = ["GET shop:x", "HGETALL shop:stock", "ZRANGE shop:rank:week 0 -1", "XRANGE shop:orders - +", "SMEMBERS shop:tags", "TTL shop:x",
               "SET report:x 1", "DEL report:x", "ZUNIONSTORE report:x 2 shop:rank:week shop:rank:month", "ZRANGESTORE report:x shop:rank:week 0 9",
               "COPY shop:x report:x", "SUNIONSTORE report:t shop:tags report:t", "EXPIRE report:x 9", "RENAME report:x report:y", "MULTI", "SCAN 0",
               "BITOP NOT report:b shop:b", "LRANGE shop:queue 0 -1", "MGET shop:a report:b"]
REPORTS_MAY_NOT = ["SET shop:x 1", "DEL shop:x", "EXPIRE shop:x 9", "RENAME shop:x report:x", "RENAME report:x shop:x", "COPY report:x shop:x", "LPOP shop:queue",
                   "LMOVE shop:queue report:queue LEFT LEFT", "GETDEL shop:x", "HSET shop:stock a 1", "ZUNIONSTORE shop:rank:x 1 shop:rank:week",
                   "XADD shop:orders * a b", "XACK shop:orders mail 1-1", "XTRIM shop:orders MAXLEN 0", "SMOVE shop:tags report:tags x", "SET lock:a 1", "GET lock:a",
                   "PUBLISH shop:news x", "SUBSCRIBE shop:news", "PUBLISH report:x y", "SUBSCRIBE report:x", "UNLINK shop:x", "PERSIST shop:x"]


def may(r, user, command):
    reply = r("ACL", "DRYRUN", user, *command.split(" "))
    assert not isinstance(reply, Error), reply
    return reply == "OK"


def test_what_everybody_is_denied(server):
    r = connect("ops")
    assert [(u, c) for u in ("shop", "reports") for c in DENIED_TO_BOTH if may(r, u, c)] == []


@pytest.mark.parametrize("user,allowed,denied", [("shop", SHOP_MAY, SHOP_MAY_NOT), ("reports", REPORTS_MAY, REPORTS_MAY_NOT)], ids=["shop", "reports"])
def test_permissions(server, user, allowed, denied):
    r = connect("ops")
    assert [c for c in allowed if not may(r, user, c)] == []
    assert [c for c in denied if may(r, user, c)] == []


def test_ops_may_do_everything(server):
    r = connect("ops")
    for command in DENIED_TO_BOTH + SHOP_MAY + REPORTS_MAY + ["SHUTDOWN", "SAVE", "SUBSCRIBE x", "SET anything 1"]:
        assert may(r, "ops", command), command


def test_real_commands_of_the_users(server):
    shop, reports = connect("shop"), connect("reports")
    try:
        assert shop("SET", "lock:probe", "1", "NX", "PX", "60000") == "OK"
        assert shop("SET", "shop:probe", "abc") == "OK"
        assert reports("GET", "shop:probe") == "abc"
        assert reports("COPY", "shop:probe", "report:probe") == 1
        assert reports("ZUNIONSTORE", "report:rank", "1", "shop:rank:week") == 50
        for r, command in ((reports, ["SET", "shop:probe", "x"]), (reports, ["DEL", "shop:probe"]), (shop, ["GET", "report:probe"]),
                           (shop, ["GET", "stocktaking"]), (shop, ["KEYS", "shop:*"]), (reports, ["EVAL", "return 1", "0"])):
            reply = r(*command)
            assert isinstance(reply, Error) and reply.startswith("NOPERM"), (command, reply)
        assert shop("GET", "shop:probe") == "abc"
    finally:
        shop("DEL", "shop:probe", "lock:probe")
        reports("DEL", "report:probe", "report:rank")


def test_passwords_are_not_in_clear_text(server):
    for root in ("/etc/redis", "/srv/redis"):
        for path in Path(root).rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                assert not [u for u, p in PASSWORDS.items() if p.encode() in data], path


def test_writes_survive_a_kill():
    r = connect("shop")
    for i in range(200):
        assert r("HSET", "shop:durable", f"f{i}", str(i)) == 1
    assert r("SET", "shop:durable:2", "x", "PXAT", "4102444800123") == "OK"
    kill_and_start_again()
    r = connect("shop")
    try:
        assert r("HLEN", "shop:durable") == 200
        assert r("PEXPIRETIME", "shop:durable:2") == 4102444800123
    finally:
        r("DEL", "shop:durable", "shop:durable:2")
    test_data("again", 0)
