# What a run left to be done again here: who stopped this node and meant to start it.
told undo "$state/undo"
