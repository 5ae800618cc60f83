# Every target calls packaging/bootstrap.py, which runs the same way on Windows:
#   py packaging\bootstrap.py run

PYTHON ?= python3
BACKEND ?=
BOOTSTRAP = $(PYTHON) packaging/bootstrap.py
COMMANDS = run test setup unit lint format hooks bench clean

.PHONY: help $(COMMANDS)

help:
	@$(BOOTSTRAP) --help

$(COMMANDS):
	@$(BOOTSTRAP) $@ $(if $(BACKEND),--backend $(BACKEND))
