"""The contestants: each folder is one framework's own idiom, held to SPEC.md."""
