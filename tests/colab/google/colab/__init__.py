"""Stands where Colab has its own package: what a notebook may ask it, and a reader who declines to mount his Drive."""

from google.colab import drive, output

__all__ = ["drive", "output"]
