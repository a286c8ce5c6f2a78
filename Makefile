# The front door. `make` builds the three programs into build/; see README.md.
B ?= build

.PHONY: all setup
all: $(B)/build.ninja
	@ninja -C $(B)

$(B)/build.ninja:
	@meson setup $(B)
