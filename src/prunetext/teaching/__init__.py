"""Knowledge beyond the labelled texts: teachers, unlabelled text, and the lessons that a student learns from."""
