PYTHON ?= python

.DEFAULT_GOAL := help
.PHONY: help run check fix test bench examples

help:  ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

run:  ## Start the demonstration page
	$(PYTHON) app.py

check:  ## Style and types
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy

fix:  ## Repair what ruff can repair, and format
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

test:  ## The default tests
	$(PYTHON) -m pytest

bench:  ## Measure the codecs; see `python -m diffdemo bench --help`
	$(PYTHON) -m diffdemo bench

examples:  ## Code the shipped examples anew, after a change of weights or format
	$(PYTHON) -c 'from diffdemo.measure.write_examples import write_examples; write_examples()'
