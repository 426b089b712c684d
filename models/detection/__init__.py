"""The package's detector: head, loss, calibration, quantisation, export, and decoders of other families."""
