"""The table of commands: function, settings and one line of help of each command.

It imports only the standard library, so that `liquidtrack --help` is fast.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its function and its settings (`module:name`), and one line of help."""

    run: str
    config: str
    help: str


COMMANDS: dict[str, Command] = {
    "track": Command(
        "tools.track.video:track",
        "tools.track.config.video:TrackConfig",
        "track a video, camera, stream or folder of images",
    ),
    "batch": Command(
        "tools.batch.command:batch",
        "tools.batch.config:BatchConfig",
        "track many recordings: a folder, a glob or a list",
    ),
    "demo": Command(
        "tools.track.demo:demo", "tools.track.config.video:DemoConfig", "track a sample clip; works offline"
    ),
    "annotate": Command(
        "tools.annotate.command:annotate",
        "tools.annotate.config:AnnotateConfig",
        "correct tracks in a page of your browser",
    ),
    "render": Command(
        "tools.track.render:render", "tools.track.config.render:RenderConfig", "draw existing tracks into their video"
    ),
    "info": Command(
        "tools.track.source_info:info",
        "tools.track.config.source_info:InfoConfig",
        "size, frame times and irregularity of a source",
    ),
    "models": Command(
        "tools.inspect.built_in:list_models",
        "tools.inspect.config:ModelsConfig",
        "list the networks of the package and of the cache",
    ),
    "mot": Command(
        "tools.track.detections:mot",
        "tools.track.config.detections:MotConfig",
        "track folders of ready detections (MOTChallenge)",
    ),
    "convert": Command(
        "tools.track.convert:convert",
        "tools.track.config.convert:ConvertConfig",
        "convert labels between annotation formats",
    ),
    "refine": Command(
        "tools.track.refine:refine",
        "tools.track.config.refine:RefineConfig",
        "decide, smooth and fill finished tracks of any tracker",
    ),
    "eval mot": Command(
        "tools.evaluate.mot:eval_mot", "tools.evaluate.config.mot:EvalMotConfig", "score tracks: HOTA, IDF1, MOTA"
    ),
    "eval agreement": Command(
        "tools.evaluate.agreement:eval_agreement",
        "tools.evaluate.config.agreement:EvalAgreementConfig",
        "compare two annotators or versions: HOTA, IDF1, differences",
    ),
    "eval detection": Command(
        "tools.evaluate.detection:eval_detect",
        "tools.evaluate.config.detection:EvalDetectConfig",
        "score a detector: AP and AR of COCO",
    ),
    "eval classification": Command(
        "tools.evaluate.classification:eval_recognition",
        "tools.evaluate.config.classification:EvalRecognitionConfig",
        "score the classifier on images: top-1, top-5",
    ),
    "eval crop-classes": Command(
        "tools.evaluate.classification:eval_crop_classes",
        "tools.evaluate.config.classification:EvalCropClassesConfig",
        "score the classes of tracks on simulated crops",
    ),
    "eval video-classes": Command(
        "tools.evaluate.classification:eval_video_classes",
        "tools.evaluate.config.classification:EvalVideoClassesConfig",
        "score the classes of tracks in videos: accuracy, flicker",
    ),
    "eval sot": Command(
        "tools.evaluate.sot:eval_sot",
        "tools.evaluate.config.sot:EvalSotConfig",
        "score single-object tracking: success, precision",
    ),
    "eval segmentation": Command(
        "tools.evaluate.segmentation:eval_segmentation",
        "tools.evaluate.config.segmentation:EvalSegmentationConfig",
        "score masks: J and F of DAVIS",
    ),
    "eval reid": Command(
        "tools.evaluate.reid:eval_reid",
        "tools.evaluate.config.reid:EvalReidConfig",
        "score re-identification: mAP, CMC",
    ),
    "bench pipeline": Command(
        "tools.benchmark.pipeline_speed:bench_pipeline",
        "tools.benchmark.config.pipeline_speed:BenchPipelineConfig",
        "time the stages of the pipeline, alone and together",
    ),
    "bench engine": Command(
        "tools.benchmark.engine_speed:bench_engine",
        "tools.benchmark.config.engine_speed:BenchEngineConfig",
        "time and memory of the tracking engine",
    ),
    "bench mot": Command(
        "tools.benchmark.mot:bench_mot",
        "tools.benchmark.config.mot:BenchMotConfig",
        "compare trackers under temporal subsampling",
    ),
    "bench looks": Command(
        "tools.benchmark.looks:bench_looks",
        "tools.benchmark.config.looks:BenchLooksConfig",
        "accuracy at every frame against the share of frames looked at",
    ),
    "bench looks-video": Command(
        "tools.benchmark.looks_video:bench_looks_video",
        "tools.benchmark.config.looks_video:BenchLooksVideoConfig",
        "a video with few looks: accuracy at every frame, and seconds of the whole command",
    ),
    "bench split": Command(
        "tools.benchmark.split:bench_split",
        "tools.benchmark.config.split:BenchSplitConfig",
        "recordings tracked in segments and joined, beside the same in one piece",
    ),
    "bench live": Command(
        "tools.benchmark.live:bench_live",
        "tools.benchmark.config.live:BenchLiveConfig",
        "live video with a slow detector: frames shown, delays, fit of the boxes",
    ),
    "bench annotate": Command(
        "tools.benchmark.annotate:bench_annotate",
        "tools.benchmark.config.annotate:BenchAnnotateConfig",
        "labels against the work of a simulated annotator: with the doubt queue, by hand, without a queue",
    ),
    "bench annotate-speed": Command(
        "tools.benchmark.annotate_speed:bench_annotate_speed",
        "tools.benchmark.config.annotate_speed:BenchAnnotateSpeedConfig",
        "the annotation page in a browser: stepping, seeking, operations, and the server's memory",
    ),
    "bench doubt": Command(
        "tools.benchmark.doubt:bench_doubt",
        "tools.benchmark.config.doubt:BenchDoubtConfig",
        "how well offline tracking knows where it may be wrong",
    ),
    "bench whole-speed": Command(
        "tools.benchmark.whole_speed:bench_whole_speed",
        "tools.benchmark.config.whole_speed:BenchWholeSpeedConfig",
        "time and memory of offline tracking on a long video",
    ),
    "bench motion": Command(
        "tools.benchmark.motion:bench_motion",
        "tools.benchmark.config.motion:BenchMotionConfig",
        "accuracy and calibration of motion forecasts",
    ),
    "bench fill": Command(
        "tools.benchmark.fill:bench_fill",
        "tools.benchmark.config.fill:BenchFillConfig",
        "accuracy and calibration of boxes between two sightings",
    ),
    "bench retrack": Command(
        "tools.benchmark.retrack:bench_retrack",
        "tools.benchmark.config.retrack:BenchRetrackConfig",
        "objects followed between two known boxes, in both directions of time",
    ),
    "bench vfr": Command(
        "tools.benchmark.vfr:bench_vfr",
        "tools.benchmark.config.vfr:BenchVfrConfig",
        "track re-timed variable-rate video, end to end",
    ),
    "bench reid": Command(
        "tools.benchmark.reid:bench_returns",
        "tools.benchmark.config.reid:BenchReturnsConfig",
        "re-identification after absences in a real clip",
    ),
    "bench births": Command(
        "tools.benchmark.births:bench_births",
        "tools.benchmark.config.births:BenchBirthsConfig",
        "share of detected objects that are tracked, and false tracks",
    ),
    "bench detection": Command(
        "tools.benchmark.detector_speed:bench_detector",
        "tools.benchmark.config.detector_speed:BenchDetectorConfig",
        "time detector networks beside the frozen CNN alone",
    ),
    "bench batch": Command(
        "tools.benchmark.batch:bench_batch",
        "tools.benchmark.config.batch:BenchBatchConfig",
        "time many recordings in processes and in threads",
    ),
    "bench startup": Command(
        "tools.benchmark.startup_time:bench_startup",
        "tools.benchmark.config.startup_time:BenchStartupConfig",
        "time to the first answer",
    ),
    "bench cells": Command(
        "tools.benchmark.recurrent_cells:bench_series",
        "tools.benchmark.config.recurrent_cells:BenchSeriesConfig",
        "compare recurrent cells on time series",
    ),
    "bench sentiment": Command(
        "tools.benchmark.sentiment:bench_sentiment",
        "tools.benchmark.config.sentiment:BenchSentimentConfig",
        "compare recurrent cells on the sentiment of texts",
    ),
    "bench gradients": Command(
        "tools.benchmark.gradient_reach:bench_gradients",
        "tools.benchmark.config.gradient_reach:BenchGradientsConfig",
        "how far back the gradients of recurrent cells reach",
    ),
    "bench clock": Command(
        "tools.benchmark.clock:bench_clock",
        "tools.benchmark.config.clock:BenchClockConfig",
        "compare memories with and without a clock",
    ),
    "tune": Command(
        "tools.benchmark.tune:tune",
        "tools.benchmark.config.tune:TuneConfig",
        "search tracker settings for your sequences, and tell what they gain",
    ),
    "bench sizes": Command(
        "tools.benchmark.sizes:bench_sizes",
        "tools.benchmark.config.sizes:BenchSizesConfig",
        "accuracy of association heads against their size: from scratch, grown, pruned",
    ),
    "bench labels": Command(
        "tools.benchmark.labels:bench_labels",
        "tools.benchmark.config.labels:BenchLabelsConfig",
        "accuracy of association heads against the number of labelled sequences",
    ),
    "bench adapt": Command(
        "tools.benchmark.adapt:bench_adapt",
        "tools.benchmark.config.adapt:BenchAdaptConfig",
        "what an adapted head gains on cameras of known truth",
    ),
    "fit motion": Command(
        "tools.train.motion_priors:fit_motion",
        "tools.train.config.motion_priors:FitMotionConfig",
        "fit the Kalman prior to your data",
    ),
    "fit looks": Command(
        "tools.train.looks:fit_looks",
        "tools.train.config.looks:FitLooksConfig",
        "fit how much one more look saves",
    ),
    "fit reid": Command(
        "tools.train.reid_odds:fit_returns",
        "tools.train.config.reid_odds:FitReturnsConfig",
        "fit the match probabilities of --reid",
    ),
    "fit identify": Command(
        "tools.train.identify_odds:fit_identify",
        "tools.train.config.identify_odds:FitIdentifyConfig",
        "fit the match probabilities of identify",
    ),
    "simulate driving": Command(
        "tools.train.driving_sequences:draw_streets",
        "tools.train.config.driving_sequences:DrawStreetsConfig",
        "simulate driving sequences: ground truth and detections",
    ),
    "simulate crowds": Command(
        "tools.train.people_sequences:simulate_people",
        "tools.train.config.people_sequences:SimulateCrowdsConfig",
        "simulate streets and squares full of people: ground truth and detections",
    ),
    "simulate dancers": Command(
        "tools.train.people_sequences:simulate_people",
        "tools.train.config.people_sequences:SimulateDancersConfig",
        "simulate dances of a group: ground truth and detections",
    ),
    "simulate players": Command(
        "tools.train.people_sequences:simulate_people",
        "tools.train.config.people_sequences:SimulatePlayersConfig",
        "simulate team games: ground truth and detections",
    ),
    "adapt": Command(
        "tools.train.adapt.command:adapt",
        "tools.train.config.adapt:AdaptConfig",
        "adapt the association head to one camera, without labels",
    ),
    "train association": Command(
        "tools.train.association_head:train_head",
        "tools.train.config.association_head:TrainHeadConfig",
        "train the association head on its own roll-outs",
    ),
    "prune": Command(
        "tools.train.pruning:prune_head",
        "tools.train.config.pruning:PruneConfig",
        "make an association head smaller, by the effect of its neurons",
    ),
    "train links": Command(
        "tools.train.link_head:train_links",
        "tools.train.config.link_head:TrainLinksConfig",
        "train the link head of offline tracking",
    ),
    "train detection": Command(
        "tools.train.detector:train_detector",
        "tools.train.config.detector:TrainDetectorConfig",
        "train the detection head on labelled images",
    ),
    "train localisation": Command(
        "tools.train.localiser:train_localiser",
        "tools.train.config.localiser:TrainLocaliserConfig",
        "train the network that finds a selected object again",
    ),
    "train reid": Command(
        "tools.train.reid_metric:train_reid",
        "tools.train.config.reid_metric:TrainReidConfig",
        "learn an identity metric from your images",
    ),
    "train classification": Command(
        "tools.train.class_pool:train_recognition",
        "tools.train.config.class_pool:TrainRecognitionConfig",
        "train the pool that makes one class of many crops",
    ),
    "identify": Command(
        "tools.track.identify:run",
        "tools.track.config.identify:IdentifyConfig",
        "name tracks after the people of a gallery",
    ),
    "compile": Command(
        "tools.track.compile_engine:build", "tools.track.config.compile_engine:CompileConfig", "build the tracker in C"
    ),
    "inspect": Command(
        "tools.inspect.report:inspect",
        "tools.inspect.config:InspectConfig",
        "plot what the association head responds to",
    ),
    "completion": Command(
        "tools.cli.completion:completion",
        "tools.cli.config:CompletionConfig",
        "print a completion script for your shell",
    ),
}
