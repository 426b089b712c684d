"""Looking when it matters: which frames the detector works on. Pure rules over arrays; nothing here runs a network."""
