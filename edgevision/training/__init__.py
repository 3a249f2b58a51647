"""Making the models: nets, losses, the training loop, export. Needs torch and onnx; nothing else here imports it."""
import os

# Threads that spin while they wait for each other take the time of whatever else runs on a small box, and on a busy
# one they slow each other down tenfold. Must be said before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
