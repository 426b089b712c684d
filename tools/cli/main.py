"""`liquidtrack`: one table of commands, each a configuration dataclass and a function that takes it.

Nothing heavy is imported before the command is known, so that `liquidtrack --help` answers at once.

Exit codes: 0 done; 1 ended before its end (Ctrl-C on a file) or a fault of ours; 2 a mistake that the user can mend.
Whatever happens is answered here, in one sentence; a fault of ours leaves a report in the cache folder besides.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import ConfigError, LiquidTrackError

OK, FAILED, MISTAKE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Command:
    """A command: where its function and its configuration live (`module:name`), and a line of help."""

    run: str
    config: str
    help: str


COMMANDS: dict[str, Command] = {
    "track": Command(
        "tools.track.video:track", "tools.track.config.video:TrackConfig", "track a video, camera, stream or pictures"
    ),
    "demo": Command(
        "tools.track.demo:demo", "tools.track.config.video:DemoConfig", "track a real clip with what works offline"
    ),
    "render": Command(
        "tools.track.render:render", "tools.track.config.render:RenderConfig", "draw given tracks into their video"
    ),
    "info": Command(
        "tools.track.source_info:info",
        "tools.track.config.source_info:InfoConfig",
        "size, times and irregularity of a source",
    ),
    "mot": Command(
        "tools.track.detections:mot",
        "tools.track.config.detections:MotConfig",
        "track folders of detections (MOTChallenge)",
    ),
    "convert": Command(
        "tools.track.convert:convert", "tools.track.config.convert:ConvertConfig", "convert between annotation formats"
    ),
    "eval mot": Command(
        "tools.evaluate.mot:eval_mot", "tools.evaluate.config.mot:EvalMotConfig", "score tracks: HOTA, IDF1, MOTA"
    ),
    "eval detect": Command(
        "tools.evaluate.detection:eval_detect",
        "tools.evaluate.config.detection:EvalDetectConfig",
        "score a detector: COCO's AP, AR",
    ),
    "eval recognition": Command(
        "tools.evaluate.classification:eval_recognition",
        "tools.evaluate.config.classification:EvalRecognitionConfig",
        "score classes, of pictures and of tracks: top-1, flicker",
    ),
    "eval sot": Command(
        "tools.evaluate.sot:eval_sot",
        "tools.evaluate.config.sot:EvalSotConfig",
        "score following one object: success, precision",
    ),
    "eval segmentation": Command(
        "tools.evaluate.segmentation:eval_segmentation",
        "tools.evaluate.config.segmentation:EvalSegmentationConfig",
        "score masks: DAVIS's J and F",
    ),
    "eval reid": Command(
        "tools.evaluate.reid:eval_reid",
        "tools.evaluate.config.reid:EvalReidConfig",
        "score re-identification: mAP, CMC",
    ),
    "bench pipeline": Command(
        "tools.benchmark.pipeline_speed:bench_pipeline",
        "tools.track.config.video:BenchPipelineConfig",
        "time the stages, alone and together",
    ),
    "bench engine": Command(
        "tools.benchmark.engine_speed:bench_engine",
        "tools.benchmark.config.engine_speed:BenchEngineConfig",
        "time and memory of the engine",
    ),
    "bench mot": Command(
        "tools.benchmark.mot:bench_mot",
        "tools.benchmark.config.mot:BenchMotConfig",
        "track under thinned time, beside peers",
    ),
    "bench motion": Command(
        "tools.benchmark.motion:bench_motion",
        "tools.benchmark.config.motion:BenchMotionConfig",
        "where objects will be, and how surely, without association",
    ),
    "bench vfr": Command(
        "tools.benchmark.vfr:bench_vfr",
        "tools.benchmark.config.vfr:BenchVfrConfig",
        "variable-rate video from end to end",
    ),
    "bench returns": Command(
        "tools.benchmark.reid:bench_returns",
        "tools.benchmark.config.reid:BenchReturnsConfig",
        "who gets his id back after an absence",
    ),
    "bench births": Command(
        "tools.benchmark.births:bench_births",
        "tools.benchmark.config.births:BenchBirthsConfig",
        "whether objects that are seen are tracked, and false tracks",
    ),
    "bench detector": Command(
        "tools.benchmark.detector_speed:bench_detector",
        "tools.benchmark.config.detector_speed:BenchDetectorConfig",
        "time detector networks beside the frozen CNN alone",
    ),
    "bench startup": Command(
        "tools.benchmark.startup_time:bench_startup",
        "tools.benchmark.config.startup_time:BenchStartupConfig",
        "time to the first answer",
    ),
    "bench series": Command(
        "tools.benchmark.recurrent_cells:bench_series",
        "tools.benchmark.config.recurrent_cells:BenchSeriesConfig",
        "compare recurrent cells on time series",
    ),
    "bench gradients": Command(
        "tools.benchmark.gradient_reach:bench_gradients",
        "tools.benchmark.config.gradient_reach:BenchGradientsConfig",
        "how far back the gradients of recurrent cells reach",
    ),
    "fit motion": Command(
        "tools.train.motion_priors:fit_motion",
        "tools.train.config.motion_priors:FitMotionConfig",
        "fit the Kalman prior to your data",
    ),
    "fit returns": Command(
        "tools.train.reid_odds:fit_returns",
        "tools.train.config.reid_odds:FitReturnsConfig",
        "fit what a likeness is worth to --reid",
    ),
    "fit identify": Command(
        "tools.train.identify_odds:fit_identify",
        "tools.train.config.identify_odds:FitIdentifyConfig",
        "fit how likely a track is somebody of a gallery",
    ),
    "draw streets": Command(
        "tools.train.driving_sequences:draw_streets",
        "tools.train.config.driving_sequences:DrawStreetsConfig",
        "draw streets seen from a car: truth and detections",
    ),
    "train head": Command(
        "tools.train.association_head:train_head",
        "tools.train.config.association_head:TrainHeadConfig",
        "train the liquid head on its own roll-outs",
    ),
    "train detector": Command(
        "tools.train.detector:train_detector",
        "tools.train.config.detector:TrainDetectorConfig",
        "train the detection head on labelled pictures",
    ),
    "train reid": Command(
        "tools.evaluate.reid:train_reid",
        "tools.evaluate.config.reid:TrainReidConfig",
        "learn a metric for identities from your pictures",
    ),
    "train recognition": Command(
        "tools.train.class_pool:train_recognition",
        "tools.train.config.class_pool:TrainRecognitionConfig",
        "train the pool that makes one class of many views",
    ),
    "identify": Command(
        "tools.track.identify:run",
        "tools.track.config.identify:IdentifyConfig",
        "say whom of a gallery each track looks like",
    ),
    "inspect": Command(
        "tools.inspect.report:inspect", "tools.inspect.config:InspectConfig", "look inside the liquid head: pictures"
    ),
    "completion": Command(
        "tools.cli.completion:completion", "tools.track.config.video:CompletionConfig", "print shell completion"
    ),
}


def load(place: str) -> Any:
    """The object at `module:name`."""
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


def usage() -> str:
    """The top-level help text."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.help}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: liquidtrack COMMAND [OPTIONS]",
            "",
            "Track objects in video in true time.",
            "",
            "commands:",
            *lines,
            "",
            "liquidtrack COMMAND --help shows a command's options; --config FILE.toml reads them from a file.",
            "exit codes: 0 done, 1 ended early or failed, 2 a mistake in what was asked for.",
        ]
    )


