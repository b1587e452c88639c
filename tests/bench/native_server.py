"""The native llama.cpp server of xllamacpp (a package for this benchmark only), started by `model.py`.

python native_server.py MODEL SLOTS CONTEXT THREADS     prints its address, and ends with its input
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

xllamacpp: Any = importlib.import_module("xllamacpp")
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.n_parallel, params.n_ctx = int(sys.argv[2]), int(sys.argv[3])
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(sys.argv[4])
params.kv_unified, params.warmup = True, False
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
