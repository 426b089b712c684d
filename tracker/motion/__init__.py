"""Motion models: the protocol, the Kalman mixture, slow averages of a track."""
