"""Object-store servers on the loopback address: two emulators, and Ceph's real one."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import hashlib
import io
import logging
import os
import re
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import boto3
import fsspec
import zarr
from botocore.config import Config
from gcp_storage_emulator.server import create_server
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from benchmarks.support import faults
from benchmarks.support.http_backend import Answer, Origin, Request, byte_range, open_origin

BUCKET = "bucket"


@dataclass(frozen=True)
class S3Server:
    """An S3 server that holds `BUCKET`."""

    url: str
    access_key_id: str = "testkey"
    secret_access_key: str = "testsecret"
    region: str = "us-east-1"

    @property
    def environment(self) -> dict[str, str]:
        """What the clients of a workspace read: s3fs here and in the workers."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
        }

    @property
    def storage_options(self) -> dict[str, str]:
        """What an archive is told, in obstore's words."""
        return {
            "endpoint": self.url,
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            "region": self.region,
        }

    def client(self) -> boto3.client:
        """A client of another make than the pipeline's."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name=self.region,
            config=Config(s3={"addressing_style": "path"}),
        )


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def moto() -> Iterator[S3Server]:
    """The S3 emulator; it does not look at keys."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells of every request
    server.start()
    try:
        host, port = server.get_host_and_port()
        found = S3Server(f"http://{host}:{port}")
        found.client().create_bucket(Bucket=BUCKET)
        yield found
    finally:
        server.stop()


@contextmanager
def google() -> Iterator[str]:
    """URL of the emulator of Google's store, which holds `BUCKET`."""
    port = free_port()
    logging.getLogger("gcp_storage_emulator").setLevel(logging.CRITICAL)  # it tells of every request
    emulator = create_server("127.0.0.1", port, True, default_bucket=BUCKET)
    emulator.start()
    try:
        with faults.serve(_completed(open_origin(f"http://127.0.0.1:{port}"))) as server:
            yield server.url
    finally:
        emulator.stop()


def _completed(emulator: Origin) -> Origin:
    """The emulator with what it lacks of Google's store.

    HEAD of objects, their MD5 as ETag, Last-Modified, ranges from the end, and ``ifGenerationMatch=0`` (create unless
    it is there).
    """
    creating = threading.Lock()

    def answer(request: Request, stack: ExitStack) -> Answer:
        if "ifGenerationMatch=0" in request.path:
            stack.enter_context(creating)
            if _object(emulator, request, _created_path(request), stack).status == 200:
                return Answer(412)
        if request.method not in ("GET", "HEAD") or request.path.startswith("/storage/"):
            return emulator(request, stack)
        found = _object(emulator, request, request.path, stack)
        content = found.body.read()
        start, end = byte_range(request.headers.get("Range") or "", len(content))
        etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        headers = (*found.headers, ("ETag", etag), ("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"))
        if end - start == len(content) or found.status != 200:
            return replace(found, headers=headers, body=io.BytesIO(content))
        headers += (("Content-Range", f"bytes {start}-{end - 1}/{len(content)}"),)
        return Answer(206, end - start, io.BytesIO(content[start:end]), headers)

    return answer


def _object(emulator: Origin, request: Request, path: str, stack: ExitStack) -> Answer:
    headers = copy.copy(request.headers)
    for name in ("Range", "Content-Length", "Content-Type"):
        del headers[name]
    return emulator(Request("GET", path, headers), stack)


def _created_path(request: Request) -> str:
    bucket, name = re.search(r"/b/([^/]+)/o", request.path), re.search(rb'"name": ?"([^"]+)"', request.content)
    assert bucket, request.path
    assert name, request.content
    return f"/{bucket[1]}/{quote(name[1].decode())}"


def forget_clients() -> None:
    """Let fsspec's file systems read the environment anew; Zarr's, which run in its own loop, leave sessions open."""
    for scheme, session, close in (("s3", "_s3creator", "__aexit__"), ("gs", "_session", "close")):
        kind = fsspec.get_filesystem_class(scheme)
        for client in kind._cache.values():
            opened = getattr(client, session, None)
            if opened is not None:
                loop = zarr.core.sync._get_loop() if client.asynchronous else client.loop
                arguments = (None, None, None) if scheme == "s3" else ()
                asyncio.run_coroutine_threadsafe(getattr(opened, close)(*arguments), loop).result(5)
        kind.clear_instance_cache()


