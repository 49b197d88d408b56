"""Hidden checks ask and judge: examiner, deadline, outcome; grader, for one submission; graders, for a class."""
