"""What learners import: `engine`, `autograd_stub`, `finite_difference_checker`, `drawing`. Tools live in `course/`."""
