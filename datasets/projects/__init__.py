"""Projects: recordings whose tracks a person corrects, one SQLite file each, with every operation in a journal.

The public names are listed here and loaded at first use. `datasets.projects.operations` has what a person does to
tracks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from datasets.projects.edit import Edit as Edit
    from datasets.projects.new_project import project_for as project_for
    from datasets.projects.project import Project as Project
    from datasets.projects.slots import Slots as Slots
    from datasets.projects.source_identity import check_times as check_times
    from datasets.projects.source_identity import find_source as find_source
    from datasets.projects.source_identity import project_path as project_path
    from datasets.projects.source_identity import source_record as source_record
    from datasets.projects.types import Entry as Entry
    from datasets.projects.types import Extents as Extents
    from datasets.projects.types import Path as Path
    from datasets.projects.types import Provenance as Provenance
    from datasets.projects.types import Rows as Rows
    from datasets.projects.types import SourceRecord as SourceRecord
    from datasets.projects.types import Track as Track

_PLACES = {
    "datasets.projects.edit": ("Edit",),
    "datasets.projects.new_project": ("project_for",),
    "datasets.projects.project": ("Project",),
    "datasets.projects.slots": ("Slots",),
    "datasets.projects.source_identity": ("check_times", "find_source", "project_path", "source_record"),
    "datasets.projects.types": (
        "Entry",
        "Extents",
        "Path",
        "Provenance",
        "Rows",
        "SourceRecord",
        "Track",
    ),
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, _PLACES)
