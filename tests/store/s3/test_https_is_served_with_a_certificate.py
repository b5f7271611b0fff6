"""With a certificate the server speaks TLS, and real clients that trust it do all they do over plain HTTP."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from proving.store import Store
from proving.store.s3.credentials import Credentials
from proving.store.s3.errors import BadCertificate
from proving.store.s3.server import ServerSettings, serve_in_thread
from proving.store.s3.wire import Limits

ACCESS_KEY, SECRET_KEY = "AKIDPROVING", "a secret that is only used in tests"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        message = "openssl is not installed; it makes the certificate of this test"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    folder = tmp_path_factory.mktemp("pem")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=proving", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key


def test_boto3_works_over_tls(store: Store, pem: tuple[Path, Path]):
    settings = ServerSettings(certificate=pem[0], private_key=pem[1])
    credentials = Credentials(access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    with serve_in_thread(store, credentials, settings=settings) as running:
        client: Any = boto3.client(
            "s3",
            endpoint_url=running.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name="us-east-1",
            verify=str(pem[0]),
            config=Config(signature_version="s3v4", retries={"max_attempts": 1, "mode": "standard"}),
        )
        client.create_bucket(Bucket="road")
        # Over TLS the client sends unsigned chunks with a trailer, in any size.
        for size in (0, 10, 3 << 20):
            client.put_object(Bucket="road", Key="k", Body=b"x" * size)
            assert client.get_object(Bucket="road", Key="k")["Body"].read() == b"x" * size
        # A policy may ask for TLS, and sees it.
        secure: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::road/*",
        }
        secure["Condition"] = {"Bool": {"aws:SecureTransport": "true"}}
        client.put_bucket_policy(Bucket="road", Policy=json.dumps({"Version": "2012-10-17", "Statement": secure}))
        trusting = ssl.create_default_context(cafile=str(pem[0]))
        with urllib.request.urlopen(f"{running.endpoint}/road/k", context=trusting, timeout=20) as answer:
            assert len(answer.read()) == 3 << 20
        address = client.generate_presigned_url("get_object", Params={"Bucket": "road", "Key": "k"}, ExpiresIn=60)
        client.close()
        trusting = ssl.create_default_context(cafile=str(pem[0]))
        with urllib.request.urlopen(address, context=trusting) as answer:
            assert len(answer.read()) == 3 << 20
        with pytest.raises(OSError, match="certificate verify failed"):
            urllib.request.urlopen(running.endpoint, context=ssl.create_default_context())


def test_a_handshake_that_never_ends_is_cut_off(store: Store, pem: tuple[Path, Path]):
    settings = ServerSettings(certificate=pem[0], private_key=pem[1], limits=Limits(head_s=0.1))
    credentials = Credentials(access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    with (
        serve_in_thread(store, credentials, settings=settings) as running,
        closing(socket.create_connection(("127.0.0.1", running.port), timeout=20)) as connection,
    ):
        # The beginning of a record that is said to be longer.
        connection.sendall(b"\x16\x03\x01\x02\x00")
        assert connection.recv(1000) == b""


def test_a_certificate_that_cannot_be_used_is_refused(store: Store, pem: tuple[Path, Path], tmp_path: Path):
    credentials = Credentials(access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    (tmp_path / "no.pem").write_text("no certificate")
    for certificate, key in ((tmp_path / "absent", None), (tmp_path / "no.pem", None), (pem[0], None)):
        with pytest.raises(BadCertificate, match="cannot be used for TLS"):
            serve_in_thread(store, credentials, settings=ServerSettings(certificate=certificate, private_key=key))


def test_the_command_serves_https(serve: Any, pem: tuple[Path, Path], tmp_path: Path):
    served = serve(tmp_path / "store", "--certificate", str(pem[0]), "--private-key", str(pem[1]))
    assert served.endpoint.startswith("https://127.0.0.1:")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(served.endpoint, context=ssl.create_default_context(cafile=str(pem[0])))
    assert error.value.code == 403
    error.value.close()
    assert served.stop() == (0, "")
