"""From a submission to its mark. A folder for each step of the flow, bottom to top:

    errors, limits, report   the ground: what can go wrong, what one submission may use, what was found
    submission               what was handed in, whatever its state; a sound notebook from it
    course, reporting        what the course knows, and a report's fingerprint; what students and lecturers read
    isolation                the fork server, one submission's session in it, and the layers around the student's code
    examination              the hidden checks ask and judge: one submission; a class, by one grader or many
    plugin                   nbgrader's pipeline, settings, gradebook and exports
    verify, sample_class     would marks move; all of it at work

`known_wrong`, `right_variants`, `stand_ins`, `hidden_checks` and `sample_submissions` are what the course holds of each
exercise.
"""
