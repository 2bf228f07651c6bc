"""foldin: a reproducible notebook-and-pipeline workspace for collaborative-filtering recommenders."""
