"""Usage, bill cycles, thresholds and signals: what is true of them whoever asks and wherever they are kept."""
