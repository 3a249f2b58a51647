"""The work behind `sednabox demo`: the closed loop on one machine, and the page that tells of it."""
