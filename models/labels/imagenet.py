"""ImageNet's 1000 classes in the order of the frozen CNNs' outputs, and the ones that are kinds of COCO's classes.

The names are torchvision's (BSD-3-Clause); the kinds were assigned by hand, after WordNet.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

NAMES = Path(__file__).with_name("imagenet.txt")

# First and last index of each run of classes.
_KINDS: dict[str, tuple[tuple[int, int], ...]] = {
    "bicycle": ((444, 444), (671, 671)),
    "car": ((407, 407), (436, 436), (468, 468), (511, 511), (609, 609), (627, 627), (656, 656), (661, 661), (717, 717),
            (734, 734), (751, 751), (817, 817)),
    "motorcycle": ((665, 665), (670, 670)),
    "airplane": ((404, 404), (895, 895)),
    "bus": ((654, 654), (779, 779), (874, 874)),
    "train": ((466, 466), (547, 547), (565, 565), (705, 705), (820, 820), (829, 829)),
    "truck": ((555, 555), (569, 569), (586, 586), (656, 656), (675, 675), (717, 717), (757, 757), (864, 864),
              (867, 867)),
    "boat": ((472, 472), (484, 484), (510, 510), (554, 554), (576, 576), (625, 625), (628, 628), (724, 724), (780, 780),
             (814, 814), (871, 871), (914, 914)),
    "traffic light": ((920, 920),),
    "parking meter": ((704, 704),),
    "bench": ((703, 703),),
    "bird": ((7, 24), (80, 100), (127, 146)),
    "cat": ((281, 285),),
    "dog": ((151, 268),),
    "horse": ((339, 339),),
    "sheep": ((348, 349),),
    "cow": ((345, 347),),
    "elephant": ((101, 101), (385, 386)),
    "bear": ((294, 297),),
    "zebra": ((340, 340),),
    "backpack": ((414, 414),),
    "umbrella": ((879, 879),),
    "handbag": ((636, 636), (748, 748)),
    "tie": ((451, 451), (457, 457), (906, 906)),
    "skis": ((795, 795),),
    "sports ball": ((429, 430), (522, 522), (574, 574), (722, 722), (768, 768), (805, 805), (852, 852), (890, 890)),
    "tennis racket": ((752, 752),),
    "bottle": ((440, 440), (720, 720), (737, 737), (898, 899), (901, 901), (907, 907)),
    "wine glass": ((572, 572),),
    "cup": ((441, 441), (504, 504), (572, 572), (647, 647), (968, 968)),
    "spoon": ((618, 618), (910, 910)),
    "bowl": ((659, 659), (809, 809)),
    "banana": ((954, 954),),
    "apple": ((948, 948),),
    "orange": ((950, 950),),
    "broccoli": ((937, 937),),
    "hot dog": ((934, 934),),
    "pizza": ((963, 963),),
    "sandwich": ((933, 933),),
    "chair": ((423, 423), (559, 559), (765, 765), (857, 857)),
    "couch": ((831, 831),),
    "potted plant": ((738, 738),),
    "bed": ((516, 516), (520, 520), (564, 564), (831, 831)),
    "dining table": ((532, 532),),
    "toilet": ((861, 861),),
    "tv": ((664, 664), (782, 782), (851, 851)),
    "laptop": ((620, 620), (681, 681)),
    "mouse": ((673, 673),),
    "remote": ((761, 761),),
    "keyboard": ((508, 508), (878, 878)),
    "cell phone": ((487, 487), (590, 590)),
    "microwave": ((651, 651),),
    "oven": ((827, 827),),
    "toaster": ((859, 859),),
    "sink": ((896, 896),),
    "refrigerator": ((760, 760),),
    "book": ((917, 917), (921, 921)),
    "clock": ((409, 409), (530, 530), (892, 892)),
    "vase": ((883, 883),),
    "teddy bear": ((850, 850),),
    "hair drier": ((589, 589),),
}  # fmt: skip


@cache
def imagenet_names() -> tuple[str, ...]:
    """The names of the 1000 classes, in the order of the networks' outputs."""
    return tuple(NAMES.read_text(encoding="utf-8").splitlines())


def kinds_of(coco: str) -> tuple[int, ...]:
    """The ImageNet classes that are kinds of a COCO class; none for person, which ImageNet does not have."""
    return tuple(k for first, last in _KINDS.get(coco, ()) for k in range(first, last + 1))
