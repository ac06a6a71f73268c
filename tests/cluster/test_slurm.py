"""cluster/slurm.yaml on a real Slurm: one controller and two nodes on this machine, started for the test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import cluster

pytestmark = pytest.mark.slurm

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2
KillWait=3
SlurmdParameters=config_overrides
{nodes}
PartitionName=debug Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A running Slurm whose partition is named ``debug``."""
    if not all(shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("slurmctld", "slurmd", "munged", "sbatch")):
        pytest.skip("Slurm is not installed: apt install slurmctld slurmd slurm-client munge")
    if os.geteuid() != 0:
        pytest.skip("Slurm's daemons are started as root")
    for name in ("state", "spool/n1", "spool/n2"):
        (tmp_path / name).mkdir(parents=True)
    tmp_path.chmod(0o755)  # munged refuses a socket in a folder that others cannot enter
    host = socket.gethostname().split(".")[0]
    nodes = "\n".join(
        f"NodeName=n{n} NodeHostname={host} NodeAddr=127.0.0.1 Port={26820 + n} CPUs=1 RealMemory=8000 State=UNKNOWN"
        for n in (1, 2)
    )
    configuration = tmp_path / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(host=host, folder=tmp_path, nodes=nodes, port=26817))
    monkeypatch.setenv("SLURM_CONF", str(configuration))
    monkeypatch.setenv("SLURM_PARTITION", "debug")
    key = tmp_path / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    files = {"key-file": "munge.key", "socket": "munge.sock", "pid-file": "munged.pid", "seed-file": "munge.seed"}
    options = [f"--{option}={tmp_path / name}" for option, name in files.items()]
    subprocess.run(["/usr/sbin/munged", "--force", *options, f"--log-file={tmp_path}/munged.log"], check=True)
    subprocess.run(["/usr/sbin/slurmctld"], check=True)
    for node in ("n1", "n2"):
        subprocess.run(["/usr/sbin/slurmd", "-N", node], check=True)
    try:
        _wait_for_idle_nodes(2)
        yield
    finally:
        for pid_file in ("slurmd-n1.pid", "slurmd-n2.pid", "slurmctld.pid", "munged.pid"):
            if (tmp_path / pid_file).exists():
                os.kill(int((tmp_path / pid_file).read_text()), 15)
                time.sleep(0.5)


def _wait_for_idle_nodes(wanted: int) -> None:
    for _ in range(120):
        found = subprocess.run(["sinfo", "-h", "-t", "idle", "-o", "%D"], capture_output=True, text=True, check=False)
        if found.stdout.strip() == str(wanted):
            return
        time.sleep(0.25)
    pytest.fail(f"Slurm's nodes did not become idle: {found.stdout} {found.stderr}")


@pytest.mark.usefixtures("slurm")
def test_jobs_become_workers_with_a_gpu_slot(tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue", reason="the hpc extra is not installed")
    file = yaml.safe_load((cluster.FOLDER / "slurm.yaml").read_text())
    # What a site adds: here all nodes are this machine, with little memory.
    file["options"] |= {"memory": "1GiB", "interface": "lo", "log_directory": str(tmp_path / "logs")}
    file["options"] |= {"scheduler_options": {"interface": "lo", "dashboard_address": "127.0.0.1:0"}}
    site = tmp_path / "site.yaml"
    site.write_text(yaml.safe_dump(file))

    with cluster.connect(str(site)) as client:
        client.wait_for_workers(2, timeout=120)
        cluster.require(client, "GPU")
        jobs = client.run(lambda: os.environ["SLURM_JOB_ID"])
        assert len(set(jobs.values())) == 2
        assert client.submit(lambda: 6 * 7, resources={"GPU": 1}).result(timeout=60) == 42
