"""Training augmentation and pseudo-labels of the detector."""

import os

# albumentations checks online for a newer version at import; this setting disables the check
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
