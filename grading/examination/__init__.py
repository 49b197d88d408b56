"""Hidden checks ask and judge; grader for one submission, graders for a class.

examiner, deadline, seeds       one submission is asked, with a limit for judging, from numbers of its own
pytest_plugin, points, outcome  the hidden module run by pytest; what it can give; the verdict on a question
follow_on                       what failed for another answer's sake, asked again with a right one in its place
grader                          from a submission to its report
graders                         from a class to its reports, in this process, in several or on a cluster
"""
