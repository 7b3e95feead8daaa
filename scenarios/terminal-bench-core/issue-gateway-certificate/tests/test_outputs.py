import hashlib
import re
import ssl
import subprocess
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).parent       # has the gateway's private key, which the agent never saw
ROOT, ISSUING = TESTS / "root.crt", TESTS / "issuing.crt"
CERT, CHAIN = Path("/app/out/gateway.crt"), Path("/app/out/gateway-chain.pem")
GIVEN = {
    "ca/issuing-a.crt": "28d9f1dce571e4303d335ad093b1e1f59fb9334a614e3ea065b5f2cca719a882",
    "ca/issuing-b.crt": "4777c3017559cb78ae0618b091229ac49948720566ff98d672b007df97cfc083",
    "ca/issuing.key": "1214b226625c2710dd89e23290227078f47656a50c021d558c0057491be796be",
    "ca/passphrase.txt": "b71abf1b75eb26da5c22bc6aa9b9f279cec985b68050e19f16a23ee737485ef8",
    "ca/root.crt": "4e99314d8b504b12ab8c2495da8c90fd771d35e2ded63cf57c34518e5014da0b",
    "gateway.csr": "408b2fd6f86f39657da6c11e6f4d65511f39a4e9d538463f520e01ed9bf8d8de",
}
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.S)


def openssl(*args, text=None):
    return subprocess.run(["openssl", *map(str, args)], input=text, capture_output=True, text=True, timeout=20)


def x509(*args):
    p = openssl("x509", "-in", CERT, "-noout", *args)
    assert p.returncode == 0, p.stderr
    return p.stdout


def ders(path):
    return [ssl.PEM_cert_to_DER_cert(m) for m in PEM.findall(path.read_text())]


def extensions():
    """{name: (critical, value)} from openssl's text form"""
    text = x509("-text", "-certopt", "no_pubkey,no_sigdump,no_header,no_version,no_serial,no_signame,no_validity,no_subject,no_issuer")
    found, name = {}, None
    for line in text.splitlines():
        if m := re.fullmatch(r" {12}(\S.*?): ?(critical)?\s*", line):
            name = m[1]
            found[name] = [bool(m[2]), ""]
        elif name and line.startswith(" " * 16):
            found[name][1] += line.strip() + " "
    return {k: (c, v.strip()) for k, (c, v) in found.items()}


def test_given_files_are_unchanged():
    assert {str(p.relative_to("/app")) for p in Path("/app/ca").rglob("*")} == {n for n in GIVEN if n.startswith("ca/")}
    for name, digest in GIVEN.items():
        assert hashlib.sha256(Path("/app", name).read_bytes()).hexdigest() == digest, name


def test_no_unencrypted_private_key_is_left():
    for path in Path("/app").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not re.search(rb"-----BEGIN (EC |RSA )?PRIVATE KEY-----", data), path
            der = openssl("pkey", "-inform", "DER", "-in", path, "-passin", "pass:", "-noout")
            assert der.returncode != 0, path


def test_certificate_file_holds_one_certificate():
    assert len(ders(CERT)) == 1


def test_chain_file_is_certificate_and_issuing_ca():
    assert ders(CHAIN) == [*ders(CERT), *ders(ISSUING)]
    assert "PRIVATE" not in CHAIN.read_text()


def test_public_key_and_subject_are_those_of_the_request():
    assert x509("-pubkey") == openssl("pkey", "-in", TESTS / "gateway.key", "-pubout").stdout
    assert x509("-subject", "-nameopt", "RFC2253").strip() == "subject=CN=gateway.harbour.example,O=Harbour Logistics"


def test_signed_by_the_current_issuing_ca():
    p = openssl("verify", "-x509_strict", "-CAfile", ROOT, "-untrusted", ISSUING, CERT)
    assert p.returncode == 0, p.stderr
    assert re.search(r"Signature Algorithm: ecdsa-with-SHA(256|384|512)\n", x509("-text"))


