"""The collector: takes reports over HTTP, answers, and puts them into the log."""
