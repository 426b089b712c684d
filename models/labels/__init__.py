"""Names of classes: COCO, ImageNet."""
