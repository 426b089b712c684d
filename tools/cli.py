"""`liquidtrack`: one table of commands, each a configuration dataclass and a function that takes it.

Nothing heavy is imported before the command is known, so that `liquidtrack --help` answers at once.

Exit codes: 0 done; 1 ended before its end (Ctrl-C on a file) or a fault of ours; 2 a mistake that the user can mend.
"""

from __future__ import annotations

import importlib
import os
import sys
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
    "track": Command("tools.track:track", "tools.config:TrackConfig", "track a video, camera, stream or pictures"),
    "demo": Command("tools.demo:demo", "tools.config:DemoConfig", "track a real clip with what works offline"),
    "render": Command("tools.render:render", "tools.render_config:RenderConfig", "draw given tracks into their video"),
    "info": Command("tools.info:info", "tools.info_config:InfoConfig", "size, times and irregularity of a source"),
    "mot": Command("tools.mot:mot", "tools.mot_config:MotConfig", "track folders of detections (MOTChallenge)"),
    "convert": Command(
        "tools.convert:convert", "tools.convert_config:ConvertConfig", "convert between annotation formats"
    ),
    "eval mot": Command(
        "tools.eval_mot:eval_mot", "tools.eval_mot_config:EvalMotConfig", "score tracks: HOTA, IDF1, MOTA"
    ),
    "eval detect": Command(
        "tools.eval_detect:eval_detect", "tools.eval_detect_config:EvalDetectConfig", "score a detector: COCO's AP, AR"
    ),
    "eval recognition": Command(
        "tools.eval_recognition:eval_recognition",
        "tools.eval_recognition_config:EvalRecognitionConfig",
        "score classes, of pictures and of tracks: top-1, flicker",
    ),
    "eval sot": Command(
        "tools.eval_sot:eval_sot",
        "tools.eval_sot_config:EvalSotConfig",
        "score following one object: success, precision",
    ),
    "eval segmentation": Command(
        "tools.eval_segmentation:eval_segmentation",
        "tools.eval_segmentation_config:EvalSegmentationConfig",
        "score masks: DAVIS's J and F",
    ),
    "eval reid": Command(
        "tools.eval_reid:eval_reid", "tools.eval_reid_config:EvalReidConfig", "score re-identification: mAP, CMC"
    ),
    "bench pipeline": Command(
        "tools.bench_pipeline:bench_pipeline", "tools.config:BenchPipelineConfig", "time the stages, alone and together"
    ),
    "bench engine": Command(
        "tools.bench_engine:bench_engine",
        "tools.bench_engine_config:BenchEngineConfig",
        "time and memory of the engine",
    ),
    "bench mot": Command(
        "tools.bench_mot:bench_mot", "tools.bench_mot_config:BenchMotConfig", "track under thinned time, beside peers"
    ),
    "bench motion": Command(
        "tools.bench_motion:bench_motion",
        "tools.bench_motion_config:BenchMotionConfig",
        "where objects will be, and how surely, without association",
    ),
    "bench vfr": Command(
        "tools.bench_vfr:bench_vfr", "tools.bench_vfr_config:BenchVfrConfig", "variable-rate video from end to end"
    ),
    "bench returns": Command(
        "tools.bench_returns:bench_returns",
        "tools.bench_returns_config:BenchReturnsConfig",
        "who gets his id back after an absence",
    ),
    "bench detector": Command(
        "tools.bench_detector:bench_detector",
        "tools.bench_detector_config:BenchDetectorConfig",
        "time detector networks beside the frozen CNN alone",
    ),
    "bench startup": Command(
        "tools.bench_startup:bench_startup", "tools.bench_startup_config:BenchStartupConfig", "time to the first answer"
    ),
    "bench series": Command(
        "tools.bench_series:bench_series",
        "tools.bench_series_config:BenchSeriesConfig",
        "compare recurrent cells on time series",
    ),
    "bench gradients": Command(
        "tools.bench_gradients:bench_gradients",
        "tools.bench_gradients_config:BenchGradientsConfig",
        "how far back the gradients of recurrent cells reach",
    ),
    "fit motion": Command(
        "tools.fit_motion:fit_motion", "tools.fit_motion_config:FitMotionConfig", "fit the Kalman prior to your data"
    ),
    "fit returns": Command(
        "tools.fit_returns:fit_returns",
        "tools.fit_returns_config:FitReturnsConfig",
        "fit what a likeness is worth to --reid",
    ),
    "draw streets": Command(
        "tools.draw_streets:draw_streets",
        "tools.draw_streets_config:DrawStreetsConfig",
        "draw streets seen from a car: truth and detections",
    ),
    "train head": Command(
        "tools.train_head:train_head",
        "tools.train_head_config:TrainHeadConfig",
        "train the liquid head on its own roll-outs",
    ),
    "train detector": Command(
        "tools.train_detector:train_detector",
        "tools.train_detector_config:TrainDetectorConfig",
        "train the detection head on labelled pictures",
    ),
    "train reid": Command(
        "tools.eval_reid:train_reid",
        "tools.eval_reid_config:TrainReidConfig",
        "learn a metric for identities from your pictures",
    ),
    "train recognition": Command(
        "tools.train_recognition:train_recognition",
        "tools.train_recognition_config:TrainRecognitionConfig",
        "train the pool that makes one class of many views",
    ),
    "identify": Command(
        "tools.identify:run", "tools.identify_config:IdentifyConfig", "say whom of a gallery each track looks like"
    ),
    "inspect": Command(
        "tools.inspect_head:inspect", "tools.inspect_config:InspectConfig", "look inside the liquid head: pictures"
    ),
    "completion": Command("tools.completion:completion", "tools.config:CompletionConfig", "print shell completion"),
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
    raise ConfigError(f"there is no command {words[0]!r}; the commands are {', '.join(COMMANDS)}.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return OK if words else MISTAKE
    if words[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(f"liquidtrack {version('liquidtrack')}")
        return OK
    try:
        name, rest = split(words)
        from tools.settings import parse

        result = load(COMMANDS[name].run)(parse(load(COMMANDS[name].config), f"liquidtrack {name}", rest))
        sys.stdout.flush()
    except LiquidTrackError as error:
        print(f"liquidtrack: {error}", file=sys.stderr)
        return error.exit_code
    except ImportError as error:
        if error.name == "torch":
            print(
                f"liquidtrack: {name} needs torch; pip install '.[torch]' in liquidtrack's folder brings it.",
                file=sys.stderr,
            )
            return MISTAKE
        if "cannot open shared object file" not in str(error):
            raise
        print(f"liquidtrack: {error}; on Debian and Ubuntu: apt install libgl1 libglib2.0-0.", file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        print("liquidtrack: ended by Ctrl-C.", file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # `liquidtrack ... | head`: the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return OK if result is None else int(result)


if __name__ == "__main__":
    sys.exit(main())