def test_good_for_servers_only():
    def purpose(name):
        return openssl("verify", "-CAfile", ROOT, "-untrusted", ISSUING, "-purpose", name, CERT).returncode
    assert purpose("sslserver") == 0
    assert purpose("sslclient") != 0
    assert purpose("smimesign") != 0


def test_alternative_names():
    names = ssl._ssl._test_decode_cert(str(CERT))["subjectAltName"]
    assert sorted(names) == sorted([("DNS", "gateway.harbour.example"), ("DNS", "*.dock.harbour.example"), ("IP Address", "10.44.0.10"),
                                    ("IP Address", "FD00:44:0:0:0:0:0:10")])


def test_extensions():
    e = extensions()
    assert set(e) == {"X509v3 Subject Alternative Name", "X509v3 Basic Constraints", "X509v3 Key Usage", "X509v3 Extended Key Usage",
                      "X509v3 Subject Key Identifier", "X509v3 Authority Key Identifier"}
    assert e["X509v3 Basic Constraints"] == (True, "CA:FALSE")
    assert e["X509v3 Key Usage"] == (True, "Digital Signature")
    assert e["X509v3 Extended Key Usage"][1] == "TLS Web Server Authentication"
    issuer = openssl("x509", "-in", ISSUING, "-noout", "-ext", "subjectKeyIdentifier").stdout.split()[-1]
    assert issuer in e["X509v3 Authority Key Identifier"][1]


def test_version_and_serial():
    assert "Version: 3 (0x2)" in x509("-text")
    serial = int(x509("-serial").strip().removeprefix("serial="), 16)
    assert 1 << 48 <= serial < 1 << 159
    assert len(set(f"{serial:x}")) > 4, "not random"


def test_validity():
    info = ssl._ssl._test_decode_cert(str(CERT))
    start, end = (ssl.cert_time_to_seconds(info[k]) for k in ("notBefore", "notAfter"))
    day = 86400
    assert time.time() - 2 * day < start <= time.time()
    assert 89 * day - 5 <= end - start <= 91 * day + 5


def handshake(name):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CHAIN, TESTS / "gateway.key")
    client = ssl.create_default_context(cafile=str(ROOT))
    a, b = ssl.MemoryBIO(), ssl.MemoryBIO()
    c = client.wrap_bio(a, b, server_hostname=name)
    s = server.wrap_bio(b, a, server_side=True)
    for _ in range(10):
        done = 0
        for end in (c, s):
            try:
                end.do_handshake()
                done += 1
            except ssl.SSLWantReadError:
                pass
        if done == 2:
            return True
    return False


@pytest.mark.parametrize("name", ["gateway.harbour.example", "crane7.dock.harbour.example", "10.44.0.10", "fd00:44::10"])
def test_clients_accept_its_names(name):
    assert handshake(name)


@pytest.mark.parametrize("name", ["harbour.example", "www.harbour.example", "dock.harbour.example", "a.b.dock.harbour.example", "10.44.0.11", "fd00:44::11"])
def test_clients_reject_other_names(name):
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(name)


def test_it_cannot_issue_certificates(tmp_path):
    (tmp_path / "ext").write_text("subjectAltName=DNS:bank.example\n")
    ok = openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=bank.example",
                 "-keyout", tmp_path / "k", "-out", tmp_path / "r")
    assert ok.returncode == 0, ok.stderr
    ok = openssl("x509", "-req", "-in", tmp_path / "r", "-CA", CERT, "-CAkey", TESTS / "gateway.key", "-set_serial", "5", "-days", "1",
                 "-extfile", tmp_path / "ext", "-out", tmp_path / "c")
    assert ok.returncode == 0, ok.stderr
    p = openssl("verify", "-CAfile", ROOT, "-untrusted", CHAIN, tmp_path / "c")
    assert p.returncode != 0
