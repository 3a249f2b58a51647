"""The doing behind `sednabox spool`."""
