# The front door; README.md says what each does.
#   make         builds the three programs into build/
#   make demo    installs what is missing, builds, starts the local mesh with examples/canary and examples/demo, serves until Ctrl-C
#   make test    installs what is missing, builds, runs every test; ends with 'N passed, N failed'
#   make test-full   all of the end-to-end tests under sanitizers (minutes)
#   make t D=http   the unit tests of one folder of src/, quickly
#   make sim     the long simulation of the releases' statistics; fills docs/analysis.md (half an hour)
#   make bench   side-by-side costs; make format   applies the format
B ?= build

.PHONY: all demo test test-full bench sim t format clean
all: $(B)/build.ninja
	@ninja --quiet -C $(B)

$(B)/build.ninja:
	@tools/install build
	@out=$$(meson setup $(B)) || { printf '%s\n' "$$out"; exit 1; }

demo:
	@tools/install build
	@$(MAKE) --no-print-directory all
	@$(B)/weft up -f examples/canary/ -f examples/demo/

test:
	@tools/install test
	@tools/test $(GROUPS)

test-full:
	@tools/install test
	@tools/test build full

bench: all
	@tools/install test
	@bench/run

sim: all
	@$(B)/tests/sim/sim full > $(B)/sim.jsonl
	@tools/analysis-charts $(B)/sim.jsonl $(B)/tests/sim/sim

t: all
	@meson test -C $(B) --no-rebuild --print-errorlogs --suite $(D)

format:
	@git ls-files 'src/*.[ch]' 'tests/*.[ch]' 'examples/*.[ch]' | xargs clang-format-14 -i

clean:
	@rm -rf $(B) build-*
