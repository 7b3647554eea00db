"""How events come in: the micro-batch runtime, and one small module for each input.

Messages of the topics enter; segments and centroids do not. Begin reading at `runtime.micro_batch_runtime`.
"""
