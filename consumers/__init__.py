"""How events come in: the micro-batch runtime, and one small module for each input."""