def split(words: Sequence[str]) -> tuple[str, list[str]]:
    """The command's name (one word or two) and the rest.

    Raises:
        ConfigError: there is no such command.
    """
    for count in (2, 1):
        name = " ".join(words[:count])
        if name in COMMANDS:
            return name, list(words[count:])
    groups = sorted(name for name in COMMANDS if name.startswith(f"{words[0]} "))
    if groups:
        raise ConfigError(f"liquidtrack {words[0]} needs one more word: {', '.join(g.split()[1] for g in groups)}.")
    raise ConfigError(f"there is no command {words[0]!r}; {_meant(words)}.")


def _meant(words: Sequence[str]) -> str:
    """The command that a mistyped line most likely means, or all of them."""
    if words[0] == "liquidtrack":
        return "leave the second liquidtrack out"
    if "://" in words[0] or os.path.splitext(words[0])[1]:  # a video, not a command
        return f"write 'liquidtrack track {words[0]}' to track it"
    import difflib

    near = difflib.get_close_matches(" ".join(words[:2]).lower(), COMMANDS, 1, 0.8)
    first = {name.split()[0]: None for name in COMMANDS}
    if near or (near := difflib.get_close_matches(words[0].lower(), first, 1, 0.6)):
        return f"perhaps liquidtrack {near[0]} was meant"
    return f"the commands are {', '.join(COMMANDS)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code.

    Args:
        arguments: the words; None for those of the process, which is then made ready for whatever comes: signals,
            closed standard files, errors of threads.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if words[:1] in (["-h"], ["--help"]):
        words = ["--help"]
    from tools.cli.messages import complain, guarded_streams, open_closed_files

    if arguments is None:
        open_closed_files()
    with guarded_streams():
        code, said = _answer(words, process=arguments is None)
        if said:
            complain(said)
    if arguments is None:
        from tools.cli.interrupt import leave

        leave(code)
    return code


