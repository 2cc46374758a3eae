# Every target is a command of the course tool, shared/course. This file builds the tool
# into the user's cache when its sources have changed, and then becomes it: what follows
# (signals, terminal, exit code) is between you and the tool. Works with GNU make 3.81.
#
# Make itself ends with 2 whenever a command ends with anything but 0, and prints the
# command's own exit code in its last line.

.NOTPARALLEL:
.SUFFIXES:
.DEFAULT_GOAL := help

# Where the tool is kept: a folder for each checkout, so that two do not build over each other.
ifeq ($(shell uname),Darwin)
CACHE := $(HOME)/Library/Caches
else
CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)
endif
TREE   := $(CURDIR)
BUILD  := $(CACHE)/mydocker-course/build/$(shell printf %s '$(TREE)' | cksum | cut -d' ' -f1)
COURSE := $(BUILD)/course

export COURSE_TREE  := $(TREE)
export COURSE_BUILD := $(BUILD)

# Variables reach the tool through the environment, as they were typed: a $ in CMD is the
# shell's in the lab, not make's.
VARIABLES := CMD ERR OUT DIR JOBS LAB STEP ONLY JSON HINTS RESET UPDATE COLD COURSE_LANG FROM FOR SUBMISSION TIMEOUT MATRIX LESSON MINUTES SPEED SIZE
define verbatim
ifdef $(1)
override $(1) := $$(value $(1))
export $(1)
endif
endef
$(foreach v,$(VARIABLES),$(eval $(call verbatim,$(v))))

GO_NEEDED := $(shell sed -n 's/^go //p' go.work)

# run stands in a recipe: make becomes the tool.
run = @exec '$(COURSE)'

.PHONY: help list progress vm explain rehearse stubs transcripts reset test bench clean prefetch bundle
help list progress vm explain rehearse stubs transcripts reset test bench clean prefetch bundle: tool
	$(run) $@

# make doctor 03 is make doctor-03: the number is no goal of its own.
ifeq ($(firstword $(MAKECMDGOALS)),doctor)
NUMBER := $(filter 0% 1% 2% 3% 4% 5% 6% 7% 8% 9%,$(wordlist 2,2,$(MAKECMDGOALS)))
ifneq ($(NUMBER),)
.PHONY: $(NUMBER)
$(NUMBER): ; @:
endif
endif
.PHONY: doctor
doctor: tool
	$(run) $@ $(NUMBER)

# Without a network, on a new machine, the tool is built from the modules in the bundle.
.PHONY: unbundle
unbundle:
	@if GOPROXY=off $(MAKE) --no-print-directory tool >/dev/null 2>&1; then exec '$(COURSE)' $@; \
	else exec sh shared/course/internal/bundle/unpack.sh -here "$$FROM"; fi

# NN is a lesson's number, with or without the zero. (One rule each: a rule with several
# patterns would count all of them as made when it has run for one.)
$(foreach c,lesson check start watch grade diff evolution try reset doctor notes record replay,$(eval $(c)-%: tool ; $$(run) $(c) '$$*'))

# The tool itself, for a script that wants a command's own exit code:
#   CMD='exit 7' "$(make -s where)" vm; echo $?
.PHONY: where
where: tool
	@echo '$(COURSE)'

.DEFAULT:
	@$(MAKE) --no-print-directory tool
	$(run) unknown '$@'

# The tool is built again when a source of it is newer. Folders count as sources: a file
# that was removed is a change too. The go command may be missing, or too old even to fetch
# the version that go.work asks for. go.work itself is left out: it names homework/, and a
# folder that a student has moved away would stop everything.
.PHONY: tool
tool:
	@[ -x '$(COURSE)' ] && [ -z "$$(find shared vm go.work -newer '$(COURSE)' -print | head -n 1)" ] && exit; \
	command -v go >/dev/null 2>&1 || { \
	  echo 'Go is not installed. The course needs Go $(GO_NEEDED) or newer: https://go.dev/doc/install' >&2; exit 1; }; \
	(cd shared/course && GOWORK=off go list -m mydocker.example/vm) >/dev/null 2>&1 || { \
	  echo "This Go is too old: $$(cd / && go version). The course needs $(GO_NEEDED) or newer: https://go.dev/doc/install" >&2; \
	  echo 'Go 1.21 and newer can fetch it by itself: GOTOOLCHAIN=auto make' >&2; exit 1; }; \
	new='$(COURSE)'.$$$$; trap 'rm -f "$$new" "$$new.time"; exit 1' HUP INT TERM; \
	mkdir -p '$(BUILD)' && : >"$$new.time" && \
	(cd shared/course && GOWORK=off CGO_ENABLED=0 go build -buildvcs=false -o "$$new" .) && \
	touch -r "$$new.time" "$$new" && mv "$$new" '$(COURSE)'; \
	ended=$$?; rm -f "$$new" "$$new.time"; exit $$ended
