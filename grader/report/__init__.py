"""From grades to what people and programs read.

Grades and evidence in; view data, then pages, `results.json` and tables out.
Decides nothing; text of students passes `system.display_text` and the sanitiser first.
"""
