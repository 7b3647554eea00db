"""What processes report of themselves for `shoal health`: skipped messages, background jobs that fail.

Begin reading at `skipped_messages`.
"""