CEPH = """\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{port_v2},v1:127.0.0.1:{port_v1}]
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
ms_bind_ipv4 = true
public_network = 127.0.0.0/8
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
mon_data_avail_warn = 1
mon_data_avail_crit = 1
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_class_load_list = *
osd_class_default_list = *
log_file = {folder}/log/$name.log
admin_socket = {folder}/run/$name.asok
pid_file = {folder}/run/$name.pid
run_dir = {folder}/run
keyring = {folder}/keyring
mon_data = {folder}/mon
osd_data = {folder}/osd
rgw_frontends = beast endpoint=127.0.0.1:{port}
[osd]
keyring = {folder}/osd/keyring
"""
"""One monitor, one object daemon that keeps everything in memory, and the S3 gateway; all on the loopback address."""


@contextmanager
def ceph(folder: Path) -> Iterator[S3Server]:
    """Ceph's S3 gateway on a cluster of its own below ``folder``, whose path must be short (sockets)."""
    for name in ("mon", "osd", "log", "run"):
        (folder / name).mkdir(parents=True)
    ports = {"port": free_port(), "port_v1": free_port(), "port_v2": free_port()}
    (folder / "ceph.conf").write_text(CEPH.format(folder=folder, fsid=uuid.uuid4(), **ports))
    found = S3Server(f"http://127.0.0.1:{ports['port']}", region="default")
    try:
        _start_ceph(folder, f"[v2:127.0.0.1:{ports['port_v2']},v1:127.0.0.1:{ports['port_v1']}]", found)
        found.client().create_bucket(Bucket=BUCKET)
        yield found
    finally:
        for daemon in ("client.rgw", "osd.0", "mon.a"):
            _stop(folder / "run" / f"{daemon}.pid")


def _start_ceph(folder: Path, monitor: str, found: S3Server) -> None:
    keyring, configuration = f"{folder}/keyring", ("-c", f"{folder}/ceph.conf")
    everything = ("--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *")
    for name in ("mon.", "client.admin", "client.rgw"):
        _run(
            "ceph-authtool",
            keyring,
            *(("--create-keyring",) if name == "mon." else ()),
            "--gen-key",
            "-n",
            name,
            *everything,
        )
    fsid = _value(folder / "ceph.conf", "fsid")
    _run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", monitor, f"{folder}/monmap")
    _run("ceph-mon", *configuration, "-i", "a", "--mkfs", "--monmap", f"{folder}/monmap", "--keyring", keyring)
    _run("ceph-mon", *configuration, "-i", "a")
    osd, secret = str(uuid.uuid4()), _run("ceph-authtool", "--gen-print-key").strip()
    (folder / "secret.json").write_text(f'{{"cephx_secret": "{secret}"}}')
    _run("ceph", *configuration, "osd", "new", osd, "-i", f"{folder}/secret.json")
    _run("ceph-authtool", "--create-keyring", f"{folder}/osd/keyring", "--name", "osd.0", "--add-key", secret)
    _run("ceph", *configuration, "auth", "import", "-i", keyring)
    _run("ceph-osd", *configuration, "-i", "0", "--mkfs", "--osd-uuid", osd)
    _run("ceph-osd", *configuration, "-i", "0")
    _run("radosgw", *configuration, "-n", "client.rgw")
    user = ("--uid=test", "--display-name=test", f"--access-key={found.access_key_id}")
    _run("radosgw-admin", *configuration, "user", "create", *user, f"--secret-key={found.secret_access_key}")


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-500:]}"
    return done.stdout


def _value(file: Path, name: str) -> str:
    return next(line.split(" = ")[1] for line in file.read_text().splitlines() if line.startswith(f"{name} = "))


def _stop(pid_file: Path) -> None:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
        pid = int(pid_file.read_text())
        os.kill(pid, signal.SIGTERM)
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
