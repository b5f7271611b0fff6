"""An acknowledged put is there after `kill -9` of the server and a new start on the same folder."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError


def test_a_put_is_there_after_a_kill_right_after_its_answer(
    serve: Callable[..., Any], connect: Callable[..., Any], tmp_path: Path
):
    acknowledged: dict[str, bytes] = {}
    for number in range(3):
        server = serve(tmp_path / "store")
        client = connect(server.endpoint)
        if not number:
            client.create_bucket(Bucket="road")
        for key, body in acknowledged.items():
            assert client.get_object(Bucket="road", Key=key)["Body"].read() == body
        key, body = f"key {number}", bytes([number]) * (10 ** (2 * number + 1))
        client.put_object(Bucket="road", Key=key, Body=body)
        server.kill()
        acknowledged[key] = body


def test_concurrent_puts_that_were_acknowledged_survive_a_kill_in_their_midst(
    serve: Callable[..., Any], connect: Callable[..., Any], tmp_path: Path
):
    server = serve(tmp_path / "store")
    connect(server.endpoint).create_bucket(Bucket="road")
    for _ in range(2):
        client = connect(server.endpoint)
        acknowledged: dict[str, str] = {}
        enough = threading.Event()

        def put(
            worker: int, client: Any = client, acknowledged: dict[str, str] = acknowledged, done: Any = enough
        ) -> None:
            for index in range(10_000):
                body = hashlib.sha256(f"{worker} {index}".encode()).digest() * (1 + 997 * (index % 7))
                try:
                    client.put_object(Bucket="road", Key=f"{worker}/{index}", Body=body)
                except (BotoCoreError, ClientError):
                    return
                acknowledged[f"{worker}/{index}"] = hashlib.md5(body).hexdigest()
                if len(acknowledged) >= 80:
                    done.set()

        threads = [threading.Thread(target=put, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        server.kill()
        for thread in threads:
            thread.join()
        server = serve(tmp_path / "store")
        client = connect(server.endpoint)
        for key, digest in acknowledged.items():
            assert hashlib.md5(client.get_object(Bucket="road", Key=key)["Body"].read()).hexdigest() == digest
    assert server.stop() == (0, "")


def test_an_upload_completed_before_a_kill_is_there(
    serve: Callable[..., Any], connect: Callable[..., Any], tmp_path: Path
):
    server = serve(tmp_path / "store")
    client = connect(server.endpoint)
    client.create_bucket(Bucket="road")
    upload = client.create_multipart_upload(Bucket="road", Key="k")["UploadId"]
    bodies = [b"a" * (5 << 20), b"b" * 12_345]
    parts = [
        {"PartNumber": number, "ETag": client.upload_part(
            Bucket="road", Key="k", UploadId=upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(bodies, 1)
    ]  # fmt: skip
    client.complete_multipart_upload(Bucket="road", Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    server.kill()
    client = connect(serve(tmp_path / "store").endpoint)
    assert client.get_object(Bucket="road", Key="k")["Body"].read() == b"".join(bodies)
