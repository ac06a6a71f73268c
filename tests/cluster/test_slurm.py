"""cluster/slurm.yaml on a real Slurm: one controller and two nodes on this machine, started for the test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from synthetic_samples import settings, write_leakage, write_samples

import cluster
from jobs.__main__ import main
from mineral_pipeline import modelling
from mineral_pipeline.workspace import Workspace

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


def write_site(folder: Path, worker_extra_args: Sequence[str] = (), **options: object) -> str:
    """A site's copy of cluster/slurm.yaml: here all nodes are this machine, with little memory."""
    file = yaml.safe_load((cluster.FOLDER / "slurm.yaml").read_text())
    file["options"] |= {"memory": "2GiB", "interface": "lo", "log_directory": str(folder / "logs"), **options}
    file["options"] |= {"scheduler_options": {"interface": "lo", "dashboard_address": "127.0.0.1:0"}}
    file["options"]["worker_extra_args"] += worker_extra_args
    (folder / "site.yaml").write_text(yaml.safe_dump(file))
    return str(folder / "site.yaml")


@pytest.mark.usefixtures("slurm")
def test_jobs_become_workers_with_a_gpu_slot(tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue", reason="the hpc extra is not installed")
    with cluster.connect(write_site(tmp_path)) as client:
        client.wait_for_workers(2, timeout=120)
        cluster.require(client, "GPU")
        jobs = client.run(lambda: os.environ["SLURM_JOB_ID"])
        assert len(set(jobs.values())) == 2
        assert client.submit(lambda: 6 * 7, resources={"GPU": 1}).result(timeout=60) == 42


SLOW_EPOCHS = """
import time
from mineral_pipeline.modelling import fitting

def write_slowly(*arguments, write=fitting.write_checkpoint):
    time.sleep(2.5)
    write(*arguments)

if fitting.write_checkpoint.__name__ != "write_slowly":  # Dask runs preloads more than once
    fitting.write_checkpoint = write_slowly
"""
"""Preload of the workers with which a model of 24 epochs takes a minute and more, whatever the machine: longer than any
worker of a job of one minute lives."""


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("slurm")
def test_a_grid_that_takes_longer_than_the_walltime_is_trained(tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue", reason="the hpc extra is not installed")
    (tmp_path / "slow_epochs.py").write_text(SLOW_EPOCHS)
    site = write_site(tmp_path, ["--preload", str(tmp_path / "slow_epochs.py")], walltime="00:01:00")
    workspace = Workspace(str(tmp_path / "workspace"))
    write_samples(workspace, "presence", locations=20, chips=1, size=16)
    write_leakage(workspace, "presence", 0.0)
    quick = {"convolutions": ["small"], "dense_layers": ["small"], "n_label_permutations": 1}
    train = {"epochs": 24, "patience": 24, **quick}
    config = settings(workspace, tasks=["presence"], train=train).model_dump(mode="json", exclude_unset=True)
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(config))

    assert main(["train", str(tmp_path / "settings.yaml"), "--cluster", site]) == 0
    names = ["small-small-s0", "random-labels-p0"]
    metrics = [modelling.read_metrics(workspace, "presence", name) for name in names]
    assert [one["epochs"] for one in metrics] == [24] * 2
    assert all(one["resumed"] >= 1 for one in metrics)
