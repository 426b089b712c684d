"""The camera's own motion, from pixels: the estimate, and whether there is any.

The motion that files tell (`gmc.txt`) is read in `datasets/ground_truth`.
"""

from tracker.camera_motion.auto import AutoCameraMotion as AutoCameraMotion
from tracker.camera_motion.auto import SparseCameraMotion as SparseCameraMotion
from tracker.camera_motion.flow import FlowCameraMotion as FlowCameraMotion
