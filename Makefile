# Every target calls packaging/bootstrap.py, which runs the same way on Windows:
#   py packaging\bootstrap.py run

PYTHON ?= python3
BACKEND ?=
# For package-test: the folder or the .deb to try.
PACKAGED ?=
BOOTSTRAP = $(PYTHON) packaging/bootstrap.py
COMMANDS = run test setup unit lint format hooks bench package package-test clean

.PHONY: help $(COMMANDS)

help:
	@$(BOOTSTRAP) --help

$(COMMANDS):
	@$(BOOTSTRAP) $@ $(if $(BACKEND),--backend $(BACKEND)) $(if $(filter package-test,$@),$(PACKAGED))
