"""Checks of networks: of classes that students write, and of models that they trained."""
