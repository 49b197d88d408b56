"""The only place where a student's code runs, and the layers between it and the machine.

worker, cells, cpu_only, private  the fork server's process and its forks, where the code runs
sandbox, seccomp, libc          the layers
forkserver, session, protocol   the grader's side of a worker; what may cross, and how it is checked
"""
