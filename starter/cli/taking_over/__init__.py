"""``rebalancer import``: the files of the original system and of its successor become ours."""
