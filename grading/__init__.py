"""From a submission to its mark. In the order of the flow, one may read

    submission, notebook            what was handed in, whatever its state; a sound notebook from it
    answers, secret, keys           what the course knows; what a report depends on
    worker, cells                   the warm process and its forks, where the student's code runs
    sandbox, seccomp, libc          the layers between that code and the machine
    warm, turns, protocol           the grader's side of a worker; what may cross, and how it is checked
    examine, held_out, report       the hidden checks ask, judge, and what they found
    grade, graders, lock            one submission; a class, by one grader or many
    plugin, nbgrader_*              nbgrader's pipeline, settings, gradebook and exports
    feedback, overview, verify      what students and lecturers see; whether marks would move

`bake` and `release` make what students get, `sample_class` and `sample_submissions` show all of it at work.
"""
