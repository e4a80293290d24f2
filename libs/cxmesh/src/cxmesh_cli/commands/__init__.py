"""The commands, one module each: options in, a call, results out."""
