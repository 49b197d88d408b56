"""What instructors enter: times, tables, who has more time and who has left.

times         as people and nbgrader write them, read strictly
tables        CSV as spreadsheets of all countries write it
formulas      text that no spreadsheet takes for more
extensions    grading/extensions.csv: more time for one student
withdrawn     grading/withdrawn.csv: who has left the course
"""
