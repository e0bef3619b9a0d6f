"""What test_parallel.py starts under mpiexec: all checks of a rank, in one job, for a start costs more than they do."""

import job_collectives
import job_training  # noqa: F401  # each checks when it is imported

print(f"rank {job_collectives.rank} of {job_collectives.n}: all right")
