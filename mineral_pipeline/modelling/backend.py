"""Keras on TensorFlow: the only module that knows which backend runs.

Importing it takes seconds and hundreds of megabytes: only code that runs on workers imports it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from distributed import get_worker

# Both are read at the first import: the backend, and a log level without notes on how TensorFlow was built.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Drop what C++ code writes to standard error: oneDNN logs there before log levels apply."""
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)


with _silence():
    import keras
    import tensorflow as tf

__all__ = ["BACKEND_VERSION", "EventFile", "compile_step", "configure_process", "jit_compile", "keras"]

BACKEND_VERSION: str = tf.__version__


@cache
def configure_process() -> None:
    """Set TensorFlow's threads and memory, once per process and before any network is built.

    TensorFlow gets as many threads as the worker has; a GPU's memory is taken as needed, so that workers can share one.
    """
    try:
        threads = get_worker().state.nthreads
    except ValueError:
        threads = 0  # not on a worker: TensorFlow's default
    with contextlib.suppress(RuntimeError):  # TensorFlow runs in this process already and cannot be changed
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)


def jit_compile() -> str | bool:
    """Value of Keras' argument ``jit_compile``: XLA on a GPU, never on a CPU (measured: half the speed)."""
    return "auto" if tf.config.list_physical_devices("GPU") else False


def compile_step(step: Callable[[Any], None], shape: tuple[int, ...], dtype: str) -> Callable[[Any], None]:
    """A function of a batch as one graph, which is traced at its first call (measured: a fifth of the time).

    Args:
        step: reads (n, *shape), and changes variables of Keras.
        shape: shape of a sample.
        dtype: type of the batch.
    """
    signature = [tf.TensorSpec((None, *shape), dtype)]
    compiled: Callable[[Any], None] = tf.function(step, input_signature=signature, autograph=False)
    return compiled


class EventFile:
    """The history of a training for TensorBoard, one record per epoch.

    The file is the TFRecord of Event protocol buffers that TensorBoard reads. It is written here because TensorFlow
    2.21 comes without TensorBoard, which ``tf.summary.scalar`` needs.
    """

    def __init__(self, path: str) -> None:
        """Create the file and its folder."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._writer = tf.io.TFRecordWriter(path)
        self._write(tf.compat.v1.Event(file_version="brain.Event:2", wall_time=time.time()))

    def add(self, row: Mapping[str, float]) -> None:
        """Append a row of the history: all but epoch and seconds are scalars. It is written at once."""
        scalars = {tag: value for tag, value in row.items() if tag not in ("epoch", "seconds")}
        values = [tf.compat.v1.Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        summary = tf.compat.v1.Summary(value=values)
        self._write(tf.compat.v1.Event(step=int(row["epoch"]), wall_time=time.time(), summary=summary))

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def _write(self, event: tf.compat.v1.Event) -> None:
        self._writer.write(event.SerializeToString())
        self._writer.flush()
