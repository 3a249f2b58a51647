"""The workers of an incremental job as container entry points: `python -m sedna_bridge.workers.train|evaluate|infer`."""
