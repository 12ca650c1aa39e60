"""The StarDist network: devices, training, rounds of self-training."""
