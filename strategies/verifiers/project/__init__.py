"""What `project_tests` is made of: a candidate's edits, copies of a project, and reports of its tests."""
