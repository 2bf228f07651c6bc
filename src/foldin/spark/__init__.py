"""The engine spark: stages and models on Apache Spark, with the outputs of the local engine.

`engine: spark` in params.yaml chooses it; foldin.workspace.engines says for which stages and families. docs/scale.md.
"""
