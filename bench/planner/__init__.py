"""How close the planner comes to the targets, beside the rules that were published and the proven optimum."""
