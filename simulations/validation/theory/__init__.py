"""What queueing theory says of small systems, by closed form or by exact numerical solution.

Plain numbers in, plain numbers out, in whatever unit of time the rates are given. Nothing here simulates, and nothing
here knows a lab file.
"""