def _answer(words: list[str], process: bool) -> tuple[int, str]:
    """(exit code, what went wrong) of one command line, whatever happens."""
    try:
        try:
            if process:
                _prepare(words)
            try:
                return _run(words), ""
            finally:  # --help ends by SystemExit
                sys.stdout.flush()
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
    except LiquidTrackError as error:
        return error.exit_code, str(error)
    except ImportError as error:
        if said := _missing(error, words):
            return MISTAKE, said
        return FAILED, _fault(error, words)
    except KeyboardInterrupt:
        return FAILED, "ended by Ctrl-C."
    except BrokenPipeError:  # `liquidtrack ... | head`: the reader has enough
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK, ""
    except MemoryError:
        return MISTAKE, "there is not enough memory for this; give it less at once (a smaller picture, fewer frames)."
    except OSError as error:
        if error.errno not in NOT_OURS:
            return FAILED, _fault(error, words)
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return MISTAKE, f"{where}{error.strerror}; mend that and try again."
    except Exception as error:
        return FAILED, _fault(error, words)


# What the system refuses for reasons that its user can mend.
_NOT_OURS = """
EACCES EBUSY EDQUOT EEXIST EFBIG EIO EISDIR ELOOP EMFILE ENAMETOOLONG ENFILE ENODEV ENOENT ENOSPC ENOTDIR ENOTEMPTY
ENXIO EPERM EROFS ESTALE ETXTBSY
"""
NOT_OURS = {getattr(errno, name, None) for name in _NOT_OURS.split()} - {None}


def _prepare(words: list[str]) -> None:
    from tools.cli.faults import catch_threads
    from tools.cli.interrupt import listen

    listen()
    catch_threads(words)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # of libraries, for those who write code


def _run(words: list[str]) -> int:
    if not words or words == ["--help"]:
        print(usage())
        return OK if words else MISTAKE
    if words[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(f"liquidtrack {version('liquidtrack')}")
        return OK
    name, rest = split(words)
    from tools.cli.number_ranges import check_numbers
    from tools.cli.settings import parse

    config = parse(load(COMMANDS[name].config), f"liquidtrack {name}", rest)
    check_numbers(config)
    from tools.cli.output_guard import guarded

    with guarded(name, config):
        result = load(COMMANDS[name].run)(config)
    return OK if result is None else int(result)


def _missing(error: ImportError, words: list[str]) -> str:
    """What to install where a library is not there; "" where that is not what went wrong."""
    command = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in COMMANDS), words[0])
    from models.extras import how_to_get, missing

    if package := missing(error):
        return f"{command} needs {package}; {how_to_get(package)}."
    if "cannot open shared object file" in str(error):
        return f"{error}; on Debian and Ubuntu: apt install libgl1 libglib2.0-0."
    return ""


def _fault(error: BaseException, words: list[str]) -> str:
    from tools.cli.faults import sentence

    return sentence(error, words)


if __name__ == "__main__":
    sys.exit(main())
