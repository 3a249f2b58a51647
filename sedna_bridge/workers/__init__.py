"""An incremental job's workers as container entry points: `python -m sedna_bridge.workers.train|evaluate|infer`."""
