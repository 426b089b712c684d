"""Projects: recordings whose tracks a person corrects, one SQLite file each, with every operation in a journal."""

from datasets.projects.edit import Edit
from datasets.projects.new_project import project_for
from datasets.projects.project import Project
from datasets.projects.slots import Slots
from datasets.projects.source_identity import check_times, find_source, project_path, source_record
from datasets.projects.types import Entry, Extents, Path, Provenance, Rows, SourceRecord, Track

__all__ = [
    "Edit",
    "Entry",
    "Extents",
    "Path",
    "Project",
    "Provenance",
    "Rows",
    "Slots",
    "SourceRecord",
    "Track",
    "check_times",
    "find_source",
    "project_for",
    "project_path",
    "source_record",
]
