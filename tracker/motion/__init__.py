"""Motion models: the protocol, the Kalman mixture, track statistics."""
