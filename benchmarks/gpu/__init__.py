"""What is asked of a machine with an NVIDIA GPU: `python3 run.py gpu`, or `bash benchmarks/gpu/first_minutes.sh` on a bare one.

The most telling questions come first, so that a short run, or one that is cut off, has told the most.
"""
