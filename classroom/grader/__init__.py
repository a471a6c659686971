"""Hand out assignments, and grade what comes back. ``python -m classroom.grader --help`` says how.

Two processes, and a line between them that everything else rests on:

    judge   runs the tests of the master notebook; has the solutions, the marks, the lecturer's files
    pupil   runs the student's notebook in a sandbox; has the student's code, and nothing else

They speak through one pipe (``wire``): the judge asks for values and calls functions, the pupil answers with plain
data. Marks are given in the judge, from data; nothing that the student's code does to its own process reaches them.

    notebooks   masters, handed-in files, and which belongs to which
    wire        what can travel, and how
    pupil       the program in the sandbox
    sandbox     how it is locked in, and what it may use
    link        the judge's end of the pipe
    judge       one test cell, marked
    sitting     one submission: its cells in order, each test where it stands
    collect     files as Moodle, Canvas and people name them
    grading     a class: two at a time, each result kept at once
    written     what a person marks
    feedback    the page that a student gets;  marks: tables;  summary: the class at a glance;  pictures: its figures
    release     what is handed out;  trying: does a master mark as it should?
    cli         the commands
"""
