"""The `sednabox` command: composes pocketbox, edgevision and sedna_bridge. Nothing imports it."""
