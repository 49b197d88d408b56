"""What people read of reports: feedback for students, the table of marks and the overview for lecturers."""
