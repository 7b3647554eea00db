"""What a cell of text means: amounts, dates, statuses, headers, in the languages and habits of exports.

Single texts enter; no row and no file does. Begin reading at `amounts`.
"""
