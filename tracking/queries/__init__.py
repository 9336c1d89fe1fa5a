"""The read side: every question asked of what is stored, each taking the principal who asks it. Nothing here writes."""
