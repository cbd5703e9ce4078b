"""Who knows more than the labelled texts say: teachers, unlabelled text, and what a student learns of them."""
