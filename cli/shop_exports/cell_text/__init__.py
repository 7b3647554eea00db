"""What a cell of text means: amounts, dates, statuses, headers, in the languages and habits of exports."""
