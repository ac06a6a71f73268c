"""Keras on TensorFlow: the only module that knows which backend runs.

Importing it takes seconds and hundreds of megabytes, so only what runs on a worker does.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from functools import cache

from distributed import get_worker

# Before the first import of either: the backend, and less talk about how TensorFlow was built.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Drop what C++ writes to standard error: oneDNN greets there before any log level holds."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


with _silence():
    import keras
    import tensorflow as tf

__all__ = ["EventFile", "jit", "keras", "prepare"]


@cache
def prepare() -> None:
    """Make this process fit to train, before any network is built; once is enough.

    A worker's threads bound TensorFlow's; a GPU's memory is taken as needed, so that workers can share one.
    """
    try:
        threads = get_worker().state.nthreads
    except ValueError:
        threads = 0  # not on a worker: TensorFlow's own choice
    with contextlib.suppress(RuntimeError):  # TensorFlow runs already in this process: it stays as it is
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)


def jit() -> str | bool:
    """Keras' ``jit_compile``: XLA where it may help, never on a CPU (measured: half the speed)."""
    return "auto" if tf.config.list_physical_devices("GPU") else False


class EventFile:
    """Scalars for TensorBoard, one record per scalar and epoch.

    Written as the TFRecord of Event protocol buffers that TensorBoard reads, because TensorFlow 2.21 brings no
    TensorBoard and its ``tf.summary.scalar`` needs it.
    """

    def __init__(self, path: str) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._writer = tf.io.TFRecordWriter(path)
        self._write(tf.compat.v1.Event(file_version="brain.Event:2", wall_time=time.time()))

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Append the scalars of one step; they can be read at once."""
        values = [tf.compat.v1.Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        summary = tf.compat.v1.Summary(value=values)
        self._write(tf.compat.v1.Event(step=step, wall_time=time.time(), summary=summary))

    def close(self) -> None:
        """End the file."""
        self._writer.close()

    def _write(self, event: tf.compat.v1.Event) -> None:
        self._writer.write(event.SerializeToString())
        self._writer.flush()
