"""A model in the making: it has a folder of its own, and takes its name when it is whole.

Two fits of one model can meet: one of a run that was killed, or of a worker that the scheduler has lost sight of, goes
on while the next one begins. They share nothing but the checkpoint, which either may continue from, and the first to
find that it has been overtaken ends.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.modelling.spec import ModelSpec, write_spec
from mineral_pipeline.workspace import Workspace, artefacts, lock


@dataclass(frozen=True)
class Draft:
    """A model in the making, which `begin` makes."""

    workspace: Workspace
    """The workspace."""
    spec: ModelSpec
    """All that decides the model."""
    folder: str
    """The draft's own folder, below `artefacts.unfinished_model`."""

    def file(self, name: str) -> str:
        """One of the files of the draft."""
        return f"{self.folder}/{name}"

    @property
    def checkpoint(self) -> str:
        """The checkpoint, which outlives the draft until the model is whole."""
        return artefacts.unfinished_model(self.spec.sample_set, self.spec.name, artefacts.MODEL_CHECKPOINT)

    def check(self) -> None:
        """End a fit that has been overtaken: call it before anything is written.

        Raises:
            LeaseLostError: the run of this fit is over.
            WorkspaceError: another fit of the model has begun.
        """
        lock.check()
        if not self.workspace.exists(self.file(artefacts.MODEL_SPEC)):
            raise WorkspaceError(
                f"another worker has begun to fit {self.spec.path} in {self.workspace.url}: it goes on"
                " from the last checkpoint"
            )

    def publish(self) -> None:
        """Give the model its name, in place of what had it; the checkpoint has served.

        Raises:
            WorkspaceError: as in `check`; or the workspace cannot be written.
        """
        self._take_name()
        self.workspace.remove(artefacts.unfinished_model(self.spec.sample_set, self.spec.name))

    def fail(self, reason: str) -> None:
        """Leave the reason under the model's name, and the checkpoint for another attempt.

        Raises:
            WorkspaceError: as in `check`; or the workspace cannot be written.
        """
        content = {"task": self.spec.task, "fold": self.spec.fold, "name": self.spec.name, "reason": reason}
        self.check()
        self.workspace.write_json(self.file(artefacts.MODEL_FAILURE), content)
        self._take_name()

    def _take_name(self) -> None:
        self.check()
        final = artefacts.model(self.spec.sample_set, self.spec.name)
        self.workspace.move(self.folder, final, last=artefacts.MODEL_METRICS)


def begin(workspace: Workspace, spec: ModelSpec) -> Draft:
    """Begin to make a model; earlier drafts of it are removed, which ends the fits that still write them.

    Raises:
        LeaseLostError: the run of this fit is over.
    """
    lock.check()
    unfinished = artefacts.unfinished_model(spec.sample_set, spec.name)
    for name in workspace.list(unfinished):
        if name != artefacts.MODEL_CHECKPOINT:
            workspace.remove(f"{unfinished}/{name}")
    draft = Draft(workspace, spec, f"{unfinished}/{secrets.token_hex(4)}")
    write_spec(workspace, spec, draft.folder)
    return draft
