"""Training augmentation and pseudo-labels of the detector."""

import os

# albumentations asks the network for a newer version of itself as it is imported, unless it is told not to
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
